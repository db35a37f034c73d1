package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import io.headpond.testkit.HistoryChecker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several servers on one Redis and one PostgreSQL. */
@Timeout(300)
class ManyServersIT {
  private static final Pattern OWNED = Pattern.compile("\\{\"partition\":\\d+,\"since\"");

  @TempDir private Path folder;

  private final List<ServerProcess> servers = new ArrayList<>();
  private final HistoryChecker<String, String> history = new HistoryChecker<>();
  private String url = "";
  private Path yaml;
  private TestServer redis;

  @BeforeEach
  void start() throws Exception {
    url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    yaml =
        Files.writeString(
            folder.resolve("headpond.yaml"),
            "database: {leaseTtl: 3s}\n" + Table.yaml("linger: 20ms\npartitions: 5", "kv"));
    redis =
        TestServer.start(ServerBinary.REDIS_6_2, "--appendonly", "yes", "--appendfsync", "always");
  }

  @AfterEach
  void stop() {
    servers.forEach(ServerProcess::close);
    redis.close();
  }

  /** Begins to start; several start side by side. */
  private ServerProcess begin(String name, String role, String... more) throws Exception {
    List<String> args =
        new ArrayList<>(
            List.of("serve", "--port", "0", "--instance", name, "--role", role, "--data-dir"));
    args.addAll(
        List.of(
            folder.resolve(name).toString(),
            "--config",
            yaml.toString(),
            "--database-url",
            Table.url(url),
            "--redis-url",
            redis.url(),
            "--drain-timeout",
            "1s"));
    args.addAll(List.of(more));
    ServerProcess server = ServerProcess.start(List.of(), Map.of(), args);
    servers.add(server);
    return server;
  }

  private static String get(ServerProcess server, String path) throws Exception {
    try (Wire wire = new Wire(server.port())) {
      return wire.send("GET", path, "").body();
    }
  }

  /** Waits until just these workers live and have so many partitions, whoever has how many. */
  private static void awaitShares(ServerProcess asked, List<String> names, List<Long> shares)
      throws Exception {
    asked.await(
        names + " with " + shares,
        () -> {
          String workers = get(asked, "/v1/workers");
          List<String> live = new ArrayList<>();
          List<Long> owned = new ArrayList<>();
          String[] each = workers.split("\"name\":\"");
          for (int i = 1; i < each.length; i++) {
            live.add(each[i].substring(0, each[i].indexOf('"')));
            owned.add(OWNED.matcher(each[i]).results().count());
          }
          return workers.contains("\"unowned\":[]")
              && live.stream().sorted().toList().equals(names)
              && owned.stream().sorted().toList().equals(shares);
        });
  }

  @Test
  void writesReachTheDatabaseWhicheverWorkerDies() throws Exception {
    ServerProcess one = begin("one", "worker");
    ServerProcess two = begin("two", "worker");
    ServerProcess api = begin("api", "api");
    ServerProcess other = begin("other", "api");
    awaitShares(api, List.of("one", "two"), List.of(2L, 3L));
    Load load = new Load(history, "kv");
    List<Thread> clients = new ArrayList<>(load.start(api.port(), 2, Long.MAX_VALUE, 20, 1));
    clients.addAll(load.start(other.port(), 2, Long.MAX_VALUE, 20, 2));
    load.awaitAcknowledged(200);
    one.killHard();
    load.awaitAcknowledged(200);
    awaitShares(other, List.of("two"), List.of(5L));
    load.end();
    for (Thread client : clients) {
      client.join();
    }
    assertThat(load.unexpected()).isEmpty();

    try (Wire first = new Wire(api.port());
        Wire second = new Wire(other.port());
        Wire worker = new Wire(two.port())) {
      Wire.Answer through =
          first.send("PUT", Wire.entry("kv", "x") + "?durability=database", "{\"value\": \"1\"}");
      assertThat(through.status()).as(through.body()).isEqualTo(200);
      assertThat(Table.query(url, "select value from kv where key = 'x'"))
          .containsExactly(List.of("1"));
      Wire.Answer put = first.send("PUT", Wire.entry("kv", "x"), "{\"value\": \"2\"}");
      assertThat(second.send("GET", Wire.entry("kv", "x"), "").body()).contains("\"2\"");
      Wire.Answer settled =
          second.send(
              "GET", Wire.entry("kv", "x") + "?settled=" + put.number("version") + "&wait=30s", "");
      assertThat(settled.status()).as(settled.body()).isEqualTo(200);
      Wire.Answer refused = worker.send("GET", Wire.entry("kv", "x"), "");
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.body()).contains("this server is a worker");
      assertThat(worker.send("POST", "/v1/datasets/kv/flush", "").status()).isEqualTo(200);
      assertThat(first.send("GET", "/v1/health", "").body()).contains("\"workerActive\":true");
    }
    commands(api);
    other.await("all in the database", () -> get(other, "/v1/datasets/kv/pending").contains("[]"));
    check("x");

    ServerProcess.Ended last = two.terminate();
    assertThat(last.exit()).as(last.out() + last.err()).isZero();
    other.await("no worker", () -> get(other, "/v1/health").contains("\"workerActive\":false"));
    try (Wire wire = new Wire(other.port())) {
      assertThat(wire.send("PUT", Wire.entry("kv", "y"), "{}").status()).isEqualTo(202);
    }
    ServerProcess.Ended left = other.terminate();
    assertThat(left.exit()).as(left.out() + left.err()).isEqualTo(4);
    assertThat(left.out()).contains("still pending: 1 (kv 1). They are kept in " + redis.url());
  }

  private void commands(ServerProcess api) throws Exception {
    String server = "http://127.0.0.1:" + api.port();
    ServerProcess.Ended workers = ServerProcess.run("workers", "--server", server);
    assertThat(workers.exit()).as(workers.err()).isZero();
    assertThat(workers.out().lines()).allMatch(line -> line.length() <= 80);
    assertThat(workers.out()).containsPattern("kv +two +20[-0-9: ]+ +0-4 +[0-9.]+ s");
  }

  /** Nothing acknowledged is missing, and no row went back. */
  private void check(String... besides) throws Exception {
    Map<String, HistoryChecker.Held<String>> rows = Table.rows(url, "kv");
    for (String key : besides) {
      rows.remove("kv/" + key);
    }
    assertThat(history.violations(rows)).isEmpty();
  }

  /** It is forced before each acknowledgement, so that nothing of it is lost. */
  @Test
  void redisIsKilledUnderLoadAndNothingAcknowledgedIsLost() throws Exception {
    ServerProcess both = begin("both", "api,worker");
    ServerProcess api = begin("api", "api");
    Load load = new Load(history, "kv");
    List<Thread> clients = new ArrayList<>(load.start(both.port(), 2, Long.MAX_VALUE, 20, 3));
    clients.addAll(load.start(api.port(), 2, Long.MAX_VALUE, 20, 4));
    load.awaitAcknowledged(300);
    redis.kill();
    try (Wire wire = new Wire(api.port())) {
      Wire.Answer refused = wire.send("PUT", Wire.entry("kv", "away"), "{}");
      assertThat(refused.status()).as(refused.body()).isIn(503, 504);
    }
    redis.start();
    load.awaitAcknowledged(300);
    load.end();
    for (Thread client : clients) {
      client.join();
    }
    api.await("all in the database", () -> get(api, "/v1/datasets/kv/pending").contains("[]"));
    check("away");
  }
}
