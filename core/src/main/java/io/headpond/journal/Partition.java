package io.headpond.journal;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.UnavailableException;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A partition in memory: its clock, and which of its entries are ready, under way, deferred, parked, staged. It does no input
 * or output. All is guarded by {@code lock}; the volatile fields are written under it and read anywhere.
 *
 * <p>An entry that is written while a batch carries its earlier value is both under way and in the queue, the latter with the time of that write. If
 * the batch is settled it simply stays queued; if not, {@link #takeBack} brings the two together under the older time.
 */
final class Partition {
  /** Versions stay below this, so that they survive a double. */
  static final long MAX_VERSION = (1L << 53) - 1;

  private static final Comparator<HotEntry> BY_DUE =
      Comparator.comparingLong((HotEntry e) -> e.trouble == null ? 0 : e.trouble.dueMicros())
          .thenComparing(e -> e.key);
  private static final Comparator<HotEntry> BY_SINCE =
      Comparator.comparingLong((HotEntry e) -> e.since).thenComparing(e -> e.key);

  final int number;
  final ReentrantLock lock = new ReentrantLock();
  final FillTokens tokens;
  final EntryQueue ready = new EntryQueue();
  final Map<Key, Staged> staged = new LinkedHashMap<>();

  volatile long clock;
  volatile long epoch;
  volatile long frontier;

  /** The highest version that the database may have of this store; what it is as long as there has been no lease. */
  long recoveredClock;

  boolean opened;
  long bytes;

  private final List<HotEntry> inFlight = new ArrayList<>();
  private final TreeSet<HotEntry> byDue = new TreeSet<>(BY_DUE);
  private final TreeSet<HotEntry> bySince = new TreeSet<>(BY_SINCE);
  private int pending;
  private int parked;
  private boolean stagedLast;

  /** A write at {@link io.headpond.Durability#DATABASE} under way. */
  record Staged(Mutation mutation, int bytes) {}

  Partition(int number, long tokenStart) {
    this.number = number;
    this.tokens = new FillTokens(tokenStart);
  }

  /** A version higher than any before. */
  long nextVersion(long wallMicros) {
    long version = Math.max(clock + 1, wallMicros);
    if (version > MAX_VERSION) {
      throw new UnavailableException(
          "partition "
              + number
              + ": the clock stands at "
              + clock
              + ", there is no higher version");
    }
    clock = version;
    return version;
  }

  /** The time now; whatever is given a version later has a higher one. */
  long now(long wallMicros) {
    long now = Math.max(clock, Math.min(wallMicros, MAX_VERSION));
    clock = now;
    return now;
  }

  /** A row of the database has this version: later ones are higher. */
  void loaded(long version) {
    if (version < 0 || version > MAX_VERSION) {
      throw new ConfigurationException(
          "the version column of a row holds "
              + version
              + "; it must be from 0 to 2^53 - 1 and belong to Headpond alone");
    }
    clock = Math.max(clock, version);
  }

  /** A new entry; {@code since} and trouble are set. It goes behind all others unless it waits or is parked. */
  void add(HotEntry entry) {
    Trouble trouble = entry.trouble;
    bytes += entry.bytes;
    if (trouble == null) {
      pending++;
      ready.addLast(entry);
    } else if (trouble.parked()) {
      parked++;
    } else {
      pending++;
      wait(entry);
    }
  }

  /** An entry has a new value. */
  void rewritten(HotEntry entry, Mutation write) {
    if (entry.parked()) {
      parked--;
      pending++;
      entry.since = write.version();
      // In this order: no reader may take the parked value for a good one.
      entry.current = write;
      entry.trouble = null;
      ready.addLast(entry);
      return;
    }
    entry.current = write;
    if (!entry.deferred && !entry.queued) {
      entry.since = write.version();
      ready.addLast(entry);
    }
  }

  /** The database has the current value. */
  void remove(HotEntry entry) {
    leave(entry);
    entry.inFlight = null;
    if (entry.parked()) {
      parked--;
    } else {
      pending--;
    }
    bytes -= entry.bytes;
  }

  /** The database has what the batch carried, but there is a newer value. */
  void carried(HotEntry entry) {
    entry.inFlight = null;
  }

  /** The entry waits for its due time, or becomes a letter. */
  void trouble(HotEntry entry, Trouble trouble) {
    long since = entry.oldest();
    leave(entry);
    entry.inFlight = null;
    entry.since = since;
    if (entry.parked()) {
      parked--;
      pending++;
    }
    entry.trouble = trouble;
    if (trouble.parked()) {
      pending--;
      parked++;
    } else {
      wait(entry);
    }
  }

  private void wait(HotEntry entry) {
    entry.deferred = true;
    byDue.add(entry);
    bySince.add(entry);
  }

  private void leave(HotEntry entry) {
    ready.remove(entry);
    if (entry.deferred) {
      byDue.remove(entry);
      bySince.remove(entry);
      entry.deferred = false;
    }
  }

  /** What a batch carried and nobody settled is ready again, under its old time. */
  void takeBack() {
    List<HotEntry> back = new ArrayList<>();
    for (HotEntry entry : inFlight) {
      if (entry.inFlight != null) {
        ready.remove(entry);
        entry.since = entry.oldest();
        entry.inFlight = null;
        back.add(entry);
      }
    }
    inFlight.clear();
    ready.merge(back);
  }

  /** Entries whose time has come are ready again. */
  void wake(long now) {
    if (byDue.isEmpty()) {
      return;
    }
    List<HotEntry> due = new ArrayList<>();
    while (!byDue.isEmpty()) {
      HotEntry entry = byDue.first();
      Trouble trouble = entry.trouble;
      if (trouble != null && trouble.dueMicros() > now) {
        break;
      }
      byDue.remove(entry);
      bySince.remove(entry);
      entry.deferred = false;
      due.add(entry);
    }
    due.sort(BY_SINCE);
    ready.merge(due);
  }

  /** A batch carries the entry's current value. */
  void take(HotEntry entry) {
    ready.remove(entry);
    entry.inFlight = entry.current;
    entry.takenSince = entry.since;
    inFlight.add(entry);
  }

  /** Since when the oldest entry that no batch carries is pending; {@code none} if there is none. */
  long oldestNotTaken(long none) {
    HotEntry head = ready.head();
    long oldest = head == null ? none : Math.min(none, head.since);
    return bySince.isEmpty() ? oldest : Math.min(oldest, bySince.first().since);
  }

  PartitionStats stats() {
    long oldest = oldestNotTaken(Long.MAX_VALUE);
    for (HotEntry entry : inFlight) {
      if (entry.inFlight != null) {
        oldest = Math.min(oldest, entry.takenSince);
        break;
      }
    }
    return new PartitionStats(
        pending - byDue.size(),
        byDue.size(),
        parked,
        staged.size(),
        bytes,
        oldest == Long.MAX_VALUE ? 0 : oldest);
  }

  /** The oldest staged write, if it is the turn of one: they and the ready entries take turns. */
  @Nullable Staged stagedInTurn() {
    boolean turn = !staged.isEmpty() && (!stagedLast || ready.head() == null);
    stagedLast = turn;
    return turn ? staged.values().iterator().next() : null;
  }

  /** Whether a ready entry can be taken: not while a write of its key is staged, which comes before it. */
  boolean offers(HotEntry entry) {
    return staged.isEmpty() || !staged.containsKey(entry.key);
  }
}
