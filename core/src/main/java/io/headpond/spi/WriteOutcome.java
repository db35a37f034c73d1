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
   */
  record Written(Mutation mutation, int ready, boolean coalesced) implements WriteOutcome {}

  /** Nothing was done: the limit on pending entries or bytes is reached. */
  record Full() implements WriteOutcome {
    /** The one value. */
    public static final Full INSTANCE = new Full();
  }

  /**
   * Nothing was done: a write at {@link io.headpond.Durability#DATABASE} found that something is
   * pending or staged for its key. Flush the partition and try again.
   */
  record KeyPending() implements WriteOutcome {
    /** The one value. */
    public static final KeyPending INSTANCE = new KeyPending();
  }
}
