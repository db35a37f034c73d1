package io.headpond.spi;

import io.headpond.Key;
import io.headpond.Row;

/**
 * A change of one entry, named by the version and the random write id that the hot store gave it. Immutable. Two
 * mutations are the same change only if key, version <em>and</em> write id are equal: after a lost
 * tail a version can be given twice, a write id cannot.
 */
public sealed interface Mutation {
  /** No version is higher, so that each survives a double. */
  long MAX_VERSION = (1L << 53) - 1;

  /** The entry that changes. */
  Key key();

  /** Microseconds of a hybrid clock, below 2^53; strictly increasing for each key. */
  long version();

  /** Random; tells this write from another that was given the same version. */
  long writeId();

  /** Whether the other is this very change. */
  default boolean same(Mutation other) {
    return version() == other.version()
        && writeId() == other.writeId()
        && key().equals(other.key());
  }

  /** The entry takes this value. */
  record Put(Key key, Row row, long version, long writeId) implements Mutation {}

  /** The entry goes away. */
  record Remove(Key key, long version, long writeId) implements Mutation {}
}
