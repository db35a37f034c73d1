package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
      assertThat(Table.query(jdbcUrl(server), "select key, value, version from kv"))
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
    refused("table kv: is not there", "--port", "0", "--database-url", url);
    Table.execute(
        url,
        "create table kv (key text, value text, version bigint not null,"
            + " updated_at timestamptz not null)");
    refused("unique", "--port", "0", "--database-url", url);
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
  void aSecondSignalEndsItAtOnce() throws Exception {
    TestPostgres.Database database = TestPostgres.createDatabase();
    Table.create(database.jdbcUrl(), "kv");
    try (ServerProcess server =
            ServerProcess.serve(folder.resolve("data"), "--database-url", database.jdbcUrl());
        Wire wire = new Wire(server.port())) {
      Table.execute(database.jdbcUrl(), "alter table kv rename to gone");
      wire.send("PUT", Wire.entry("kv", "k"), "{}");
      server.signal("INT");
      long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      while (!server.out().contains("Stopping") && System.nanoTime() < deadline) {
        Thread.onSpinWait();
      }
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

  private static String jdbcUrl(ServerProcess server) {
    Matcher matcher = Pattern.compile("jdbc:\\S+").matcher(server.out());
    assertThat(matcher.find()).isTrue();
    return matcher.group();
  }

  static boolean isRootWithSetpriv() throws IOException {
    return "root".equals(System.getProperty("user.name"))
        && Files.isExecutable(Path.of("/usr/bin/setpriv"));
  }
}
