package io.headpond.spi;

import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.Row;
import org.jspecify.annotations.Nullable;

/**
 * What a hot store knows of a key.
 *
 * @param key the key that was asked for
 * @param state the entry's state; null if the store knows nothing: a miss
 * @param row its value; null if the entry is known to be absent, and on a miss
 * @param version its version; 0 if it is absent without a version, and on a miss
 * @param fillToken on a miss, what {@link HotStore#fill} asks for; else 0. As long as a token stands every miss
 *     of the key gets the same one
 */
public record Lookup(
    Key key, @Nullable EntryState state, @Nullable Row row, long version, long fillToken) {

  /** Whether the store knows nothing and the database must be asked. */
  public boolean miss() {
    return state == null;
  }
}
