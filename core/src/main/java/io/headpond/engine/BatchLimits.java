package io.headpond.engine;

import io.headpond.spi.PartitionStats;

/**
 * How many rows the next batch of a partition may have, while one of them is suspected of costing the connection or the time. Used in steps only.
 *
 * <p>One failure may be a coincidence; the second in a row of as many rows begins a search. It halves what is suspected until a row that fails alone is found, or until all that is suspected has gone through. Then
 * batches double with each success, and the next failure begins the next search at once. So a bad row among {@code n} costs about {@code 2 * log2(n)} batches, half of which fail. Ready
 * entries, deferred ones and staged writes are taken by turns and have a search each.
 */
final class BatchLimits {
  private final int most;
  private final Search ready;
  private final Search deferred;
  private final Search staged;

  BatchLimits(int most) {
    this.most = most;
    this.ready = new Search(most);
    this.deferred = new Search(most);
    this.staged = new Search(most);
  }

  private final class Search {
    private int limit;

    /** How many of the oldest are known to have one among them that fails; 0 if none. */
    private int suspects;

    private boolean failedBefore;

    private Search(int limit) {
      this.limit = limit;
    }

    /** Whether the row is at fault. */
    private boolean failed(int rows) {
      boolean sure = failedBefore || limit < most;
      failedBefore = true;
      if (sure) {
        suspects = rows;
        limit = Math.max(1, rows / 2);
      }
      return sure && rows == 1;
    }

    private void succeeded(int rows) {
      failedBefore = false;
      suspects = Math.max(0, suspects - rows);
      limit = suspects > 0 ? Math.max(1, suspects / 2) : (int) Math.min(most, 2L * limit);
    }

    private void found() {
      failedBefore = false;
      suspects = 0;
    }
  }

  /** The most rows of the next batch, whatever it will be made of. */
  int next(PartitionStats stats, long wallMicros) {
    int next = most;
    if (stats.ready() > 0) {
      next = Math.min(next, ready.limit);
    }
    if (stats.nextDue() != 0 && stats.nextDue() <= wallMicros) {
      next = Math.min(next, deferred.limit);
    }
    if (stats.staged() > 0) {
      next = Math.min(next, staged.limit);
    }
    return next;
  }

  /** Whether batches of ready entries are kept small: then the rest of what would have been one does not wait for company. */
  boolean searching() {
    return ready.failedBefore || ready.limit < most;
  }

  /**
   * The lease went through, and the rows as a whole did not.
   *
   * @return whether it is the row: it was alone, and not for the first time that something failed
   */
  boolean failed(Flight flight) {
    return of(flight).failed(flight.mutations().size());
  }

  /** The database answered to each row. */
  void succeeded(Flight flight) {
    if (!flight.mutations().isEmpty()) {
      of(flight).succeeded(flight.mutations().size());
    }
  }

  /** The row that was alone is seen to. */
  void found(Flight flight) {
    of(flight).found();
  }

  private Search of(Flight flight) {
    return flight.staged() ? staged : flight.deferred() ? deferred : ready;
  }
}
