package io.headpond;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * A process that brings the entries of a dataset to the database, as of the moment when somebody {@linkplain WriteBehindCache#workersAsync asked}.
 *
 * @param name for people: what the process calls itself
 * @param id told apart from all others by; another one after each start
 * @param self whether it is the process that was asked
 * @param since when it began
 * @param partitions whose leases it holds, in their order
 */
public record Worker(
    String name, UUID id, boolean self, Instant since, List<OwnedPartition> partitions) {
  public Worker {
    partitions = List.copyOf(partitions);
  }

  /**
   * A partition that somebody brings to the database.
   *
   * @param partition from 0
   * @param since when its lease was taken
   * @param lag age of its oldest pending entry; zero if nothing is pending
   */
  public record OwnedPartition(int partition, Instant since, Duration lag) {}
}
