package io.headpond.server.process;

import static java.nio.file.StandardCopyOption.COPY_ATTRIBUTES;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.postgres.testing.TestPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** What a newcomer gets: {@code serve} with nothing but a folder, as root and as an ordinary user. */
class ServeIT {
  private static final List<String> AS_NOBODY =
      List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");

  @TempDir private Path folder;

  @Test
  void firstAndSecondStart() throws Exception {
    startTwice(List.of(), Map.of(), folder.resolve("data"));
  }

  @Test
  @EnabledIf("isRootWithSetpriv")
  void firstAndSecondStartAsAnOrdinaryUser() throws Exception {
    Path home = folder.resolve("home");
    Files.createDirectories(home);
    new ProcessBuilder("chown", "-R", "65534:65534", home.toString()).start().waitFor();
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    startTwice(AS_NOBODY, Map.of("HOME", home.toString()), home.resolve("data"));
  }

  private static void startTwice(List<String> prefix, Map<String, String> environment, Path data)
      throws Exception {
    List<String> args = List.of("serve", "--port", "0", "--data-dir", data.toString());
    try (ServerProcess server = ServerProcess.start(prefix, environment, args);
        Wire wire = new Wire(server.port())) {
      System.out.printf("first start ready after %d ms%n", server.readyAfter().toMillis());
      assertThat(server.out())
          .contains("curl -X PUT", "curl 'http", "/pending'", "psql 'postgresql:");
      Wire.Answer put = wire.send("PUT", Wire.entry("kv", "a key"), "{\"value\": \"first\"}");
      assertThat(put.status()).isEqualTo(202);
      assertThat(put.body()).contains("\"durability\":\"disk\"");
      Wire.Answer pending = wire.send("GET", "/v1/datasets/kv/pending", "");
      assertThat(pending.body()).contains("\"key\":\"a key\"");
      assertThat(wire.send("POST", "/v1/datasets/kv/flush", "").body()).contains("\"applied\":1");
      assertThat(wire.send("GET", Wire.entry("kv", "a key"), "").body())
          .contains("\"state\":\"clean\"", "\"value\":{\"value\":\"first\"}");
      assertThat(Table.query(server.jdbcUrl(), "select key, value, version from kv"))
          .containsExactly(List.of("a key", "first", put.number("version")));
      wire.send("PUT", Wire.entry("kv", "b"), "{\"value\": \"second\"}");
      ServerProcess.Ended ended = server.terminate();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
      assertThat(ended.out())
          .contains("Entries written to the database in this run: 2; nothing is pending.");
    }
    try (ServerProcess server = ServerProcess.start(prefix, environment, args);
        Wire wire = new Wire(server.port())) {
      System.out.printf("second start ready after %d ms%n", server.readyAfter().toMillis());
      assertThat(server.readyAfter()).isLessThan(Duration.ofSeconds(20));
      assertThat(wire.send("GET", Wire.entry("kv", "b"), "").body())
          .contains("\"source\":\"database\"", "second");
      wire.send("PUT", Wire.entry("kv", "c"), "{\"value\": \"third\"}");
      server.killHard();
    }
    try (ServerProcess server = ServerProcess.start(prefix, environment, args);
        Wire wire = new Wire(server.port())) {
      assertThat(wire.send("GET", Wire.entry("kv", "c"), "").body()).contains("third");
      assertThat(server.terminate().exit()).isZero();
    }
  }

