package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGTERM with the database up, slow, down and hung: within the deadline and a few seconds it ends, and says the truth about what is pending. */
class ShutdownIT {
  private static final int ENTRIES = 20;
  private static final Duration DRAIN = Duration.ofSeconds(1);

  /** Beyond the deadline: leases, connections, the JVM, on a machine that does other things too. Far from any time limit of a connection. */
  private static final Duration MORE = Duration.ofSeconds(20);

  @TempDir private static Path postgresFolder;

  private static EmbeddedPostgres postgres;
  private static int databases;

  @TempDir private Path folder;

  private String url = "";
  private ServerProcess server;

  @BeforeAll
  static void startPostgres() {
    postgres = EmbeddedPostgres.builder().directory(postgresFolder.resolve("postgres")).start();
  }

  @AfterAll
  static void stopPostgres() {
    postgres.close();
  }

  @BeforeEach
  void start() throws Exception {
    String database = "d" + ++databases;
    Table.execute(postgres.jdbcUrl(), "create database " + database);
    url = postgres.jdbcUrl(database);
    Table.create(url, "kv");
    server = serve();
  }

  private ServerProcess serve() throws Exception {
    Path yaml = folder.resolve("headpond.yaml");
    Files.writeString(yaml, Table.yaml("linger: 1h\nmaxRetries: 0", "kv"));
    return ServerProcess.serve(
        folder.resolve("data"),
        "--config",
        yaml.toString(),
        "--database-url",
        Table.url(url),
        "--drain-timeout",
        DRAIN.toSeconds() + "s");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void withTheDatabaseUpNothingIsPending() throws Exception {
    write();
    ServerProcess.Ended ended = end();
    assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
    assertThat(ended.out()).contains("in this run: 20; nothing is pending.");
    assertThat(count()).isEqualTo(ENTRIES);
  }

  @Test
  void withATableThatIsLockedTheyAreKept() throws Exception {
    write();
    try (Connection lock = Table.lock(url, "kv")) {
      keptIn(end());
    }
    theNextStartWritesThem();
  }

  @Test
  void withTheDatabaseDownTheyAreKept() throws Exception {
    write();
    Frozen.shutDown(postgres);
    keptIn(end());
    postgres.restart();
    theNextStartWritesThem();
  }

  @Test
  void withADatabaseThatHangsTheyAreKept() throws Exception {
    write();
    try (Frozen frozen = new Frozen(postgres)) {
      keptIn(end());
    }
    theNextStartWritesThem();
  }

  /** They are kept, and said, but nothing is to be written any more: an exit code that never goes away would be ignored soon. */
  @Test
  void deadLettersAreToldAndAreNotPending() throws Exception {
    Table.execute(url, "alter table kv add constraint good check (value not like 'bad%')");
    try (Wire wire = new Wire(server.port())) {
      wire.send("PUT", Wire.entry("kv", "b"), "{\"value\": \"bad\"}");
    }
    write();
    ServerProcess.Ended ended = end();
    assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
    assertThat(ended.out())
        .contains(
            "nothing is pending. Dead letters: 1 (kv 1), kept in "
                + folder.resolve("data/journal"));
    assertThat(count()).isEqualTo(ENTRIES);
  }

  private void write() throws Exception {
    try (Wire wire = new Wire(server.port())) {
      for (int i = 0; i < ENTRIES; i++) {
        assertThat(wire.send("PUT", Wire.entry("kv", "k" + i), "{\"value\": \"v\"}").status())
            .isEqualTo(202);
      }
    }
  }

  private ServerProcess.Ended end() throws Exception {
    long began = System.nanoTime();
    ServerProcess.Ended ended = server.terminate();
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    System.out.printf("ended after %d ms: %s", took.toMillis(), lastLine(ended.out()));
    assertThat(took).isLessThan(DRAIN.plus(MORE));
    assertThat(ended.err()).doesNotContain("\tat ");
    return ended;
  }

  private void keptIn(ServerProcess.Ended ended) {
    assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(4);
    assertThat(ended.out())
        .contains(
            "still pending: 20 (kv 20). They are kept in "
                + folder.resolve("data/journal")
                + " and are written at the next start.");
  }

  private void theNextStartWritesThem() throws Exception {
    server = serve();
    ServerProcess.Ended ended = end();
    assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
    assertThat(count()).isEqualTo(ENTRIES);
  }

  private long count() throws Exception {
    return (Long) Table.query(url, "select count(*) from kv where value = 'v'").get(0).get(0);
  }

  private static String lastLine(String text) {
    return text.lines().reduce("", (before, line) -> line) + "\n";
  }
}
