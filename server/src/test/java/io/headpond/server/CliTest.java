package io.headpond.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.headpond.server.config.AccessToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CliTest {
  @TempDir private Path folder;

  private record Result(int exit, String out, String err) {}

  @Test
  void helpNamesEveryCommand() {
    Result help = run("--help");
    assertThat(help.exit()).isZero();
    assertThat(help.out())
        .contains(
            "serve",
            "status",
            "pending",
            "flush",
            "dead-letters",
            "lab",
            "journal",
            "schema",
            "store",
            "Exit codes");
    assertThat(run("dead-letters", "--help").out())
        .contains("list", "show", "retry", "edit", "discard", "export");
    assertThat(run("dead-letters", "list", "--help").out()).contains("foreign-key");
    assertThat(run("serve", "--help").out())
        .contains(
            "--port",
            "--host",
            "--data-dir",
            "--config",
            "--database-url",
            "--drain-timeout",
            "--simulate-failures",
            "--outage");
    assertThat(run("--version").out()).startsWith("headpond ");
    for (String command :
        new String[] {
          "status", "pending", "flush", "dead-letters", "lab", "journal", "schema", "store"
        }) {
      assertThat(run(command, "--help").exit()).as(command).isZero();
    }
  }

  @Test
  void wrongUsageIsOneLineAndExitCode2() {
    for (String[] args :
        new String[][] {
          {},
          {"srve"},
          {"serve", "--prt", "1"},
          {"serve", "--port", "http"},
          {"serve", "--drain-timeout", "soon"},
          {"journal"},
          {"store"},
          {"store", "adopt"},
          {"journal", "check"},
          {"serve", "--simulate-failures=2"},
          {"serve", "--simulate-failures=often"},
          {"lab", "--failures", "1.5"},
          {"lab", "--off", "--outage"},
          {"lab", "--off", "--failures"},
          {"lab", "--outage", "status"},
          {"dead-letters", "list", "--since", "yesterday"},
          {"dead-letters"},
          {"dead-letters", "show", "--dataset", "kv"},
          {"dead-letters", "show", "k"},
          {"dead-letters", "list", "--limit", "x"},
          {"dead-letters", "retry", "--dataset", "kv"},
          {"dead-letters", "retry", "--dataset", "kv", "--all", "k"},
          {"dead-letters", "retry", "--dataset", "kv", "--all", "--class", "value"},
          {"dead-letters", "retry", "--dataset", "kv", "--if-version", "1", "a", "b"},
          {"dead-letters", "edit", "--dataset", "kv", "k"},
          {"dead-letters", "edit", "--dataset", "kv", "--remove", "--value", "{}", "k"},
          {"dead-letters", "discard", "--dataset", "kv", "k"}
        }) {
      Result result = run(args);
      assertThat(result.exit()).as(String.join(" ", args)).isEqualTo(2);
      assertThat(result.err())
          .startsWith("headpond: ")
          .endsWith("--help`\n")
          .containsOnlyOnce("\n");
    }
  }

  @Test
  void expectedFailuresAreOneLineAndExitCode1() throws IOException {
    String data = folder.resolve("data").toString();
    Path yaml = Files.writeString(folder.resolve("c.yaml"), "datasets:\n  a: {keys: 1}\n");
    Path file = Files.writeString(folder.resolve("file"), "");
    oneLine(run("serve", "--host", "0.0.0.0", "--data-dir", data), "say --allow-anonymous");
    oneLine(
        run("serve", "--port", "0", "--role", "worker", "--data-dir", data),
        "name a store that servers share with --redis-url");
    oneLine(
        run("serve", "--port", "0", "--redis-url", "redis://:secret@h:x", "--data-dir", data),
        "redis: the URL redis://***@h:x is wrong");
    oneLine(run("serve", "--port", "70000", "--data-dir", data), "must be from 0 to 65535");
    oneLine(run("serve", "--config", "/nope.yaml"), "no such file");
    oneLine(
        run("serve", "--config", yaml.toString()), "c.yaml:2: datasets.a.keys: unknown setting");
    oneLine(run("serve", "--port", "0", "--data-dir", file.toString()), "is not a folder");
    oneLine(run("serve", "--database-url", "mysql://x/y"), "must be jdbc:postgresql:");
    oneLine(run("status", "--server", "http://127.0.0.1:1"), "no server answers");
    oneLine(run("flush", "--server", "not a url"), "is no URL");
    String nobody = "http://127.0.0.1:1";
    oneLine(run("lab", "--off", "--server", nobody), "no server answers");
    oneLine(run("dead-letters", "list", "--server", nobody), "no server answers");
    oneLine(
        run("dead-letters", "export", "--output", file.toString(), "--dataset", "kv"),
        "is there already; name another file");
    oneLine(
        run("dead-letters", "edit", "--dataset", "kv", "--file", "/nope", "k", "--server", nobody),
        "--file /nope: cannot be read");
    oneLine(run("store", "adopt", "--dataset", "nope", "--data-dir", data), "there are kv");
    oneLine(run("store", "adopt", "--dataset", "kv", "--data-dir", data), "say --yes");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      oneLine(
          run("serve", "--port", "" + taken.getLocalPort(), "--data-dir", data),
          "is taken by another program");
    }
    assertThat(Path.of(data)).doesNotExist();
  }

  /** Neither is a file of arguments meant by @, nor an option by a key that stands behind --. */
  @Test
  void aNewTokenIsPrintedOnceWithTheLineForTheConfiguration() {
    Result made = run("token", "new", "--role", "write", "--name", "shop");
    assertThat(made.exit()).isZero();
    List<String> lines = made.out().lines().toList();
    String token = lines.get(1);
    assertThat(token).matches("headpond_[A-Za-z0-9_-]{43}");
    assertThat(lines.get(3))
        .isEqualTo("  - {name: \"shop\", role: write, hash: \"" + AccessToken.hash(token) + "\"}");
    assertThat(run("token", "new", "--role", "write", "--name", "shop").out())
        .doesNotContain(token);
    for (String[] wrong :
        new String[][] {
          {"owner", "shop", "must be read, write, admin"}, {"read", "a b", "must have 1 to 63"}
        }) {
      Result refused = run("token", "new", "--role", wrong[0], "--name", wrong[1]);
      assertThat(refused.exit()).isEqualTo(2);
      assertThat(refused.err()).contains(wrong[2]);
    }
  }

  @Test
  void aTokenThatIsNoneIsNotShown() {
    Result refused = run("status", "--token", "se cret\n");
    oneLine(refused, "--token: has characters that no token has");
    assertThat(refused.err()).doesNotContain("cret");
  }

  @Test
  void anyKeyCanBeNamed() throws IOException {
    Path file = Files.writeString(folder.resolve("args"), "--help");
    String nobody = "http://127.0.0.1:1";
    oneLine(
        run("dead-letters", "show", "--server", nobody, "--dataset", "kv", "@" + file),
        "no server answers");
    oneLine(
        run("dead-letters", "show", "--server", nobody, "--dataset", "kv", "--", "-k"),
        "no server answers");
    Result bare = run("dead-letters", "show", "--dataset", "kv", "-k");
    assertThat(bare.exit()).isEqualTo(2);
    assertThat(bare.err()).contains("a key that begins with - stands behind --; see");
    assertThat(run("dead-letters", "list", "--since", "2026-01-31T10:15:30+02:00x").err())
        .contains("must be a time such as")
        .doesNotContain("%2B");
  }

  @Test
  void whatIsNoServerOfOursIsSaidInOurWords() throws IOException {
    HttpServer other = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    other.createContext(
        "/",
        exchange -> {
          // Promises more than it sends.
          exchange.sendResponseHeaders(200, 1_000);
          exchange.getResponseBody().write("{\"a\": 1}\n".getBytes(StandardCharsets.UTF_8));
          exchange.close();
        });
    other.start();
    try {
      String address = "127.0.0.1:" + other.getAddress().getPort();
      oneLine(run("status", "--dataset", "kv", "--server", "https://" + address), "use http://");
      Path output = folder.resolve("letters");
      oneLine(
          run(
              "dead-letters",
              "export",
              "--dataset",
              "kv",
              "--server",
              "http://" + address,
              "--output",
              output.toString()),
          "was cut before its end; ask again");
      assertThat(folder).isEmptyDirectory();
      oneLine(
          run(
              "dead-letters",
              "export",
              "--dataset",
              "kv",
              "--output",
              folder.resolve("none/letters").toString()),
          "letters: cannot be written (no such file or folder)");
    } finally {
      other.stop(0);
    }
  }

  @Test
  void schemaPrintsOurTablesAndTheDatasets() {
    Result schema = run("schema");
    assertThat(schema.exit()).isZero();
    assertThat(schema.out())
        .contains("headpond_lease")
        .contains("CREATE TABLE \"kv\" (\n  \"key\" text NOT NULL,\n  \"value\" text,")
        .contains("PRIMARY KEY (\"key\")");
  }

  private static void oneLine(Result result, String message) {
    assertThat(result.exit()).as(result.err()).isEqualTo(1);
    assertThat(result.err()).startsWith("headpond: ").contains(message).containsOnlyOnce("\n");
  }

  private static Result run(String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
    try {
      int exit = Cli.run(args);
      return new Result(
          exit,
          printed.toString(StandardCharsets.UTF_8),
          complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
