package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A checked table as the system of record of a dataset. Thread-safe. */
final class JdbcSystemOfRecord implements SystemOfRecord {
  private static final long LOCK_PAUSE_MILLIS = 50;
  private static final String LOCKED = "55P03";

  private final JdbcDatabase database;
  private final boolean owned;
  private final String dataset;
  private final Declaration declaration;
  private final TableStatements statements;
  private final Leases leases;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Whether the table is known to be what it was when it was checked. */
  private volatile boolean checked;

  /** The same statements as when it began; what else is known of it is that of the last check. */
  private volatile MappedTable table;

  private volatile BatchWriter writer;
  private final Supplier<MappedTable> current = () -> table;

  /**
   * @param checked false if the table is remembered only
   */
  JdbcSystemOfRecord(
      JdbcDatabase database,
      boolean owned,
      Declaration declaration,
      MappedTable table,
      boolean checked) {
    this.database = database;
    this.owned = owned;
    this.dataset = declaration.dataset();
    this.declaration = declaration;
    this.table = table;
    this.checked = checked;
    this.statements = new TableStatements(table, new Tombstones(table, dataset));
    this.leases = new Leases(table, dataset, database.leaseTtl());
    this.writer = writer(database, declaration, table, statements, leases);
  }

  private static BatchWriter writer(
      JdbcDatabase database,
      Declaration declaration,
      MappedTable table,
      TableStatements statements,
      Leases leases) {
    return new BatchWriter(
        database.dialect(),
        table,
        statements,
        leases,
        Limits.of(database.leaseTtl()),
        new Parents(table, declaration.dataset()),
        connection -> declaration.check(database.dialect(), connection));
  }

  @Override
  public RowType rowType() {
    return table.type();
  }

  @Override
  public String description() {
    return table.description();
  }

