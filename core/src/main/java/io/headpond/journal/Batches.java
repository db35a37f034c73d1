package io.headpond.journal;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.journal.Partition.Turn;
import io.headpond.spi.Failure;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.RowCodec;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The flusher's side of a store: leases, and what becomes of what is pending. Thread-safe.
 *
 * <p><b>The frontier of a take.</b> A version is given, and its entry queued, under the partition's lock; so when a take holds it, each write with
 * a lower version is settled, taken, or still queued or deferred with {@code since} no higher than its version. The clock is moved to the frontier's time, so that each later
 * write has a higher version even if the wall clock jumps back. A write at DISK is acknowledged later than its version
 * was given, which only makes the frontier err on the safe side: what was acknowledged before T has a version below T. A frontier leaves letters behind; one that is
 * retried does not take it back.
 */
final class Batches {
  private final StoreState store;

  /** Called when a settlement may have emptied a segment; with no lock held. */
  private final Runnable released;

  Batches(StoreState store, Runnable released) {
    this.store = store;
    this.released = released;
  }

  CompletableFuture<Opened> open(
      Partition partition, long epoch, long highVersion, boolean resumed) {
    Group group = store.group.get().clear();
    partition.lock.lock();
    try {
      store.checkWritable();
      store.checkEpoch(partition, epoch);
      long known = partition.opened ? partition.clock : partition.recoveredClock;
      if (resumed && highVersion > known) {
        throw new ConfigurationException(
            store.settings.dataset()
                + ": this store wrote version "
                + highVersion
                + " to partition "
                + partition.number
                + " but remembers none above "
                + known
                + ": it is an older copy of itself (a restored folder, a cloned volume). Use the newer one;"
                + " if it is gone, `headpond store adopt` makes this one the owner, on purpose");
      }
      if (highVersion >= Mutation.MAX_VERSION) {
        throw new ConfigurationException(
            store.settings.dataset()
                + ": the database holds version "
                + highVersion
                + "; it must be below 2^53 - 1, for there to be a higher one");
      }
      partition.clock = Math.max(partition.clock, highVersion);
      partition.now(store.environment.wallMicros());
      partition.epoch = epoch;
      partition.opened = true;
      partition.tokens.clear();
      store.journal.append(
          group.open(partition.number, epoch, partition.clock, partition.frontier),
          Journal.Use.RELEASE);
    } finally {
      partition.lock.unlock();
    }
    return store.journal.forced(group.end).thenApply(forced -> Opened.WHOLE);
  }

  CompletableFuture<Taken> take(Partition partition, long epoch, TakeLimits most) {
    Taken taken;
    long end;
    partition.lock.lock();
    try {
      store.checkWritable();
      store.checkEpoch(partition, epoch);
      partition.takeBack();
      long wall = store.environment.wallMicros();
      long now = partition.now(wall);
      List<Mutation> mutations = new ArrayList<>();
      Map<Key, Taken.Tried> tried = new HashMap<>();
      Turn turn = partition.turn(wall);
      end =
          switch (turn) {
            case STAGED -> takeStaged(partition, most.staged(), mutations);
            case READY ->
                take(
                    partition,
                    journaled -> partition.oldestReady(most.ready(), journaled),
                    mutations,
                    tried);
            case DEFERRED ->
                take(
                    partition,
                    journaled -> partition.due(wall, most.deferred(), journaled),
                    mutations,
                    tried);
          };
      HotEntry head = partition.ready.head();
      taken =
          new Taken(
              mutations,
              tried,
              Math.max(partition.frontier, partition.oldestNotTaken(now)),
              partition.ready.size(),
              head == null ? 0 : head.since,
              turn == Turn.STAGED);
    } finally {
      partition.lock.unlock();
    }
    return store.journal.isForced(end)
        ? CompletableFuture.completedFuture(taken)
        : store.journal.forced(end, taken, false);
  }

  private long takeStaged(Partition partition, int max, List<Mutation> mutations) {
    Group group = store.group.get().clear();
    for (Partition.Staged staged : partition.staged.values()) {
      if (mutations.size() == max) {
        break;
      }
      Mutation mutation = staged.mutation();
      if (group.length() + Group.MAX_OVERHEAD + 2 * mutation.key().length()
          > store.journal.maxGroup()) {
        store.journal.append(group, Journal.Use.FLUSH);
        group.clear();
      }
      group.staged(mutation);
      HotEntry letter = store.entries.get(mutation.key());
      Trouble trouble = letter == null ? null : letter.trouble;
      if (letter != null && trouble != null && trouble.parked() && !trouble.overtaken()) {
        // Should nobody ever learn what becomes of the staged write, the letter must not go over it
        // as the older one.
        letter.trouble = trouble.overtake();
        group.trouble(letter.current, letter.trouble);
      }
      mutations.add(mutation);
    }
    store.journal.append(group, Journal.Use.FLUSH);
    return group.end;
  }

