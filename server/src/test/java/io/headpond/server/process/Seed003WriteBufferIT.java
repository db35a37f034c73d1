package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The test areas of seed 003, one test each, over HTTP: a write buffer in front of the user's own table, configured by the seed's
 * variables. While a test holds the table, nothing can reach it: what is queued then is exactly known.
 */
class Seed003WriteBufferIT {
  private static final int BATCH_SIZE = 10;

  @TempDir private static Path folder;

  private static String url;
  private static Map<String, String> environment;
  private static ServerProcess server;

  private Wire wire;

  @BeforeAll
  static void start() throws Exception {
    url = TestPostgres.createDatabase().jdbcUrl();
    createTables(url);
    environment = environment(url);
    server = ServerProcess.serve(environment, folder.resolve("data"));
  }

  private static void createTables(String url) throws Exception {
    Table.execute(
        url,
        "create table kv (key text primary key, value text check (value <> 'refused'),"
            + " version bigint not null, updated_at timestamptz not null)");
    Table.createProducts(url);
  }

  private static Map<String, String> environment(String url) {
    return Map.of(
        "DATABASE_URL", Table.url(url),
        "BATCH_SIZE", Integer.toString(BATCH_SIZE),
        "BATCH_TIMEOUT", "0.2",
        "WORKER_POLL_INTERVAL", "0.1",
        "MAX_RETRIES", "2",
        "RETRY_DELAY", "0.05");
  }

  @AfterAll
  static void stop() throws Exception {
    assertThat(server.terminate().exit()).isZero();
  }

  @BeforeEach
  void connect() throws Exception {
    wire = new Wire(server.port());
  }

  @AfterEach
  void disconnect() throws Exception {
    flush();
    wire.close();
  }

  @Test
  void writeQueueing() throws Exception {
    Wire.Answer answer = write("user:123", "John Doe");
    assertThat(answer.status()).isEqualTo(202);
    assertThat(answer.body())
        .matches(
            "\\{\"success\":true,\"key\":\"user:123\",\"queued\":true,\"queue_depth\":\\d+,"
                + "\"message\":\"Write queued successfully\"}");
    long queued = stats().number("writes_queued");
    for (String body :
        new String[] {
          "",
          "[]",
          "{\"key\": \"k\"}",
          "{\"value\": \"v\"}",
          "{\"key\": \"k\", \"value\": 7}",
          "{\"key\": \"\", \"value\": \"v\"}",
          "{\"key\": \"k\", \"value\": null}",
          "{\"key\": \"k\", \"value\": \"v\", \"ttl\": 5}"
        }) {
      assertThat(status("POST", "/write", body)).as(body).isIn(400, 422);
    }
    assertThat(status("GET", "/write", "")).isEqualTo(405);
    assertThat(stats().number("writes_queued")).isEqualTo(queued);
  }

  @Test
  void read() throws Exception {
    write("read/a b", "it \\\"is\\\" there");
    Wire.Answer found = wire.send("GET", "/read/read%2Fa%20b", "");
    assertThat(found.status()).isEqualTo(200);
    assertThat(found.body())
        .isEqualTo("{\"success\":true,\"key\":\"read/a b\",\"value\":\"it \\\"is\\\" there\"}");
    Wire.Answer absent = wire.send("GET", "/read/nobody", "");
    assertThat(absent.status()).isEqualTo(404);
    assertThat(absent.body())
        .isEqualTo("{\"success\":false,\"key\":\"nobody\",\"message\":\"Key not found\"}");
    assertThat(status("GET", "/read/nobody?source=memory", "")).isEqualTo(400);
    assertThat(status("DELETE", "/read/nobody", "")).isEqualTo(405);
  }

  /** The seed's own reader may see an old value for a moment; ours sees it only if it asks the database. */
  @Test
  void eventualConsistency() throws Exception {
    write("counter", "99");
    flush();
    Connection held = Table.lock(url, "kv");
    try {
      write("counter", "100");
      write("fresh", "1");
      assertThat(wire.send("GET", "/read/counter", "").body()).contains("\"value\":\"100\"");
      assertThat(wire.send("GET", "/read/counter?source=database", "").body())
          .isEqualTo("{\"success\":true,\"key\":\"counter\",\"value\":\"99\"}");
      Wire.Answer absent = wire.send("GET", "/read/fresh?source=database", "");
      assertThat(absent.status()).isEqualTo(404);
      assertThat(absent.body()).contains("\"success\":false,\"key\":\"fresh\"");
    } finally {
      held.close();
    }
    server.await(
        "the write in the database",
        () ->
            wire.send("GET", "/read/counter?source=database", "")
                .body()
                .contains("\"value\":\"100\""));
  }

