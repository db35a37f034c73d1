package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.testkit.HistoryChecker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Full load while the database is away in one way or another: nothing is lost, nothing is parked, no limit is passed, what is known stays readable, and it
 * ends by itself. One server with a small heap lives through all of them.
 *
 * <p>{@code -Dheadpond.outage} is how many seconds each lasts (3).
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OutageIT {
  private static final int CLIENTS = 24;
  private static final int NEW_KEYS_IN_100 = 60;
  private static final String HEAP = "96m";

  @TempDir private static Path folder;

  private static final Duration OUTAGE =
      Duration.ofSeconds(Integer.getInteger("headpond.outage", 3));

  /** Reached within the outage, though writers are slowed down from the half of it on. */
  private static final int MAX_PENDING = 700 + 100 * (int) OUTAGE.toSeconds();

  private static final HistoryChecker<String, String> history = new HistoryChecker<>();
  private static final Load load = new Load(history, "kv");
  private static EmbeddedPostgres postgres;
  private static ServerProcess server;

  @BeforeAll
  static void start() throws Exception {
    postgres = EmbeddedPostgres.builder().directory(folder.resolve("postgres")).start();
    Table.create(postgres.jdbcUrl(), "kv");
    Path yaml = folder.resolve("headpond.yaml");
    // The shortest time to live of a lease: a database that is silent is given up after it.
    Files.writeString(
        yaml,
        "database: {leaseTtl: 3s}\n"
            + Table.yaml(
                "linger: 20ms\npartitions: 4\ncacheSize: 100000\noverload: reject\nmaxPendingEntries: "
                    + MAX_PENDING,
                "kv"));
    server =
        ServerProcess.serve(
            HEAP,
            Map.of(),
            folder.resolve("data"),
            "--config",
            yaml.toString(),
            "--database-url",
            Table.url(postgres));
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
    postgres.close();
  }

  @Test
  @Order(1)
  void processesThatAreStopped() throws Exception {
    outage("stopped by SIGSTOP", true, () -> new Frozen(postgres)::close);
  }

  @Test
  @Order(2)
  void aServerThatIsShutDown() throws Exception {
    outage(
        "shut down",
        true,
        () -> {
          Frozen.shutDown(postgres);
          return postgres::restart;
        });
  }

  @Test
  @Order(3)
  void aDatabaseThatIsReadOnly() throws Exception {
    outage(
        "read-only",
        false,
        () -> {
          readOnly("on");
          return () -> readOnly("off");
        });
  }

  @Test
  @Order(4)
  void aTableThatIsLocked() throws Exception {
    outage(
        "locked",
        false,
        () -> {
          Connection lock = Table.lock(postgres.jdbcUrl(), "kv");
          return lock::close;
        });
  }

  /** Last, since it ends the server. */
  @Test
  @Order(5)
  void allThatWasAcknowledgedIsThereAndNoRowWentBack() throws Exception {
    ServerProcess.Ended ended = server.terminate();
    assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
    assertThat(ended.out()).contains("nothing is pending").doesNotContain("Dead letters");
    assertThat(ended.err()).doesNotContain("OutOfMemory").doesNotContain("\tat ");
    Table.observe(postgres.jdbcUrl(), history);
    assertThat(history.violations(Table.rows(postgres.jdbcUrl(), "kv"))).isEmpty();
    assertThat(load.unexpected()).isEmpty();
  }

  private static void readOnly(String on) throws Exception {
    // From another database, which is not read-only.
    String url = postgres.jdbcUrl("postgres");
    Table.execute(url, "alter database headpond set default_transaction_read_only = " + on);
    Table.execute(
        url,
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and"
            + " datname = 'headpond'");
  }

  private static void outage(String kind, boolean readsFail, Callable begin) throws Exception {
    try (Wire wire = new Wire(server.port())) {
      assertThat(put(wire, "known", kind).status()).isEqualTo(202);
      awaitNothingPending(wire);
      long before = history.acknowledged();
      List<Thread> clients =
          load.start(server.port(), CLIENTS, Long.MAX_VALUE, NEW_KEYS_IN_100, before);
      load.awaitAcknowledged(200);

      long began = System.nanoTime();
      AutoCloseable cure = begin.call();
      server.await("full", () -> pending(wire) >= MAX_PENDING * 9 / 10);
      long fullAfter = System.nanoTime() - began;
      server.await("the reason", () -> health(wire).body().contains("DEGRADED"));
      System.out.println(kind + ": " + health(wire).body());
      whatStillWorks(wire, kind);
      miss(wire, kind, readsFail);
      server.await("the time", OUTAGE.plusSeconds(60), () -> since(began).compareTo(OUTAGE) > 0);
      whatStillWorks(wire, kind);
      int peak = pending(wire);
      assertThat(peak).isLessThanOrEqualTo(MAX_PENDING + CLIENTS);

      long acknowledged = history.acknowledged() - before;
      load.end();
      for (Thread client : clients) {
        client.join();
      }
      Duration lasted = since(began);
      cure.close();
      long back = System.nanoTime();
      awaitNothingPending(wire);
      Duration caughtUp = since(back);
      String status = status(wire).body();
      assertThat(status).contains("\"parked\":0,").contains("\"deferred\":0,");
      server.await("well", () -> health(wire).body().contains("\"status\":\"UP\""));
      System.out.printf(
          "outage, %s for %.1f s: full after %.1f s, %d writes acknowledged, %d entries caught up in %.2f s;"
              + " most memory %d MiB with a heap of %s%n",
          kind,
          lasted.toMillis() / 1e3,
          fullAfter / 1e9,
          acknowledged,
          peak,
          caughtUp.toMillis() / 1e3,
          server.peakMemory() >> 10,
          HEAP);
    }
  }

  /** How an outage begins. */
  @FunctionalInterface
  private interface Callable {
    AutoCloseable call() throws Exception;
  }

  private static void whatStillWorks(Wire wire, String kind) throws Exception {
    Wire.Answer known = wire.send("GET", Wire.entry("kv", "known"), "");
    assertThat(known.status()).as(known.body()).isEqualTo(200);
    assertThat(known.body()).contains("\"clean\"", kind);
    Wire.Answer page = wire.send("GET", "/v1/datasets/kv/pending?limit=1", "");
    assertThat(page.status()).isEqualTo(200);
    Wire.Answer owed = wire.send("GET", Wire.entry("kv", page.text("key")), "");
    assertThat(owed.status()).as(owed.body()).isIn(200, 404);
    assertThat(wire.send("GET", "/v1/health/live", "").status()).isEqualTo(200);
    assertThat(wire.send("GET", "/v1/health/ready", "").status()).isEqualTo(200);
    server.await(
        "a write that finds no room",
        () -> {
          Wire.Answer put = put(wire, "more " + System.nanoTime(), "x");
          assertThat(put.status()).isIn(202, 503);
          if (put.status() == 503) {
            assertThat(put.body()).contains("overloaded");
            assertThat(Integer.parseInt(put.headers().get("retry-after"))).isPositive();
          }
          return put.status() == 503;
        });
  }

  private static Wire.Answer put(Wire wire, String key, String value) throws Exception {
    HistoryChecker<String, String>.Attempt attempt = history.begin("kv/" + key, value);
    Wire.Answer put = wire.send("PUT", Wire.entry("kv", key), "{\"value\": \"" + value + "\"}");
    if (put.status() == 202) {
      attempt.acknowledged(put.number("version"));
    } else {
      attempt.failed();
    }
    return put;
  }

  private static void miss(Wire wire, String kind, boolean readsFail) throws Exception {
    Wire.Answer miss = wire.send("GET", Wire.entry("kv", "never written, " + kind), "");
    assertThat(miss.status()).as(miss.body()).isEqualTo(readsFail ? 503 : 404);
    if (readsFail) {
      assertThat(miss.body()).contains("unavailable", "\"detail\":\"");
      System.out.println(kind + ", a miss: " + miss.body());
    }
  }

  private static void awaitNothingPending(Wire wire) throws Exception {
    server.await("nothing pending", () -> pending(wire) == 0);
  }

  private static int pending(Wire wire) throws Exception {
    return (int) status(wire).number("pendingEntries");
  }

  private static Wire.Answer status(Wire wire) throws Exception {
    return wire.send("GET", "/v1/datasets/kv", "");
  }

  private static Wire.Answer health(Wire wire) throws Exception {
    return wire.send("GET", "/v1/health", "");
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }
}
