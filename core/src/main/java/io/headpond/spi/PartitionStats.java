package io.headpond.spi;

/**
 * What is pending in a partition, at one moment.
 *
 * @param ready entries that can be taken now, those in flight included
 * @param deferred entries that wait for their due time
 * @param parked dead letters
 * @param staged writes at {@link io.headpond.Durability#DATABASE} under way
 * @param bytes size of all of these, as counted against the limit
 * @param oldest since when the oldest ready or deferred entry is pending, in microseconds of the
 *     store's clock; 0 if there is none
 */
public record PartitionStats(
    int ready, int deferred, int parked, int staged, long bytes, long oldest) {

  /** Ready and deferred entries. */
  public int pending() {
    return ready + deferred;
  }
}
