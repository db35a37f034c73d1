package io.headpond.jdbc;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.jdbc.SqlTrouble.Kind;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Applies a batch in one transaction: the lease, the puts in one statement, the removes in another, and where those changed
 * fewer rows than they were given a read that proves why.
 *
 * <p>If a statement is refused, the batch is tried once more in halves, each behind a savepoint, until the refused rows stand
 * alone; that transaction is rolled back too: it only names them. Thread-safe.
 */
final class BatchWriter {
  /** Enough to find one bad row of a million, or some dozens of a thousand. */
  private static final int MOST_STATEMENTS = 256;

  private static final DatabaseError WROTE_NOTHING =
      DatabaseError.of(ErrorClass.SWALLOWED, "the statement wrote nothing (trigger or rule?)");

  private final Dialect dialect;
  private final MappedTable table;
  private final TableStatements statements;
  private final Leases leases;

  BatchWriter(Dialect dialect, MappedTable table, TableStatements statements, Leases leases) {
    this.dialect = dialect;
    this.table = table;
    this.statements = statements;
    this.leases = leases;
  }

  /** See {@link io.headpond.spi.SystemOfRecord#apply}. The connection is not in auto-commit mode. */
  Applied apply(Connection connection, Batch batch, Lease lease) throws SQLException {
    Attempt attempt = new Attempt(connection, batch.mutations());
    leases.renew(connection, batch, lease);
    attempt.sent++;
    SQLException refusal;
    try {
      attempt.checkConstraintsAtOnce(table.deferrable());
      attempt.write(0, batch.mutations().size());
      if (attempt.refusedAny()) {
        connection.rollback();
        return attempt.nothingApplied();
      }
      commit(connection, batch, lease);
      return attempt.applied();
    } catch (SQLException e) {
      refusal = e;
    }
    if (dialect.trouble(refusal).kind() != Kind.DATA) {
      throw refusal;
    }
    connection.rollback();
    return nameTheRefused(connection, batch, lease, refusal, attempt.sent);
  }

  /** A round trip of its own: only when it is sent is everything else known to have gone well. */
  private void commit(Connection connection, Batch batch, Lease lease) throws SQLException {
    try {
      connection.commit();
    } catch (SQLException e) {
      SqlTrouble trouble = dialect.trouble(e);
      if (trouble.kind() == Kind.DATA) {
        throw e;
      }
      leases.uncertain(lease);
      throw new OutcomeUnknownException(
          "whether the batch was committed is not known: " + trouble.message(), e);
    }
    leases.applied(batch, lease);
  }

  private Applied nameTheRefused(
      Connection connection, Batch batch, Lease lease, SQLException refusal, int sent)
      throws SQLException {
    Attempt attempt = new Attempt(connection, batch.mutations());
    attempt.sent = sent;
    String message = dialect.trouble(refusal).message();
    if (batch.mutations().size() <= 1) {
      Arrays.fill(
          attempt.outcomes, new Applied.Rejected(DatabaseError.of(ErrorClass.UNKNOWN, message)));
      return attempt.nothingApplied();
    }
    leases.renew(connection, batch, lease);
    attempt.checkConstraintsAtOnce(true);
    int middle = batch.mutations().size() / 2;
    attempt.bisect(0, middle);
    attempt.bisect(middle, batch.mutations().size());
    connection.rollback();
    if (!attempt.refusedAny()) {
      // It went through this time, or only all of it together is refused.
      Arrays.fill(
          attempt.outcomes, new Applied.Retry(DatabaseError.of(ErrorClass.UNKNOWN, message)));
    }
    return attempt.nothingApplied();
  }

  /** What has become of a batch in one transaction so far. */
  private final class Attempt {
    private final Connection connection;
    private final List<Mutation> mutations;
    private final @Nullable Outcome[] outcomes;
    int sent;

    Attempt(Connection connection, List<Mutation> mutations) {
      this.connection = connection;
      this.mutations = mutations;
      this.outcomes = new Outcome[mutations.size()];
    }

    void checkConstraintsAtOnce(boolean needed) throws SQLException {
      if (needed) {
        try (Statement statement = connection.createStatement()) {
          statement.execute("SET CONSTRAINTS ALL IMMEDIATE");
          sent++;
        }
      }
    }

