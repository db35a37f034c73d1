package io.headpond.journal;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * Writes what was recovered to new segments, in the order of the old ones, each of which is given up as soon as nothing of it is
 * left: so the room of one segment more is enough. Then it is in the store. Used once, by one thread.
 */
final class Rewrite {
  private static final int GROUP_BYTES = 256 << 10;

  private final StoreState store;
  private final Recovered recovered;

  Rewrite(StoreState store, Recovered recovered) {
    this.store = store;
    this.recovered = recovered;
  }

  /** Returns how many entries there are. */
  int run() {
    Map<Long, Segment> old = new HashMap<>();
    store.journal.segments().forEach(segment -> old.put(segment.number, segment));
    TreeSet<Long> numbers = new TreeSet<>(recovered.pending.keySet());
    numbers.addAll(recovered.requests.keySet());
    // All are counted before the first segment may go.
    Map<Long, List<Requests.Request>> requests = new HashMap<>();
    for (long number : numbers) {
      Segment segment = Objects.requireNonNull(old.get(number));
      List<Recovered.Pending> pending = pending(number);
      pending.forEach(of -> of.entry().segment = segment);
      requests.put(number, remember(number, segment));
      segment.live.addAndGet(pending.size() + requests.getOrDefault(number, List.of()).size());
    }
    for (long number : numbers) {
      Segment segment = Objects.requireNonNull(old.get(number));
      rewrite(pending(number));
      store.requests.rewrite(
          requests.getOrDefault(number, List.of()), segment, store.journal, Journal.Use.RELEASE);
      store.journal.dropEmpty();
    }
    store.journal.dropEmpty();
    List<HotEntry> entries = recovered.entries();
    for (HotEntry entry : entries) {
      if (!entry.parked()) {
        entry.tenant = store.limits.add(entry.key, entry.bytes);
      }
      store.entries.put(entry.key, entry);
      store.partition(entry.key).add(entry);
    }
    return entries.size();
  }

  private List<Recovered.Pending> pending(long number) {
    return recovered.pending.getOrDefault(number, List.of());
  }

  private List<Requests.Request> remember(long number, Segment segment) {
    List<Requests.Request> remembered = new ArrayList<>();
    recovered
        .requests
        .getOrDefault(number, List.of())
        .forEach(
            of ->
                remembered.add(
                    store.requests.recovered(
                        of.remembered(), segment, recovered.atMicros, recovered.atNanos)));
    return remembered;
  }

  private void rewrite(List<Recovered.Pending> pending) {
    Group group = new Group();
    List<HotEntry> inGroup = new ArrayList<>();
    int limit = Math.min(store.journal.maxGroup(), GROUP_BYTES);
    for (Recovered.Pending of : pending) {
      HotEntry entry = of.entry();
      if (!inGroup.isEmpty() && group.length() + entry.bytes + Group.MAX_OVERHEAD > limit) {
        append(group, inGroup);
      }
      group.put(entry.current, of.row(), entry.since, entry.trouble, 0);
      inGroup.add(entry);
    }
    append(group, inGroup);
  }

  private void append(Group group, List<HotEntry> entries) {
    if (!entries.isEmpty()) {
      store.journal.append(group, Journal.Use.RELEASE);
      entries.forEach(entry -> entry.recordedIn(group));
      entries.clear();
      group.clear();
    }
  }
}
