package io.headpond.jdbc;

import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;

/**
 * What the database has confirmed to this process of a partition.
 *
 * @param known false while a commit's reply is missing
 */
record Confirmed(long epoch, long frontier, long highVersion, long lastBatch, boolean known) {

  /** As the lease was when it was taken. */
  static Confirmed of(Lease lease) {
    return new Confirmed(
        lease.epoch(), lease.frontier(), lease.highVersion(), lease.lastBatch(), true);
  }

  /** With this batch committed too. */
  Confirmed with(Batch batch) {
    long high = highVersion;
    for (Mutation mutation : batch.mutations()) {
      high = Math.max(high, mutation.version());
    }
    return new Confirmed(epoch, Math.max(frontier, batch.frontier()), high, batch.id(), true);
  }

  /** The reply to a commit was lost. */
  Confirmed unknown() {
    return new Confirmed(epoch, frontier, highVersion, lastBatch, false);
  }
}
