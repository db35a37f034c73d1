package io.headpond.journal;

import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.Row;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Owed;
import io.headpond.spi.RowCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Answers reads of a store. Hits take no lock: an entry leaves the pending ones only after its value is among the clean ones.
 * Thread-safe.
 */
final class Reads {
  private final StoreState store;

  Reads(StoreState store) {
    this.store = store;
  }

  Lookup get(Key key) {
    Lookup hit = known(key);
    if (hit != null) {
      return hit;
    }
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      hit = known(key);
      return hit != null ? hit : new Lookup(key, null, null, 0, partition.tokens.give(key));
    } finally {
      partition.lock.unlock();
    }
  }

  private @Nullable Lookup known(Key key) {
    HotEntry entry = store.entries.get(key);
    while (entry != null) {
      Trouble trouble = entry.trouble;
      if (trouble != null && trouble.conflict()) {
        break;
      }
      Mutation current = entry.current;
      if (entry.trouble == trouble) {
        boolean parked = trouble != null && trouble.parked();
        return new Lookup(
            key,
            parked ? EntryState.PARKED : EntryState.PENDING,
            HotEntry.row(current),
            current.version(),
            0);
      }
    }
    return store.clean.get(key);
  }

  @Nullable Lookup fill(Key key, @Nullable Row row, long version, long token) {
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      store.checkOpen();
      if (token == 0 || !partition.tokens.redeem(key, token)) {
        return null;
      }
      partition.loaded(version);
      long stored = version;
      if (version == 0 && row != null) {
        stored = partition.nextVersion(store.environment.wallMicros());
      }
      return store.clean.put(key, row, stored);
    } finally {
      partition.lock.unlock();
    }
  }

  @Nullable EntryState invalidate(Key key) {
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      store.checkOpen();
      store.clean.drop(key);
      partition.tokens.remove(key);
      HotEntry entry = store.entries.get(key);
      return entry == null ? null : entry.state();
    } finally {
      partition.lock.unlock();
    }
  }

  Owed owed(Key key) {
    store.checkOpen();
    if (!store.entries.containsKey(key)) {
      return Owed.NOTHING;
    }
    Partition partition = store.partition(key);
    partition.lock.lock();
    try {
      HotEntry entry = store.entries.get(key);
      return entry == null ? Owed.NOTHING : new Owed(entry.owed(), entry.parked());
    } finally {
      partition.lock.unlock();
    }
  }

  /** An entry with the text of its key. */
  private record Candidate(String text, HotEntry entry) {}

  /** The first so many entries behind {@code after}, by the text of their keys. */
  private List<Candidate> first(String prefix, @Nullable String after, int count) {
    // The largest of them on top.
    PriorityQueue<Candidate> smallest =
        new PriorityQueue<>(Comparator.comparing(Candidate::text).reversed());
    for (HotEntry entry : store.entries.values()) {
      Candidate candidate = new Candidate(store.settings.rowType().keyText(entry.key), entry);
      String text = candidate.text;
      if (text.startsWith(prefix)
          && (after == null || text.compareTo(after) > 0)
          && (smallest.size() < count || text.compareTo(smallest.element().text) < 0)) {
        smallest.add(candidate);
        if (smallest.size() > count) {
          smallest.remove();
        }
      }
    }
    List<Candidate> first = new ArrayList<>(smallest);
    first.sort(Comparator.comparing(Candidate::text));
    return first;
  }

  PendingPage pending(String prefix, @Nullable String after, int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit: " + limit + ": must be at least 1");
    }
    List<Candidate> page = first(prefix, after, (int) Math.min(limit + 1L, Integer.MAX_VALUE));
    String next = page.size() > limit ? page.get(limit - 1).text : null;
    List<PendingEntry> entries = new ArrayList<>(page.size());
    for (Candidate candidate : page.subList(0, Math.min(limit, page.size()))) {
      PendingEntry entry = describe(candidate);
      if (entry != null) {
        entries.add(entry);
      }
    }
    return new PendingPage(entries, next);
  }

  private @Nullable PendingEntry describe(Candidate candidate) {
    HotEntry entry = candidate.entry;
    Partition partition = store.partition(entry.key);
    partition.lock.lock();
    try {
      if (store.entries.get(entry.key) != entry) {
        return null;
      }
      Trouble trouble = entry.trouble;
      long age = Math.max(0, partition.now(store.environment.wallMicros()) - entry.oldest());
      return new PendingEntry(
          candidate.text,
          entry.current.version(),
          entry.current instanceof Mutation.Remove,
          entry.state(),
          Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(age)),
          trouble == null ? 0 : trouble.attempts(),
          entry.deferred && trouble != null ? RowCodec.instant(trouble.dueMicros()) : null,
          trouble == null ? null : trouble.failure().error());
    } finally {
      partition.lock.unlock();
    }
  }
}
