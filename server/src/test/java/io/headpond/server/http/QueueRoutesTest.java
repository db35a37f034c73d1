package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is pending and parked is copied, given up and put back. */
class QueueRoutesTest {
  private static final String KV = "/v1/datasets/kv/";
  private static final String WHO = "?operator=kim&reason=a%20test";
  private static final String LINES = "Content-Type: application/x-ndjson";

  private TestDataset kv;
  private TestDataset items;
  private RunningApi api;

  @BeforeEach
  void start() {
    kv = new TestDataset("kv", RunningApi.KV, settings -> settings.maxRetries(0).partitions(2));
    items = new TestDataset("items", RunningApi.ITEMS);
    api = new RunningApi(kv, items).opened();
  }

  @AfterEach
  void stop() {
    api.close();
  }

  private Response put(String key, String value) throws IOException {
    return api.send("PUT", KV + "entries/" + key, "{\"value\": \"" + value + "\"}");
  }

  private void flush() throws IOException {
    api.send("POST", KV + "flush", "");
  }

  private List<String> backup() throws IOException {
    Response backup = api.send("GET", KV + "queue:backup", "");
    assertThat(backup.status()).isEqualTo(200);
    return backup.text().lines().toList();
  }

  private Map<String, String> restore(List<String> lines) throws IOException {
    Response response =
        api.send("POST", KV + "queue:restore", String.join("\n", lines) + "\n", LINES);
    assertThat(response.status()).as(response.toString()).isEqualTo(200);
    Map<String, String> members = new TreeMap<>();
    Map<String, Object> answer = Document.cast(Document.parse(response.body()));
    answer.forEach((name, value) -> members.put(name, String.valueOf(value)));
    return members;
  }

  private String value(String key) throws IOException {
    return api.send("GET", KV + "entries/" + key, "").body().replaceAll(".*\"value\":", "");
  }

  @Test
  void aBackupHasEachEntryOnceWithItsValue() throws IOException {
    assertThat(backup()).hasSize(2).last().isEqualTo("{\"entries\":0}");
    kv.database(database -> database.refuse(mutation -> true));
    put("bad", "parked");
    flush();
    for (int i = 0; i < 2_100; i++) {
      put("k" + i, "v" + i);
    }
    put("k7", "coalesced");
    api.send("DELETE", KV + "entries/gone", "");
    List<String> lines = backup();
    assertThat(lines).hasSize(2_104).last().isEqualTo("{\"entries\":2102}");
    assertThat(lines.get(0))
        .startsWith(
            "{\"headpond\":\"queue\",\"format\":1,\"dataset\":\"kv\",\"key\":[{\"name\":\"key\",\"type\":\"text\"}],"
                + "\"columns\":[{\"name\":\"value\",\"type\":\"text\"}],\"time\":");
    assertThat(lines.subList(1, 2_103).stream().map(line -> line.split("\"")[3]))
        .doesNotHaveDuplicates();
    assertThat(lines)
        .anyMatch(line -> line.matches(".*\"bad\",\"operation\":\"put\".*\"parked\",\"value\".*"))
        .anyMatch(line -> line.matches(".*\"gone\",\"operation\":\"remove\".*\"value\":null}"))
        .anyMatch(line -> line.contains("\"key\":\"k7\"") && line.contains("coalesced"));
    kv.database(database -> database.refuse(mutation -> false));
    flush();
    assertThat(backup().subList(1, 3)).anyMatch(line -> line.contains("\"bad\""));
  }

  @Test
  void whatIsPurgedIsKeptInAFileThatIsABackup() throws IOException {
    put("a", "old");
    flush();
    kv.database(database -> database.setAway(true));
    put("a", "given up");
    put("b", "given up");
    Response purge = api.send("POST", KV + "queue:purge" + WHO, "");
    String last = purge.text().lines().reduce((first, second) -> second).orElseThrow();
    assertThat(last)
        .contains("\"purged\":2,\"underWay\":0,\"gone\":0,\"file\":\"")
        .contains("\"done\":true");
    Path file = Path.of(last.replaceAll(".*\"file\":\"|\",\"done.*", ""));
    file.toFile().deleteOnExit();
    List<String> kept = Files.readAllLines(file);
    assertThat(kept).hasSize(4).last().isEqualTo("{\"entries\":2}");
    assertThat(kept.get(0)).contains("\"operator\":\"kim\",\"reason\":\"a test\"}");
    assertThat(Files.getPosixFilePermissions(file)).hasSize(2);
    kv.database(database -> database.setAway(false));
    flush();
    assertThat(kv.cache().status().pendingEntries()).isZero();
    assertThat(value("a")).contains("old");
    assertThat(api.send("GET", KV + "entries/b", "").status()).isEqualTo(404);
    assertThat(restore(kept.subList(0, 3)))
        .containsEntry("restored", "2")
        .containsEntry("older", "0");
    assertThat(restore(kept.subList(0, 3)))
        .containsEntry("restored", "0")
        .containsEntry("older", "2");
    flush();
    assertThat(value("a")).contains("given up");
    assertThat(api.send("POST", KV + "queue:purge" + WHO, "").text())
        .contains("\"purged\":0", "\"file\":null,\"done\":true");
  }

