package io.headpond.bench;

import io.headpond.bench.Writers.Result;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** Writes over HTTP beside a route of the same server that does nothing. */
final class HttpBenchmark implements Benchmark {
  private static final int CONNECTIONS = 16;
  private static final int BATCH_CLIENTS = 4;
  private static final int BATCH_LINES = 1_000;
  private static final int KEYS = 10_000;
  private static final String PING = "/v1/ping";

  /** The shipped dataset, but nothing is flushed while it is measured. */
  private static final String LATER =
      """
      datasets:
        kv:
          table: kv
          key: {key: text}
          columns: {value: text}
          versionColumn: version
          updatedAtColumn: updated_at
          linger: 1h
          maxBatchSize: 30000
      """;

  @Override
  public String name() {
    return "http";
  }

  @Override
  public String title() {
    return "writes in a second over HTTP";
  }

  @Override
  public boolean needsPostgres() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    run.out()
        .printf(
            "The packaged server, a process of its own on the same machine with its PostgreSQL; %d keep-alive connections,"
                + " %,d keys at random, values of %d bytes.%n`as shipped` (linger 1 s, batches of 10): rows are flushed while it"
                + " is measured; `later`: none is (linger 1 h).%nLimit: PUT %s with the same body. Every request timed.%n%n",
            CONNECTIONS, KEYS, Kv.VALUE_BYTES, PING);
    List<String> then = new ArrayList<>(Comparison.HEADINGS);
    then.addAll(List.of("p50", "p99", "p99.9", "limit p50", "limit p99"));
    Table table = new Table(List.of("flush", "durability"), then);
    Table batches = new Table(List.of("flush", "durability"), then);
    measure(run, table, batches, "later", LATER);
    if (!run.quick()) {
      measure(run, table, batches, "as shipped", "");
    }
    run.out().print(table);
    run.out()
        .printf(
            "%nBatches: lines in a second, POST .../entries:batch, %d clients, each with one batch of %,d at a"
                + " time; latencies are those of a whole batch.%nLimit: PUT %s with the same bytes.%n%n",
            BATCH_CLIENTS, BATCH_LINES, PING);
    run.out().print(batches);
  }

  private static void measure(Run run, Table table, Table batches, String flush, String config)
      throws IOException, InterruptedException {
    run.progress("http, starting the server");
    try (ServerProcess server = ServerProcess.start(run, config);
        HttpClients clients = new HttpClients(server.port(), CONNECTIONS)) {
      double seconds = run.quick() ? 0.5 : 2;
      clients.put(PING, KEYS, run.quick() ? 0.2 : 5, new Histogram(3));
      clients.put(target("memory"), KEYS, run.quick() ? 0.2 : 5, new Histogram(3));
      for (String durability : new String[] {"memory", "journal", "disk"}) {
        run.progress("http " + durability + ", flushed " + flush);
        measure(run, table, clients, flush, durability, seconds);
      }
      BatchClients batching = new BatchClients(server.port(), BATCH_CLIENTS, BATCH_LINES, KEYS);
      for (String durability : new String[] {"journal", "disk"}) {
        run.progress("http batches " + durability + ", flushed " + flush);
        measure(run, batches, batching, flush, durability, seconds);
      }
    }
  }

  private static String target(String durability) {
    return "/v1/datasets/kv/entries/key-" + HttpClients.KEY + "?durability=" + durability;
  }

  private static void measure(
      Run run, Table table, HttpClients clients, String flush, String durability, double seconds) {
    Comparison comparison = new Comparison();
    Histogram latencies = new Histogram(3);
    Histogram limits = new Histogram(3);
    for (int round = run.firstRound(); round <= run.rounds(); round++) {
      Histogram put = new Histogram(3);
      Histogram ping = new Histogram(3);
      Result subject = clients.put(target(durability), KEYS, seconds, put);
      Result limit = clients.put(PING, KEYS, seconds, ping);
      if (round > 0) {
        comparison.add(subject.rate(), limit.rate());
        latencies.add(put);
        limits.add(ping);
      }
    }
    table.row(
        List.of(flush, durability.toUpperCase(Locale.ROOT)), cells(comparison, latencies, limits));
  }

  private static void measure(
      Run run, Table table, BatchClients clients, String flush, String durability, double seconds) {
    String target = "/v1/datasets/kv/entries:batch?durability=" + durability;
    Comparison comparison = new Comparison();
    Histogram latencies = new Histogram(3);
    Histogram limits = new Histogram(3);
    for (int round = run.firstRound(); round <= run.rounds(); round++) {
      Histogram batch = new Histogram(3);
      Histogram ping = new Histogram(3);
      Result subject = clients.post(target, seconds, batch);
      Result limit = clients.put(PING, seconds, ping);
      if (round > 0) {
        comparison.add(subject.rate() * BATCH_LINES, limit.rate() * BATCH_LINES);
        latencies.add(batch);
        limits.add(ping);
      }
    }
    table.row(
        List.of(flush, durability.toUpperCase(Locale.ROOT)), cells(comparison, latencies, limits));
  }

  private static List<String> cells(Comparison comparison, Histogram latencies, Histogram limits) {
    List<String> cells = new ArrayList<>(comparison.cells(0));
    for (double percentile : new double[] {50, 99, 99.9}) {
      cells.add(Samples.micros(latencies.getValueAtPercentile(percentile)));
    }
    cells.add(Samples.micros(limits.getValueAtPercentile(50)));
    cells.add(Samples.micros(limits.getValueAtPercentile(99)));
    return cells;
  }
}