  @Test
  void expectedFailuresAreOneLine() throws Exception {
    TestPostgres.Database database = TestPostgres.createDatabase();
    String url = database.jdbcUrl();
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      refused("is taken by another program", "--port", "" + taken.getLocalPort());
    }
    Path kv = Files.writeString(folder.resolve("kv.yaml"), Table.yaml("linger: 10ms", "kv"));
    String[] options = {"--port", "0", "--config", kv.toString(), "--database-url", url};
    refused("table kv: is not there", options);
    Table.execute(
        url,
        "create table kv (key text, value text, version bigint not null,"
            + " updated_at timestamptz not null)");
    refused("unique", options);
    Table.execute(url, "alter table kv drop column value");
    ServerProcess.Ended two =
        ServerProcess.run(
            "serve",
            "--port",
            "0",
            "--config",
            kv.toString(),
            "--data-dir",
            folder.resolve("refused").toString(),
            "--database-url",
            url);
    assertThat(two.exit()).isEqualTo(1);
    assertThat(two.err().lines())
        .as("a line for each problem")
        .satisfiesExactly(
            line -> assertThat(line).startsWith("headpond: table public.kv, column value: is not"),
            line -> assertThat(line).startsWith("headpond: table public.kv: has no unique index"));
    refused(
        "password",
        "--port",
        "0",
        "--database-url",
        url.replaceAll("password=[^&]*", "password=wrong"));
    refused("check that it runs", "--port", "0", "--database-url", "postgres://u:p@127.0.0.1:1/db");
    refused("must be jdbc:postgresql:", "--port", "0", "--database-url", "mysql://h/db");
    Path yaml = Files.writeString(folder.resolve("bad.yaml"), "datasets:\n  d:\n    keyy: 1\n");
    refused(
        "bad.yaml:3: datasets.d.keyy: unknown setting", "--port", "0", "--config", yaml.toString());
  }

  @Test
  @EnabledIf("isRootWithSetpriv")
  void aFolderThatCannotBeWrittenIsOneLine() throws Exception {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (ServerProcess server =
        ServerProcess.start(
            AS_NOBODY,
            Map.of(),
            List.of("serve", "--port", "0", "--data-dir", folder.resolve("data").toString()))) {
      oneLine(server.waitForEnd(), "cannot be written (permission denied)");
    }
  }

  @Test
  void whatIsStillPendingIsSaidAtTheEnd() throws Exception {
    TestPostgres.Database database = TestPostgres.createDatabase();
    Table.create(database.jdbcUrl(), "kv");
    Table.createProducts(database.jdbcUrl());
    try (ServerProcess server =
            ServerProcess.serve(
                folder.resolve("data"),
                "--database-url",
                database.jdbcUrl(),
                "--drain-timeout",
                "500ms");
        Wire wire = new Wire(server.port())) {
      Table.execute(database.jdbcUrl(), "alter table kv rename to gone");
      assertThat(wire.send("PUT", Wire.entry("kv", "k"), "{}").status()).isEqualTo(202);
      ServerProcess.Ended ended = server.terminate();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(4);
      assertThat(ended.out())
          .contains("still pending: 1 (kv 1). They are kept in " + folder.resolve("data/journal"));
    }
  }

  @Test
  void ctrlCReachesTheServerThroughTheLauncherAndSparesItsDatabase() throws Exception {
    try (ServerProcess server =
            launch(Table.yaml("linger: 1h", "kv"), List.of("--drain-timeout", "60s"));
        Wire wire = new Wire(server.port())) {
      Path pidFile = folder.resolve("data/postgres/data/postmaster.pid");
      long postgres = Long.parseLong(Files.readAllLines(pidFile).get(0));
      for (int i = 0; i < 20; i++) {
        assertThat(wire.send("PUT", Wire.entry("kv", "k" + i), "{}").status()).isEqualTo(202);
      }
      assertThat(group(postgres)).isNotEqualTo(group(server.pid())).isNotEqualTo(server.pid());
      assertThat(group(server.pid())).isEqualTo(server.pid());
      server.ctrlC();
      ServerProcess.Ended ended = server.waitForEnd();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
      assertThat(ended.out())
          .contains("Entries written to the database in this run: 20; nothing is pending.");
      assertThat(ended.err()).doesNotContain("WARN", "ERROR");
      assertThat(pidFile).as("stopped in good order").doesNotExist();
    }
  }

  @Test
  void ctrlCAfterTheDatabaseDiedSaysWhereTheEntriesAreKept() throws Exception {
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.builder().directory(folder.resolve("postgres")).start()) {
      Table.create(postgres.jdbcUrl(), "kv");
      try (ServerProcess server =
              launch(
                  Table.yaml("linger: 1h", "kv"),
                  List.of("--database-url", Table.url(postgres), "--drain-timeout", "500ms"));
          Wire wire = new Wire(server.port())) {
        postgres.killHard();
        for (int i = 0; i < 3; i++) {
          assertThat(wire.send("PUT", Wire.entry("kv", "k" + i), "{}").status()).isEqualTo(202);
        }
        server.ctrlC();
        ServerProcess.Ended ended = server.waitForEnd();
        assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(4);
        assertThat(ended.out())
            .contains(
                "still pending: 3 (kv 3). They are kept in " + folder.resolve("data/journal"));
        assertThat(ended.err()).doesNotContain("\tat ").doesNotContain("executor to shutdown");
      }
    }
  }

  /** While the database is awaited, the server answers already, and says that it is not ready. */
  @Test
  void whileDatasetsAreOpenedTheHealthIsStarting() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        ServerProcess server =
            ServerProcess.start(
                List.of(),
                Map.of(),
                List.of(
                    "serve",
                    "--port",
                    "" + port,
                    "--data-dir",
                    folder.resolve("data").toString(),
                    "--database-url",
                    "postgres://u:p@127.0.0.1:" + silent.getLocalPort() + "/db"))) {
      Socket database = silent.accept();
      try (Wire wire = server.awaitPort(port)) {
        Wire.Answer health = wire.send("GET", "/health", "");
        assertThat(health.status()).isEqualTo(503);
        assertThat(health.body()).contains("\"status\":\"STARTING\"");
      }
      try (Wire wire = new Wire(port)) {
        Wire.Answer put = wire.send("PUT", Wire.entry("kv", "k"), "{}");
        assertThat(put.status()).isEqualTo(503);
        assertThat(put.body()).contains("the server is starting");
      }
      silent.close();
      database.close();
      oneLine(server.waitForEnd(), "check that it runs");
    }
  }

  /** Runs the launcher in a process group of its own, in a tree of which only the jar is there. */
  private ServerProcess launch(String yaml, List<String> more) throws Exception {
    Path tree = Files.createDirectories(folder.resolve("tree"));
    Path launcher =
        Files.copy(Path.of("..", "headpond"), tree.resolve("headpond"), COPY_ATTRIBUTES);
    for (String source : List.of("pom.xml", ".mvn", "core", "jdbc", "embedded-postgres")) {
      Files.createDirectories(tree.resolve(source));
    }
    Files.createDirectories(tree.resolve("server/target"));
    Files.copy(
        ServerProcess.jar(), tree.resolve("server/target/headpond-server.jar"), COPY_ATTRIBUTES);
    Path config = Files.writeString(folder.resolve("headpond.yaml"), yaml);
    List<String> command = new ArrayList<>(List.of("setsid", launcher.toString(), "serve"));
    command.addAll(List.of("--port", "0", "--config", config.toString()));
    command.addAll(List.of("--data-dir", folder.resolve("data").toString()));
    command.addAll(more);
    return ServerProcess.start(
        command,
        Map.of(
            "JAVA_HOME",
            System.getProperty("java.home"),
            "HEADPOND_JAVA_OPTS",
            "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m"));
  }

  private static long group(long pid) throws Exception {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    // After the name, which may hold anything: state, parent, group.
    return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[2]);
  }

  @Test
  void generatedKeysComeFromTheDeclaredSequence() throws Exception {
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.execute(url, "create table orders (id integer primary key, note text)");
    Path yaml =
        Files.writeString(
            folder.resolve("orders.yaml"),
            "datasets:\n  orders:\n    key: {id: integer}\n    columns: {note: text}\n"
                + "    keySequence: order_ids\n");
    String[] options = {"--port", "0", "--config", yaml.toString(), "--database-url", url};
    refused("keySequence order_ids: is not there; needed: CREATE SEQUENCE", options);
    Table.execute(url, "create sequence order_ids start 500");
    try (ServerProcess server =
            ServerProcess.serve(
                folder.resolve("data"), "--config", yaml.toString(), "--database-url", url);
        Wire wire = new Wire(server.port())) {
      for (int i = 0; i < 3; i++) {
        Wire.Answer created =
            wire.send("POST", "/v1/datasets/orders/entries", "{\"note\": \"n" + i + "\"}");
        assertThat(created.status()).as(created.body()).isEqualTo(201);
        assertThat(created.headers())
            .containsEntry("location", "/v1/datasets/orders/entries/" + (500 + i));
      }
      assertThat(wire.send("GET", "/v1/datasets/orders", "").body())
          .contains("\"keySequence\":\"order_ids\"");
      assertThat(server.terminate().exit()).isZero();
    }
    assertThat(Table.query(url, "select id, note from orders order by id"))
        .containsExactly(List.of(500, "n0"), List.of(501, "n1"), List.of(502, "n2"));
  }

  @Test
  void aSecondSignalEndsItAtOnce() throws Exception {
    TestPostgres.Database database = TestPostgres.createDatabase();
    Table.create(database.jdbcUrl(), "kv");
    Table.createProducts(database.jdbcUrl());
    try (ServerProcess server =
            ServerProcess.serve(folder.resolve("data"), "--database-url", database.jdbcUrl());
        Wire wire = new Wire(server.port())) {
      Table.execute(database.jdbcUrl(), "alter table kv rename to gone");
      wire.send("PUT", Wire.entry("kv", "k"), "{}");
      server.signal("INT");
      server.awaitOut("Stopping");
      assertThat(wire.send("PUT", Wire.entry("kv", "late"), "{}").status()).isEqualTo(503);
      server.signal("INT");
      assertThat(server.waitForEnd().exit()).isEqualTo(130);
    }
  }

  private void refused(String message, String... args) throws Exception {
    String[] all = new String[args.length + 3];
    all[0] = "serve";
    all[1] = "--data-dir";
    all[2] = folder.resolve("refused").toString();
    System.arraycopy(args, 0, all, 3, args.length);
    oneLine(ServerProcess.run(all), message);
  }

  private static void oneLine(ServerProcess.Ended ended, String message) {
    assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(1);
    assertThat(ended.out()).isEmpty();
    assertThat(ended.err()).startsWith("headpond: ").contains(message).containsOnlyOnce("\n");
    System.out.print(ended.err());
  }

  static boolean isRootWithSetpriv() throws IOException {
    return "root".equals(System.getProperty("user.name"))
        && Files.isExecutable(Path.of("/usr/bin/setpriv"));
  }
}