  @Test
  void aPurgeSaysWhoAndWhy() throws IOException {
    put("a", "stays");
    for (String query : List.of("", "?operator=kim", "?reason=x", "?operator=%20&reason=x")) {
      assertThat(api.send("POST", KV + "queue:purge" + query, "").status()).isEqualTo(400);
    }
    assertThat(kv.cache().status().pendingEntries()).isEqualTo(1);
  }

  /** What cannot be kept stays. */
  @Test
  void withoutRoomForTheFileNothingIsPurged() throws IOException {
    put("a", "stays");
    Path folder = kv.dataset().folder();
    Files.delete(folder);
    String said = api.send("POST", KV + "queue:purge" + WHO, "").text();
    Files.createDirectory(folder);
    assertThat(said).contains("cannot be kept in", "so it stays").doesNotContain("\"done\":true");
    assertThat(kv.cache().status().pendingEntries()).isEqualTo(1);
  }

  @Test
  void nothingNewerIsOvertaken() throws IOException {
    put("pending", "1");
    put("database", "1");
    put("removed", "1");
    put("same", "1");
    put("lost", "1");
    api.send("DELETE", KV + "entries/removal", "");
    List<String> lines = backup();
    put("pending", "2");
    put("database", "2");
    flush();
    put("pending", "3");
    api.send("DELETE", KV + "entries/removed", "");
    kv.database(database -> database.removeRow(RunningApi.KV.key("lost")));
    api.send("POST", KV + "entries/lost:invalidate", "");
    Map<String, String> done = restore(lines.subList(0, lines.size() - 1));
    assertThat(done).containsEntry("restored", "1").containsEntry("older", "5");
    assertThat(value("pending")).contains("3");
    assertThat(value("database")).contains("2");
    assertThat(value("same")).contains("1");
    assertThat(value("lost")).contains("1");
    assertThat(api.send("GET", KV + "entries/removed", "").status()).isEqualTo(404);
  }

  @Test
  void whatIsWrongIsRefusedUpFrontOrLineByLine() throws IOException {
    put("a", "1");
    List<String> lines = backup();
    String header = lines.get(0);
    for (String[] wrong :
        new String[][] {
          {header.replace("\"kv\"", "\"items\""), "\"field\":\"dataset\""},
          {header.replace("\"text\"", "\"bigint\""), "\"field\":\"key\""},
          {header.replace("value", "amount"), "\"field\":\"columns\""},
          {header.replace("queue", "letters"), "\"field\":\"headpond\""},
          {lines.get(1), "\"field\":\"headpond\""},
          {"no json", "invalid-json"},
          {"", ""}
        }) {
      Response refused =
          api.send("POST", KV + "queue:restore", wrong[0] + "\n" + lines.get(1) + "\n", LINES);
      assertThat(refused.status()).as(wrong[0]).isEqualTo(400);
      assertThat(refused.body()).contains(wrong[1]);
    }
    Map<String, String> some =
        restore(
            List.of(
                header,
                "{\"key\":\"x\",\"operation\":\"put\",\"version\":1,\"value\":{\"value\":7}}",
                "{\"key\":\"x\",\"operation\":\"copy\",\"version\":1,\"value\":null}",
                "{\"key\":\"x\",\"operation\":\"put\",\"version\":-1,\"value\":{}}",
                "{\"operation\":\"remove\",\"version\":1}",
                "cut off",
                "{\"key\":\"good\",\"operation\":\"put\",\"version\":1,\"state\":\"pending\",\"value\":{\"value\":\"1\"}}"));
    assertThat(some).containsEntry("restored", "1");
    assertThat(some.get("refused")).contains("line=2", "line=3", "line=4", "line=5", "line=6");
    String many =
        header
            + "\n"
            + IntStream.range(0, 1_001)
                .mapToObj(i -> "{\"key\":\"m" + i + "\",\"operation\":\"remove\",\"version\":1}")
                .collect(Collectors.joining("\n"));
    assertThat(api.send("POST", KV + "queue:restore", many, LINES).body())
        .contains("must have at most 1000 entries");
  }
}
