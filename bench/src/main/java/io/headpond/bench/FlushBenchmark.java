package io.headpond.bench;

import io.headpond.Durability;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.SystemOfRecord;
import java.io.IOException;
import java.sql.SQLException;
import java.util.List;

/** Rows in a second from the hot store into PostgreSQL. */
final class FlushBenchmark implements Benchmark {
  private static final double GOAL = 0.8;
  private static final int DEFAULT_BATCH = 1_000;

  @Override
  public String name() {
    return "flush";
  }

  @Override
  public String title() {
    return "rows in a second into PostgreSQL";
  }

  @Override
  public boolean needsPostgres() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    int entries = run.scale(200_000, 5_000);
    run.out()
        .printf(
            "%,d distinct keys, keys of %d bytes, values of %d, with version and time columns; from flush() until nothing is"
                + " pending. 4 connections (the default).%n"
                + "Limit: COPY of the same rows, sorted, into a temporary table and one INSERT ... ON CONFLICT DO UPDATE, one"
                + " transaction. Rows in a second.%n%n",
            entries, Kv.KEY_BYTES, Kv.VALUE_BYTES);
    Table table = new Table(List.of("rows", "maxBatchSize", "partitions"), Comparison.HEADINGS);
    try (Postgres postgres = Postgres.start(run)) {
      for (int batch : new int[] {100, DEFAULT_BATCH, 5_000}) {
        measure(run, postgres, table, entries, batch, Caches.PARTITIONS);
      }
      if (!run.quick()) {
        measure(run, postgres, table, entries, DEFAULT_BATCH, 4);
        measure(run, postgres, table, entries, 5_000, 4);
      }
    }
    run.out().print(table);
  }

  private static void measure(
      Run run, Postgres postgres, Table table, int count, int batch, int partitions)
      throws SQLException, IOException {
    run.progress("flush in batches of " + batch + ", " + partitions + " partitions");
    Comparison inserts = new Comparison();
    Comparison updates = new Comparison();
    // Own tables too: each measurement has a journal of its own.
    postgres.execute("drop table if exists headpond_dataset, headpond_lease, headpond_tombstone");
    Gate[] gate = new Gate[1];
    try (WriteBehindCache<Key, Row> cache =
        Caches.open(
            JournalStore.in(run.folder("journal")),
            (dataset, declared) -> {
              SystemOfRecord record = postgres.table().connect(dataset, declared);
              gate[0] = new Gate(record);
              return gate[0];
            },
            Caches.settings(batch, partitions))) {
      int rounds = run.quick() ? 1 : 4;
      for (int round = 0; round < rounds; round++) {
        postgres.execute("truncate " + Postgres.SUBJECT + ", " + Postgres.LIMIT);
        for (Comparison kind : List.of(inserts, updates)) {
          Kv entries = Kv.of(cache.rowType(), 0, count, round * 2L + (kind == inserts ? 0 : 1));
          double subject = flush(postgres, cache, gate[0], entries);
          postgres.settle();
          byte[] rows = Postgres.copyText(entries, round * 2L + (kind == inserts ? 1 : 2));
          double limit = postgres.merge(rows);
          postgres.settle();
          if (round > 0 || run.quick()) {
            kind.add(count / subject, count / limit);
          }
        }
      }
    }
    row(table, "new", batch, partitions, inserts);
    row(table, "existing", batch, partitions, updates);
  }

  private static void row(
      Table table, String rows, int batch, int partitions, Comparison comparison) {
    table.row(
        List.of(rows, Samples.whole(batch), Samples.whole(partitions)), comparison.cells(GOAL));
  }

  private static double flush(
      Postgres postgres, WriteBehindCache<Key, Row> cache, Gate gate, Kv entries)
      throws SQLException {
    gate.shut();
    for (int i = 0; i < entries.size(); i++) {
      cache.put(entries.key(i), entries.row(i), Durability.JOURNAL);
    }
    postgres.execute("checkpoint");
    long began = System.nanoTime();
    gate.open();
    FlushReport report = cache.flush();
    double seconds = (System.nanoTime() - began) / 1e9;
    if (report.remaining() != 0 || report.error() != null) {
      throw new IllegalStateException("the flush left something: " + report);
    }
    long found =
        postgres.count("select count(*) from " + Postgres.SUBJECT + " where value is not null");
    if (found != entries.size()) {
      throw new IllegalStateException("the table has " + found + " rows");
    }
    return seconds;
  }
}
