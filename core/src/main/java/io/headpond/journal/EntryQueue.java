package io.headpond.journal;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Entries that are ready, ordered by {@code since}; linked through the entries themselves. Guarded by the partition's lock. */
final class EntryQueue {
  private @Nullable HotEntry head;
  private @Nullable HotEntry tail;
  private int size;

  int size() {
    return size;
  }

  @Nullable HotEntry head() {
    return head;
  }

  void addLast(HotEntry entry) {
    insert(entry, tail, null);
  }

  /** Adds an entry at its place, which is looked for from the end. */
  void add(HotEntry entry) {
    HotEntry before = tail;
    while (before != null && before.since > entry.since) {
      before = before.previous;
    }
    insert(entry, before, before == null ? head : before.next);
  }

  /** Adds entries that are ordered by {@code since}, each at its place, in one pass. */
  void merge(List<HotEntry> sorted) {
    HotEntry at = head;
    for (HotEntry entry : sorted) {
      while (at != null && at.since <= entry.since) {
        at = at.next;
      }
      insert(entry, at == null ? tail : at.previous, at);
    }
  }

  void remove(HotEntry entry) {
    if (!entry.queued) {
      return;
    }
    HotEntry before = entry.previous;
    HotEntry after = entry.next;
    if (before == null) {
      head = after;
    } else {
      before.next = after;
    }
    if (after == null) {
      tail = before;
    } else {
      after.previous = before;
    }
    entry.previous = null;
    entry.next = null;
    entry.queued = false;
    size--;
  }

  private void insert(HotEntry entry, @Nullable HotEntry before, @Nullable HotEntry after) {
    entry.previous = before;
    entry.next = after;
    entry.queued = true;
    if (before == null) {
      head = entry;
    } else {
      before.next = entry;
    }
    if (after == null) {
      tail = entry;
    } else {
      after.previous = entry;
    }
    size++;
  }
}