    /** Writes the mutations from {@code from} to before {@code to} and proves what became of each. */
    void write(int from, int to) throws SQLException {
      List<Integer> putsAt = new ArrayList<>();
      List<Mutation.Put> puts = new ArrayList<>();
      List<Integer> removesAt = new ArrayList<>();
      List<Mutation.Remove> removes = new ArrayList<>();
      for (int i = from; i < to; i++) {
        if (mutations.get(i) instanceof Mutation.Put put) {
          putsAt.add(i);
          puts.add(put);
        } else if (mutations.get(i) instanceof Mutation.Remove remove) {
          removesAt.add(i);
          removes.add(remove);
        }
        outcomes[i] = Applied.Done.INSTANCE;
      }
      if (!puts.isEmpty()) {
        sent++;
        if (statements.put(connection, puts) != puts.size()) {
          prove(putsAt, loaded -> ofPut((Mutation.Put) loaded.mutation(), loaded.row()));
        }
      }
      if (!removes.isEmpty()) {
        sent++;
        if (statements.remove(connection, removes) != removes.size()) {
          prove(removesAt, loaded -> ofRemove(loaded.mutation(), loaded.row()));
        }
      }
    }

    private void prove(List<Integer> indexes, Function<Proof, Outcome> outcome)
        throws SQLException {
      List<Key> keys = indexes.stream().map(i -> mutations.get(i).key()).toList();
      List<Loaded> rows = statements.load(connection, keys);
      sent++;
      for (int i = 0; i < rows.size(); i++) {
        int index = indexes.get(i);
        outcomes[index] = outcome.apply(new Proof(mutations.get(index), rows.get(i)));
      }
    }

    private Outcome ofPut(Mutation.Put put, Loaded found) {
      if (table.versionColumn() == null) {
        return put.row().equals(found.row())
            ? Applied.Done.INSTANCE
            : new Applied.Rejected(WROTE_NOTHING);
      }
      if (found.row() == null || found.version() < put.version()) {
        return new Applied.Rejected(WROTE_NOTHING);
      }
      return found.version() == put.version()
          ? Applied.Done.INSTANCE
          : new Applied.Stale(found.version());
    }

    private Outcome ofRemove(Mutation remove, Loaded found) {
      if (found.row() == null) {
        return Applied.Done.INSTANCE;
      }
      return found.version() > remove.version()
          ? new Applied.Stale(found.version())
          : new Applied.Rejected(WROTE_NOTHING);
    }

    /** Finds the refused rows of a range, as far as the bound on statements allows. */
    void bisect(int from, int to) throws SQLException {
      if (from == to || sent >= MOST_STATEMENTS) {
        return;
      }
      Savepoint before = connection.setSavepoint();
      sent++;
      SqlTrouble trouble;
      try {
        write(from, to);
        connection.releaseSavepoint(before);
        sent++;
        return;
      } catch (SQLException e) {
        trouble = dialect.trouble(e);
        if (trouble.kind() != Kind.DATA) {
          throw e;
        }
      }
      connection.rollback(before);
      sent++;
      Arrays.fill(outcomes, from, to, null);
      if (to - from == 1) {
        outcomes[from] =
            new Applied.Rejected(DatabaseError.of(ErrorClass.UNKNOWN, trouble.message()));
        return;
      }
      int middle = (from + to) >>> 1;
      bisect(from, middle);
      bisect(middle, to);
    }

    boolean refusedAny() {
      return Arrays.stream(outcomes).anyMatch(Applied.Rejected.class::isInstance);
    }

    Applied applied() {
      List<Outcome> all = new ArrayList<>(outcomes.length);
      for (Outcome outcome : outcomes) {
        all.add(outcome == null ? Applied.Done.INSTANCE : outcome);
      }
      return new Applied(all, sent);
    }

    /** The refused ones as they are; the others were not written for their sake. */
    Applied nothingApplied() {
      List<Outcome> all = new ArrayList<>(outcomes.length);
      for (Outcome outcome : outcomes) {
        boolean keep = outcome instanceof Applied.Rejected || outcome instanceof Applied.Retry;
        all.add(
            keep
                ? outcome
                : new Applied.Retry(
                    DatabaseError.of(
                        ErrorClass.UNKNOWN, "not written because of others in its batch")));
      }
      return new Applied(all, sent);
    }
  }

  private record Proof(Mutation mutation, Loaded row) {}
}
