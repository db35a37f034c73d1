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
 * A partition in memory: its clock, and which of its entries are ready, under way, deferred, parked, staged. Of what is refused it tells the
 * limits, too. It does no input or output. All is guarded by {@code lock}; the volatile fields are written under it and read anywhere.
 *
 * <p>An entry that has trouble but is not parked is deferred: it stands among {@code byDue} instead of {@code ready}, also when its time has
 * come, so that it is taken apart from those that the database has not refused.
 *
 * <p>An entry that is written while a batch carries its earlier value is both under way and queued or deferred, the latter with the time of that write. If
 * the batch is settled it is ready; if not, {@link #takeBack} brings the two together under the older time.
 */
final class Partition {
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

  /** Of what is pending or staged. */
  long bytes;

  private final Limits limits;
  private final LetterIndex letters;
  private final List<HotEntry> inFlight = new ArrayList<>();
  private final TreeSet<HotEntry> byDue = new TreeSet<>(BY_DUE);
  private final TreeSet<HotEntry> bySince = new TreeSet<>(BY_SINCE);
  private int pending;

  /** Those of the pending that the database has refused, the ones under way included. */
  private int deferred;

  private int parked;
  private long parkedBytes;
  private int conflicts;
  private Turn last = Turn.DEFERRED;

  /** A write at {@link io.headpond.Durability#DATABASE} under way. */
  record Staged(Mutation mutation, int bytes, Tenant tenant) {}

  /** What a batch is made of; while there are several they take turns in this order. */
  enum Turn {
    STAGED,
    READY,
    DEFERRED
  }

  Partition(int number, long tokenStart, Limits limits, LetterIndex letters) {
    this.number = number;
    this.limits = limits;
    this.letters = letters;
    this.tokens = new FillTokens(tokenStart);
  }

  /** A version higher than any before. */
  long nextVersion(long wallMicros) {
    long version = Math.max(clock + 1, wallMicros);
    if (version > Mutation.MAX_VERSION) {
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
    long now = Math.max(clock, Math.min(wallMicros, Mutation.MAX_VERSION));
    clock = now;
    return now;
  }

  /** A row of the database has this version: later ones are higher. */
  void loaded(long version) {
    // At the highest of all there would be no version left for the next write of any key.
    if (version < 0 || version >= Mutation.MAX_VERSION) {
      throw new ConfigurationException(
          "the version column of a row holds "
              + version
              + "; it must be from 0 to 2^53 - 2 and belong to Headpond alone");
    }
    clock = Math.max(clock, version);
  }

  /** A new entry, counted in the limits if it is not parked; {@code since} and trouble are set. It goes behind all others unless it waits or is parked. */
  void add(HotEntry entry) {
    count(entry, 1);
    if (entry.trouble == null) {
      ready.addLast(entry);
    } else if (entry.parked()) {
      letters.add(entry);
    } else {
      wait(entry);
    }
  }

  /** An entry has a new value, and with it so many bytes; in the limits that counts already. */
  void rewritten(HotEntry entry, Mutation write, int size) {
    boolean wasParked = entry.parked();
    count(entry, -1);
    entry.bytes = size;
    // In this order: no reader may take the parked value for a good one.
    entry.current = write;
    if (wasParked) {
      entry.trouble = null;
    }
    count(entry, 1);
    if (wasParked) {
      entry.replaced = entry.owed();
      letters.remove(entry);
      entry.since = write.version();
      ready.addLast(entry);
      return;
    }
    if (!entry.deferred && !entry.queued) {
      entry.since = write.version();
      if (entry.trouble == null) {
        ready.addLast(entry);
      } else {
        wait(entry);
      }
    }
  }

  /** The entry is not owed any more. */
  void remove(HotEntry entry) {
    leave(entry);
    entry.inFlight = null;
    count(entry, -1);
    if (entry.parked()) {
      letters.remove(entry);
    } else {
      limits.remove(entry.tenant, entry.bytes);
    }
  }

  /** The database has what the batch carried, but there is a newer value: nothing is known against that one. */
  void carried(HotEntry entry) {
    entry.inFlight = null;
    entry.replaced = 0;
    if (entry.deferred) {
      leave(entry);
      change(entry, null);
      ready.add(entry);
    }
  }

  /** The entry waits for its due time, or becomes a letter. */
  void trouble(HotEntry entry, Trouble trouble) {
    long since = entry.oldest();
    leave(entry);
    entry.inFlight = null;
    entry.since = since;
    change(entry, trouble);
    if (!trouble.parked()) {
      wait(entry);
    }
  }

  /** The letter waits like a deferred entry whose time has come. There is always room for it. */
  void retry(HotEntry entry, Trouble trouble) {
    change(entry, trouble);
    wait(entry);
  }

  /** The entry's trouble, with all that counts it; there is always room for it. */
  private void change(HotEntry entry, @Nullable Trouble trouble) {
    boolean wasParked = entry.parked();
    count(entry, -1);
    if (!wasParked) {
      limits.remove(entry.tenant, entry.bytes);
    }
    entry.bytes += (trouble == null ? 0 : trouble.bytes()) - entry.troubleBytes();
    entry.trouble = trouble;
    if (!entry.parked()) {
      entry.tenant = limits.add(entry.key, entry.bytes);
    }
    count(entry, 1);
    // A letter that stays one is always found.
    if (!wasParked && entry.parked()) {
      letters.add(entry);
    } else if (wasParked && !entry.parked()) {
      letters.remove(entry);
    }
  }

  private void count(HotEntry entry, int one) {
    Trouble trouble = entry.trouble;
    int size = one * entry.bytes;
    if (trouble != null && trouble.parked()) {
      parked += one;
      parkedBytes += size;
      conflicts += trouble.conflict() ? one : 0;
      limits.addLetters(one, size);
      return;
    }
    pending += one;
    bytes += size;
    if (trouble != null) {
      deferred += one;
      limits.addDeferred(entry.tenant, one, size);
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

  /** What a batch carried and nobody settled can be taken again, under its old time. */
  void takeBack() {
    List<HotEntry> back = new ArrayList<>();
    for (HotEntry entry : inFlight) {
      if (entry.inFlight != null) {
        leave(entry);
        entry.since = entry.oldest();
        entry.inFlight = null;
        if (entry.trouble == null) {
          back.add(entry);
        } else {
          wait(entry);
        }
      }
    }
    inFlight.clear();
    ready.merge(back);
  }

  /** Whose turn it is to be taken. */
  Turn turn(long wallMicros) {
    for (int i = 1; i <= Turn.values().length; i++) {
      Turn turn = Turn.values()[(last.ordinal() + i) % Turn.values().length];
      boolean any =
          switch (turn) {
            case STAGED -> !staged.isEmpty();
            case READY -> ready.head() != null;
            case DEFERRED -> !byDue.isEmpty() && byDue.first().due(wallMicros);
          };
      if (any) {
        last = turn;
        return turn;
      }
    }
    return Turn.READY;
  }

  /** The oldest ready entries that can be taken. */
  List<HotEntry> oldestReady(int max, boolean onlyJournaled) {
    List<HotEntry> chosen = new ArrayList<>(Math.min(max, ready.size()));
    for (HotEntry e = ready.head(); e != null && chosen.size() < max; e = e.next) {
      if (offers(e, onlyJournaled)) {
        chosen.add(e);
      }
    }
    return chosen;
  }

  /** The deferred entries whose time has come first, oldest first. */
  List<HotEntry> due(long wallMicros, int max, boolean onlyJournaled) {
    List<HotEntry> chosen = new ArrayList<>();
    for (HotEntry e : byDue) {
      if (chosen.size() == max || !e.due(wallMicros)) {
        break;
      }
      if (offers(e, onlyJournaled)) {
        chosen.add(e);
      }
    }
    chosen.sort(BY_SINCE);
    return chosen;
  }

  /** Not while a write of its key is staged, which comes before it. */
  private boolean offers(HotEntry entry, boolean onlyJournaled) {
    return (staged.isEmpty() || !staged.containsKey(entry.key))
        && (!onlyJournaled || entry.journaled());
  }

  /** A batch carries the entry's current value. */
  void take(HotEntry entry) {
    leave(entry);
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

  PartitionStats stats(long wallMicros) {
    HotEntry head = ready.head();
    long oldest = oldestNotTaken(Long.MAX_VALUE);
    long oldestReady = head == null ? Long.MAX_VALUE : head.since;
    long nextDue = Long.MAX_VALUE;
    for (HotEntry entry : inFlight) {
      // They are in the order of their age, and all of them ready or all deferred.
      if (entry.inFlight != null) {
        oldest = Math.min(oldest, entry.takenSince);
        if (entry.trouble == null) {
          oldestReady = Math.min(oldestReady, entry.takenSince);
        } else {
          nextDue = wallMicros;
        }
        break;
      }
    }
    if (!byDue.isEmpty()) {
      HotEntry next = byDue.first();
      nextDue = Math.min(nextDue, next.due(wallMicros) ? wallMicros : next.dueMicros());
    }
    return new PartitionStats(
        pending - deferred,
        deferred,
        parked,
        conflicts,
        staged.size(),
        bytes,
        parkedBytes,
        oldest == Long.MAX_VALUE ? 0 : oldest,
        oldestReady == Long.MAX_VALUE ? 0 : oldestReady,
        nextDue == Long.MAX_VALUE ? 0 : nextDue);
  }
}
