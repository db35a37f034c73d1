package io.headpond.spi;

import io.headpond.Key;
import java.util.List;
import java.util.Map;

/**
 * What {@link HotStore#take} hands to the flusher.
 *
 * @param mutations at most one for each key, oldest first; may be empty
 * @param tried what the database has had against those of them that were deferred before; empty if they are ready entries or
 *     staged writes
 * @param frontier a time of the store's clock in microseconds: once {@code mutations} are in the
 *     database, every write that was acknowledged before it is there, excepted those that are or were parked. Never lower than the one that was settled last
 * @param remaining how many entries are ready to be taken beside these
 * @param oldestRemaining since when the oldest of those is pending, in microseconds of the store's
 *     clock; 0 if there is none
 * @param staged whether they are staged writes, see {@link HotStore#put}
 */
public record Taken(
    List<Mutation> mutations,
    Map<Key, Tried> tried,
    long frontier,
    int remaining,
    long oldestRemaining,
    boolean staged) {

  /**
   * Earlier tries of an entry.
   *
   * @param attempts how often the database has refused it; may be 0 where none of the failures was its own
   * @param firstMicros when it was deferred for the first time, in microseconds since the epoch
   */
  public record Tried(int attempts, long firstMicros) {}

  public Taken {
    mutations = List.copyOf(mutations);
    tried = Map.copyOf(tried);
  }
}
