package io.headpond.bench.micro;

import io.headpond.CacheSettings;
import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.bench.Idle;
import io.headpond.journal.JournalStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One put to an entry that is pending already, beside a map; {@code -prof gc} gives the bytes it allocates. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@SuppressWarnings("NullAway.Init")
public class PutBenchmark {
  private static final int ENTRIES = 100_000;
  private static final RowType TYPE =
      RowType.builder().key("key", ColumnType.TEXT).column("value", ColumnType.TEXT).build();

  /** What is asked for. */
  @Param({"MEMORY", "JOURNAL", "DISK"})
  public Durability durability;

  private final ConcurrentHashMap<Key, Row> map = new ConcurrentHashMap<>();
  private final Key[] keys = new Key[ENTRIES];
  private final Row[] rows = new Row[ENTRIES];
  private Path folder;
  private @Nullable WriteBehindCache<Key, Row> cache;

  /** Makes all entries pending. */
  @Setup(Level.Trial)
  public void open() throws IOException {
    folder = Files.createTempDirectory("headpond-jmh-");
    cache =
        WriteBehindCache.builder(TYPE)
            .store(JournalStore.in(folder))
            .systemOfRecord(Idle.database())
            .settings(
                CacheSettings.builder("kv")
                    .linger(Duration.ofHours(1))
                    .maxBatchSize(30_000)
                    .maxPendingEntries(100_000_000)
                    .maxPendingBytes(64L << 30)
                    .overload(Overload.reject())
                    .build())
            .build();
    for (int i = 0; i < ENTRIES; i++) {
      keys[i] = TYPE.key(String.format(Locale.ROOT, "key-%012d", i));
      rows[i] = TYPE.rowOf("x".repeat(90) + String.format(Locale.ROOT, "%010d", i));
      cache.put(keys[i], rows[i], Durability.MEMORY);
      map.put(keys[i], rows[i]);
    }
  }

  /** Removes the files. */
  @TearDown(Level.Trial)
  public void close() throws IOException {
    if (cache != null) {
      cache.close();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> all = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : all) {
        Files.delete(file);
      }
    }
  }

  /** The whole path of a write. */
  @Benchmark
  public @Nullable Receipt put() {
    int i = ThreadLocalRandom.current().nextInt(ENTRIES);
    return cache == null ? null : cache.put(keys[i], rows[i], durability);
  }

  /** What no store can beat. */
  @Benchmark
  public @Nullable Row map() {
    int i = ThreadLocalRandom.current().nextInt(ENTRIES);
    return map.put(keys[i], rows[i]);
  }
}
