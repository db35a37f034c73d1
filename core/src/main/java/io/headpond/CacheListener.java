package io.headpond;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Hears what a cache does. Each method does nothing unless it is overridden.
 *
 * <p><b>When.</b> After the fact: a listener hears of a write when it is stored (its acknowledgement may
 * still be held back a little, where much is pending), of a batch when it is settled. It cannot
 * delay or refuse anything.
 *
 * <p><b>Threads.</b> The events of a cache are given one after the other, in their order, on a thread that the engine does not
 * need. A listener that is slow falls behind; beyond {@value #MAX_BEHIND} events further ones are left out and counted in
 * {@link CacheStatus.Counters#lostEvents}. What a listener throws is logged and forgotten.
 */
public interface CacheListener {
  /** The most events that wait for a listener. */
  int MAX_BEHIND = 65_536;

  /** A write was stored as durably as was asked. */
  default void written(Write event) {}

  /** A write was not taken, or its outcome is unknown. */
  default void refused(HeadpondException reason) {}

  /** A batch is in the database and settled, or has failed. */
  default void flushed(Flush event) {}

  /** The database did not take an entry: it will be tried again. */
  default void deferred(Refusal event) {}

  /** The database refused an entry for the last time, or has a newer version, or deferred entries have taken their share of the limits: it is a dead letter. */
  default void parked(Refusal event) {}

  /** Rows were loaded from the database because of misses. */
  default void loaded(Load event) {}

  /**
   * A write.
   *
   * @param key the entry
   * @param version the version it was given
   * @param durability at which it was acknowledged
   * @param removal whether it removes the entry
   * @param coalesced whether it took the place of an earlier write that was still pending
   */
  record Write(Key key, long version, Durability durability, boolean removal, boolean coalesced) {}

  /**
   * A batch.
   *
   * @param partition whose it is
   * @param entries which entries it settled; empty if it failed. Those that it was committed without are told of by {@link #deferred} and {@link #parked}
   * @param stale how many of them the database had in a newer version already
   * @param statements how many statements were sent
   * @param duration from the first statement to the settlement
   * @param lag how old the oldest entry was when the batch was taken
   * @param failure why it failed, or why nothing of it was taken; null if it is in the database
   */
  record Flush(
      int partition,
      List<Version> entries,
      int stale,
      int statements,
      Duration duration,
      Duration lag,
      @Nullable String failure) {
    public Flush {
      entries = List.copyOf(entries);
    }
  }

  /**
   * A version of an entry.
   *
   * @param key the entry
   * @param version which the database has now
   */
  record Version(Key key, long version) {}

  /**
   * A refusal.
   *
   * @param key the entry
   * @param version which was refused
   * @param attempts how often the database has refused it, without the tries that do not count against it, as where the row was locked
   * @param error what it said
   */
  record Refusal(Key key, long version, int attempts, DatabaseError error) {}

  /**
   * A load.
   *
   * @param keys how many keys were asked for with one statement
   * @param found how many of them the database has
   * @param duration how long it took
   * @param failure why it failed; null if it did not
   */
  record Load(int keys, int found, Duration duration, @Nullable String failure) {}
}