  @Override
  public CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt) {
    return transaction(connection -> leases.bind(connection, store, partitions, adopt));
  }

  @Override
  public CompletionStage<Lease> acquire(StoreId store, int partition) {
    CompletableFuture<Lease> acquired = new CompletableFuture<>();
    long deadline = System.nanoTime() + database.leaseTtl().toNanos();
    tryAcquire(store, partition, deadline, acquired);
    return acquired;
  }

  /**
   * A transaction that holds the row ends by itself or by the server's limits. Between two attempts no connection is kept, so
   * that flushes of other partitions go on.
   */
  private void tryAcquire(
      StoreId store, int partition, long deadline, CompletableFuture<Lease> acquired) {
    CompletableFuture<Lease> unused =
        transaction(connection -> leases.acquire(connection, store, partition))
            .whenComplete(
                (lease, failure) -> {
                  if (failure == null) {
                    leases.acquired(lease);
                    acquired.complete(lease);
                  } else if (!locked(failure)) {
                    acquired.completeExceptionally(failure);
                  } else if (System.nanoTime() - deadline > 0) {
                    acquired.completeExceptionally(
                        new UnavailableException(
                            "dataset "
                                + dataset
                                + ", partition "
                                + partition
                                + ": another transaction has held the lease row for "
                                + database.leaseTtl().toSeconds()
                                + " s",
                            failure));
                  } else {
                    CompletableFuture.delayedExecutor(LOCK_PAUSE_MILLIS, TimeUnit.MILLISECONDS)
                        .execute(() -> tryAcquire(store, partition, deadline, acquired));
                  }
                });
  }

  private static boolean locked(Throwable failure) {
    return failure.getCause() instanceof SQLException e && LOCKED.equals(e.getSQLState());
  }

  @Override
  public CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
    return onLane(database.crews(), connection -> leases.crew().crew(connection, store, join));
  }

  @Override
  public CompletionStage<Void> leave(StoreId store) {
    return onLane(database.crews(), connection -> leases.crew().leave(connection))
        .thenAccept(was -> {});
  }

  @Override
  public CompletionStage<Void> release(Lease lease) {
    return transaction(connection -> leases.release(connection, lease)).thenAccept(ours -> {});
  }

  @Override
  public CompletionStage<Applied> apply(Batch batch, Lease lease) {
    return inTransaction(connection -> writer.apply(connection, batch, lease))
        .whenComplete(
            (applied, failure) -> {
              if (failure == null && wrote(batch, applied)) {
                database.arrivals().arrived(table);
              }
            });
  }

  private static boolean wrote(Batch batch, Applied applied) {
    for (int i = 0; i < batch.mutations().size(); i++) {
      if (batch.mutations().get(i) instanceof Mutation.Put
          && applied.outcomes().get(i) instanceof Applied.Done) {
        return true;
      }
    }
    return false;
  }

  @Override
  public CompletionStage<List<Loaded>> load(List<Key> keys) {
    List<Key> asked = List.copyOf(keys);
    if (asked.isEmpty()) {
      return CompletableFuture.completedFuture(List.of());
    }
    return onLane(database.reads(), connection -> statements.load(connection, asked));
  }

  @Override
  public CompletionStage<List<Long>> nextKeys(int count) {
    String sequence = table.keySequence();
    if (sequence == null) {
      return CompletableFuture.failedFuture(
          new ConfigurationException(
              "dataset " + dataset + ": no sequence was declared for its keys (keySequence)"));
    }
    // Not on the lane of the loads: their sessions are read-only, and to take a number is to write.
    return onLane(database.flushes(), connection -> KeySequence.next(connection, sequence, count));
  }

  @Override
  public void whenParentsArrive(Runnable listener) {
    database.arrivals().listen(current, listener);
  }

  @Override
  public byte[] mapping() {
    return RememberedMapping.write(dataset, declaration.declared(), declaration.mapping(), table);
  }

  /** With connections of its own, what is under way is ended; on shared ones it ends by itself. */
  @Override
  public void close() {
    if (closed.getAndSet(true)) {
      return;
    }
    database.arrivals().leave(current);
    if (owned) {
      database.close();
    }
  }

  /** A transaction that is committed when the work is done. */
  private <T> CompletableFuture<T> transaction(Lane.Work<T> work) {
    return inTransaction(
        connection -> {
          T result = work.run(connection);
          commit(connection);
          return result;
        });
  }

  private void commit(Connection connection) throws SQLException {
    try {
      connection.commit();
    } catch (SQLException e) {
      SqlTrouble trouble = database.dialect().trouble(e);
      if (trouble.decidesCommit()) {
        throw e;
      }
      throw new OutcomeUnknownException(
          "whether it was committed is not known: " + trouble.message(), e);
    }
  }

  /** A transaction that the work commits; whatever it leaves open is rolled back. */
  private <T> CompletableFuture<T> inTransaction(Lane.Work<T> work) {
    return onLane(
        database.flushes(),
        connection -> {
          connection.setAutoCommit(false);
          try {
            return work.run(connection);
          } catch (SQLException | RuntimeException | Error e) {
            try {
              connection.rollback();
            } catch (SQLException suppressed) {
              e.addSuppressed(suppressed);
            }
            throw e;
          }
        });
  }

  private <T> CompletableFuture<T> onLane(Lane lane, Lane.Work<T> work) {
    if (closed.get()) {
      return CompletableFuture.failedFuture(closedException());
    }
    return lane.run(
        connection -> {
          if (closed.get()) {
            throw closedException();
          }
          checkOnce();
          return work.run(connection);
        });
  }

  /** What was remembered must be what is there, before anything is asked of it. */
  private void checkOnce() {
    if (checked) {
      return;
    }
    synchronized (declaration) {
      if (checked) {
        return;
      }
      MappedTable found = declaration.check(database);
      if (!found.sameAs(table)) {
        throw new ConfigurationException(
            "dataset "
                + dataset
                + ": the columns of table "
                + found.qualified()
                + " have changed since this server last started with the database; restart it");
      }
      table = found;
      writer = writer(database, declaration, found, statements, leases);
      checked = true;
    }
  }

  private UnavailableException closedException() {
    return new UnavailableException("dataset " + dataset + ": the table is closed");
  }
}