  /**
   * Takes what is chosen.
   *
   * @param choice of all entries or, if there is no room for the others, of those that are in the journal
   * @return up to where the journal must be forced
   */
  private long take(
      Partition partition,
      Function<Boolean, List<HotEntry>> choice,
      List<Mutation> mutations,
      Map<Key, Taken.Tried> tried) {
    List<HotEntry> chosen = choice.apply(false);
    try {
      journal(chosen);
    } catch (UnavailableException e) {
      if (store.journal.failure() != null) {
        throw e;
      }
      // No room for those that are not in the journal yet: the others, which free room, must not
      // wait for them.
      chosen = choice.apply(true);
      if (chosen.isEmpty()) {
        throw e;
      }
    }
    long end = 0;
    for (HotEntry entry : chosen) {
      partition.take(entry);
      mutations.add(entry.current);
      Trouble trouble = entry.trouble;
      if (trouble != null) {
        tried.put(entry.key, new Taken.Tried(trouble.attempts(), trouble.firstMicros()));
      }
      end = Math.max(end, entry.recordEnd);
    }
    return end;
  }

  /** Appends those of the entries that were written at MEMORY. */
  private void journal(List<HotEntry> entries) {
    Group group = store.group.get().clear();
    List<HotEntry> inGroup = new ArrayList<>();
    for (HotEntry entry : entries) {
      if (entry.journaled()) {
        continue;
      }
      Row row = HotEntry.row(entry.current);
      byte[] encoded = row == null ? null : RowCodec.encode(row);
      int more = entry.key.length() + (encoded == null ? 0 : encoded.length) + Group.MAX_OVERHEAD;
      if (!inGroup.isEmpty() && group.length() + more > store.journal.maxGroup()) {
        appendEntries(group, inGroup);
        group.clear();
      }
      group.put(entry.current, encoded, entry.oldest(), entry.trouble);
      inGroup.add(entry);
    }
    if (!inGroup.isEmpty()) {
      appendEntries(group, inGroup);
    }
  }

  private void appendEntries(Group group, List<HotEntry> entries) {
    store.journal.append(group, Journal.Use.FLUSH);
    entries.forEach(entry -> entry.recordedIn(group));
    entries.clear();
  }

  /** Appends whatever is pending and was not journalled, for a close. */
  void journalAll() {
    for (HotEntry entry : store.entries.values()) {
      if (!entry.journaled()) {
        Partition partition = store.partition(entry.key);
        partition.lock.lock();
        try {
          if (store.entries.get(entry.key) == entry) {
            journal(List.of(entry));
          }
        } finally {
          partition.lock.unlock();
        }
      }
    }
  }

  /** Done when it is as durable as it must be; mostly that is at once, since a settlement that is lost repeats the same batch only. */
  CompletableFuture<@Nullable Void> settle(
      Partition partition, long epoch, List<Mutation> mutations, long frontier) {
    boolean emptied;
    long end;
    partition.lock.lock();
    try {
      store.checkWritable();
      store.checkEpoch(partition, epoch);
      end = appendSettlements(partition, mutations, frontier);
      emptied = false;
      for (Mutation mutation : mutations) {
        emptied |= settle(partition, mutation);
        partition.tokens.remove(mutation.key());
      }
    } finally {
      partition.lock.unlock();
    }
    if (emptied) {
      released.run();
    }
    return end == 0 ? StoreState.DONE : store.journal.forced(end);
  }

  /**
   * Returns up to where the journal must be forced; 0 if it need not be. A letter that came back after its place was taken would hide a newer value that was
   * acknowledged, and a frontier that a person has taken back would look like commits that the database has lost.
   */
  private long appendSettlements(Partition partition, List<Mutation> mutations, long frontier) {
    Group group = store.group.get().clear();
    boolean toForce = frontier < partition.frontier;
    for (Mutation mutation : mutations) {
      HotEntry entry = store.entries.get(mutation.key());
      Partition.Staged staged = partition.staged.get(mutation.key());
      // Another write of the same version is not settled by it, and recovery goes by version. A
      // staged one supersedes a letter.
      if (entry != null
          && (entry.current.same(mutation)
              || mutation.version() < entry.current.version()
              || (staged != null && staged.mutation().same(mutation)))) {
        toForce |= staged != null;
        if (group.length() + Group.MAX_OVERHEAD > store.journal.maxGroup()) {
          store.journal.append(group, Journal.Use.RELEASE);
          group.clear();
        }
        group.settle(mutation);
      }
    }
    if (frontier != partition.frontier) {
      group.frontier(partition.number, frontier);
      // Before the append: a segment begun by it must know.
      partition.frontier = frontier;
    }
    if (!group.isEmpty()) {
      store.journal.append(group, Journal.Use.RELEASE);
    }
    return toForce ? group.end : 0;
  }

