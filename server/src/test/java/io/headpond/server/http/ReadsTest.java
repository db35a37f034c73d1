package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ConfigurationException;
import io.headpond.UnreadableRowException;
import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several keys at once, and receipts. */
@Timeout(60)
class ReadsTest {
  private static final String JSON = "Content-Type: application/json";
  private static final String KV = "/v1/datasets/kv/entries";
  private static RunningApi api;

  @BeforeAll
  static void start() {
    api = new RunningApi().opened();
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @Test
  void severalEntriesAreReadAtOnce() throws IOException {
    String etag = put("many a&b", "1").header("ETag").replace("\"", "");
    var type = RunningApi.KV;
    api.kv.database(
        db -> {
          db.writeRow(type.key("stored 1"), type.rowOf("one"), 11);
          db.writeRow(type.key("stored 2"), type.rowOf("two"), 12);
        });
    long loads = api.kv.cache().status().counters().loads();
    Response many =
        api.send(
            "GET",
            KV + "?key=stored+1&key=many%20a%26b&key=none&key=stored%202&key=many+a%26b",
            "");
    assertThat(many.status()).isEqualTo(200);
    assertThat(many.header("Content-Type")).isEqualTo("application/json");
    String mine =
        "{\"key\":\"many a&b\",\"version\":"
            + etag
            + ",\"source\":\"cache\",\"state\":\"pending\",\"value\":{\"value\":\"1\"}}";
    assertThat(many.text())
        .isEqualTo(
            "{\"dataset\":\"kv\",\"entries\":["
                + "{\"key\":\"stored 1\",\"version\":11,\"source\":\"database\",\"state\":\"clean\",\"value\":{\"value\":\"one\"}},"
                + mine
                + ",{\"key\":\"none\",\"version\":null,\"source\":\"database\",\"state\":\"clean\",\"value\":null},"
                + "{\"key\":\"stored 2\",\"version\":12,\"source\":\"database\",\"state\":\"clean\",\"value\":{\"value\":\"two\"}},"
                + mine
                + "]}");
    assertThat(api.kv.cache().status().counters().loads()).isEqualTo(loads + 1);
  }

  /** The table was dropped, say, under the running server. */
  @Test
  void aTableThatNoLongerFitsIsUnavailable() throws IOException {
    String message = "relation \"kv\" does not exist (SQLSTATE 42P01)";
    try (RunningApi lost = new RunningApi().opened()) {
      lost.kv.database(db -> db.failLoads(new ConfigurationException(message)));
      for (Response answer : withTheRow(lost)) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(503);
        assertThat(answer.header("Retry-After")).isEqualTo("1");
        assertThat(answer.body())
            .contains("urn:headpond:problem:unavailable", new Json().string(message).toString());
      }
      assertThat(patchLine(lost)).contains("\"status\":503", "urn:headpond:problem:unavailable");
    }
  }

