package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.RowType;
import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code PATCH}, {@code :increment} and {@code :invalidate}. */
class ChangesTest {
  private static final String JSON = "Content-Type: application/json";
  private static final String MERGE_PATCH = "Content-Type: application/merge-patch+json";
  private static final String ITEM = "/v1/datasets/items/entries/";
  private static final RowType KV =
      RowType.builder()
          .key("key", ColumnType.TEXT)
          .column(new Column("value", ColumnType.TEXT, true))
          .column("likes", ColumnType.BIGINT)
          .build();
  private static RunningApi api;

  @BeforeAll
  static void start() {
    api = new RunningApi(new TestDataset("kv", KV), new TestDataset("items", RunningApi.ITEMS));
    api.opened();
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {JSON, MERGE_PATCH})
  void aPatchChangesWhatItNames(String type) throws IOException {
    String path = ITEM + "1,patch" + type.length();
    put(
        path,
        "{\"name\": \"n\", \"price\": 1.5, \"qty\": 3, \"doc\": {\"a\": {\"b\": 1, \"c\": 2}, \"l\": [1]}}");
    Response patched =
        api.send(
            "PATCH",
            path,
            "{\"name\": \"m\", \"qty\": null, \"doc\": {\"a\": {\"b\": null, \"d\": 123456789012345678901.10}, \"l\": null}}",
            type);
    assertThat(patched.status()).isEqualTo(202);
    String version = patched.header("ETag").replace("\"", "");
    assertThat(patched.body())
        .matches(
            "\\{\"dataset\":\"items\",\"key\":\"1,patch\\d+\",\"version\":"
                + version
                + ",\"durability\":\"disk\",\"source\":\"cache\",\"pending\":\\d+,\"value\":\\{.*}}")
        .contains(
            "\"name\":\"m\",\"price\":1.50,\"qty\":null,",
            "\"doc\":{\"a\":{\"c\":2,\"d\":123456789012345678901.10}}");
    assertThat(api.send("GET", path, "").body())
        .contains("\"version\":" + version + ",")
        .endsWith(patched.body().replaceAll(".*(\"value\":.*)", "$1"));
  }

  @Test
  void aDocumentIsMadeTakenAwayAndReplaced() throws IOException {
    String path = ITEM + "1,doc";
    put(path, "{\"name\": \"n\"}");
    assertThat(patch(path, "{\"doc\": {\"a\": {\"gone\": null}, \"n\": null}}").body())
        .contains("\"doc\":{\"a\":{}}");
    assertThat(patch(path, "{\"doc\": [1, null, {\"kept\": null}]}").body())
        .contains("\"doc\":[1,null,{\"kept\":null}]");
    assertThat(patch(path, "{\"doc\": {\"of\": \"nothing\"}}").body())
        .contains("\"doc\":{\"of\":\"nothing\"}");
    assertThat(patch(path, "{\"doc\": null}").body()).contains("\"doc\":null");
    assertThat(patch(path, "{}").body()).contains("\"name\":\"n\"");
  }

  @Test
  void whatIsAbsentIsPatchedOnlyOnDemand() throws IOException {
    String path = ITEM + "2,absent";
    Response absent = patch(path, "{\"name\": \"n\"}");
    assertThat(absent.status()).isEqualTo(404);
    assertThat(absent.body()).contains("urn:headpond:problem:no-such-entry", "?create=true");
    Response invalid = patch(path + "?create=true", "{\"qty\": 1}");
    assertThat(invalid.status()).isEqualTo(422);
    assertThat(invalid.body()).contains("\"field\":\"name\"", "must not be null");
    Response created = patch(path + "?create=true", "{\"name\": \"n\", \"doc\": {\"a\": null}}");
    assertThat(created.status()).isEqualTo(202);
    assertThat(created.body()).contains("\"name\":\"n\"", "\"doc\":{}");
    assertThat(patch(path + "?create=false", "{\"qty\": 1}").status()).isEqualTo(202);
    assertThat(patch(path + "?create=yes", "{\"qty\": 1}").body())
        .contains("\"field\":\"create\"", "must be true or false");
  }

