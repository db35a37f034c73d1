package io.headpond.redis;

import io.headpond.spi.PartitionStats;
import java.util.List;

/**
 * How full a partition is, and whose fault that is, as of one answer; the formulas are those of the embedded store. Immutable.
 *
 * @param tenants of how many tenants something is pending
 */
record Share(Caller caller, Status status, long tenants) {

  int ready() {
    return status.stats().ready();
  }

  private long entries() {
    PartitionStats stats = status.stats();
    return (long) stats.pending() + stats.staged();
  }

  /** See {@link io.headpond.spi.WriteOutcome.Written#usage}; {@code counts} are the version and, where there are tenants, what the tenant has. */
  double usage(List<?> counts) {
    PartitionStats stats = status.stats();
    if (counts.size() == 1) {
      return Math.max(
          share(entries(), stats.deferred(), caller.maxEntries),
          share(stats.bytes(), status.deferredBytes(), caller.maxBytes));
    }
    return Math.max(
        part(number(counts, 1) - number(counts, 3), entries(), caller.maxEntries),
        part(number(counts, 2) - number(counts, 4), stats.bytes(), caller.maxBytes));
  }

  /** See {@link io.headpond.spi.WriteOutcome.Written#delays}. */
  boolean delays(List<?> counts) {
    PartitionStats stats = status.stats();
    return counts.size() == 1
        || (number(counts, 1) - number(counts, 3)) * tenants >= entries() - stats.deferred()
        || (number(counts, 2) - number(counts, 4)) * tenants
            >= stats.bytes() - status.deferredBytes();
  }

  private double part(long own, long all, long limit) {
    long free = limit - all;
    double part = own < free ? Math.max(0, own) / (double) free : 1;
    boolean light = own * 2.0 * (tenants + 1) <= limit;
    return light ? Math.min(part, 0.5) : part;
  }

  private static double share(long used, long deferred, long limit) {
    long room = limit - deferred;
    return used - deferred < room ? (double) (used - deferred) / room : 1;
  }

  private static long number(List<?> counts, int index) {
    return (Long) counts.get(index);
  }
}