  /** Returns whether that may have emptied a segment. */
  private boolean settle(Partition partition, Mutation mutation) {
    Key key = mutation.key();
    Partition.Staged staged = partition.staged.get(key);
    HotEntry entry = store.entries.get(key);
    if (staged != null && staged.mutation().same(mutation)) {
      unstage(partition, staged);
      if (entry == null) {
        store.clean.put(key, HotEntry.row(mutation), mutation.version());
        return false;
      }
      if (entry.current.version() > mutation.version()) {
        return false;
      }
      // The letter is superseded: the database has a later write of its key.
      return clean(partition, entry, mutation);
    }
    if (entry == null) {
      // It may have been purged while a batch carried it, and an older row read since.
      store.clean.dropOlder(key, mutation.version());
      return false;
    }
    Segment segment = entry.segment;
    if (entry.current.same(mutation)) {
      return clean(partition, entry, mutation);
    } else {
      Mutation carried = entry.inFlight;
      if (carried != null && carried.same(mutation)) {
        partition.carried(entry);
      }
      if (entry.recorded != 0 && entry.recorded <= mutation.version() && !entry.journaled()) {
        entry.releaseRecord();
      }
    }
    return segment != null && segment.live.get() == 0;
  }

  private boolean clean(Partition partition, HotEntry entry, Mutation settled) {
    Segment segment = entry.segment;
    partition.remove(entry);
    entry.releaseRecord();
    store.clean.put(entry.key, HotEntry.row(settled), settled.version());
    store.entries.remove(entry.key);
    return segment != null && segment.live.get() == 0;
  }

  CompletableFuture<Boolean> defer(
      Partition partition,
      long epoch,
      Mutation mutation,
      long dueMicros,
      int attempts,
      Failure failure) {
    return trouble(
        partition,
        epoch,
        mutation,
        before -> Trouble.of(before, dueMicros, attempts, false, failure),
        false);
  }

  CompletableFuture<Boolean> park(
      Partition partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return trouble(
        partition, epoch, mutation, before -> Trouble.of(before, 0, attempts, true, failure), true);
  }

  /** Whether the entry has the trouble now. */
  private CompletableFuture<Boolean> trouble(
      Partition partition,
      long epoch,
      Mutation mutation,
      Function<@Nullable Trouble, Trouble> next,
      boolean onlyIfCurrent) {
    Group group = store.group.get().clear();
    partition.lock.lock();
    try {
      store.checkWritable();
      store.checkEpoch(partition, epoch);
      HotEntry entry = store.entries.get(mutation.key());
      if (entry == null) {
        return CompletableFuture.completedFuture(false);
      }
      Mutation carried = entry.inFlight;
      boolean concerned =
          entry.current.same(mutation)
              || (!onlyIfCurrent && carried != null && carried.same(mutation));
      if (!concerned) {
        return CompletableFuture.completedFuture(false);
      }
      Trouble trouble = next.apply(entry.trouble);
      if (!fits(entry, trouble)) {
        trouble = trouble.cut();
      }
      if (entry.journaled()) {
        store.journal.append(group.trouble(entry.current, trouble), Journal.Use.RELEASE);
      } else {
        Row row = HotEntry.row(entry.current);
        byte[] encoded = row == null ? null : RowCodec.encode(row);
        store.journal.append(
            group.put(entry.current, encoded, entry.oldest(), trouble), Journal.Use.FLUSH);
        entry.recordedIn(group);
      }
      partition.trouble(entry, trouble);
      if (trouble.conflict()) {
        store.clean.drop(entry.key);
      }
    } finally {
      partition.lock.unlock();
    }
    return store.journal.forced(group.end, true, false);
  }

  /** Whether there is room for all of its text; there is always for the trouble itself. */
  private boolean fits(HotEntry entry, Trouble trouble) {
    int before = entry.troubleBytes();
    boolean moves = entry.parked() != trouble.parked();
    int more = trouble.bytes() - (moves ? -(entry.bytes - before) : before);
    return more <= 0 || store.limits.fits(more, trouble.parked());
  }

  boolean unstage(Partition partition, long epoch, Mutation mutation) {
    partition.lock.lock();
    try {
      store.checkWritable();
      store.checkEpoch(partition, epoch);
      Partition.Staged staged = partition.staged.get(mutation.key());
      if (staged == null || !staged.mutation().same(mutation)) {
        return false;
      }
      unstage(partition, staged);
      // If the database has it after all, neither a cached value nor a load under way may hide
      // that.
      store.clean.drop(mutation.key());
      partition.tokens.remove(mutation.key());
      return true;
    } finally {
      partition.lock.unlock();
    }
  }

  private void unstage(Partition partition, Partition.Staged staged) {
    partition.staged.remove(staged.mutation().key());
    partition.bytes -= staged.bytes();
    store.limits.remove(staged.tenant(), staged.bytes());
  }
}
