package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The exercises of seed 002 that need no other program, over HTTP, as a newcomer does them: {@code serve} with nothing but a folder. */
class Seed002ProductsIT {
  private static final String WIDGET =
      "{\"name\": \"Test Widget\", \"price\": 29.99, \"quantity\": 100}";

  @TempDir private static Path folder;

  private static ServerProcess server;

  @BeforeAll
  static void start() throws Exception {
    server = ServerProcess.serve(folder.resolve("data"));
  }

  @AfterAll
  static void stop() throws Exception {
    assertThat(server.terminate().exit()).isZero();
  }

  @Test
  void exercise1WriteBehindFlow() throws Exception {
    try (Wire wire = new Wire(server.port())) {
      Wire.Answer created = wire.send("POST", "/products", WIDGET);
      assertThat(created.status()).isEqualTo(201);
      String id = created.text("id");
      assertThat(UUID.fromString(id).version()).isEqualTo(7);
      assertThat(created.headers()).containsEntry("location", "/products/" + id);
      assertThat(created.body())
          .isEqualTo(product(id, "Test Widget", "29.99", 100, "cache", version(created)));

      Wire.Answer queue = wire.send("GET", "/admin/queue", "");
      assertThat(queue.body())
          .matches(
              "\\{\"queue_size\":\\d+,\"oldest_age_seconds\":\\d+(\\.\\d+)?,\"in_flight\":\\d+,"
                  + "\"coalesced_total\":\\d+,\"dead_letters\":0}");

      server.await(
          "the row in the database, within 2 s",
          Duration.ofSeconds(2),
          () -> !row(server.jdbcUrl(), id).isEmpty());
      assertThat(row(server.jdbcUrl(), id))
          .containsExactly(List.of("Test Widget", new BigDecimal("29.99"), 100, version(created)));
      assertThat(wire.send("GET", created.headers().get("location"), "").body())
          .isEqualTo(product(id, "Test Widget", "29.99", 100, "cache", version(created)));
    }
  }

  /** The row is there when the answer is. How much faster the other mode answers is for a benchmark to say. */
  @Test
  void exercise2WriteThroughVersusWriteBehind() throws Exception {
    try (Wire wire = new Wire(server.port())) {
      assertThat(wire.send("GET", "/admin/config", "").body())
          .isEqualTo(
              "{\"mode\":\"write-behind\",\"write_behind_enabled\":true,\"batch_size\":10,"
                  + "\"batch_timeout\":1,\"max_retries\":3}");
    }
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    Table.createProducts(url);
    Map<String, String> environment =
        Map.of("DATABASE_URL", Table.url(url), "WRITE_BEHIND_ENABLED", "false");
    try (ServerProcess through = ServerProcess.serve(environment, folder.resolve("through"));
        Wire wire = new Wire(through.port())) {
      assertThat(wire.send("GET", "/admin/config", "").body())
          .startsWith("{\"mode\":\"write-through\",\"write_behind_enabled\":false,");
      for (int i = 1; i <= 5; i++) {
        Wire.Answer created = wire.send("POST", "/products", WIDGET);
        assertThat(created.status()).isEqualTo(201);
        assertThat(created.text("source")).isEqualTo("database");
        String id = created.text("id");
        assertThat(row(url, id))
            .containsExactly(
                List.of("Test Widget", new BigDecimal("29.99"), 100, version(created)));
        Wire.Answer put = wire.send("PUT", "/products/" + id, WIDGET.replace("100", "99"));
        assertThat(put.body())
            .isEqualTo(product(id, "Test Widget", "29.99", 99, "database", version(put)));
        assertThat(row(url, id))
            .containsExactly(List.of("Test Widget", new BigDecimal("29.99"), 99, version(put)));
        assertThat(wire.send("DELETE", "/products/" + id, "").text("source")).isEqualTo("database");
        assertThat(row(url, id)).isEmpty();
      }
      assertThat(wire.send("GET", "/admin/queue", "").number("queue_size")).isZero();
      assertThat(through.terminate().exit()).isZero();
    }
  }

  @Test
  void exercise3Coalescing() throws Exception {
    try (Wire wire = new Wire(server.port())) {
      wire.send("POST", "/v1/datasets/products/flush", "");
      long coalesced = wire.send("GET", "/admin/queue", "").number("coalesced_total");
      Wire.Answer last;
      try (Connection held = Table.lock(server.jdbcUrl(), "products")) {
        last = wire.send("PUT", "/products/seed-001", coalesced(1));
        for (int i = 2; i <= 10; i++) {
          last = wire.send("PUT", "/products/seed-001", coalesced(i));
          assertThat(last.status()).isEqualTo(200);
        }
        Wire.Answer queue = wire.send("GET", "/admin/queue", "");
        assertThat(queue.number("queue_size")).isEqualTo(1);
        // One may have been on its way before the next came; the others took its place.
        assertThat(queue.number("coalesced_total") - coalesced).isBetween(8L, 9L);
      }
      assertThat(wire.send("POST", "/v1/datasets/products/flush", "").body())
          .contains("\"remaining\":0");
      assertThat(row(server.jdbcUrl(), "seed-001"))
          .as("the last write wins")
          .containsExactly(List.of("Coalesced-10", new BigDecimal("10.99"), 10, version(last)));
      assertThat(wire.send("GET", "/products/seed-001", "").body())
          .isEqualTo(product("seed-001", "Coalesced-10", "10.99", 10, "cache", version(last)));
    }
  }

