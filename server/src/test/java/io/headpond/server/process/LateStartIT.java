package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server whose database is down when it starts: the second time it serves what it can, the first time it says in one line why it does not. */
class LateStartIT {
  @TempDir private Path folder;

  @Test
  void theSecondStartNeedsNoDatabaseAndTheFirstSaysThatItDoes() throws Exception {
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.builder().directory(folder.resolve("postgres")).start()) {
      Table.create(postgres.jdbcUrl(), "kv");
      Path yaml = folder.resolve("headpond.yaml");
      Files.writeString(yaml, Table.yaml("linger: 10ms", "kv"));
      String[] options = {"--config", yaml.toString(), "--database-url", Table.url(postgres)};
      Path data = folder.resolve("data");
      try (ServerProcess server = ServerProcess.serve(data, options);
          Wire wire = new Wire(server.port())) {
        Frozen.shutDown(postgres);
        assertThat(wire.send("PUT", Wire.entry("kv", "a"), "{\"value\": \"1\"}").status())
            .isEqualTo(202);
        server.killHard();
      }
      ServerProcess.Ended first =
          ServerProcess.run(
              "serve",
              "--port",
              "0",
              "--config",
              yaml.toString(),
              "--database-url",
              Table.url(postgres),
              "--data-dir",
              folder.resolve("new").toString());
      assertThat(first.exit()).as(first.out() + first.err()).isEqualTo(1);
      assertThat(first.err()).contains("check that it runs");
      assertThat(first.err().lines().filter(line -> line.startsWith("headpond: "))).hasSize(1);
      assertThat(first.err()).doesNotContain("\tat ");

      try (ServerProcess server = ServerProcess.serve(data, options);
          Wire wire = new Wire(server.port())) {
        assertThat(server.out()).contains("DEGRADED", "started without the database");
        assertThat(wire.send("GET", Wire.entry("kv", "a"), "").body()).contains("\"1\"");
        assertThat(wire.send("PUT", Wire.entry("kv", "b"), "{\"value\": \"2\"}").status())
            .isEqualTo(202);
        assertThat(wire.send("GET", "/v1/health/ready", "").status()).isEqualTo(200);
        Wire.Answer miss = wire.send("GET", Wire.entry("kv", "c"), "");
        assertThat(miss.status()).as(miss.body()).isEqualTo(503);
        postgres.restart();
        server.await(
            "well", () -> wire.send("GET", "/v1/health", "").body().contains("\"status\":\"UP\""));
        server.await(
            "both rows",
            () ->
                Table.query(postgres.jdbcUrl(), "select key, value from kv order by key")
                    .equals(List.of(List.of("a", "1"), List.of("b", "2"))));
        assertThat(server.terminate().exit()).isZero();
      }
    }
  }
}
