package io.headpond.spi;

/**
 * What a hot store found out when a partition was {@linkplain HotStore#open opened}: which versions it may once have given and has forgotten. A shared store
 * forgets what it was told last when it fails over or is emptied. A row that holds such a version was written by this store, though it no longer knows: it is
 * no conflict, and an older write of the same key that it still has is superseded.
 *
 * @param lostAfter versions above this one
 * @param lostUntil and not above this one; 0 if none was forgotten
 */
public record Opened(long lostAfter, long lostUntil) {
  /** Nothing was forgotten. */
  public static final Opened WHOLE = new Opened(0, 0);

  /** Whether this version is one of those. */
  public boolean lost(long version) {
    return version > lostAfter && version <= lostUntil;
  }
}
