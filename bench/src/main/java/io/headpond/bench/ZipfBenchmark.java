package io.headpond.bench;

import io.headpond.CacheSettings;
import io.headpond.CacheStatus.Counters;
import io.headpond.Durability;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.bench.Writers.Choice;
import io.headpond.journal.JournalStore;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A hot set, from the first write to the last row. */
final class ZipfBenchmark implements Benchmark {
  private static final int KEYS = 10_000;
  private static final double SKEW = 0.99;
  private static final int THREADS = 4;
  private static final int OUTSTANDING = 1_000;
  private static final double FOREVER_SECONDS = 1e6;

  @Override
  public String name() {
    return "zipf";
  }

  @Override
  public String title() {
    return "many writes of few keys, until the database has them all";
  }

  @Override
  public boolean needsPostgres() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    int writes = run.scale(1_000_000, 20_000);
    int[] keys = zipf(writes);
    run.out()
        .printf(
            "%,d writes on %,d keys, Zipf %.2f, keys of %d bytes, values of %d, the engine's default settings"
                + " (linger 100 ms, batches of 1,000, 16 partitions).%n%n",
            writes, KEYS, SKEW, Kv.KEY_BYTES, Kv.VALUE_BYTES);
    Table table =
        new Table(
            "durability",
            "writers",
            "last acknowledged",
            "database has all",
            "rows written",
            "writes for each row",
            "batches");
    try (Postgres postgres = Postgres.start(run)) {
      for (Durability durability : List.of(Durability.JOURNAL, Durability.DISK)) {
        measure(run, postgres, table, keys, durability);
      }
    }
    run.out().print(table);
  }

  private static void measure(
      Run run, Postgres postgres, Table table, int[] keys, Durability durability)
      throws SQLException {
    Samples acknowledged = new Samples();
    Samples all = new Samples();
    Samples rows = new Samples();
    Samples factor = new Samples();
    Samples batches = new Samples();
    int rounds = run.quick() ? 0 : 5;
    for (int round = 0; round <= rounds; round++) {
      run.progress("zipf " + durability + ", round " + round);
      postgres.execute("truncate " + Postgres.SUBJECT);
      postgres.execute("drop table if exists headpond_dataset, headpond_lease, headpond_tombstone");
      postgres.settle();
      try (WriteBehindCache<Key, Row> cache =
          Caches.open(
              JournalStore.in(run.folder("journal")),
              postgres.table(),
              CacheSettings.defaults(Caches.NAME))) {
        Kv entries = Kv.of(cache.rowType(), 0, KEYS, round);
        long began = System.nanoTime();
        Writers.Result written = write(cache, entries, keys, durability);
        FlushReport report = cache.flush();
        double seconds = (System.nanoTime() - began) / 1e9;
        if (report.remaining() != 0 || report.error() != null) {
          throw new IllegalStateException("the flush left something: " + report);
        }
        Counters counters = cache.status().counters();
        if (round > 0 || run.quick()) {
          acknowledged.add(written.seconds());
          all.add(seconds);
          rows.add(counters.applied());
          factor.add((double) counters.writes() / counters.applied());
          batches.add(counters.batches());
        }
      }
    }
    table.row(
        durability.name(),
        durability == Durability.DISK
            ? "1 asynchronous, " + Samples.whole(OUTSTANDING) + " outstanding"
            : THREADS + " blocking",
        acknowledged.text(Samples::seconds),
        all.text(Samples::seconds),
        rows.text(Samples::whole),
        factor.text(Samples::ratio),
        batches.text(Samples::whole));
  }

  private static Writers.Result write(
      WriteBehindCache<Key, Row> cache, Kv entries, int[] keys, Durability durability) {
    if (durability == Durability.DISK) {
      return Writers.asynchronous(
          Choice.each(0, keys.length),
          i -> cache.putAsync(entries.key(keys[i]), entries.row((keys[i] + i) % KEYS), durability),
          OUTSTANDING,
          FOREVER_SECONDS,
          null);
    }
    List<Choice> choices = new ArrayList<>();
    int share = keys.length / THREADS;
    for (int i = 0; i < THREADS; i++) {
      choices.add(Choice.each(i * share, share));
    }
    return Writers.blocking(
        choices,
        i -> cache.put(entries.key(keys[i]), entries.row((keys[i] + i) % KEYS), durability),
        FOREVER_SECONDS,
        null);
  }

  /** The same keys in each run: rank r of n with a weight of 1 / r^0.99. */
  private static int[] zipf(int writes) {
    double[] cumulated = new double[KEYS];
    double sum = 0;
    for (int i = 0; i < KEYS; i++) {
      sum += 1 / Math.pow(i + 1, SKEW);
      cumulated[i] = sum;
    }
    SplittableRandom random = new SplittableRandom(42);
    int[] keys = new int[writes];
    for (int i = 0; i < writes; i++) {
      int at = Arrays.binarySearch(cumulated, random.nextDouble() * sum);
      keys[i] = Math.min(KEYS - 1, at < 0 ? -at - 1 : at);
    }
    return keys;
  }
}
