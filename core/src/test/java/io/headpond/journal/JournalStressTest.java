package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.RowType;
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
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Writers, flushers, readers and the compactor at the same time, on a real folder with small segments. */
class JournalStressTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("v", ColumnType.TEXT).build();
  private static final int PARTITIONS = 3;
  private static final int WRITERS = 4;
  private static final int WRITES = 15_000;
  private static final int KEYS = 400;

  @TempDir Path folder;

  private final ThreadEnvironment environment = new ThreadEnvironment();

  /** By key: the highest version that was acknowledged, and the highest that was applied. */
  private final Map<Key, Long> acknowledged = new ConcurrentHashMap<>();

  private final Map<Key, Long> applied = new ConcurrentHashMap<>();
  private final AtomicBoolean writing = new AtomicBoolean(true);
  private HotStore store;

  @AfterEach
  void stop() {
    environment.close();
  }

  private HotStore open() {
    HotStore opened =
        JournalStore.in(folder)
            .segmentSize(64 << 10)
            .open(
                new HotStoreFactory.Settings(
                    "stress",
                    TYPE,
                    PARTITIONS,
                    100_000,
                    1L << 30,
                    100,
                    Duration.ofHours(1),
                    environment));
    for (int i = 0; i < PARTITIONS; i++) {
      environment.await(opened.open(i, 1, 0, false));
    }
    return opened;
  }

  @Test
  void eachKeyEndsWithItsLastAcknowledgedVersion() throws Exception {
    store = open();
    ExecutorService pool = Executors.newCachedThreadPool();
    try {
      List<Future<?>> writers = new ArrayList<>();
      for (int i = 0; i < WRITERS; i++) {
        int seed = i;
        writers.add(pool.submit(task(() -> write(seed))));
      }
      List<Future<?>> others = new ArrayList<>();
      for (int i = 0; i < PARTITIONS; i++) {
        int partition = i;
        others.add(pool.submit(task(() -> flushWhileWriting(partition))));
      }
      others.add(pool.submit(task(this::read)));
      for (Future<?> writer : writers) {
        writer.get(120, TimeUnit.SECONDS);
      }
      writing.set(false);
      for (Future<?> other : others) {
        other.get(60, TimeUnit.SECONDS);
      }
    } finally {
      writing.set(false);
      pool.shutdownNow();
    }
    // What is left is found again as it is.
    List<PartitionStats> before = stats();
    store.close();
    store = open();
    List<PartitionStats> after = stats();
    assertThat(after)
        .usingRecursiveComparison()
        .ignoringFields("oldest", "oldestReady")
        .isEqualTo(before);
    for (int i = 0; i < PARTITIONS; i++) {
      // An entry that was written while a batch carried it may look older than it is, never
      // younger.
      assertThat(after.get(i).oldest()).isLessThanOrEqualTo(before.get(i).oldest());
      assertThat(after.get(i).oldestReady()).isLessThanOrEqualTo(before.get(i).oldestReady());
    }
    for (int i = 0; i < PARTITIONS; i++) {
      while (flush(i) > 0) {}
    }
    assertThat(applied).isEqualTo(acknowledged);
    assertThat(stats()).containsOnly(new PartitionStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    assertThat(store.failure()).isNull();
    store.close();
    CheckReport report = JournalTool.check(folder.resolve("stress"));
    assertThat(report.sound()).isTrue();
    assertThat(report.pending() + report.parked()).isZero();
    assertThat(report.segments()).isLessThan(20);
  }

  private static Callable<Void> task(Callable<?> body) {
    return () -> {
      body.call();
      return null;
    };
  }

  private List<PartitionStats> stats() {
    List<PartitionStats> stats = new ArrayList<>();
    for (int i = 0; i < PARTITIONS; i++) {
      PartitionStats now = store.stats(i);
      stats.add(
          new PartitionStats(
              now.ready(),
              now.deferred(),
              now.parked(),
              now.conflicts(),
              now.staged(),
              now.bytes(),
              now.parkedBytes(),
              now.oldest(),
              now.oldestReady(),
              0));
    }
    return stats;
  }

  private Void write(int seed) {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    for (int i = 0; i < WRITES; i++) {
      Key key = TYPE.key((long) random.nextInt(KEYS));
      Durability durability = Durability.values()[i % 50 == 0 ? 2 : random.nextInt(2)];
      Write write =
          new Write(key, random.nextInt(9) == 0 ? null : TYPE.rowOf("v" + seed + i), durability);
      long version =
          ((WriteOutcome.Written) environment.await(store.put(write))).mutation().version();
      acknowledged.merge(key, version, Math::max);
      Lookup lookup = environment.await(store.get(key));
      // Whatever is evicted, nothing older than what was acknowledged is read.
      assertThat(lookup.miss() || lookup.version() >= version).isTrue();
    }
    return null;
  }

  private Void flushWhileWriting(int partition) {
    while (writing.get()) {
      flush(partition);
    }
    return null;
  }

  private int flush(int partition) {
    Taken taken = environment.await(store.take(partition, 1, TakeLimits.of(50)));
    List<Mutation> done = new ArrayList<>();
    for (Mutation mutation : taken.mutations()) {
      int what = ThreadLocalRandom.current().nextInt(40);
      if (what == 0 && writing.get()) {
        continue;
      } else if (what == 1 && writing.get()) {
        environment.await(
            store.defer(
                partition,
                1,
                mutation,
                0,
                1,
                new Failure(DatabaseError.of(ErrorClass.CONSTRAINT, "later"), 1)));
        continue;
      }
      Long before = applied.put(mutation.key(), mutation.version());
      assertThat(before == null || before <= mutation.version()).isTrue();
      done.add(mutation);
    }
    // A batch that is not all in the database does not move the frontier.
    boolean all = done.size() == taken.mutations().size();
    long frontier = all ? taken.frontier() : store.frontier(partition);
    environment.await(store.settle(partition, 1, done, frontier));
    return taken.mutations().size();
  }

  private Void read() {
    long[] frontiers = new long[PARTITIONS];
    while (writing.get()) {
      environment.await(store.pending("", null, 50));
      for (int i = 0; i < PARTITIONS; i++) {
        PartitionStats stats = store.stats(i);
        assertThat(stats.ready()).isNotNegative();
        assertThat(stats.bytes()).isNotNegative();
        assertThat(store.frontier(i)).isGreaterThanOrEqualTo(frontiers[i]);
        frontiers[i] = store.frontier(i);
      }
    }
    return null;
  }
}
