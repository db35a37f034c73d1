package io.headpond.journal;

import io.headpond.DeadLetterFilter;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.Failure;
import io.headpond.spi.Letter;
import io.headpond.spi.Letter.Fate;
import io.headpond.spi.Mutation;
import io.headpond.spi.RowCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What a person does with entries of a store: dead letters are looked at, retried and discarded, those that are pending given up. Thread-safe. */
final class Letters {
  private final StoreState store;

  /** Called when a letter that is gone may have emptied a segment; with no lock held. */
  private final Runnable released;

  Letters(StoreState store, Runnable released) {
    this.store = store;
    this.released = released;
  }

  List<Letter> list(DeadLetterFilter filter, @Nullable String after, int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit: " + limit + ": must be at least 1");
    }
    store.checkOpen();
    List<Letter> page = new ArrayList<>();
    for (HotEntry entry : store.letters.from(filter.prefix(), after)) {
      Trouble trouble = entry.trouble;
      String text = store.settings.rowType().keyText(entry.key);
      if (!text.startsWith(filter.prefix())) {
        break;
      }
      if (trouble == null || !meant(text, trouble.failure(), filter)) {
        continue;
      }
      // It may have gone or changed since it was found.
      Letter letter = get(entry.key);
      if (letter != null && meant(text, letter.failure(), filter)) {
        page.add(letter);
        if (page.size() == limit) {
          break;
        }
      }
    }
    return page;
  }

  private static boolean meant(String text, Failure failure, DeadLetterFilter filter) {
    return filter.test(text, failure.error(), RowCodec.instant(failure.micros()));
  }

  @Nullable Letter get(Key key) {
    store.checkOpen();
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      HotEntry entry = store.entries.get(key);
      Trouble trouble = entry == null ? null : entry.trouble;
      return entry == null || trouble == null || !trouble.parked()
          ? null
          : new Letter(
              entry.current,
              store.settings.rowType().keyText(key),
              trouble.attempts(),
              trouble.firstMicros(),
              trouble.failure());
    } finally {
      partition.lock.unlock();
    }
  }

  CompletableFuture<Fate> retry(Key key, long version) {
    Group group = store.group.get().clear();
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      store.checkWritable();
      HotEntry entry = store.entries.get(key);
      Trouble trouble = entry == null ? null : entry.trouble;
      Fate fate = fate(entry, version);
      if (fate != Fate.DONE || entry == null || trouble == null) {
        return CompletableFuture.completedFuture(fate);
      }
      if (partition.staged.containsKey(key)) {
        return CompletableFuture.completedFuture(Fate.UNDECIDED);
      }
      Trouble retried = trouble.retried(store.environment.wallMicros());
      if (trouble.overtaken() || trouble.conflict()) {
        again(partition, entry, group, retried);
      } else {
        store.journal.append(group.trouble(entry.current, retried), Journal.Use.RELEASE);
      }
      // Of a conflict readers were given what the database has.
      store.clean.drop(key);
      partition.tokens.remove(key);
      partition.retry(entry, retried);
    } finally {
      partition.lock.unlock();
    }
    return store.journal.forced(group.end, Fate.DONE, false);
  }

  /** The letter's value under a new version, as the database may have a newer one than it has. */
  private void again(Partition partition, HotEntry entry, Group group, Trouble trouble) {
    long version = partition.nextVersion(store.environment.wallMicros());
    long writeId = store.environment.random();
    Row row = HotEntry.row(entry.current);
    byte[] encoded = row == null ? null : RowCodec.encode(row);
    Mutation mutation =
        row == null
            ? new Mutation.Remove(entry.key, version, writeId)
            : new Mutation.Put(entry.key, row, version, writeId);
    store.journal.append(group.put(mutation, encoded, entry.oldest(), trouble), Journal.Use.FLUSH);
    entry.current = mutation;
    entry.recordedIn(group);
  }

  CompletableFuture<Fate> discard(Key key, long version) {
    return forget(key, entry -> fate(entry, version));
  }

  CompletableFuture<Fate> purge(Key key, long version, boolean carried) {
    return forget(key, entry -> purged(entry, version, carried));
  }

  /** What becomes of an entry of this version that is to be forgotten. */
  private static Fate purged(@Nullable HotEntry entry, long version, boolean carried) {
    Fate fate = fate(entry, version);
    if (fate != Fate.RETRIED || entry == null) {
      return fate;
    }
    return entry.inFlight == null || carried ? Fate.DONE : Fate.UNDECIDED;
  }

  private CompletableFuture<Fate> forget(Key key, Function<@Nullable HotEntry, Fate> decision) {
    Group group = store.group.get().clear();
    boolean emptied;
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      store.checkWritable();
      HotEntry entry = store.entries.get(key);
      Fate fate = decision.apply(entry);
      if (fate != Fate.DONE || entry == null) {
        return CompletableFuture.completedFuture(fate);
      }
      store.journal.append(group.settle(entry.current), Journal.Use.RELEASE);
      Segment segment = entry.segment;
      partition.remove(entry);
      entry.releaseRecord();
      // In this order: who finds no entry must not find what was cached before it was parked.
      store.clean.drop(key);
      store.entries.remove(key);
      partition.tokens.remove(key);
      emptied = segment != null && segment.live.get() == 0;
    } finally {
      partition.lock.unlock();
    }
    if (emptied) {
      released.run();
    }
    return store.journal.forced(group.end, Fate.DONE, false);
  }

  /** What becomes of a letter of this version that something is asked of. */
  private static Fate fate(@Nullable HotEntry entry, long version) {
    if (entry == null || entry.current.version() < version) {
      return Fate.NONE;
    }
    if (entry.current.version() > version) {
      return Fate.SUPERSEDED;
    }
    return entry.parked() ? Fate.DONE : Fate.RETRIED;
  }
}
