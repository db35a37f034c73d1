package io.headpond.redis;

import io.headpond.spi.PartitionStats;
import io.headpond.spi.Usage;
import java.util.List;

/**
 * How full a partition is, and whose fault that is, as of one answer. Immutable.
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
          Usage.ofAll(entries(), stats.deferred(), caller.maxEntries),
          Usage.ofAll(stats.bytes(), status.deferredBytes(), caller.maxBytes));
    }
    return Math.max(
        Usage.ofTenant(
            number(counts, 1) - number(counts, 3), entries(), caller.maxEntries, tenants),
        Usage.ofTenant(
            number(counts, 2) - number(counts, 4), stats.bytes(), caller.maxBytes, tenants));
  }

  /** See {@link io.headpond.spi.WriteOutcome.Written#delays}. */
  boolean delays(List<?> counts) {
    PartitionStats stats = status.stats();
    return counts.size() == 1
        || (number(counts, 1) - number(counts, 3)) * tenants >= entries() - stats.deferred()
        || (number(counts, 2) - number(counts, 4)) * tenants
            >= stats.bytes() - status.deferredBytes();
  }

  private static long number(List<?> counts, int index) {
    return (Long) counts.get(index);
  }
}
