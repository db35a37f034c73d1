package io.headpond.spi;

import io.headpond.Key;
import java.util.List;
import java.util.Map;

/**
 * What {@link HotStore#take} hands to the flusher.
 *
 * @param mutations at most one for each key, oldest first; may be empty
 * @param attempts how often the database has refused those of them that it has refused before; empty if they are ready entries or
 *     staged writes
 * @param frontier a time of the store's clock in microseconds: once {@code mutations} are in the
 *     database, every write that was acknowledged before it is there, parked ones excepted
 * @param remaining how many entries are ready to be taken beside these
 * @param oldestRemaining since when the oldest of those is pending, in microseconds of the store's
 *     clock; 0 if there is none
 * @param staged whether they are staged writes, see {@link HotStore#put}
 */
public record Taken(
    List<Mutation> mutations,
    Map<Key, Integer> attempts,
    long frontier,
    int remaining,
    long oldestRemaining,
    boolean staged) {
  public Taken {
    mutations = List.copyOf(mutations);
    attempts = Map.copyOf(attempts);
  }
}
