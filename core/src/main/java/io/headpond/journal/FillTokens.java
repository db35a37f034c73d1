package io.headpond.journal;

import io.headpond.Key;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The fill tokens of a partition, apart from the values so that an eviction cannot bring one back. Bounded: the eldest goes, and a
 * token that is not here does not stand. Guarded by the partition's lock.
 */
final class FillTokens {
  private static final int MAX = 16_384;

  private final Map<Key, Long> tokens =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Long> eldest) {
          return size() > MAX;
        }
      };
  private long last;

  /** @param start random, so that a token of another life of the store means nothing here */
  FillTokens(long start) {
    last = start;
  }

  /** The token of a key that missed. */
  long give(Key key) {
    Long standing = tokens.get(key);
    if (standing != null) {
      return standing;
    }
    if (++last == 0) {
      last = 1;
    }
    tokens.put(key, last);
    return last;
  }

  void remove(Key key) {
    if (!tokens.isEmpty()) {
      tokens.remove(key);
    }
  }

  /** Removes the token of a key if it is this one. */
  boolean redeem(Key key, long token) {
    return tokens.remove(key, token);
  }

  void clear() {
    tokens.clear();
  }
}
