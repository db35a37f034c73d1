package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One folder, one table, one store: whatever would make two of them is refused with words that say so. */
class OwnershipIT {
  @TempDir private Path folder;

  private String url;
  private Path data;
  private Path one;

  @BeforeEach
  void table() throws Exception {
    url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv", "other");
    one = Files.writeString(folder.resolve("one.yaml"), Table.yaml("linger: 1h", "kv"));
    data = folder.resolve("data");
  }

  @Test
  void aSecondServerOnTheSameFolder() throws Exception {
    try (ServerProcess first = serve(data)) {
      refused("another headpond uses it", data);
      ServerProcess.Ended check =
          ServerProcess.run("journal", "check", data.resolve("journal/kv").toString());
      oneLine(check, "");
      assertThat(first.terminate().exit()).isZero();
    }
  }

  @Test
  void aSecondStoreOnTheSameTableUntilItIsAdopted() throws Exception {
    try (ServerProcess first = serve(data);
        Wire wire = new Wire(first.port())) {
      assertThat(wire.send("PUT", Wire.entry("kv", "a"), "{\"value\": \"1\"}").status())
          .isEqualTo(202);
      refused(data.resolve("journal").toString(), folder.resolve("second"));
      assertThat(first.terminate().exit()).isZero();
    }
    refused("headpond store adopt", folder.resolve("second"));
    ServerProcess.Ended adopted =
        ServerProcess.run(
            "store",
            "adopt",
            "--yes",
            "--dataset",
            "kv",
            "--database-url",
            url,
            "--config",
            one.toString(),
            "--data-dir",
            folder.resolve("second").toString());
    assertThat(adopted.exit()).as(adopted.out() + adopted.err()).isZero();
    try (ServerProcess second = serve(folder.resolve("second"));
        Wire wire = new Wire(second.port())) {
      assertThat(wire.send("GET", Wire.entry("kv", "a"), "").body()).contains("\"1\"");
    }
    refused(folder.resolve("second").toString(), data);
  }

  @Test
  void aJournalThatIsAnOlderCopy() throws Exception {
    write("a");
    copy(data, folder.resolve("copy"));
    write("b");
    delete(data);
    copy(folder.resolve("copy"), data);
    refused("older copy", data);
  }

  @Test
  void aDatasetThatIsGoneWhileSomethingIsPending() throws Exception {
    Path both =
        Files.writeString(folder.resolve("both.yaml"), Table.yaml("linger: 1h", "kv", "other"));
    try (ServerProcess server =
            ServerProcess.serve(data, "--database-url", url, "--config", both.toString());
        Wire wire = new Wire(server.port())) {
      wire.send("PUT", Wire.entry("other", "k"), "{\"value\": \"owed\"}");
      server.killHard();
    }
    refused(
        "dataset other is not in the configuration, but 1 of its entries are still pending", data);
    ServerProcess.Ended check =
        ServerProcess.run("journal", "check", data.resolve("journal/other").toString());
    assertThat(check.exit()).isZero();
    assertThat(check.out()).contains("sound", "pending 1");
  }

  @Test
  void aDamagedJournalIsRefusedAndSalvaged() throws Exception {
    try (ServerProcess server = serve(data);
        Wire wire = new Wire(server.port())) {
      for (int i = 0; i < 50; i++) {
        wire.send("PUT", Wire.entry("kv", "k" + i), "{\"value\": \"v\"}");
      }
      server.killHard();
    }
    Path journal = data.resolve("journal/kv");
    Path segment;
    try (Stream<Path> files = Files.list(journal)) {
      segment =
          files.filter(f -> f.toString().matches(".*[0-9].*")).sorted().findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(segment);
    bytes[10] ^= 1;
    Files.write(segment, bytes);
    refused("headpond journal", data);
    ServerProcess.Ended check = ServerProcess.run("journal", "check", journal.toString());
    assertThat(check.exit()).isEqualTo(1);
    assertThat(check.out()).contains("damaged", "headpond journal salvage");
  }

  private void write(String key) throws Exception {
    try (ServerProcess server = serve(data);
        Wire wire = new Wire(server.port())) {
      assertThat(wire.send("PUT", Wire.entry("kv", key), "{\"value\": \"1\"}").status())
          .isEqualTo(202);
      wire.send("POST", "/v1/datasets/kv/flush", "");
      assertThat(server.terminate().exit()).isZero();
    }
  }

  private ServerProcess serve(Path dataDir) throws Exception {
    return ServerProcess.serve(dataDir, "--database-url", url, "--config", one.toString());
  }

  private void refused(String message, Path dataDir) throws Exception {
    oneLine(
        ServerProcess.run(
            "serve",
            "--port",
            "0",
            "--data-dir",
            dataDir.toString(),
            "--database-url",
            url,
            "--config",
            one.toString()),
        message);
  }

  private static void oneLine(ServerProcess.Ended ended, String message) {
    String lines =
        ended.err().lines().filter(line -> line.startsWith("headpond: ")).findFirst().orElse("");
    assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(1);
    assertThat(lines).as(ended.err()).contains(message);
    assertThat(ended.err()).doesNotContain("\tat ");
    System.out.println(lines);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : all.toList()) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
