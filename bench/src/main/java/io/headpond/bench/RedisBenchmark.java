package io.headpond.bench;

import io.headpond.Durability;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.bench.Writers.Choice;
import io.headpond.journal.JournalStore;
import io.headpond.redis.RedisStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.SystemOfRecord;
import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Writes, memory and flushes of the hot store on Redis. */
final class RedisBenchmark implements Benchmark {
  private static final int OUTSTANDING = 1_000;
  private static final double WRITE_GOAL = 0.8;
  private static final double LATENCY_GOAL = 1.3;
  private static final double FLUSH_GOAL = 0.8;

  /** How the writes come. */
  private enum Load {
    ONE("1 blocking", 1),
    FOUR("4 blocking", 4),
    ASYNCHRONOUS("1 asynchronous, " + Samples.whole(OUTSTANDING) + " outstanding", 1);

    private final String text;
    private final int threads;

    Load(String text, int threads) {
      this.text = text;
      this.threads = threads;
    }
  }

  @Override
  public String name() {
    return "redis";
  }

  @Override
  public String title() {
    return "the hot store on Redis: writes, memory, flushes";
  }

  @Override
  public boolean needsPostgres() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    Kv entries = Kv.of(Kv.TYPE, 0, run.scale(100_000, 2_000), 1);
    List<String> then = new ArrayList<>(Comparison.HEADINGS);
    then.addAll(List.of("p50", "p99", "round trip p50", "ratio of p50", "goal", ""));
    Table table = new Table(List.of("durability", "writers"), then);
    Table memory = new Table("what", "bytes for each entry");
    String version = "";
    for (boolean forced : new boolean[] {false, true}) {
      try (RedisServer server = RedisServer.start(run, forced)) {
        version = server.version();
        for (Load load : Load.values()) {
          run.progress("redis " + (forced ? "DISK " : "MEMORY ") + load.text);
          writes(run, server, entries, forced, load, table);
        }
        if (!forced) {
          memory(server, entries, memory);
        }
      }
    }
    run.out()
        .printf(
            "Redis %s on this machine, one connection. Keys of %d bytes, values of %d, %,d entries that are pending already, at"
                + " random. MEMORY: no persistence; DISK: appendfsync always.%n"
                + "Limit: SET of the same bytes and ZADD NX, pipelined, by the same client. Round trip: one such SET of one"
                + " blocking writer; goal of the p50 of one blocking writer: %.1f of it.%n%n",
            version, Kv.KEY_BYTES, Kv.VALUE_BYTES, entries.size(), LATENCY_GOAL);
    run.out().print(table);
    run.out().println();
    run.out().print(memory);
    run.out()
        .printf(
            "%nFlush: rows in a second into PostgreSQL, %,d new keys, batches of 1,000, 16 partitions. Limit: the same from the embedded"
                + " store.%n%n",
            flushed(run));
    run.out().print(flush(run));
  }

  private static void writes(
      Run run, RedisServer server, Kv entries, boolean forced, Load load, Table table) {
    Comparison comparison = new Comparison();
    Histogram latencies = new Histogram(3);
    Histogram trips = new Histogram(3);
    double seconds = run.quick() ? 0.05 : 1;
    Durability durability = forced ? Durability.DISK : Durability.MEMORY;
    try (BareRedis bare = new BareRedis(server.url(), entries, Caches.PARTITIONS)) {
      bare.flushAll();
      try (RedisStore.Factory stores = RedisStore.at(server.url());
          WriteBehindCache<Key, Row> cache = Caches.idle(stores, Caches.PARTITIONS)) {
        for (int i = 0; i < entries.size(); i++) {
          cache.putAsync(entries.key(i), entries.row(i), durability);
        }
        for (int round = run.firstRound(); round <= run.rounds(); round++) {
          Histogram measured = new Histogram(3);
          Histogram trip = new Histogram(3);
          double subject = subject(cache, entries, durability, load, seconds, null);
          double limit = limit(bare, entries.size(), load, seconds);
          subject(cache, entries, durability, load, seconds, measured);
          Writers.blocking(
              List.of(Choice.any(entries.size(), 1)),
              i -> bare.roundTrip(i).join(),
              seconds / 2,
              trip);
          if (round > 0) {
            comparison.add(subject, limit);
            latencies.add(measured);
            trips.add(trip);
          }
        }
      }
    }
    double p50 = latencies.getValueAtPercentile(50);
    double ratio = p50 / trips.getValueAtPercentile(50);
    boolean blocking = load == Load.ONE;
    List<String> cells = new ArrayList<>(comparison.cells(blocking ? 0 : WRITE_GOAL));
    cells.add(Samples.micros(p50));
    cells.add(Samples.micros(latencies.getValueAtPercentile(99)));
    cells.add(Samples.micros(trips.getValueAtPercentile(50)));
    cells.add(Samples.ratio(ratio));
    cells.add(blocking ? "<= " + LATENCY_GOAL : "-");
    cells.add(blocking ? ratio <= LATENCY_GOAL ? "met" : "NOT MET" : "");
    table.row(List.of(durability.name(), load.text), cells);
  }

  private static double subject(
      WriteBehindCache<Key, Row> cache,
      Kv entries,
      Durability durability,
      Load load,
      double seconds,
      @Nullable Histogram latencies) {
    return load == Load.ASYNCHRONOUS
        ? Writers.asynchronous(
                Choice.any(entries.size(), 1),
                i -> cache.putAsync(entries.key(i), entries.row(i), durability),
                OUTSTANDING,
                seconds,
                latencies)
            .rate()
        : Writers.blocking(
                choices(entries.size(), load),
                i -> cache.put(entries.key(i), entries.row(i), durability),
                seconds,
                latencies)
            .rate();
  }

  private static double limit(BareRedis bare, int count, Load load, double seconds) {
    return load == Load.ASYNCHRONOUS
        ? Writers.asynchronous(Choice.any(count, 1), bare::write, OUTSTANDING, seconds, null).rate()
        : Writers.blocking(choices(count, load), i -> bare.write(i).join(), seconds, null).rate();
  }

  private static List<Choice> choices(int count, Load load) {
    List<Choice> choices = new ArrayList<>();
    for (int i = 1; i <= load.threads; i++) {
      choices.add(Choice.any(count, i));
    }
    return choices;
  }

  private static void memory(RedisServer server, Kv entries, Table table) {
    try (BareRedis bare = new BareRedis(server.url(), entries, Caches.PARTITIONS)) {
      bare.flushAll();
      long empty = bare.usedMemory();
      try (RedisStore.Factory stores = RedisStore.at(server.url());
          WriteBehindCache<Key, Row> cache = Caches.idle(stores, Caches.PARTITIONS)) {
        List<java.util.concurrent.CompletableFuture<?>> all = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
          all.add(cache.putAsync(entries.key(i), entries.row(i), Durability.MEMORY));
        }
        all.forEach(java.util.concurrent.CompletableFuture::join);
        row(table, "pending entry", bare.usedMemory() - empty, entries.size());
      }
      bare.flushAll();
      empty = bare.usedMemory();
      for (int i = 0; i < entries.size(); i++) {
        bare.write(i).join();
      }
      row(table, "SET and ZADD of the same bytes", bare.usedMemory() - empty, entries.size());
    }
  }

  private static void row(Table table, String what, long bytes, int count) {
    table.row(what, Samples.whole((double) bytes / count));
  }

  private static int flushed(Run run) {
    return run.scale(200_000, 5_000);
  }

  private static Table flush(Run run) throws Exception {
    Table table = new Table(List.of("from"), Comparison.HEADINGS);
    Samples redis = new Samples();
    Samples embedded = new Samples();
    Comparison comparison = new Comparison();
    try (Postgres postgres = Postgres.start(run);
        RedisServer server = RedisServer.start(run, true)) {
      int rounds = run.quick() ? 1 : 4;
      for (int round = 0; round < rounds; round++) {
        run.progress("redis flush, round " + round);
        try (RedisStore.Factory stores = RedisStore.at(server.url()).prefix("round" + round)) {
          redis.add(flush(run, postgres, stores, Durability.DISK));
        }
        embedded.add(
            flush(run, postgres, JournalStore.in(run.folder("journal")), Durability.JOURNAL));
        if (round > 0 || run.quick()) {
          comparison.add(redis.last(), embedded.last());
        }
      }
    }
    table.row(List.of("Redis, DISK"), comparison.cells(FLUSH_GOAL));
    return table;
  }

  private static double flush(
      Run run, Postgres postgres, HotStoreFactory store, Durability durability)
      throws SQLException, IOException {
    postgres.execute(
        "drop table if exists headpond_dataset, headpond_lease, headpond_tombstone, headpond_worker");
    postgres.execute("truncate " + Postgres.SUBJECT);
    Gate[] gate = new Gate[1];
    try (WriteBehindCache<Key, Row> cache =
        Caches.open(
            store,
            (dataset, declared) -> {
              SystemOfRecord record = postgres.table().connect(dataset, declared);
              gate[0] = new Gate(record);
              return gate[0];
            },
            Caches.settings(1_000, Caches.PARTITIONS))) {
      Kv entries = Kv.of(cache.rowType(), 0, flushed(run), 1);
      gate[0].shut();
      List<java.util.concurrent.CompletableFuture<?>> all = new ArrayList<>();
      for (int i = 0; i < entries.size(); i++) {
        all.add(cache.putAsync(entries.key(i), entries.row(i), durability));
      }
      all.forEach(java.util.concurrent.CompletableFuture::join);
      postgres.execute("checkpoint");
      long began = System.nanoTime();
      gate[0].open();
      FlushReport report = cache.flush();
      double seconds = (System.nanoTime() - began) / 1e9;
      if (report.remaining() != 0 || report.error() != null) {
        throw new IllegalStateException("the flush left something: " + report);
      }
      return entries.size() / seconds;
    }
  }
}