  @Test
  void exercise4DataLoss() throws Exception {
    List<String> ids = new ArrayList<>();
    try (Wire wire = new Wire(server.port())) {
      for (int i = 0; i < 20; i++) {
        Wire.Answer created = wire.send("POST", "/products", WIDGET);
        assertThat(created.status()).isEqualTo(201);
        ids.add(created.text("id"));
      }
    }
    server.killHard();
    server = ServerProcess.serve(folder.resolve("data"));
    try (Wire wire = new Wire(server.port())) {
      for (String id : ids) {
        assertThat(wire.send("GET", "/products/" + id, "").status()).isEqualTo(200);
      }
      wire.send("POST", "/v1/datasets/products/flush", "");
    }
    for (String id : ids) {
      assertThat(row(server.jdbcUrl(), id)).hasSize(1);
    }
  }

  @Test
  void exercise5RetriesAndDeadLetters() throws Exception {
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    Table.createProducts(url);
    Map<String, String> environment =
        Map.of(
            "DATABASE_URL", Table.url(url),
            "SIMULATE_DB_FAILURE", "true",
            "FAILURE_RATE", "0.5",
            "MAX_RETRIES", "2",
            "RETRY_DELAY", "0.02",
            "BATCH_TIMEOUT", "0.02");
    try (ServerProcess lab = ServerProcess.serve(environment, folder.resolve("lab"));
        Wire wire = new Wire(lab.port())) {
      assertThat(lab.out()).contains("DEGRADED", "the lab simulates failures");
      int products = 100;
      for (int i = 0; i < products; i++) {
        assertThat(wire.send("POST", "/products", WIDGET).status()).isEqualTo(201);
      }
      lab.await(
          "an end of all retries",
          () -> wire.send("GET", "/admin/queue", "").number("queue_size") == 0);
      Wire.Answer letters = wire.send("GET", "/admin/dlq", "");
      long dead = letters.number("dead_letters");
      // Each of three attempts fails with a probability of one half.
      assertThat(dead).isBetween(1L, 40L);
      assertThat(letters.body())
          .contains("\"name\":\"Test Widget\",\"price\":29.99,\"quantity\":100")
          .contains("\"attempts\":3,", "\"error_class\":\"simulated\"");
      assertThat(count(url)).isEqualTo(products - dead);
      assertThat(wire.send("GET", "/health", "").body()).contains("\"status\":\"degraded\"");

      assertThat(wire.send("PUT", "/admin/lab", "{\"simulateFailures\": false}").status())
          .isEqualTo(200);
      assertThat(
              wire.send("POST", "/v1/datasets/products/dead-letters:retry?class=simulated", "")
                  .number("retried"))
          .isEqualTo(dead);
      lab.await("all of them", () -> count(url) == products);
      assertThat(wire.send("GET", "/admin/dlq", "").body())
          .isEqualTo("{\"dead_letters\":0,\"items\":[]}");
      assertThat(lab.terminate().exit()).isZero();
    }
  }

  @Test
  void exercise6Load() throws Exception {
    long before = count(server.jdbcUrl());
    int clients = 4;
    int each = 100;
    List<Thread> threads = new ArrayList<>();
    AtomicInteger created = new AtomicInteger();
    for (int i = 0; i < clients; i++) {
      Thread thread =
          new Thread(
              () -> {
                try (Wire wire = new Wire(server.port())) {
                  for (int n = 0; n < each; n++) {
                    if (wire.send("POST", "/products", WIDGET).status() == 201) {
                      created.incrementAndGet();
                    }
                  }
                } catch (Exception e) {
                  // Then too few were created.
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(created).hasValue(clients * each);
    server.await(
        "all of them in the database", () -> count(server.jdbcUrl()) == before + clients * each);
  }

  private static long count(String url) throws Exception {
    return (Long) Table.query(url, "select count(*) from products").get(0).get(0);
  }

  @Test
  void theSeedRowsComeWithTheFirstStartAlone() throws Exception {
    try (Wire wire = new Wire(server.port())) {
      for (int i = 1; i <= 10; i++) {
        Wire.Answer seed = wire.send("GET", String.format("/products/seed-%03d", i), "");
        assertThat(seed.status()).isEqualTo(200);
        assertThat(seed.body()).contains("\"name\":", "\"price\":", "\"quantity\":");
      }
      assertThat(wire.send("GET", "/products/seed-007", "").text("source")).isEqualTo("cache");
      Wire.Answer removed = wire.send("DELETE", "/products/seed-010", "");
      assertThat(removed.status()).isEqualTo(200);
      assertThat(removed.body())
          .isEqualTo(
              "{\"id\":\"seed-010\",\"source\":\"cache\",\"version\":" + version(removed) + "}");
      assertThat(wire.send("GET", "/products/seed-010", "").status()).isEqualTo(404);
    }
    assertThat(server.terminate().exit()).isZero();
    server = ServerProcess.serve(folder.resolve("data"));
    try (Wire wire = new Wire(server.port())) {
      assertThat(wire.send("GET", "/products/seed-010", "").status()).isEqualTo(404);
      assertThat(wire.send("GET", "/products/seed-009", "").text("source")).isEqualTo("database");
      assertThat(
              Table.query(server.jdbcUrl(), "select count(*) from products where id like 'seed-%'"))
          .containsExactly(List.of(9L));
    }
  }

  private static String coalesced(int i) {
    return "{\"name\": \"Coalesced-" + i + "\", \"price\": " + i + ".99, \"quantity\": " + i + "}";
  }

  private static String product(
      String id, String name, String price, int quantity, String source, long version) {
    return String.format(
        "{\"id\":\"%s\",\"name\":\"%s\",\"price\":%s,\"quantity\":%d,\"source\":\"%s\",\"version\":%d}",
        id, name, price, quantity, source, version);
  }

  private static long version(Wire.Answer answer) {
    return answer.number("version");
  }

  private static List<List<Object>> row(String url, String id) throws Exception {
    return Table.query(
        url, "select name, price, quantity, version from products where id = '" + id + "'");
  }
}
