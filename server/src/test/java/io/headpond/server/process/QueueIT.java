package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The queue by hand, by the commands. */
class QueueIT {
  @TempDir private Path folder;

  @Test
  void copiedGivenUpAndPutBack() throws Exception {
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    Path yaml = Files.writeString(folder.resolve("headpond.yaml"), Table.yaml("linger: 1h", "kv"));
    Path file = folder.resolve("backup");
    try (ServerProcess server =
            ServerProcess.serve(
                folder.resolve("data"),
                "--config",
                yaml.toString(),
                "--database-url",
                Table.url(url));
        Wire wire = new Wire(server.port())) {
      String at = "http://127.0.0.1:" + server.port();
      for (int i = 0; i < 700; i++) {
        wire.send("PUT", Wire.entry("kv", "k" + i), "{\"value\": \"" + i + "\"}");
      }
      assertThat(queue("backup", at, "--file", file.toString()).err()).contains(": 700");
      assertThat(Files.readAllLines(file)).hasSize(702).last().isEqualTo("{\"entries\":700}");
      assertThat(queue("backup", at, "--file", file.toString()).err()).contains("is there already");
      ServerProcess.Ended asked = queue("purge", at);
      assertThat(asked.exit()).isEqualTo(1);
      assertThat(asked.out()).contains("Would be given up: 700 pending entries and 0 dead letters");
      assertThat(asked.err()).contains("say --yes to do it");
      ServerProcess.Ended purged = queue("purge", at, "--yes");
      assertThat(purged.exit()).as(purged.err()).isZero();
      assertThat(purged.out())
          .startsWith("Purged: 700. They are kept in " + folder.resolve("data"));
      Path kept = Path.of(purged.out().replaceAll(".*kept in | of the server.*", "").strip());
      wire.send("PUT", Wire.entry("kv", "k5"), "{\"value\": \"newer\"}");
      ServerProcess.Ended restored = queue("restore", at, "--file", kept.toString());
      assertThat(restored.out())
          .isEqualTo(
              "Restored: 699; skipped, since what is there is as new or newer: 1; refused: 0.\n");
      assertThat(queue("restore", at, "--file", file.toString()).out()).startsWith("Restored: 0;");

      List<String> lines = Files.readAllLines(file);
      Path cut = Files.write(folder.resolve("cut"), lines.subList(0, 3));
      assertThat(queue("restore", at, "--file", cut.toString()).err()).contains("was cut");
      Path bad =
          Files.write(
              folder.resolve("bad"),
              List.of(lines.get(0), lines.get(1).replace("put", "copy"), "{\"entries\":1}"));
      ServerProcess.Ended refused = queue("restore", at, "--file", bad.toString());
      assertThat(refused.exit()).isEqualTo(1);
      assertThat(refused.out()).contains("refused: 1, with the reasons in " + bad + ".refused");
      assertThat(Files.readString(Path.of(bad + ".refused")))
          .startsWith("line 2: operation: copy: must be put or remove\t{\"key\"");
      assertThat(server.terminate().exit()).isZero();
    }
    assertThat(Table.query(url, "select count(*) from kv")).containsExactly(List.of(700L));
    assertThat(Table.query(url, "select value from kv where key = 'k5'"))
        .containsExactly(List.of("newer"));
  }

  private static ServerProcess.Ended queue(String what, String at, String... more)
      throws Exception {
    List<String> args =
        new java.util.ArrayList<>(List.of("queue", what, "--dataset", "kv", "--server", at));
    args.addAll(List.of(more));
    return ServerProcess.run(args.toArray(String[]::new));
  }
}