  @Test
  void queueDepth() throws Exception {
    flush();
    try (Connection held = Table.lock(url, "kv")) {
      for (int i = 1; i <= 25; i++) {
        assertThat(write("depth " + i, "v").number("queue_depth")).isEqualTo(i);
        write("depth " + i, "again");
      }
      assertThat(stats().number("queue_depth")).isEqualTo(25);
      Wire.Answer health = wire.send("GET", "/health", "");
      assertThat(health.status()).isEqualTo(200);
      assertThat(health.body())
          .isEqualTo("{\"status\":\"healthy\",\"queue_depth\":25,\"worker_active\":true}");
    }
    server.await("an empty queue", () -> stats().number("queue_depth") == 0);
    assertThat(wire.send("GET", "/health", "").body()).contains("\"queue_depth\":0");
  }

  @Test
  void batches() throws Exception {
    try (Connection held = Table.lock(url, "kv")) {
      for (int i = 0; i < 300; i++) {
        write("batch " + i, "v");
      }
    }
    flush();
    List<List<Object>> batches =
        Table.query(
            url,
            "select count(*) as entries from kv where key like 'batch %' group by xmin::text"
                + " order by entries desc");
    assertThat(batches.stream().mapToLong(batch -> (Long) batch.get(0)).sum()).isEqualTo(300);
    assertThat(batches.get(0).get(0)).isEqualTo((long) BATCH_SIZE);
    assertThat(batches).hasSizeLessThan(100);
  }

  @Test
  void failedWrites() throws Exception {
    flush();
    Wire.Answer before = stats();
    for (int i = 0; i < 50; i++) {
      write("failed " + i, i == 25 ? "refused" : "good");
    }
    server.await("the refused write given up", () -> stats().number("writes_failed") == 1);
    flush();
    Wire.Answer after = stats();
    assertThat(after.number("writes_processed") - before.number("writes_processed")).isEqualTo(49);
    assertThat(after.number("queue_depth")).isZero();
    assertThat(Table.query(url, "select count(*) from kv where key like 'failed %'"))
        .containsExactly(List.of(49L));
    Wire.Answer health = wire.send("GET", "/health", "");
    assertThat(health.status()).isEqualTo(200);
    assertThat(health.body()).startsWith("{\"status\":\"degraded\",");
    String pending = wire.send("GET", "/v1/datasets/kv/pending", "").body();
    assertThat(pending).contains("\"key\":\"failed 25\"", "\"state\":\"parked\"", "23514");

    write("failed 25", "put right");
    flush();
    assertThat(stats().number("writes_failed")).isZero();
    assertThat(Table.query(url, "select value from kv where key = 'failed 25'"))
        .containsExactly(List.of("put right"));
  }

  @Test
  void workerRestart() throws Exception {
    String own = TestPostgres.createDatabase().jdbcUrl();
    createTables(own);
    Path data = folder.resolve("restart");
    Map<String, String> slow =
        Map.of("DATABASE_URL", Table.url(own), "BATCH_SIZE", "1000", "BATCH_TIMEOUT", "3600");
    try (ServerProcess first = ServerProcess.serve(slow, data);
        Wire client = new Wire(first.port())) {
      for (int i = 0; i < 100; i++) {
        assertThat(write(client, "restart " + i, "v" + i).status()).isEqualTo(202);
      }
      assertThat(write(client, "restart 0", "newer").status()).isEqualTo(202);
      first.killHard();
    }
    assertThat(Table.query(own, "select count(*) from kv")).containsExactly(List.of(0L));
    try (ServerProcess second = ServerProcess.serve(slow, data);
        Wire client = new Wire(second.port())) {
      Wire.Answer found = client.send("GET", "/stats", "");
      assertThat(found.number("queue_depth")).isEqualTo(100);
      assertThat(found.number("writes_queued")).as("what recovery found").isEqualTo(100);
      assertThat(found.number("writes_processed")).isZero();
      assertThat(client.send("GET", "/read/restart%200", "").body()).contains("newer");
      write(client, "restart 1", "after");
      client.send("POST", "/v1/datasets/kv/flush", "");
      Wire.Answer settled = client.send("GET", "/stats", "");
      assertThat(settled.number("writes_queued")).isEqualTo(101);
      assertThat(settled.number("writes_processed")).isEqualTo(101);
      assertThat(second.terminate().exit()).isZero();
    }
    assertThat(Table.query(own, "select key, value from kv"))
        .hasSize(100)
        .contains(
            List.of("restart 0", "newer"),
            List.of("restart 1", "after"),
            List.of("restart 99", "v99"));
  }

