package io.headpond.spi;

/**
 * What a conditional write expects the store to hold: a version that is resident, or the row that was loaded under a fill token
 * that still stands. So it never takes effect on a value that its author has not seen, and an evicted one is no obstacle for ever.
 *
 * @param version of the entry as readers see it now, whether pending, clean or parked; 0 if it is known to be absent. With a
 *     token: the version that stands in the row, 0 if there is no row or no version column
 * @param token of the miss under which the row was read; 0 if the entry was resident
 * @param letter whether it is the version of a dead letter that is expected
 * @param retried whether that letter is not replaced but tried again: then the write needs no room in the limits
 */
public record Expected(long version, long token, boolean letter, boolean retried) {
  /** A resident version, or a loaded row. */
  public Expected(long version, long token) {
    this(version, token, false, false);
  }

  /** The dead letter of this version, also where readers are given what the database has instead. */
  public static Expected letter(long version) {
    return new Expected(version, 0, true, false);
  }

  /** As {@link #letter}, of a write that tries the letter again: it is never refused for lack of room. */
  public static Expected retried(long version) {
    return new Expected(version, 0, true, true);
  }
}
