package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is wrong with a request for dead letters is named; the others are in the tests of the packaged server. */
class DeadLetterRoutesTest {
  private static RunningApi api;

  @BeforeAll
  static void start() throws IOException {
    TestDataset kv =
        new TestDataset("kv", RunningApi.KV, settings -> settings.maxRetries(0).partitions(1));
    api = new RunningApi(kv, new TestDataset("items", RunningApi.ITEMS)).opened();
    kv.database(database -> database.refuse(mutation -> true));
    for (int i = 0; i < 450; i++) {
      api.send("PUT", "/v1/datasets/kv/entries/k" + i, "{\"value\": \"v" + i + "\"}");
    }
    api.send("POST", "/v1/datasets/kv/flush", "");
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          GET    |?class=big                                        | "field":"class","value":"big","rule":"must be one of constraint, foreign-key, value
          GET    |?sqlstate=235051                                  | "field":"sqlstate","value":"235051","rule":"must be a SQLSTATE
          GET    |?sqlstate=23*                                     | must be a SQLSTATE
          GET    |?since=yesterday                                  | "field":"since","value":"yesterday","rule":"must be a time
          GET    |?before=2026-01-31                                | "field":"before","value":"2026-01-31","rule":"must be a time
          GET    |?since=2026-01-31T00:00:00Z&before=2026-01-31T00:00:00Z | must be later than since
          GET    |?limit=0                                          | "field":"limit"
          GET    |:export?class=big                                 | "field":"class"
          GET    |:export?limit=5                                   | unknown parameter
          POST   |:retry                                            | all=true retries all dead letters
          POST   |:retry?all=false                                  | all=true retries all dead letters
          POST   |:retry?prefix=                                    | all=true retries all dead letters
          POST   |:retry?all=true&prefix=k                          | "value":"true beside a filter"
          POST   |:retry?all=yes                                    | must be true or false
          POST   |/k1:retry?version=0                               | must be at least 1
          POST   |/k1:retry?version=x                               | must be a version
          DELETE |/k1                                               | "field":"reason","value":"not given","rule":"must say why
          DELETE |/k1?reason=%20&operator=o                         | must say why
          DELETE |/k1?reason=r                                      | "field":"operator","value":"not given","rule":"must say who
          DELETE |/k1?reason=r&operator=                            | must say who
          PUT    |/k1?remove=maybe                                  | must be true or false
          """)
  void whatIsWrongIsNamedAndNothingIsDone(String method, String more, String contains)
      throws IOException {
    Response response = api.send(method, "/v1/datasets/kv/dead-letters" + more, "");
    assertThat(response.status()).as(response.body()).isEqualTo(400);
    assertThat(response.body()).contains(contains);
    assertThat(api.kv.cache().status().parked()).isEqualTo(450);
  }

  /** More than two pages of what it takes from the engine. */
  @Test
  void anExportHasEachLetterOnce() throws IOException {
    Response export = api.send("GET", "/v1/datasets/kv/dead-letters:export", "");
    assertThat(export.header("Content-Type")).startsWith("application/x-ndjson");
    assertThat(export.text().lines()).hasSize(450).doesNotHaveDuplicates();
    assertThat(export.text().lines().findFirst().orElseThrow())
        .startsWith("{\"dataset\":\"kv\",\"key\":\"k0\",\"operation\":\"put\",\"version\":")
        .contains("\"class\":\"constraint\",\"sqlstate\":null,\"error\":\"refused on command\"")
        .endsWith("\"value\":{\"value\":\"v0\"}}");
    assertThat(api.send("GET", "/v1/datasets/kv/dead-letters:export?prefix=k44", "").text().lines())
        .hasSize(11);
  }

  @Test
  void theETagOfALetterNamesItsVersion() throws IOException {
    String k1 = "/v1/datasets/kv/dead-letters/k1";
    String tag = api.send("GET", k1, "").header("ETag");
    long version = Long.parseLong(tag.replace("\"", ""));
    String given = "?reason=r&operator=o";
    String later = "\"" + (version + 1) + "\"";
    assertThat(api.send("DELETE", k1 + given, "", "If-Match: " + later).body())
        .contains("no-such-dead-letter");
    Response superseded = api.send("POST", k1 + ":retry?version=" + (version - 1), "");
    assertThat(superseded.status()).isEqualTo(409);
    assertThat(superseded.header("ETag")).isEqualTo(tag);
    assertThat(superseded.body()).contains("\"currentVersion\":" + version);
    assertThat(api.send("DELETE", k1 + given + "&version=7", "", "If-Match: " + tag).body())
        .contains("must be the same version as ?version=");
    for (String bad : new String[] {"*", tag + ", \"7\"", "\"0\"", "W/" + tag}) {
      assertThat(api.send("POST", k1 + ":retry", "", "If-Match: " + bad).status()).isEqualTo(400);
    }
    assertThat(api.kv.cache().status().parked()).isEqualTo(450);
  }

  @Test
  void aPageNamesTheNext() throws IOException {
    Response page = api.send("GET", "/v1/datasets/kv/dead-letters?limit=2", "");
    assertThat(page.body()).contains("\"key\":\"k0\"", "\"key\":\"k1\"", "\"next\":\"k1\"");
    assertThat(api.send("GET", "/v1/datasets/kv/dead-letters?limit=2&after=k98", "").body())
        .contains("\"key\":\"k99\"", "\"next\":null");
  }
}