  @Test
  void highVolume() throws Exception {
    int clients = 8;
    int each = 1_000;
    long queuedBefore = stats().number("writes_queued");
    AtomicInteger accepted = new AtomicInteger();
    long began = System.nanoTime();
    inParallel(
        clients,
        client -> {
          try (Wire own = new Wire(server.port())) {
            for (int i = 0; i < each; i++) {
              if (write(own, "volume " + client + "/" + i, "v").status() == 202) {
                accepted.incrementAndGet();
              }
            }
          }
        });
    double seconds = (System.nanoTime() - began) / 1e9;
    flush();
    assertThat(accepted).hasValue(clients * each);
    assertThat(Table.query(url, "select count(*) from kv where key like 'volume %'"))
        .containsExactly(List.of((long) clients * each));
    assertThat(stats().number("writes_queued") - queuedBefore).isEqualTo((long) clients * each);
    System.out.printf(
        "%d writes from %d clients in %.1f s: %.0f a second%n",
        clients * each, clients, seconds, clients * each / seconds);
  }

  @Test
  void statistics() throws Exception {
    flush();
    Wire.Answer before = stats();
    assertThat(Instant.parse(before.text("since"))).isBefore(Instant.now());
    CountDownLatch written = new CountDownLatch(1);
    List<String> wrong = new ArrayList<>();
    Thread watcher =
        new Thread(
            () -> {
              try (Wire own = new Wire(server.port())) {
                do {
                  Wire.Answer now = own.send("GET", "/stats", "");
                  if (now.number("writes_queued")
                          != now.number("writes_processed")
                              + now.number("queue_depth")
                              + now.number("writes_failed")
                      || now.number("writes_processed") < 0) {
                    wrong.add(now.body());
                  }
                } while (written.getCount() > 0);
              } catch (Exception e) {
                wrong.add(e.toString());
              }
            });
    watcher.start();
    for (int i = 0; i < 500; i++) {
      write("statistics " + i % 20, "v" + i);
    }
    flush();
    written.countDown();
    watcher.join();
    assertThat(wrong).as("a write that was superseded counts as processed").isEmpty();
    Wire.Answer after = stats();
    assertThat(after.number("writes_queued") - before.number("writes_queued")).isEqualTo(500);
    assertThat(after.number("writes_processed") - before.number("writes_processed")).isEqualTo(500);
    assertThat(after.number("queue_depth")).isZero();
    assertThat(after.number("writes_failed")).isZero();
    assertThat(after.body()).containsPattern("\"processing_rate\":\\d+\\.\\d,");
    assertThat(after.body()).doesNotContain("\"processing_rate\":0.0,");
    assertThat(after.text("since")).isEqualTo(before.text("since"));
  }

  private Wire.Answer write(String key, String value) throws Exception {
    return write(wire, key, value);
  }

  private static Wire.Answer write(Wire wire, String key, String value) throws Exception {
    return wire.send("POST", "/write", "{\"key\": \"" + key + "\", \"value\": \"" + value + "\"}");
  }

  /** On a connection of its own: after a 400 the server closes it. */
  private static int status(String method, String target, String body) throws Exception {
    try (Wire own = new Wire(server.port())) {
      return own.send(method, target, body).status();
    }
  }

  private Wire.Answer stats() throws Exception {
    return wire.send("GET", "/stats", "");
  }

  /** What is pending reaches the database. */
  private void flush() throws Exception {
    assertThat(wire.send("POST", "/v1/datasets/kv/flush", "").body()).contains("\"remaining\":0,");
  }

  /** What one client does. */
  private interface Client {
    void run(int number) throws Exception;
  }

  private static void inParallel(int clients, Client client) throws Exception {
    List<Throwable> failures = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      int number = i;
      Thread thread =
          new Thread(
              () -> {
                try {
                  client.run(number);
                } catch (Exception | AssertionError e) {
                  synchronized (failures) {
                    failures.add(e);
                  }
                }
              },
              "client-" + i);
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(failures).isEmpty();
  }
}
