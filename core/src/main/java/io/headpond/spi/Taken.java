package io.headpond.spi;

import java.util.List;

/**
 * What {@link HotStore#take} hands to the flusher.
 *
 * @param mutations the oldest ones due, at most one for each key, oldest first; may be empty
 * @param frontier a time of the store's clock in microseconds: once {@code mutations} are in the
 *     database, every write that was acknowledged before it is there, parked ones excepted
 * @param remaining how many entries are ready to be taken beside these
 * @param oldestRemaining since when the oldest of those is pending, in microseconds of the store's
 *     clock; 0 if there is none
 * @param staged whether the one mutation is a staged write, see {@link HotStore#put}
 */
public record Taken(
    List<Mutation> mutations, long frontier, int remaining, long oldestRemaining, boolean staged) {
  public Taken {
    mutations = List.copyOf(mutations);
  }
}
