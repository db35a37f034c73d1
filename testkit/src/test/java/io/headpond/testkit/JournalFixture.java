package io.headpond.testkit;

import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A journal store on a simulated disk, one partition, and what it takes to look at both. */
final class JournalFixture {
  static final RowType TYPE =
      RowType.builder().key("id", ColumnType.TEXT).column("name", ColumnType.TEXT).build();
  static final Failure FAILURE = new Failure(DatabaseError.of(ErrorClass.CONSTRAINT, "refused"), 7);
  static final int SEGMENT = 64 << 10;

  /** So long that seven of it fill a segment. */
  static final String LONG = "x".repeat(8_500);

  final ManualEnvironment environment = new ManualEnvironment();
  SimulatedDisk disk = new SimulatedDisk();
  HotStore store;
  int maxEntries = 100_000;
  long maxBytes = 1L << 40;

  JournalFixture() {
    store = open(disk);
  }

  HotStore open(SimulatedDisk on) {
    return JournalStore.on(on)
        .segmentSize(SEGMENT)
        .open(
            new HotStoreFactory.Settings(
                "things", TYPE, 1, maxEntries, maxBytes, 100, Duration.ofHours(1), environment));
  }

  /** Goes on with the store as it is found on this disk. */
  void restart(SimulatedDisk on) {
    environment.forgetTasks();
    disk = on;
    store = open(on);
  }

  <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return environment.await(stage);
  }

  static Key key(String id) {
    return TYPE.key(id);
  }

  static @Nullable Row row(@Nullable String name) {
    return name == null ? null : TYPE.rowOf(name);
  }

  Mutation put(String id, @Nullable String name, Durability durability) {
    WriteOutcome outcome = await(store.put(new Write(key(id), row(name), durability)));
    return ((WriteOutcome.Written) outcome).mutation();
  }

  Mutation put(String id, @Nullable String name) {
    return put(id, name, Durability.DISK);
  }

  Taken take(int max) {
    return await(store.take(0, 1, TakeLimits.of(max)));
  }

  void settle(Mutation... mutations) {
    await(store.settle(0, 1, List.of(mutations), 0));
  }

  void settle(long frontier, Mutation... mutations) {
    await(store.settle(0, 1, List.of(mutations), frontier));
  }

  void defer(Mutation mutation, int attempts) {
    await(
        store.defer(0, 1, mutation, environment.wallMicros() + 3_600_000_000L, attempts, FAILURE));
  }

  void park(Mutation mutation) {
    await(store.park(0, 1, mutation, 4, FAILURE));
  }

  /** An entry that is not clean, with all that a crash must not change. */
  record Seen(PendingEntry entry, Lookup lookup) {}

  /** All that a crash must not change. */
  record State(List<Seen> entries, PartitionStats stats, long frontier) {}

  State state(HotStore of) {
    List<Seen> seen = new ArrayList<>();
    for (PendingEntry entry : await(of.pending("", null, 100_000)).entries()) {
      PendingEntry ageless =
          new PendingEntry(
              entry.key(),
              entry.version(),
              entry.remove(),
              entry.state(),
              Duration.ZERO,
              entry.attempts(),
              entry.due(),
              entry.error());
      seen.add(new Seen(ageless, await(of.get(key(entry.key())))));
    }
    PartitionStats stats = of.stats(0);
    // Staged writes are forgotten in a crash, and are none of the pending.
    PartitionStats kept =
        new PartitionStats(
            stats.ready(),
            stats.deferred(),
            stats.parked(),
            stats.conflicts(),
            0,
            0,
            0,
            stats.oldest(),
            stats.oldestReady(),
            0);
    return new State(seen, kept, of.frontier(0));
  }

  State state() {
    return state(store);
  }

  /** What a store recovers from a copy of this disk. */
  State recovered(SimulatedDisk from) {
    environment.forgetTasks();
    HotStore other = open(from.copy());
    State state = state(other);
    environment.forgetTasks();
    return state;
  }

  static String segment(long number) {
    return String.format("journal-%016d.seg", number);
  }

  /** Numbers of the segments, ascending. */
  static List<Long> segments(SimulatedDisk of) {
    List<Long> numbers = new ArrayList<>();
    try {
      for (String name : of.list()) {
        if (name.startsWith("journal-")) {
          numbers.add(Long.parseLong(name.substring(8, 24)));
        }
      }
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
    return numbers;
  }

  static long newest(SimulatedDisk of) {
    List<Long> all = segments(of);
    return all.get(all.size() - 1);
  }

  /** Where each group of a segment begins, and behind them where the last one ends. */
  static List<Integer> groups(byte[] segment) {
    ByteBuffer in = ByteBuffer.wrap(segment);
    List<Integer> offsets = new ArrayList<>();
    int at = in.getInt(12);
    offsets.add(at);
    while (at + 16 <= segment.length && in.getInt(at) == 0x48504752) {
      at += 16 + (in.getInt(at + 4) + 7) / 8 * 8;
      offsets.add(at);
    }
    return offsets;
  }

  static int end(byte[] segment) {
    List<Integer> groups = groups(segment);
    return groups.get(groups.size() - 1);
  }
}
