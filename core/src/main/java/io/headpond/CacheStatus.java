package io.headpond;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A cache at one moment.
 *
 * @param name the dataset
 * @param health whether anything needs a person
 * @param reasons why the health is not {@link Health#UP}; one sentence each, never a value of an entry, unless the database quotes one
 * @param pendingEntries entries that the database does not have yet, without parked ones
 * @param pendingBytes their bytes, as counted against the limit
 * @param maxPendingEntries the limit on entries
 * @param maxPendingBytes the limit on bytes
 * @param deferred how many of the pending the database has refused and is going to be asked again
 * @param parked dead letters; they have limits of their own, as many entries and bytes as may be pending
 * @param parkedBytes their bytes, as counted against that limit
 * @param inFlight entries of the batches that are on their way to the database now; they are among the pending, but for writes at {@link
 *     Durability#DATABASE}
 * @param flushRate entries that were settled each second, over the last 10 s
 * @param lag age of the oldest pending entry; zero if nothing is pending
 * @param waitingWriters writes that wait for room
 * @param workers how many processes bring entries to the database, as it said last, at most some seconds ago; 1 for a store that one process has to itself; null as long as it does not
 *     say
 * @param counters totals since this cache was opened
 */
public record CacheStatus(
    String name,
    Health health,
    List<String> reasons,
    int pendingEntries,
    long pendingBytes,
    int maxPendingEntries,
    long maxPendingBytes,
    int deferred,
    int parked,
    long parkedBytes,
    int inFlight,
    double flushRate,
    Duration lag,
    int waitingWriters,
    @Nullable Integer workers,
    Counters counters) {
  public CacheStatus {
    reasons = List.copyOf(reasons);
  }

  /** Whether anything needs a person. */
  public enum Health {
    /** All is well. */
    UP,
    /**
     * Writes are taken, and something needs a look: the database cannot be written to, or nothing may be written until somebody acts; more than half of a limit is pending; the
     * oldest entry that the database has not refused is older than 60 s beyond the linger, or than twice the target lag where there is one; a batch has had no answer for 60 s; entries are
     * deferred or parked; a flusher was restarted and nothing has gone through since; the cache began without the database, which has not answered yet.
     */
    DEGRADED,
    /** Writes are refused: the journal cannot be written, the table belongs to another store, the cache is draining or closed. */
    DOWN
  }

  /**
   * Totals since the cache was opened.
   *
   * @param writes acknowledged puts and removes
   * @param coalesced those of them that took the place of one that was still pending
   * @param refused writes that were not taken: limit reached, closed, or refused by the database
   * @param applied entries written to the database
   * @param stale entries found in a newer version
   * @param rejected refusals of the database, each attempt counted
   * @param batches transactions committed with at least one entry
   * @param failedBatches transactions that failed
   * @param hits reads answered by the hot store
   * @param misses reads that asked the database
   * @param loads statements that loaded rows
   * @param pauses writes whose acknowledgement was held back because much was pending
   * @param flusherRestarts how often a flusher began anew after an error of the program
   * @param lostEvents events that a {@link CacheListener} was too slow for
   */
  public record Counters(
      long writes,
      long coalesced,
      long refused,
      long applied,
      long stale,
      long rejected,
      long batches,
      long failedBatches,
      long hits,
      long misses,
      long loads,
      long pauses,
      long flusherRestarts,
      long lostEvents) {}
}
