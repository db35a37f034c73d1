package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.OutcomeUnknownException;
import io.headpond.jdbc.LeaseRows.Held;
import io.headpond.spi.Batch;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.LeaseHeldException;
import io.headpond.spi.StoreId;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Who may write the table: the rows of {@code headpond_dataset} and {@code headpond_lease}.
 *
 * <p><b>Why the first statement of a batch.</b> It moves the lease row if owner, epoch and what was committed last are what
 * this process knows, and so locks it until the commit. Whoever takes the lease over needs that lock: either it
 * waits until the batch is committed, or the batch finds the epoch moved and writes nothing. No
 * clock is involved.
 *
 * <p><b>A database that went back.</b> Frontier, high version, epoch and last batch of each partition are remembered as they were
 * confirmed to this process. A row that has less has lost commits: after a failover to a standby that was behind, or a restored
 * backup. Whoever has the lease in between only adds to them, and raises the epoch.
 *
 * <p>Every method is one part of a transaction of the caller. Thread-safe.
 */
final class Leases {
  private final MappedTable table;
  private final String dataset;

  /** Names this process's turn as owner; a store that comes back after a crash has another. */
  private final UUID token = UUID.randomUUID();

  private final LeaseRows rows;
  private final Bindings bindings;
  private final CrewRows crew;
  private final Map<Integer, Confirmed> confirmed = new ConcurrentHashMap<>();

  /** Whether the store that the leases are taken for is one of several processes. */
  private volatile boolean shared;

  /** How many there were when this process was bound; 0 before. */
  private volatile int partitions;

  Leases(MappedTable table, String dataset, Duration leaseTtl) {
    this.table = table;
    this.dataset = dataset;
    this.rows = new LeaseRows(table, dataset, token, leaseTtl);
    this.bindings = new Bindings(table, dataset, rows, leaseTtl.toMillis() / 6);
    this.crew = new CrewRows(table, dataset, token, leaseTtl, bindings);
  }

  /** See {@link io.headpond.spi.SystemOfRecord#bind}. */
  boolean bind(Connection connection, StoreId store, int partitions, boolean adopt)
      throws SQLException {
    Bindings.Bound bound = bindings.bind(connection, store, partitions, adopt);
    shared = store.shared();
    this.partitions = partitions;
    if (bound.begun()) {
      confirmed.clear();
    }
    return bound.same();
  }

  /**
   * Takes a lease, or fails at once with SQLSTATE 55P03 while a transaction holds its row. Not ours before the commit:
   * then {@link #acquired} is to be called.
   */
  Lease acquire(Connection connection, StoreId store, int partition) throws SQLException {
    shared = store.shared();
    bindings.hold(connection, store, partitions);
    if (shared) {
      // While its owner writes, the row is locked: who only asks need not wait for that.
      check(connection, partition, held(connection, partition, ""));
    }
    Held held = held(connection, partition, " FOR UPDATE NOWAIT");
    check(connection, partition, held);
    Lease lease =
        new Lease(
            partition, held.epoch() + 1, held.highVersion(), held.frontier(), held.lastBatch());
    rows.take(connection, lease);
    return lease;
  }

  private Held held(Connection connection, int partition, String lock) throws SQLException {
    Held held = rows.held(connection, partition, lock);
    if (held == null) {
      throw new ConfigurationException(
          "dataset "
              + dataset
              + ": has no partition "
              + partition
              + " in "
              + table.own(LeaseRows.NAME));
    }
    return held;
  }

  private void check(Connection connection, int partition, Held held) throws SQLException {
    checkNotBack(partition, held);
    if (shared) {
      checkFree(connection, partition, held);
    } else {
      checkNotReplaced(partition, held);
    }
  }

  /** Of a shared store: it passes if nobody holds it, or who does has not renewed it in time. */
  private void checkFree(Connection connection, int partition, Held held) throws SQLException {
    if (held.owner() != null && !held.owner().equals(token) && !held.expired()) {
      throw new LeaseHeldException(
          describe(partition) + ": is held by " + rows.holder(connection, partition));
    }
  }

