package io.headpond.spi;

/** What became of a {@link Write}. */
public sealed interface WriteOutcome {

  /**
   * It is stored and pending, as durably as was asked.
   *
   * @param mutation the change with the version it was given
   * @param ready how many entries of the partition are ready to be taken now, with this one; 1 says
   *     that the partition has just ceased to be idle
   * @param coalesced whether it took the place of an earlier write that was still pending
   * @param usage if there is a pending entry more than before, how full the store is of what a flush can free: the share of the entries or of the
   *     bytes for which deferred entries leave room, whichever is greater, where 1 is full; where there are tenants, the share of what its tenant may have; else 0
   * @param delays whether there is a pending entry more, and its tenant has at least an equal part of what is pending; without tenants everybody has
   */
  record Written(Mutation mutation, int ready, boolean coalesced, double usage, boolean delays)
      implements WriteOutcome {}

  /** Nothing was done: the limit on pending entries or bytes is reached. */
  record Full() implements WriteOutcome {
    /** The one value. */
    public static final Full INSTANCE = new Full();
  }

  /**
   * Nothing was done: the store does not hold what the write {@linkplain Write#expected expected}.
   *
   * @param now what it holds; a miss carries a fill token
   */
  record Mismatch(Lookup now) implements WriteOutcome {}

  /**
   * Nothing was done: a request with the write's {@linkplain Write#request id} was carried out before, and is as durable as
   * this write asked for. Whether it was the same request its fingerprint tells.
   */
  record Repeated(Remembered earlier) implements WriteOutcome {}

  /**
   * Nothing was done: a write at {@link io.headpond.Durability#DATABASE} found that something is
   * pending or staged for its key, or a write with an expectation that something is staged. Flush the partition and try again.
   */
  record KeyPending() implements WriteOutcome {
    /** The one value. */
    public static final KeyPending INSTANCE = new KeyPending();
  }
}
