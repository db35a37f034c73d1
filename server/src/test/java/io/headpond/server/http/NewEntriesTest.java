package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.RowType;
import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code POST .../entries}, and {@code Idempotency-Key} wherever it is kept. */
class NewEntriesTest {
  private static final String JSON = "Content-Type: application/json";
  private static final String KV = "/v1/datasets/kv/entries";
  private static final String TICKETS = "/v1/datasets/tickets/entries";
  private static final RowType TICKET =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("title", ColumnType.TEXT)
          .column("votes", ColumnType.INTEGER)
          .build();
  private static RunningApi api;

  @BeforeAll
  static void start() {
    api =
        new RunningApi(new TestDataset("kv", RunningApi.KV), new TestDataset("tickets", TICKET))
            .opened();
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @Test
  void aNewEntryGetsAKeyOfItsOwn() throws IOException {
    Set<String> keys = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      Response created = api.send("POST", KV, "{\"value\": \"v\"}", JSON);
      assertThat(created.status()).isEqualTo(201);
      String key = created.body().replaceAll(".*\"key\":\"([^\"]*)\".*", "$1");
      assertThat(key)
          .matches("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
      assertThat(created.header("Location")).isEqualTo(KV + "/" + key);
      String version = created.header("ETag").replace("\"", "");
      assertThat(created.body())
          .matches(
              "\\{\"dataset\":\"kv\",\"key\":\""
                  + key
                  + "\",\"version\":"
                  + version
                  + ",\"durability\":\"disk\",\"source\":\"cache\",\"pending\":\\d+,"
                  + "\"value\":\\{\"value\":\"v\"}}");
      assertThat(api.send("GET", created.header("Location"), "").header("ETag"))
          .isEqualTo(created.header("ETag"));
      keys.add(key);
    }
    assertThat(keys).hasSize(20);
  }

  @Test
  void anEntryUnderAUuidIsMadeWhileTheDatabaseIsAway() throws IOException {
    try (RunningApi away =
        new RunningApi(new TestDataset("kv", RunningApi.KV), new TestDataset("tickets", TICKET))
            .opened()) {
      away.kv.database(database -> database.setAway(true));
      assertThat(away.send("POST", KV, "{\"value\": \"v\"}", JSON).status()).isEqualTo(201);
    }
  }

  @Test
  void aRepeatedRequestIsNotSaidToBeMoreDurableThanItsFirstWas() throws IOException {
    String name = "Idempotency-Key: \"level\"";
    String vote =
        api.send("POST", TICKETS, "{\"votes\": 1}", JSON).header("Location") + ":increment";
    assertThat(
            api.send("POST", vote + "?durability=journal", "{\"votes\": 1}", JSON, name).status())
        .isEqualTo(202);
    for (String durability : new String[] {"database", "memory"}) {
      Response again =
          api.send("POST", vote + "?durability=" + durability, "{\"votes\": 1}", JSON, name);
      assertThat(again.status()).isEqualTo(400);
      assertThat(again.body()).contains("unsupported-durability");
      assertThat(api.send("POST", KV + "?durability=" + durability, "{}", JSON, name).body())
          .contains("unsupported-durability");
    }
  }

  @Test
  void aNumberComesFromTheSequence() throws IOException {
    Response first = api.send("POST", TICKETS, "{\"title\": \"a\"}", JSON);
    Response second = api.send("POST", TICKETS + "?durability=database", "{}", JSON);
    assertThat(second.status()).isEqualTo(201);
    assertThat(second.body()).contains("\"source\":\"database\"");
    long id = Long.parseLong(first.header("Location").replaceAll(".*/", ""));
    assertThat(second.header("Location")).isEqualTo(TICKETS + "/" + (id + 1));
    boolean there = api.items.askDatabase(db -> db.row(TICKET.key(id + 1)) != null);
    assertThat(there).isTrue();
  }

  @Test
  void aNumberThatIsTakenIsAConflict() throws IOException {
    String last = api.send("POST", TICKETS, "{}", JSON).header("Location");
    long taken = Long.parseLong(last.replaceAll(".*/", "")) + 1;
    api.items.database(db -> db.writeRow(TICKET.key(taken), TICKET.rowOf("theirs", 1), 4_711));
    Response conflict = api.send("POST", TICKETS, "{\"title\": \"ours\"}", JSON);
    assertThat(conflict.status()).isEqualTo(409);
    assertThat(conflict.body())
        .contains("urn:headpond:problem:key-taken", "there is an entry " + taken + " already");
    assertThat(api.send("GET", TICKETS + "/" + taken, "").body()).contains("theirs");
    assertThat(api.send("POST", TICKETS, "{\"title\": \"ours\"}", JSON).header("Location"))
        .isEqualTo(TICKETS + "/" + (taken + 1));
  }

  @Test
  void aKeyOfSeveralColumnsIsNotMade() throws IOException {
    try (RunningApi items = new RunningApi().opened()) {
      Response refused =
          items.send("POST", "/v1/datasets/items/entries", "{\"name\": \"n\"}", JSON);
      assertThat(refused.status()).isEqualTo(422);
      assertThat(refused.body()).contains("must be one column to be generated");
    }
  }

  @Test
  void anInvalidEntryTakesNothing() throws IOException {
    long before = writes();
    assertThat(api.send("POST", KV, "{\"valu\": 1}", JSON).status()).isEqualTo(422);
    assertThat(api.send("POST", KV, "", JSON).status()).isEqualTo(400);
    assertThat(api.send("POST", KV, "{}", "Content-Type: text/plain").status()).isEqualTo(415);
    assertThat(writes()).isEqualTo(before);
  }

  @Test
  void aRequestThatIsSentAgainIsAnsweredAsTheFirst() throws IOException {
    String name = "Idempotency-Key: \"create-1\"";
    Response first = api.send("POST", KV, "{\"value\": \"once\"}", JSON, name);
    assertThat(first.status()).isEqualTo(201);
    assertThat(first.body()).endsWith(",\"value\":{\"value\":\"once\"},\"repeated\":false}");
    long before = writes();
    // Whatever has become of the entry.
    api.send("PUT", first.header("Location"), "{\"value\": \"changed\"}", JSON);
    Response again = api.send("POST", KV, "{\"value\": \"once\"}", JSON, name);
    assertThat(again.status()).isEqualTo(201);
    assertThat(again.header("Location")).isEqualTo(first.header("Location"));
    assertThat(again.header("ETag")).isEqualTo(first.header("ETag"));
    assertThat(comparable(again)).isEqualTo(comparable(first).replace("false}", "true}"));
    assertThat(writes()).isEqualTo(before + 1);

    Response other = api.send("POST", KV, "{\"value\": \"other\"}", JSON, name);
    assertThat(other.status()).isEqualTo(422);
    assertThat(other.body()).contains("urn:headpond:problem:request-id-reused", "create-1");
    assertThat(
            api.send("POST", KV + "?durability=journal", "{\"value\": \"once\"}", JSON, name)
                .status())
        .isEqualTo(422);
    assertThat(
            api.send("POST", KV, "{\"value\": \"once\"}", JSON, "Idempotency-Key: create-1").body())
        .as("without quotes it is the same name")
        .contains("\"repeated\":true");
  }

  @Test
  void anIncrementThatIsSentAgainCountsOnce() throws IOException {
    String path = TICKETS + "/7000";
    api.send("PUT", path, "{\"votes\": 1}", JSON);
    String name = "Idempotency-Key: \"vote-1\"";
    Response first = api.send("POST", path + ":increment", "{\"votes\": 1}", JSON, name);
    assertThat(first.status()).isEqualTo(202);
    assertThat(first.body()).contains("\"votes\":2", "\"repeated\":false");
    Response again = api.send("POST", path + ":increment", "{\"votes\": 1}", JSON, name);
    assertThat(again.status()).isEqualTo(202);
    assertThat(again.header("ETag")).isEqualTo(first.header("ETag"));
    assertThat(again.body()).contains("\"value\":null,\"repeated\":true");
    assertThat(api.send("GET", path, "").body()).contains("\"votes\":2");
    // The condition held the first time.
    Response conditional =
        api.send(
            "POST",
            path + ":increment",
            "{\"votes\": 1}",
            JSON,
            "Idempotency-Key: \"vote-2\"",
            "If-Match: " + first.header("ETag"));
    assertThat(conditional.body()).contains("\"votes\":3");
    assertThat(
            api.send(
                    "POST",
                    path + ":increment",
                    "{\"votes\": 1}",
                    JSON,
                    "Idempotency-Key: \"vote-2\"",
                    "If-Match: " + first.header("ETag"))
                .body())
        .contains("\"repeated\":true");
    assertThat(
            api.send("POST", TICKETS + "/7001:increment?create=true", "{\"votes\": 1}", JSON, name)
                .status())
        .as("another path is another request")
        .isEqualTo(422);
  }

  @Test
  void aPatchAndALineOfABatchHaveNamesToo() throws IOException {
    String path = TICKETS + "/7100";
    String name = "Idempotency-Key: \"patch-1\"";
    api.send("PUT", path, "{\"title\": \"a\"}", JSON);
    assertThat(api.send("PATCH", path, "{\"title\": \"b\"}", JSON, name).body())
        .contains("\"title\":\"b\"", "\"repeated\":false");
    api.send("PUT", path, "{\"title\": \"c\"}", JSON);
    assertThat(api.send("PATCH", path, "{\"title\": \"b\"}", JSON, name).body())
        .contains("\"repeated\":true");
    assertThat(api.send("GET", path, "").body()).contains("\"title\":\"c\"");

    String line =
        "{\"op\":\"increment\",\"key\":\"7100\",\"value\":{\"votes\":1},\"idempotencyKey\":\"line-1\"}\n";
    String lines =
        api.send("POST", TICKETS + ":batch", line + line, "Content-Type: application/x-ndjson")
            .text();
    assertThat(lines.lines().toList().get(0)).contains("\"status\":202").doesNotContain("repeated");
    assertThat(lines.lines().toList().get(1)).contains("\"status\":202", "\"repeated\":true");
    assertThat(api.send("GET", path, "").body()).contains("\"votes\":1");
  }

  /** Of many that are sent at once one is carried out; the others are told so, or to come again. */
  @Test
  void theSameRequestAtOnceIsCarriedOutOnce() throws IOException {
    long before = writes();
    List<CompletableFuture<Response>> all = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      all.add(
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return api.send(
                      "POST", KV, "{\"value\": \"race\"}", JSON, "Idempotency-Key: \"race\"");
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              }));
    }
    Set<String> locations = new HashSet<>();
    for (CompletableFuture<Response> one : all) {
      Response response = one.join();
      if (response.status() == 409) {
        assertThat(response.body()).contains("urn:headpond:problem:request-under-way");
        assertThat(response.header("Retry-After")).isEqualTo("1");
      } else {
        assertThat(response.status()).as(response.toString()).isEqualTo(201);
        locations.add(response.header("Location"));
      }
    }
    assertThat(locations).hasSize(1);
    assertThat(writes()).isEqualTo(before + 1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          ""
          "a
          a"b
          a b
          a;b=1
          "a", "b"
          """)
  void aMalformedNameIsRefused(String value) throws IOException {
    Response refused = api.send("POST", KV, "{}", JSON, "Idempotency-Key: " + value);
    assertThat(refused.status()).as(refused.toString()).isEqualTo(400);
    assertThat(refused.body())
        .contains("\"field\":\"Idempotency-Key\"", "must be 1 to 255 printable ASCII characters");
  }

  @Test
  void aNameThatCannotBeKeptIsRefused() throws IOException {
    String longest = "x".repeat(255);
    assertThat(api.send("POST", KV, "{}", JSON, "Idempotency-Key: \"" + longest + "\"").status())
        .isEqualTo(201);
    assertThat(api.send("POST", KV, "{}", JSON, "Idempotency-Key: \"" + longest + "x\"").status())
        .isEqualTo(400);
    assertThat(api.send("POST", KV, "{}", JSON, "Idempotency-Key: a", "Idempotency-Key: b").body())
        .contains("must stand only once");
    for (String durability : List.of("memory", "database")) {
      Response refused =
          api.send("POST", KV + "?durability=" + durability, "{}", JSON, "Idempotency-Key: \"d\"");
      assertThat(refused.status()).isEqualTo(400);
      assertThat(refused.body())
          .contains("unsupported-durability", "\"value\":\"" + durability + "\"");
    }
  }

  private static String comparable(Response response) {
    return response.body().replaceAll("\"pending\":\\d+", "");
  }

  private static long writes() {
    return api.kv.cache().status().counters().writes();
  }
}