  /** Of a store that one process has to itself: of two clones only the newer one goes on. */
  private void checkNotReplaced(int partition, Held held) {
    Confirmed last = confirmed.get(partition);
    boolean givenBack = last != null && held.owner() == null && held.epoch() == last.epoch();
    if (last != null && !token.equals(held.owner()) && !givenBack) {
      throw new FencedException(
          describe(partition) + ": the lease of epoch " + last.epoch() + " was taken over");
    }
  }

  /** Those that there may be under a lease: with a store of several processes they are kept in mind. */
  Removals removals(Lease lease) {
    return new Removals(shared, last(lease).highVersion());
  }

  /** Who brings the entries of a shared store to the database. */
  CrewRows crew() {
    return crew;
  }

  /** The lease is committed: what it says is what the next batch must find. */
  void acquired(Lease lease) {
    confirmed.put(lease.partition(), Confirmed.of(lease));
  }

  /**
   * The first statement of a batch's transaction. After the commit {@link #applied} is to be called, after one whose reply was lost {@link
   * #uncertain}.
   *
   * @throws FencedException if the lease is another's by now
   * @throws DatabaseWentBackException if the row has less than was confirmed
   */
  void renew(Connection connection, Batch batch, Lease lease) throws SQLException {
    Confirmed last = last(lease);
    if (last.epoch() > lease.epoch()) {
      throw fenced(lease, last.epoch());
    }
    if (!last.known()) {
      throw new OutcomeUnknownException(
          describe(lease.partition())
              + ": whether the batch before this was committed is not known; acquire the lease anew");
    }
    if (rows.renew(connection, lease, last, last.with(batch))) {
      return;
    }
    Held held = rows.held(connection, lease.partition(), "");
    if (held == null && bindings.exists(connection)) {
      throw fenced(lease, lease.epoch() + 1);
    }
    if (held == null) {
      throw wentBack(lease.partition(), "its lease is gone");
    }
    if (held.epoch() > lease.epoch()) {
      throw fenced(lease, held.epoch());
    }
    checkNotBack(lease.partition(), held);
    throw fenced(lease, held.epoch());
  }

  /** Sets the frontier, in the transaction that has renewed the lease, to where it belongs after this batch. */
  void setFrontier(Connection connection, Batch batch, Lease lease) throws SQLException {
    rows.setFrontier(connection, lease, last(lease).with(batch).frontier());
  }

  void applied(Batch batch, Lease lease) {
    confirmed.put(lease.partition(), last(lease).with(batch));
  }

  void uncertain(Lease lease) {
    confirmed.put(lease.partition(), last(lease).unknown());
  }

  /** See {@link io.headpond.spi.SystemOfRecord#release}; returns whether it was still held. */
  boolean release(Connection connection, Lease lease) throws SQLException {
    return rows.release(connection, lease);
  }

  private Confirmed last(Lease lease) {
    return confirmed.getOrDefault(lease.partition(), Confirmed.of(lease));
  }

  private void checkNotBack(int partition, Held held) {
    Confirmed last = confirmed.get(partition);
    if (last == null) {
      return;
    }
    if (held.frontier() < last.frontier()) {
      throw wentBack(
          partition,
          String.format(
              Locale.ROOT,
              "its frontier went back by %.6f s",
              (last.frontier() - held.frontier()) / 1e6));
    }
    // An epoch is one owner's: nobody else can have been in this one, nor have written anything.
    boolean same = held.epoch() == last.epoch();
    boolean other = held.owner() != null && !token.equals(held.owner());
    if (held.epoch() < last.epoch()
        || held.highVersion() < last.highVersion()
        || (same && (other || (last.known() && held.lastBatch() != last.lastBatch())))) {
      throw wentBack(partition, "its lease is older than what was confirmed");
    }
  }

  private DatabaseWentBackException wentBack(int partition, String how) {
    return new DatabaseWentBackException(
        describe(partition)
            + ": the database went back: "
            + how
            + "; settled writes are missing. To go on with what it has: headpond store adopt"
            + " --dataset "
            + dataset);
  }

  private FencedException fenced(Lease lease, long epoch) {
    return new FencedException(
        describe(lease.partition())
            + ": the lease of epoch "
            + lease.epoch()
            + (epoch > lease.epoch() ? " was taken over" : " was given back"));
  }

  private String describe(int partition) {
    return "dataset " + dataset + ", partition " + partition;
  }
}
