package io.headpond.spi;

/**
 * A dead letter as a store keeps it.
 *
 * @param mutation what the database refused
 * @param keyText the text of its key
 * @param attempts how often it was refused
 * @param firstMicros when it was for the first time, in microseconds since the epoch
 * @param failure the last refusal
 */
public record Letter(
    Mutation mutation, String keyText, int attempts, long firstMicros, Failure failure) {

  /** What became of a letter that something was asked of. */
  public enum Fate {
    /** It was there, and what was asked is done. */
    DONE,
    /** Nothing of this key and version is parked or pending. */
    NONE,
    /** It is pending: retried already. */
    RETRIED,
    /** A later write has taken its place. */
    SUPERSEDED,
    /**
     * Nothing was done: a write of its key is staged, and whether that takes its place is not known yet. A write under {@link Expected#retried} can be
     * waited with until it is. Or a batch may carry the entry that was to be {@linkplain HotStore#purge purged}.
     */
    UNDECIDED
  }
}
