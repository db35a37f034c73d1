package io.headpond.spi;

/**
 * What is pending in a partition, at one moment.
 *
 * @param ready entries that can be taken now, those in flight included
 * @param deferred entries that were {@linkplain HotStore#defer deferred}, those included whose time has come or that are in flight
 * @param parked dead letters
 * @param conflicts those of the parked that are {@linkplain Failure#conflict conflicts}
 * @param staged writes at {@link io.headpond.Durability#DATABASE} under way
 * @param bytes size of what is ready, deferred or staged, as counted against the limit
 * @param parkedBytes size of the dead letters, as counted against the limit that they have of their own
 * @param oldest since when the oldest ready or deferred entry is pending, in microseconds of the
 *     store's clock; 0 if there is none
 * @param oldestReady as {@code oldest}, of the ready entries alone
 * @param nextDue when the next deferred entry can be taken, by the {@linkplain Environment#wallMicros wall clock}; not in the future if
 *     one can be now, those in flight included; 0 if there is none
 */
public record PartitionStats(
    int ready,
    int deferred,
    int parked,
    int conflicts,
    int staged,
    long bytes,
    long parkedBytes,
    long oldest,
    long oldestReady,
    long nextDue) {

  /** Ready and deferred entries. */
  public int pending() {
    return ready + deferred;
  }
}
