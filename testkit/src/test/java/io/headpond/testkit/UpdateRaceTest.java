package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.Increment;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.journal.JournalStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On real threads: many who change the same few entries in every way at once, and none of their changes is lost. */
class UpdateRaceTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("n", ColumnType.BIGINT).build();
  private static final int KEYS = 3;
  private static final int THREADS = 6;
  private static final int ROUNDS = 400;

  @TempDir Path folder;

  /** Without a cache each value is evicted as soon as it is clean, and updates load. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1_000})
  @Timeout(60)
  void noChangeIsLostHoweverItIsMade(int cacheSize) throws Exception {
    OneThread databaseThread = new OneThread();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    FakeDatabase database = new FakeDatabase(databaseThread);
    AtomicLongArray added = new AtomicLongArray(KEYS);
    try (WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(TYPE)
            .name("t")
            .partitions(2)
            .linger(Duration.ofMillis(1))
            .cacheSize(cacheSize)
            .durability(Durability.JOURNAL)
            .store(JournalStore.in(folder).segmentSize(1 << 20))
            .systemOfRecord(database)
            .build()) {
      List<Callable<Void>> writers = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        Random random = new Random(thread);
        writers.add(
            () -> {
              for (int i = 0; i < ROUNDS; i++) {
                int key = random.nextInt(KEYS);
                change(cache, TYPE.key((long) key), random.nextInt(20));
                added.incrementAndGet(key);
              }
              return null;
            });
      }
      for (Future<Void> writer : threads.invokeAll(writers)) {
        writer.get();
      }
      assertThat(cache.drain(Duration.ofSeconds(20)).remaining()).isZero();
      for (int key = 0; key < KEYS; key++) {
        assertThat(database.row(TYPE.key((long) key)).value().get("n")).isEqualTo(added.get(key));
      }
    } finally {
      threads.shutdownNow();
      databaseThread.close();
    }
  }

  private static void change(WriteBehindCache<Key, Row> cache, Key key, int how) {
    Increment one = Increment.of("n", 1).createIfAbsent();
    switch (how) {
      case 0 -> cache.increment(key, one, WriteOptions.defaults().durability(Durability.DATABASE));
      case 1 -> cache.increment(key, one, WriteOptions.defaults().durability(Durability.DISK));
      case 2, 3 -> cache.increment(key, one, WriteOptions.defaults().durability(Durability.MEMORY));
      case 4, 5, 6, 7 ->
          cache.update(
              key,
              row -> TYPE.rowOf(row == null ? 1L : (long) row.get("n") + 1),
              WriteOptions.defaults());
      case 8, 9, 10 -> compareAndSet(cache, key);
      default -> cache.increment(key, one);
    }
  }

  /** As a client of the HTTP API does it: read, write under the version that was read, and begin anew. */
  private static void compareAndSet(WriteBehindCache<Key, Row> cache, Key key) {
    while (true) {
      Entry<Row> entry = cache.entry(key);
      Row row = entry.value();
      Condition condition = row == null ? Condition.absent() : Condition.version(entry.version());
      long next = row == null ? 1 : (long) row.get("n") + 1;
      try {
        cache.put(key, TYPE.rowOf(next), WriteOptions.onlyIf(condition));
        return;
      } catch (ConditionFailedException e) {
        // Somebody was faster.
      }
    }
  }
}
