package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dead letters from their refusal to their end, over HTTP and by the commands, with a real database. */
class DeadLettersIT {
  private static final String LETTERS = "/v1/datasets/kv/dead-letters";

  @TempDir private Path folder;

  private String url;
  private String[] options;
  private ServerProcess server;
  private Wire wire;

  @BeforeEach
  void start() throws Exception {
    url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    Table.execute(
        url,
        "alter table kv add constraint good check (value not like 'bad%'); alter table kv alter"
            + " column value set not null");
    Path yaml = folder.resolve("headpond.yaml");
    Files.writeString(
        yaml, Table.yaml("linger: 1h\nmaxRetries: 0\nretryDelay: 10ms\npartitions: 2", "kv"));
    options = new String[] {"--config", yaml.toString(), "--database-url", url};
    restart();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void restart() throws Exception {
    server = ServerProcess.serve(folder.resolve("data"), options);
    wire = new Wire(server.port());
  }

  @Test
  void fromTheRefusalToTheEndOverHttp() throws Exception {
    park("a", "bad 1");
    park("b", "bad 2");
    park("c/d", "bad 3");
    park("e", "bad 4");
    Wire.Answer list = send("GET", "", "");
    assertThat(list.body())
        .contains("\"class\":\"constraint\",\"sqlstate\":\"23514\"", "\"attempts\":1")
        .doesNotContain("bad 1");
    assertThat(send("GET", "?class=value", "").body()).contains("\"letters\":[]");
    assertThat(send("GET", "?sqlstate=23&prefix=c", "").body())
        .contains("\"key\":\"c/d\"")
        .doesNotContain("\"key\":\"a\"");
    assertThat(send("GET", "?limit=1&after=a", "").body()).contains("\"key\":\"b\"");
    Wire.Answer shown = send("GET", "/c%2Fd", "");
    assertThat(shown.body()).contains("\"value\":{\"value\":\"bad 3\"}");
    assertThat(wire.send("GET", "/v1/health", "").body()).contains("DEGRADED");

    // Letters survive kill -9.
    server.killHard();
    restart();
    assertThat(send("GET", "/c%2Fd", "").body()).isEqualTo(shown.body());

    // Edited: as any write.
    Wire.Answer wrong = send("PUT", "/a", "{\"value\": 5}");
    assertThat(wrong.body())
        .isEqualTo(wire.send("PUT", Wire.entry("kv", "a"), "{\"value\": 5}").body());
    assertThat(wrong.status()).isEqualTo(422);
    assertThat(send("PUT", "/a?version=5", "{\"value\": \"right\"}").status()).isIn(404, 409);
    Wire.Answer edited = send("PUT", "/a?version=" + version("a"), "{\"value\": \"right\"}");
    assertThat(edited.status()).as(edited.body()).isEqualTo(202);
    assertThat(edited.body()).contains("\"durability\":\"disk\"");
    Wire.Answer again = send("PUT", "/a?version=" + shownVersion(edited), "{\"value\": \"no\"}");
    assertThat(again.status()).as(again.body()).isIn(404, 409);

    // Superseded by a later write.
    long letter = version("b");
    wire.send("PUT", Wire.entry("kv", "b"), "{\"value\": \"later\"}");
    Wire.Answer superseded = send("POST", "/b:retry?version=" + letter, "");
    assertThat(superseded.status()).isEqualTo(409);
    assertThat(superseded.body()).contains("dead-letter-superseded");

    // Discarded with a reason, into a file.
    Wire.Answer discarded =
        send("DELETE", "/e?reason=a%20test%20row&operator=kim&version=" + version("e"), "");
    assertThat(discarded.status()).as(discarded.body()).isEqualTo(200);
    Path file = Path.of(discarded.text("file"));
    assertThat(file).isEqualTo(folder.resolve("data/discarded.ndjson"));
    assertThat(Files.readAllLines(file))
        .singleElement()
        .asString()
        .contains(
            "\"operator\":\"kim\"",
            "\"reason\":\"a test row\"",
            "\"dataset\":\"kv\"",
            "\"key\":\"e\"",
            "\"sqlstate\":\"23514\"",
            "\"value\":{\"value\":\"bad 4\"}");
    assertThat(wire.send("GET", Wire.entry("kv", "e"), "").status()).isEqualTo(404);
    assertThat(send("GET", "/e", "").body()).contains("no-such-dead-letter");

    // Retried after the table was put right.
    Table.execute(url, "alter table kv drop constraint good");
    assertThat(send("POST", ":retry", "").status()).isEqualTo(400);
    Wire.Answer retried = send("POST", ":retry?all=true", "");
    assertThat(retried.body()).isEqualTo("{\"dataset\":\"kv\",\"retried\":1}");
    server.await(
        "all written",
        () -> wire.send("POST", "/v1/datasets/kv/flush", "").number("remaining") == 0);
    assertThat(Table.query(url, "select key, value from kv order by key collate \"C\""))
        .containsExactly(List.of("a", "right"), List.of("b", "later"), List.of("c/d", "bad 3"));
    server.await(
        "well", () -> wire.send("GET", "/v1/health", "").body().contains("\"status\":\"UP\""));
    assertThat(server.terminate().exit()).isZero();
  }

  @Test
  void removedInItsPlace() throws Exception {
    wire.send("PUT", Wire.entry("kv", "k"), "{\"value\": \"good\"}");
    wire.send("POST", "/v1/datasets/kv/flush", "");
    park("k", "bad");
    assertThat(send("PUT", "/k?remove=true", "{\"value\": \"x\"}").status()).isEqualTo(400);
    assertThat(send("PUT", "/k?remove=true", "").status()).isEqualTo(202);
    server.await(
        "it is gone",
        () -> {
          wire.send("POST", "/v1/datasets/kv/flush", "");
          return Table.query(url, "select * from kv").isEmpty();
        });
    assertThat(server.terminate().exit()).isZero();
  }

  @Test
  void byTheCommands() throws Exception {
    for (int i = 1; i <= 4; i++) {
      park("k" + i, "bad " + i);
    }
    String table = cli("list");
    assertThat(table)
        .contains("KEY", "k1", "constraint", "23514")
        .doesNotContain("{")
        .satisfies(t -> assertThat(t.lines()).allMatch(line -> line.length() <= 100));
    assertThat(cli("list", "--json", "--class", "constraint")).contains("\"letters\" :");
    assertThat(cli("show", "--dataset", "kv", "k1")).contains("bad 1");
    assertThat(cli("edit", "--dataset", "kv", "--value", "{\"value\": \"good\"}", "k1"))
        .contains("\"durability\"");
    assertThat(cli("discard", "--dataset", "kv", "--reason", "a test", "k2"))
        .contains("discarded.ndjson");
    assertThat(Files.readString(folder.resolve("data/discarded.ndjson")))
        .contains("\"operator\":\"" + System.getProperty("user.name") + "\"");
    Path export = folder.resolve("export.ndjson");
    cli("export", "--dataset", "kv", "--output", export.toString());
    assertThat(Files.readAllLines(export))
        .hasSize(2)
        .allMatch(
            line -> line.startsWith("{\"dataset\":\"kv\",\"key\":\"k") && line.endsWith("}}"));
    Table.execute(url, "alter table kv drop constraint good");
    ServerProcess.Ended some = run("retry", "--dataset", "kv", "never", "k3", "k2");
    assertThat(some.exit()).isEqualTo(1);
    assertThat(some.out()).contains("Tried again: 1; not tried again: 2");
    assertThat(some.err()).contains("headpond: never: ", "headpond: k2: ").hasLineCount(2);
    assertThat(cli("retry", "--dataset", "kv", "--prefix", "k")).contains("Tried again: 1");
    ServerProcess.Ended gone = run("show", "--dataset", "kv", "k2");
    assertThat(gone.exit()).isEqualTo(1);
    assertThat(gone.err()).contains("answered 404: ").hasLineCount(1);
    server.await(
        "all written",
        () -> {
          wire.send("POST", "/v1/datasets/kv/flush", "");
          return Table.query(url, "select * from kv").size() == 3;
        });
    assertThat(server.terminate().exit()).isZero();
  }

  /** What a list shows is what the other commands take: the whole key, and a next page that a shell takes. */
  @Test
  void aListShowsWholeKeysAndTheNameOfTheConstraint() throws Exception {
    String key = "0b0f7c5e-6f0e-4f43-9d0c-2f4a1f1f5a01";
    String constraint = "values_that_begin_with_this_are_not_what_the_warehouse_takes_in";
    Table.execute(
        url, "alter table kv add constraint " + constraint + " check (value not like 'odd%')");
    park(key, "odd 1");
    park("it's", "odd 2");
    assertThat(cli("list").replaceAll("\\s+", " ")).contains(key, "\"" + constraint + "\"");
    assertThat(cli("list", "--class", "constraint", "--limit", "1"))
        .contains(
            "There are more: headpond dead-letters list --dataset='kv' --class='constraint'"
                + " --limit='1' --after='"
                + key
                + "' --server='http://127.0.0.1:");
    assertThat(server.terminate().exit()).isZero();
  }

  private String cli(String... args) throws Exception {
    ServerProcess.Ended ended = run(args);
    assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
    return ended.out();
  }

  private ServerProcess.Ended run(String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("dead-letters"));
    all.addAll(List.of(args));
    all.addAll(List.of("--server", "http://127.0.0.1:" + server.port()));
    return ServerProcess.run(all.toArray(String[]::new));
  }

  private void park(String key, String value) throws Exception {
    Wire.Answer put = wire.send("PUT", Wire.entry("kv", key), "{\"value\": \"" + value + "\"}");
    assertThat(put.status()).isEqualTo(202);
    wire.send("POST", "/v1/datasets/kv/flush", "");
    String path = "/" + key.replace("/", "%2F");
    server.await("its letter", () -> send("GET", path, "").status() == 200);
  }

  private long version(String key) throws Exception {
    return send("GET", "/" + key, "").number("version");
  }

  private static long shownVersion(Wire.Answer answer) {
    return answer.number("version");
  }

  private Wire.Answer send(String method, String more, String body) throws Exception {
    return wire.send(method, LETTERS + more, body);
  }
}