  @Test
  void aMissIsLoadedBeforeItIsPatched() throws IOException {
    api.kv.database(db -> db.writeRow(KV.key("stored"), KV.rowOf("theirs", 7), 4_711));
    assertThat(patch("/v1/datasets/kv/entries/stored", "{\"value\": \"ours\"}").body())
        .contains("\"value\":{\"value\":\"ours\",\"likes\":7}");
    assertThat(
            patch("/v1/datasets/kv/entries/stored?durability=database", "{\"likes\": 8}").status())
        .isEqualTo(200);
    assertThat(api.kv.askDatabase(db -> db.row(KV.key("stored"))).value())
        .isEqualTo(KV.rowOf("ours", 8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"name": null}              | 422 | name  | must not be null
          {"nam": null}               | 422 | nam   | no such column
          {"shop": 2}                 | 422 | shop  | is part of the key
          {"name": 5}                 | 422 | name  | must be a string
          {"price": 0.001}            | 422 | price | digits after the point
          {"qty": 99999999999}        | 422 | qty   | must be from
          {"qty": {"a": 1}}           | 422 | qty   | must be a whole number
          {"doc": {"a": 1, "a": 2}}   | 422 | doc.a | must stand only once
          {"doc": {"a": "\\u0000"}}   | 422 | doc   | NUL
          ["name"]                    | 400 | body  | must be a JSON object
          null                        | 400 | body  | must be a JSON object
          {"name":                    | 400 | body  | Unexpected end
          ``                          | 400 | body  | it is empty
          """)
  void aPatchThatMakesNoRowIsRefused(String patch, int status, String field, String rule)
      throws IOException {
    String path = ITEM + "2,row";
    String before = put(path, "{\"name\": \"n\", \"qty\": 1}").header("ETag");
    Response refused = patch(path, patch == null ? "" : patch);
    assertThat(refused.status()).as(refused.toString()).isEqualTo(status);
    assertThat(refused.body()).contains("\"field\":\"" + field + "\"", rule);
    assertThat(api.send("GET", path, "").header("ETag")).isEqualTo(before);
  }

  @Test
  void theTypeOfAPatchIsChecked() throws IOException {
    Response json =
        api.send("PATCH", ITEM + "2,type", "[]", "Content-Type: application/json-patch+json");
    assertThat(json.status()).isEqualTo(415);
    assertThat(json.body()).contains("must be application/merge-patch+json or application/json");
  }

  @Test
  void anIncrementAddsInOneStep() throws IOException {
    String path = ITEM + "3,inc";
    put(path, "{\"name\": \"n\", \"price\": 0.10, \"qty\": 2147483640, \"ratio\": 0.5}");
    Response added =
        increment(
            path,
            "{\"qty\": 7, \"price\": {\"by\": -0.20, \"min\": -1, \"max\": 1e0}, \"ratio\": 1}");
    assertThat(added.status()).isEqualTo(202);
    assertThat(added.body()).contains("\"price\":-0.10,\"qty\":2147483647,\"ratio\":1.5");
    assertThat(added.header("ETag")).isEqualTo(api.send("GET", path, "").header("ETag"));

    Response bound = increment(path, "{\"price\": {\"by\": 1, \"max\": 0.89}}");
    assertThat(bound.status()).isEqualTo(412);
    assertThat(bound.body())
        .contains("price would be 0.90; it must be at most 0.89", "\"currentVersion\":");
    assertThat(bound.header("ETag")).isEqualTo(added.header("ETag"));
    assertThat(increment(path, "{\"price\": {\"by\": -1, \"min\": -1}}").body())
        .contains("price would be -1.10; it must be at least -1");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"name": 1}                             | 422 | name      | cannot be incremented
          {"doc": 1}                              | 422 | doc       | cannot be incremented
          {"qty": 2147483647}                     | 422 | qty       | must be from
          {"qty": 0.5}                            | 422 | qty       | must be a whole number
          {"price": 0.001}                        | 422 | price     | digits after the point
          {"price": 100000000}                    | 422 | price     | digits
          {"price": 1e999999999}                  | 422 | price     | digits
          {"price": {"by": 1, "max": 1e-999999999}} | 422 | price.max | digits
          {"price": {"by": 1e-1500}}                | 422 | price.by  | 1000 digits
          {"price": 1e99999999999}                | 422 | price     | digits
          {"ratio": 1e400}                        | 422 | ratio     | range
          {"qty": "1"}                            | 422 | qty       | must be a number
          {"qty": null}                           | 422 | qty       | must be a number
          {"qty": [1]}                            | 422 | qty       | must be a number
          {"qty": {}}                             | 422 | qty.by    | must be a number
          {"qty": {"by": 1, "mni": 0}}            | 422 | qty.mni   | must be by, min or max
          {"qty": {"by": 1, "min": "0"}}          | 422 | qty.min   | must be a number
          {"qty": {"by": 1, "min": 2, "max": 1}}  | 422 | qty.min   | must not be above max
          {"nope": 1}                             | 422 | nope      | no such column
          {"shop": 1}                             | 422 | shop      | is part of the key
          {"qty": 1, "qty": 1}                    | 422 | qty       | must stand only once
          {}                                      | 422 | increment | at least one column
          []                                      | 400 | body      | must be a JSON object
          """)
  void anIncrementThatCannotBeIsRefused(String body, int status, String field, String rule)
      throws IOException {
    String path = ITEM + "3,no";
    String before =
        put(path, "{\"name\": \"n\", \"qty\": 1, \"price\": 1, \"ratio\": 1e308}").header("ETag");
    Response refused = increment(path, body);
    assertThat(refused.status()).as(refused.toString()).isEqualTo(status);
    assertThat(refused.body()).contains("\"field\":\"" + field + "\"", rule);
    assertThat(api.send("GET", path, "").header("ETag")).isEqualTo(before);
  }

  @Test
  void anAbsentEntryIsMadeOnDemand() throws IOException {
    String path = "/v1/datasets/kv/entries/counter";
    assertThat(increment(path, "{\"likes\": 1}").status()).isEqualTo(404);
    assertThat(api.send("POST", path + ":increment?create=true", "{\"likes\": 2}", JSON).body())
        .contains("\"value\":{\"value\":null,\"likes\":2}");
    assertThat(increment(path, "{\"likes\": -3}").body()).contains("\"likes\":-1");
  }

  @Test
  void manyIncrementsAtOnceAreAllCounted() {
    String path = "/v1/datasets/kv/entries/hot";
    List<CompletableFuture<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      all.add(
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return api.send("POST", path + ":increment?create=true", "{\"likes\": 1}", JSON)
                      .status();
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              }));
    }
    assertThat(all).allSatisfy(status -> assertThat(status.join()).isEqualTo(202));
    assertThat(api.kv.cache().get(KV.key("hot"))).isEqualTo(KV.rowOf(null, 200));
  }

  /** A literal suffix of a POST is an action; everywhere else, and percent-encoded, a colon is part of the key. */
  @Test
  void aKeyMayEndAsAnActionDoes() throws IOException {
    String plain = "/v1/datasets/kv/entries/x";
    String encoded = "/v1/datasets/kv/entries/x%3Aincrement";
    String literal = "/v1/datasets/kv/entries/x:increment";
    put(plain, "{\"likes\": 1}");
    put(encoded, "{\"likes\": 10}");
    assertThat(api.send("GET", literal, "").body())
        .contains("\"key\":\"x:increment\"", "\"likes\":10");
    put(literal, "{\"likes\": 20}");
    assertThat(api.send("GET", encoded, "").body()).contains("\"likes\":20");
    assertThat(increment(plain, "{\"likes\": 1}").body()).contains("\"key\":\"x\"", "\"likes\":2");
    assertThat(increment(encoded, "{\"likes\": 1}").body())
        .contains("\"key\":\"x:increment\"", "\"likes\":21");
    assertThat(increment(literal, "{\"likes\": 1}").body())
        .contains("\"key\":\"x:increment\"", "\"likes\":22");
    assertThat(api.send("POST", encoded, "{\"likes\": 1}", JSON).status()).isEqualTo(405);
    assertThat(api.send("OPTIONS", literal, "").header("Allow"))
        .isEqualTo("GET, HEAD, PUT, DELETE, PATCH, POST, OPTIONS");
    assertThat(api.send("DELETE", literal, "").status()).isEqualTo(202);
    assertThat(api.send("GET", encoded, "").status()).isEqualTo(404);
    assertThat(api.send("GET", plain, "").body()).contains("\"likes\":2");
    assertThat(
            api.send("POST", "/v1/datasets/kv/entries/:increment", "{\"likes\": 1}", JSON).body())
        .contains("\"field\":\"key\"", "must not be empty");
    for (String key : List.of("a:b", ":", ":invalidate", "a:increment:invalidate", "urn:x:y")) {
      put("/v1/datasets/kv/entries/" + key, "{\"likes\": 5}");
      assertThat(api.send("GET", "/v1/datasets/kv/entries/" + key, "").body())
          .contains("\"key\":\"" + key + "\"");
    }
  }

  @Test
  void whatAnotherProgramWroteIsReadAfterAnInvalidation() throws IOException {
    String path = "/v1/datasets/kv/entries/shared";
    api.kv.database(db -> db.writeRow(KV.key("shared"), KV.rowOf("first", 1), 100));
    assertThat(api.send("GET", path, "").body()).contains("first", "\"source\":\"database\"");
    api.kv.database(db -> db.writeRow(KV.key("shared"), KV.rowOf("second", 2), 200));
    assertThat(api.send("GET", path, "").body()).contains("first", "\"source\":\"cache\"");
    Response invalidated = api.send("POST", path + ":invalidate", "");
    assertThat(invalidated.status()).isEqualTo(200);
    assertThat(invalidated.body())
        .isEqualTo("{\"dataset\":\"kv\",\"key\":\"shared\",\"state\":null}");
    assertThat(api.send("GET", path, "").body()).contains("second", "\"source\":\"database\"");

    put(path, "{\"value\": \"ours\"}");
    assertThat(api.send("POST", path + ":invalidate", "").body()).contains("\"state\":\"pending\"");
    assertThat(api.send("GET", path, "").body()).contains("ours");
  }

  private static Response put(String path, String body) throws IOException {
    Response put = api.send("PUT", path, body, JSON);
    assertThat(put.status()).as(put.toString()).isEqualTo(202);
    return put;
  }

  private static Response patch(String path, String body) throws IOException {
    return api.send("PATCH", path, body, MERGE_PATCH);
  }

  private static Response increment(String path, String body) throws IOException {
    return api.send("POST", path + ":increment", body, JSON);
  }
}
