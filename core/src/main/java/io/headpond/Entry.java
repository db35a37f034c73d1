package io.headpond;

import org.jspecify.annotations.Nullable;

/**
 * The answer to a read, with where it came from.
 *
 * @param value the value; null if there is no such entry
 * @param version its version; 0 if there is no such entry. Without a version column the version of a loaded value is given by the load
 * @param state its state; a value that was just loaded is {@link EntryState#CLEAN}
 * @param loaded whether the database was asked for this read
 * @param possiblyStale whether the hot store did not answer, so that the database may have given an older value than one that was acknowledged. Only with {@link
 *     CacheSettings#staleReads}; such an entry is not cached
 */
public record Entry<V>(
    @Nullable V value, long version, EntryState state, boolean loaded, boolean possiblyStale) {
  /** Whether there is such an entry. */
  public boolean exists() {
    return value != null;
  }
}
