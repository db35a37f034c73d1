package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code If-Match} and {@code If-None-Match}. */
class ConditionsTest {
  private static final String JSON = "Content-Type: application/json";
  private static final String ITEM = "/v1/datasets/items/entries/";
  private static RunningApi api;

  @BeforeAll
  static void start() {
    api = new RunningApi().opened();
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  private static final List<String[]> WRITES =
      List.of(
          new String[] {"PUT", "", "{\"name\": \"put\", \"qty\": 1}"},
          new String[] {"PATCH", "", "{\"name\": \"patched\"}"},
          new String[] {"POST", ":increment", "{\"qty\": 1}"},
          new String[] {"DELETE", "", ""});

  @Test
  void everyWriteKeepsIfMatch() throws IOException {
    for (String[] write : WRITES) {
      String path = ITEM + "1," + write[0];
      String etag = put(path).header("ETag");
      Response stale = send(write, path, "If-Match: \"1\"");
      assertThat(stale.status()).as(write[0]).isEqualTo(412);
      assertThat(stale.header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(stale.header("ETag")).isEqualTo(etag);
      assertThat(stale.body())
          .contains(
              "urn:headpond:problem:precondition-failed",
              "\"currentVersion\":" + etag.replace("\"", "") + "}",
              "must have version 1");
      assertThat(api.send("GET", path, "").header("ETag")).isEqualTo(etag);

      Response first = send(write, path, "If-Match: \"1\", " + etag + " ,\"3\"");
      assertThat(first.status()).as(write[0] + first).isEqualTo(202);
      assertThat(send(write, path, "If-Match: " + etag).status()).as(write[0]).isEqualTo(412);
      int again = send(write, path, "If-Match: *").status();
      assertThat(again).as(write[0]).isEqualTo(write[0].equals("DELETE") ? 412 : 202);
    }
  }

  @Test
  void everyWriteKeepsIfNoneMatch() throws IOException {
    for (String[] write : WRITES) {
      String path = ITEM + "2," + write[0];
      String query = write[0].equals("PATCH") || write[1].length() > 0 ? "?create=true" : "";
      String[] create = {
        write[0], write[1] + query, write[0].equals("POST") ? "{\"qty\": 1}" : write[2]
      };
      Response absent = send(create, path, "If-None-Match: *");
      // An increment alone does not make a row whose name must not be null.
      assertThat(absent.status()).as(write[0]).isEqualTo(write[0].equals("POST") ? 422 : 202);
      String etag = put(path).header("ETag");
      Response there = send(create, path, "If-None-Match: *");
      assertThat(there.status()).as(write[0]).isEqualTo(412);
      assertThat(there.header("ETag")).isEqualTo(etag);
      assertThat(there.body()).contains("the entry must not exist");
    }
    Response gone = api.send("PUT", ITEM + "2,no", "{\"name\": \"n\"}", JSON, "If-Match: *");
    assertThat(gone.status()).isEqualTo(412);
    assertThat(gone.header("ETag")).isEmpty();
    assertThat(gone.body()).contains("\"currentVersion\":null");
  }

  @Test
  void aConditionHoldsOfTheRowInTheDatabase() throws IOException {
    var type = RunningApi.KV;
    api.kv.database(db -> db.writeRow(type.key("stored"), type.rowOf("theirs"), 4_711));
    String path = "/v1/datasets/kv/entries/stored";
    assertThat(api.send("PUT", path, "{}", JSON, "If-None-Match: *").body())
        .contains("\"currentVersion\":4711");
    assertThat(api.send("PUT", path, "{}", JSON, "If-Match: \"4711\"").status()).isEqualTo(202);
    assertThat(api.send("PUT", path, "{}", JSON, "If-Match: \"4711\"").status()).isEqualTo(412);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          If-Match            | W/"5"              | W/\\"5\\"   | must be strong
          If-Match            | "abc"              | \\"abc\\"   | must be a version
          If-Match            | "1", "x"           | \\"x\\"     | must be a version
          If-Match            | "-1"               | \\"-1\\"    | must be a version
          If-Match            | "01"               | \\"01\\"    | must be a version
          If-Match            | "9999999999999999999" | \\"9999999999999999999\\" | must be a version
          If-Match            | ""                 | \\"\\"      | must be a version
          If-Match            | 5                  | 5           | must be * or entity tags in quotes
          If-Match            | "5                 | \\"5        | must be * or entity tags in quotes
          If-Match            | "5" "6"            | \\"5\\" \\"6\\" | must be * or entity tags in quotes
          If-Match            | "5", *             | \\"5\\", *  | must be * or entity tags in quotes
          If-Match            | ,                  | ,           | must be * or entity tags in quotes
          If-None-Match       | "5"                | \\"5\\"     | must be * in a write
          If-None-Match       | W/"5"              | W/\\"5\\"   | must be * in a write
          If-None-Match       | nothing            | nothing     | must be * or entity tags in quotes
          If-Modified-Since   | Fri, 20 Nov 2026 08:39:53 GMT | Fri, 20 Nov 2026 | entries have versions, not dates; use If-None-Match
          If-Unmodified-Since | Fri, 20 Nov 2026 08:39:53 GMT | Fri, 20 Nov 2026 | entries have versions, not dates; use If-Match
          If-Range            | "5"                | \\"5\\"     | there are no ranges
          Idempotency-Key     | "a"                | \\"a\\"     | PUT and DELETE can be sent again
          """)
  void whatCannotBeKeptIsRefused(String header, String value, String shown, String rule)
      throws IOException {
    String path = ITEM + "3,bad";
    for (String method : List.of("PUT", "DELETE")) {
      Response refused = api.send(method, path, "{\"name\": \"n\"}", JSON, header + ": " + value);
      assertThat(refused.status()).as(refused.toString()).isEqualTo(400);
      assertThat(refused.body())
          .contains("\"field\":\"" + header + "\"", "\"value\":\"" + shown, rule);
    }
    assertThat(api.send("GET", path, "").status()).isEqualTo(404);
  }

  @Test
  void aHeaderThatStandsTwiceIsOneList() throws IOException {
    String path = ITEM + "4,twice";
    String etag = put(path).header("ETag");
    Response two =
        api.send("PUT", path, "{\"name\": \"n\"}", JSON, "If-Match: \"1\"", "If-Match: " + etag);
    assertThat(two.status()).isEqualTo(202);
    Response both =
        api.send("PUT", path, "{\"name\": \"n\"}", JSON, "If-Match: *", "If-None-Match: *");
    assertThat(both.status()).isEqualTo(400);
    assertThat(both.body()).contains("only one of them can be kept");
  }

  @Test
  void conditionsOfRoutesThatHaveNoneAreRefused() throws IOException {
    for (String target : List.of("entries", "entries:batch", "entries/a:invalidate", "flush")) {
      for (String header : List.of("If-Match: *", "If-None-Match: *")) {
        Response refused = api.send("POST", "/v1/datasets/kv/" + target, "{}", header);
        assertThat(refused.status()).as(target).isEqualTo(400);
        assertThat(refused.body()).contains("is not known here");
      }
    }
  }

  @Test
  void aReadThatCannotKeepAConditionIsRefused() throws IOException {
    String path = ITEM + "6,read";
    String version = put(path).header("ETag").replace("\"", "");
    for (String method : List.of("GET", "HEAD")) {
      assertThat(api.send(method, path, "", "If-Match: \"1\"").status()).isEqualTo(400);
      assertThat(
              api.send(method, path, "", "If-Unmodified-Since: Fri, 20 Nov 2026 08:39:53 GMT")
                  .status())
          .isEqualTo(400);
    }
    assertThat(api.send("GET", "/v1/datasets", "", "If-Match: *").body())
        .contains("\"field\":\"If-Match\"");
    Response receipt = api.send("GET", path + "?settled=" + version, "", "If-None-Match: *");
    assertThat(receipt.status()).isEqualTo(400);
    assertThat(receipt.body()).contains("\"field\":\"If-None-Match\"", "a receipt");
  }

  @Test
  void aReadIsNotRepeatedIfTheClientHasIt() throws IOException {
    String path = ITEM + "5,read";
    String etag = put(path).header("ETag");
    for (String known : List.of(etag, "W/" + etag, "\"x\", \"1\" , " + etag, "*")) {
      Response same = api.send("GET", path, "", "If-None-Match: " + known);
      assertThat(same.status()).as(known).isEqualTo(304);
      assertThat(same.body()).isEmpty();
      assertThat(same.header("ETag")).isEqualTo(etag);
    }
    assertThat(api.send("GET", path, "", "If-None-Match: \"1\", \"x\"").status()).isEqualTo(200);
    assertThat(api.send("GET", path, "", "If-None-Match: x").status()).isEqualTo(400);
    assertThat(api.send("GET", ITEM + "5,none", "", "If-None-Match: *").status()).isEqualTo(404);
  }

  private static Response put(String path) throws IOException {
    Response put = api.send("PUT", path, "{\"name\": \"n\", \"qty\": 5}", JSON);
    assertThat(put.status()).isEqualTo(202);
    return put;
  }

  private static Response send(String[] write, String path, String condition) throws IOException {
    return api.send(write[0], path + write[1], write[2], JSON, condition);
  }
}
