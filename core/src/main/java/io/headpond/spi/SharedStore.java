package io.headpond.spi;

import io.headpond.HeadpondException;
import io.headpond.Key;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A hot store that several processes use at once. Each of them reads and writes all of it; a partition is taken from, settled and deferred only by the one that holds
 * its lease.
 *
 * <p>What one process does, the others are told of by {@linkplain Signals signals}, which may be lost, come twice or late: who relies on one asks the store itself from time to time, and
 * whenever signals {@linkplain Signals#missed may have been missed}.
 *
 * <p>What {@link #stats}, {@link #pendingEntries}, {@link #frontier}, {@link #nowMicros}, {@link #deferredFull} and {@link #lettersFull} say is as old as the store's last answer on that partition to this
 * process, at most about a second as long as it answers; {@link #horizon} asks it.
 */
public interface SharedStore extends HotStore {

  /** What other processes did. Called one after the other, on any thread; an implementation does not block. */
  interface Signals {
    /** Entries of a partition were written, or are pending again; so many of it are ready now. Told when the first becomes ready and whenever another full batch is, not for each. */
    void written(int partition, int ready);

    /** Somebody asks that what is pending in a partition be written now. */
    void flushAsked(int partition);

    /** The database has these versions, or newer ones, of these entries. */
    void settled(List<Settled> settled);

    /** An entry was parked: a dead letter now. */
    void parked(Key key, long version, String message);

    /** A write at {@link io.headpond.Durability#DATABASE} has its answer; null if the database has it. */
    void answered(long writeId, @Nullable HeadpondException failure);

    /**
     * The store takes nothing in a partition until it is {@linkplain HotStore#open opened} again: it was restarted, failed over or was emptied, so that nobody knows
     * whether it remembers all. Told whenever something is refused for that. Any process may open it, with the epoch and the high version that the database has.
     */
    void closed(int partition);

    /** Some of the above may not have been told. */
    void missed();
  }

  /** An entry and the version of it that the database has. */
  record Settled(Key key, long version) {}

  /** What became of a staged write whose caller does not wait any longer. */
  enum Withdrawal {
    /** Taken back: nothing of it is left. */
    WITHDRAWN,
    /** A batch has taken it, or may have, which the store has forgotten: the database may have it, or get it. */
    UNDER_WAY,
    /** It is not there: it was answered, or the store has forgotten it. */
    GONE
  }

  /** Tells of what other processes did from now on. Once, before the first use. */
  void listen(Signals signals);

  /**
   * The highest version of a partition of which it may have forgotten something since it gave it: it was restarted, replaced or emptied, and opened again above it. As old as the store's last answer; 0 before
   * the first.
   */
  long mayHaveForgotten(int partition);

  /** Asks the process that holds the lease of a partition to write what is pending there now. It is not known whether it hears of it. */
  CompletionStage<@Nullable Void> askToFlush(int partition);

  /** Tells all processes what the database answered to a staged write; null if it has it. After {@link #settle} or {@link #unstage}. */
  CompletionStage<@Nullable Void> answer(Mutation mutation, @Nullable HeadpondException failure);

  /** Takes a staged write back unless a batch has taken it; by a process that need not hold the lease. */
  CompletionStage<Withdrawal> withdraw(Mutation mutation);
}