  @Test
  void aRowThatCannotBeReadIsAProblemOfItsOwn() throws IOException {
    try (RunningApi odd = new RunningApi().opened()) {
      odd.kv.database(
          db ->
              db.failLoads(
                  new UnreadableRowException("the row of hash 7", "price", "must be a number")));
      for (Response answer : withTheRow(odd)) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(409);
        assertThat(answer.body())
            .contains(
                "urn:headpond:problem:unreadable-row",
                "\"detail\":\"the row of hash 7\"",
                "\"field\":\"price\"",
                "\"rule\":\"must be a number\"");
      }
      assertThat(patchLine(odd)).contains("\"status\":409", "urn:headpond:problem:unreadable-row");
      assertThat(odd.send("PUT", KV + "/row", "{\"value\": \"mended\"}", JSON).status())
          .isEqualTo(202);
      assertThat(odd.send("GET", KV + "/row", "").body()).contains("mended");
    }
  }

  /** Everything that needs the row of a key. */
  private static List<Response> withTheRow(RunningApi api) throws IOException {
    return List.of(
        api.send("GET", KV + "/row", ""),
        api.send("GET", KV + "?key=row", ""),
        api.send("PATCH", KV + "/row", "{}", JSON),
        api.send("POST", KV + "/row:increment", "{\"value\": 1}", JSON),
        api.send("PUT", KV + "/row", "{}", JSON, "If-Match: \"5\""),
        api.send("DELETE", KV + "/row", "", "If-None-Match: *"));
  }

  private static String patchLine(RunningApi api) throws IOException {
    String line = "{\"op\":\"patch\",\"key\":\"row\",\"value\":{}}";
    return api.send("POST", KV + ":batch", line, "Content-Type: application/x-ndjson").text();
  }

  @Test
  void aKeyOfSeveralColumnsIsItsText() throws IOException {
    api.send("PUT", "/v1/datasets/items/entries/7,a%2C%25", "{\"name\": \"n\"}", JSON);
    assertThat(api.send("GET", "/v1/datasets/items/entries?key=7%2Ca%252C%2525&key=7,b", "").text())
        .contains("{\"key\":\"7,a%2C%25\",", "{\"key\":\"7,b\",\"version\":null");
    String endless = "7," + "x".repeat(30_000);
    for (String wrong : new String[] {"7", "7,8,9", "x,8", "7,%2561", "7,%252", endless}) {
      assertThat(api.send("GET", "/v1/datasets/items/entries?key=" + wrong, "").status())
          .as(wrong)
          .isEqualTo(422);
    }
  }

  @Test
  void atMostAThousandKeysAreReadAtOnce() throws IOException {
    String thousand =
        IntStream.range(0, 1_000).mapToObj(i -> "key=k" + i).collect(Collectors.joining("&"));
    Response many = api.send("GET", KV + "?" + thousand, "");
    assertThat(many.status()).isEqualTo(200);
    assertThat(many.text().split("\"key\":", -1)).hasSize(1_001);
    Response more = api.send("GET", KV + "?" + thousand + "&key=one", "");
    assertThat(more.status()).isEqualTo(400);
    assertThat(more.body()).contains("\"field\":\"key\"", "must stand 1 to 1000 times");
    assertThat(api.send("GET", KV + "?key=a&key=", "").status()).isEqualTo(422);
    assertThat(api.send("HEAD", KV + "?key=a", "").status()).isEqualTo(200);
  }

  @Test
  void aReceiptIsAnsweredWhenTheDatabaseHasTheVersion() throws IOException {
    String version = put("receipt", "1").header("ETag").replace("\"", "");
    String target = KV + "/receipt?settled=" + version;
    Response notYet = api.send("GET", target, "");
    assertThat(notYet.status()).isEqualTo(202);
    assertThat(notYet.body())
        .isEqualTo(
            "{\"dataset\":\"kv\",\"key\":\"receipt\",\"version\":"
                + version
                + ",\"settled\":false}");
    assertThat(api.send("GET", target + "&wait=20ms", "").status()).isEqualTo(202);

    CompletableFuture<Response> waiting =
        CompletableFuture.supplyAsync(() -> get(target + "&wait=30s"));
    api.send("POST", "/v1/datasets/kv/flush", "");
    assertThat(waiting.join().status()).isEqualTo(200);
    assertThat(waiting.join().body())
        .isEqualTo(
            "{\"dataset\":\"kv\",\"key\":\"receipt\",\"version\":"
                + version
                + ",\"settled\":true}");
    assertThat(get(target).status()).isEqualTo(200);
    put("receipt", "2");
    assertThat(get(target).body()).as("an older version").contains("\"settled\":");
  }

  @Test
  void aReceiptOfWhatTheDatabaseRefusesIsItsError() throws IOException {
    TestDataset strict =
        new TestDataset("kv", RunningApi.KV, settings -> settings.maxRetries(0).partitions(1));
    try (RunningApi refusing =
        new RunningApi(strict, new TestDataset("items", RunningApi.ITEMS)).opened()) {
      strict.database(database -> database.refuse(mutation -> true));
      String version =
          refusing.send("PUT", KV + "/bad", "{}", JSON).header("ETag").replace("\"", "");
      String target = KV + "/bad?settled=" + version;
      refusing.send("POST", "/v1/datasets/kv/flush", "");
      Response parked = refusing.send("GET", target + "&wait=30s", "");
      assertThat(parked.status()).as(parked.toString()).isEqualTo(409);
      assertThat(parked.body()).contains("urn:headpond:problem:rejected", "refused on command");
      assertThat(refusing.send("GET", target, "").body()).contains("refused on command");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          settled=abc            | 400 | settled | must be a version
          settled=-5             | 400 | settled | must be a version
          settled=1.5            | 400 | settled | must be a version
          settled=               | 400 | settled | must be a version
          settled=99999999999999999999 | 400 | settled | must be a version
          settled=0              | 422 | settled | must be a version that this dataset has given
          settled=999999999999999999 | 422 | settled | must be a version that this dataset has given
          settled=5&wait=long    | 400 | wait    | must be a duration
          settled=5&wait=-1s     | 400 | wait    | must be a duration
          settled=5&wait=61s     | 400 | wait    | must be at most 60s
          settled=5&wait=999999999999d | 400 | wait | must be
          settled=5&wait=1s&key=a | 400 | query  | known here are settled, wait
          wait=5s                | 400 | wait    | must stand beside settled
          settled=5&settled=6    | 400 | settled | must stand only once
          """)
  void aBadReceiptIsRefused(String query, int status, String field, String rule) {
    Response refused = get(KV + "/bad?" + query);
    assertThat(refused.status()).as(refused.toString()).isEqualTo(status);
    assertThat(refused.body()).contains("\"field\":\"" + field + "\"", rule);
  }

  private static Response put(String key, String value) throws IOException {
    return api.send("PUT", KV + "/" + RawUri.encode(key), "{\"value\": \"" + value + "\"}", JSON);
  }

  private static Response get(String target) {
    try {
      return api.send("GET", target, "");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
