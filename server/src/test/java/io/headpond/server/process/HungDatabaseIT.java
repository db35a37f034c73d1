package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Starts and stops while all processes of the database are stopped by SIGSTOP: it takes connections and never answers. */
class HungDatabaseIT {
  private static final String[] TABLES = {"a", "b", "c", "d", "e", "f"};

  /** One dataset gives up after about 12 s; six of them one after the other would take 72 s. */
  private static final Duration ONE_AND_MORE = Duration.ofSeconds(40);

  @TempDir private Path folder;

  @Test
  void anEmbeddedOneIsKilledAndTheOutcomeIsSaidBefore() throws Exception {
    Path data = folder.resolve("data");
    try (ServerProcess server = ServerProcess.serve(data, "--drain-timeout", "1s");
        Wire wire = new Wire(server.port())) {
      long postmaster =
          Long.parseLong(
              Files.readAllLines(data.resolve("postgres/data/postmaster.pid")).get(0).strip());
      wire.send("PUT", Wire.entry("kv", "before"), "{\"value\": \"v\"}");
      wire.send("POST", "/v1/datasets/kv/flush", "");
      try (Frozen frozen = new Frozen(postmaster)) {
        wire.send("PUT", Wire.entry("kv", "k"), "{\"value\": \"v\"}");
        long began = System.nanoTime();
        ServerProcess.Ended ended = server.terminate();
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(30));
        assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(4);
        assertThat(ended.out()).contains("still pending: 1 (kv 1). They are kept in ");
        assertThat(ended.err()).contains("does not stop and is killed").doesNotContain("\tat ");
      }
    }
    // The next one takes the folder without ado, and what was kept is written.
    try (ServerProcess server = ServerProcess.serve(data)) {
      ServerProcess.Ended ended = server.terminate();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
    }
  }

  @Test
  void allDatasetsOfAStartWaitAtOnceAndEachIsTold() throws Exception {
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.builder().directory(folder.resolve("postgres")).start()) {
      Table.create(postgres.jdbcUrl(), TABLES);
      Path yaml = folder.resolve("headpond.yaml");
      Files.writeString(yaml, Table.yaml("linger: 10ms", TABLES));
      String[] options = {"--config", yaml.toString(), "--database-url", Table.url(postgres)};
      Path data = folder.resolve("data");
      try (ServerProcess server = ServerProcess.serve(data, options)) {
        assertThat(server.terminate().exit()).isZero();
      }
      try (Frozen frozen = new Frozen(postgres)) {
        long began = System.nanoTime();
        List<String> first =
            new ArrayList<>(
                List.of("serve", "--port", "0", "--data-dir", folder.resolve("new").toString()));
        first.addAll(List.of(options));
        ServerProcess.Ended failed = ServerProcess.run(first.toArray(String[]::new));
        assertThat(failed.exit()).as(failed.out() + failed.err()).isEqualTo(1);
        assertThat(failed.err()).contains("check that it runs").doesNotContain("\tat ");

        try (ServerProcess server = ServerProcess.serve(data, options)) {
          assertThat(Duration.ofNanos(System.nanoTime() - began))
              .isLessThan(ONE_AND_MORE.multipliedBy(2));
          assertThat(server.readyAfter()).isLessThan(ONE_AND_MORE);
        }
      }
    }
  }

  @Test
  void aSignalEndsAStartThatWaits() throws Exception {
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.builder().directory(folder.resolve("postgres")).start()) {
      Table.create(postgres.jdbcUrl(), "a", "b");
      Path yaml = folder.resolve("headpond.yaml");
      Files.writeString(yaml, Table.yaml("linger: 10ms", "a", "b"));
      try (Frozen frozen = new Frozen(postgres);
          ServerProcess server =
              ServerProcess.start(
                  List.of(),
                  Map.of(),
                  List.of(
                      "serve",
                      "--port",
                      "0",
                      "--config",
                      yaml.toString(),
                      "--database-url",
                      Table.url(postgres),
                      "--data-dir",
                      folder.resolve("data").toString()))) {
        // It holds the folder, so it listens for signals.
        server.await("the lock", () -> Files.exists(folder.resolve("data/headpond.lock")));
        long began = System.nanoTime();
        ServerProcess.Ended ended = server.terminate();
        // About 12 s without.
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(9));
        assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(130);
        assertThat(ended.out()).contains("Stopped before it was ready. ");
        assertThat(ended.err()).doesNotContain("\tat ");
      }
    }
  }
}
