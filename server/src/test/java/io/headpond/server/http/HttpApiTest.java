package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.CacheSettings;
import io.headpond.Overload;
import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpApiTest {
  private static final String JSON = "Content-Type: application/json";
  private static final Overload REJECT = Overload.reject();
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
  void aWriteIsAcknowledgedAndRead() throws IOException {
    Response put = api.send("PUT", "/v1/datasets/kv/entries/a", "{\"value\": \"1\"}", JSON);
    assertThat(put.status()).isEqualTo(202);
    assertThat(put.header("Content-Type")).isEqualTo("application/json");
    assertThat(put.body())
        .matches(
            "\\{\"dataset\":\"kv\",\"key\":\"a\",\"version\":\\d+,\"durability\":\"disk\","
                + "\"source\":\"cache\",\"pending\":\\d+}");
    String version = put.body().replaceAll(".*\"version\":(\\d+).*", "$1");
    assertThat(put.header("ETag")).isEqualTo("\"" + version + "\"");

    Response get = api.send("GET", "/v1/datasets/kv/entries/a", "");
    assertThat(get.status()).isEqualTo(200);
    assertThat(get.body())
        .isEqualTo(
            "{\"dataset\":\"kv\",\"key\":\"a\",\"version\":"
                + version
                + ",\"source\":\"cache\",\"state\":\"pending\",\"value\":{\"value\":\"1\"}}");
    assertThat(get.header("ETag")).isEqualTo("\"" + version + "\"");
    assertThat(
            api.send("GET", "/v1/datasets/kv/entries/a", "", "If-None-Match: \"" + version + "\"")
                .status())
        .isEqualTo(304);

    Response head = api.send("HEAD", "/v1/datasets/kv/entries/a", "");
    assertThat(head.status()).isEqualTo(200);
    assertThat(head.body()).isEmpty();

    assertThat(api.send("DELETE", "/v1/datasets/kv/entries/a", "").status()).isEqualTo(202);
    Response gone = api.send("GET", "/v1/datasets/kv/entries/a", "");
    assertThat(gone.status()).isEqualTo(404);
    assertThat(gone.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(gone.body()).contains("\"type\":\"urn:headpond:problem:no-such-entry\"");
  }

  @ParameterizedTest
  @CsvSource({"memory,202,cache", "journal,202,cache", "disk,202,cache", "database,200,database"})
  void theDurabilityIsTheCallers(String level, int status, String source) throws IOException {
    Response put = api.send("PUT", "/v1/datasets/kv/entries/d?durability=" + level, "{}", JSON);
    assertThat(put.status()).isEqualTo(status);
    assertThat(put.body())
        .contains("\"durability\":\"" + level + "\"")
        .contains("\"source\":\"" + source + "\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "plain",
        "a/b",
        "/",
        "//",
        "a,b",
        "100%",
        "%2F",
        ";x=1",
        "a;b",
        "..",
        ".",
        "../..",
        "../x",
        "./../",
        "a b",
        " ",
        "+",
        "é",
        "€",
        "😀",
        "a\\b",
        "?",
        "#",
        "a?b=c#d",
        "\"",
        "'",
        "&=",
        "~",
        "<script>",
        "%00x",
        "{}",
        "|^`[]",
        "entries",
        "ключ",
        "a/../../../../../../b"
      })
  void everyKeySurvivesThePath(String key) throws IOException {
    String path = "/v1/datasets/kv/entries/" + encode(key);
    assertThat(api.send("PUT", path, "{\"value\": \"of key\"}", JSON).status()).isEqualTo(202);
    Response get = api.send("GET", path, "");
    assertThat(get.status()).isEqualTo(200);
    assertThat(get.body()).contains("\"key\":" + new Json().string(key));
    Response pending = api.send("GET", "/v1/datasets/kv/pending?prefix=" + encode(key), "");
    assertThat(pending.body()).contains("\"key\":" + new Json().string(key));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a;b=c", "..", ".", "a:b@c!$'()*+=", "%2e%2E", "a%2fb", "~"})
  void whatNeedNotBeEncodedIsTakenAsItStands(String raw) throws IOException {
    String path = "/v1/datasets/kv/entries/" + raw;
    assertThat(api.send("PUT", path, "{\"value\": \"raw\"}", JSON).status()).isEqualTo(202);
    Response get = api.send("GET", "/v1/datasets/kv/entries/" + encode(RawUri.decode(raw, "")), "");
    assertThat(get.body()).contains("\"value\":\"raw\"");
  }

  @Test
  void aKeyOfSeveralComponents() throws IOException {
    String path = "/v1/datasets/items/entries/7,a%2C%2F%25";
    assertThat(api.send("PUT", path, "{\"name\": \"n\", \"price\": 1.5}", JSON).status())
        .isEqualTo(202);
    assertThat(api.send("GET", path, "").body())
        .contains("\"key\":\"7,a%2C/%25\"")
        .contains("\"price\":1.50");
    problem("GET", "/v1/datasets/items/entries/7", "", 422, "key", "must have 2 components");
    problem("GET", "/v1/datasets/items/entries/7,8,9", "", 422, "key", "has 3");
    problem("GET", "/v1/datasets/items/entries/x,8", "", 422, "shop", "must be a whole number");
    problem("GET", "/v1/datasets/items/entries/99999999999,8", "", 422, "shop", "must be from");
    problem("GET", "/v1/datasets/kv/entries/a,b", "", 422, "key", "written %2C");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          PUT    | /v1/datasets/items/entries/1,a   | {"nam": "x"}              | 422 | nam        | no such column
          PUT    | /v1/datasets/items/entries/1,a   | {"name": 5}               | 422 | name       | must be a string
          PUT    | /v1/datasets/items/entries/1,a   | {}                        | 422 | name       | must not be null
          PUT    | /v1/datasets/items/entries/1,a   | {"name": "x", "qty": 1e99}| 422 | qty        | whole number
          PUT    | /v1/datasets/items/entries/1,a   | {"name": "x", "price": 0.001}| 422 | price   | digits after the point
          PUT    | /v1/datasets/items/entries/1,a   | {"name": "aaaaaaaaaaaaaaaaaaaaa"}| 422 | name | at most 20 characters
          PUT    | /v1/datasets/kv/entries/a        | {"value": "\\u0000"}      | 422 | value      | NUL
          PUT    | /v1/datasets/kv/entries/a        | {"value":                 | 400 | body       | Unexpected end
          PUT    | /v1/datasets/kv/entries/a        | ["value"]                 | 400 | body       | must be a JSON object
          PUT    | /v1/datasets/kv/entries/a        | ``                        | 400 | body       | it is empty
          PUT    | /v1/datasets/kv/entries/a?durability=strong | {}             | 400 | durability | must be memory
          PUT    | /v1/datasets/kv/entries/a?durability=replicas | {}           | 400 | durability | level that the store keeps
          PUT    | /v1/datasets/kv/entries/a?durabilty=disk | {}                | 400 | query      | unknown parameter
          GET    | /v1/datasets/kv/entries/a?x      | ``                        | 400 | query      | known here are settled, wait
          GET    | /v1/datasets/kv/entries/         | ``                        | 422 | key        | must not be empty
          GET    | /v1/datasets/kv/entries/%0A      | ``                        | 422 | key        | control characters
          GET    | /v1/datasets/kv/entries/%C3%28   | ``                        | 400 | key        | UTF-8
          GET    | /v1/datasets/nope                | ``                        | 404 | dataset    | there are kv, items
          GET    | /v1/datasets/nope/entries/a      | ``                        | 404 | dataset    | there are kv, items
          GET    | /v1/datasets/kv/entries          | ``                        | 400 | key        | must stand 1 to 1000 times
          GET    | /v1/datasets/kv/entries/a/b      | ``                        | 404 | path       | written %2F
          GET    | /v2                              | ``                        | 404 | path       | lists the routes
          POST   | /v1/datasets/kv/entries/a%3Aincrement | {}                   | 405 | method     | must be one of GET
          PATCH  | /v1/datasets/kv/entries          | {}                        | 405 | method     | must be one of GET
          BREW   | /health                          | ``                        | 405 | method     | must be one of GET
          GET    | /v1/datasets/kv/flush            | ``                        | 405 | method     | must be one of POST
          GET    | /v1/datasets/kv/pending?limit=0  | ``                        | 400 | limit      | from 1 to 1000
          GET    | /v1/datasets/kv/pending?limit=x  | ``                        | 400 | limit      | whole number
          POST   | /v1/datasets/kv/flush?maxEntries=-1 | ``                     | 400 | maxEntries | whole number
          """)
  void badInputNamesFieldValueAndRule(
      String method, String target, String body, int status, String field, String rule)
      throws IOException {
    problem(method, target, body, status, field, rule);
  }

  @Test
  void keysAndBodiesHaveLimits() throws IOException {
    problem("GET", "/v1/datasets/kv/entries/" + "k".repeat(1_025), "", 422, "key", "1024 bytes");
    String longest = "/v1/datasets/kv/entries/" + "k".repeat(1_024);
    assertThat(api.send("PUT", longest, "{}", JSON).status()).isEqualTo(202);
    String big = "{\"value\": \"" + "v".repeat(1 << 20) + "\"}";
    problem("PUT", "/v1/datasets/kv/entries/big", big, 413, "body", "at most 1048576 bytes");
    String chunk = Integer.toHexString(big.length()) + "\r\n" + big + "\r\n0\r\n\r\n";
    Response chunked =
        api.raw(
            ("PUT /v1/datasets/kv/entries/big HTTP/1.1\r\nHost: x\r\n"
                    + JSON
                    + "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                    + chunk)
                .getBytes(StandardCharsets.UTF_8));
    assertThat(chunked.status()).isEqualTo(413);
    assertThat(api.send("GET", "/v1/datasets/kv/entries/big", "").status()).isEqualTo(404);
    String fits = "{\"value\": \"" + "v".repeat((1 << 20) - 13) + "\"}";
    assertThat(api.send("PUT", "/v1/datasets/kv/entries/fits", fits, JSON).status()).isEqualTo(202);
    assertThat(api.send("GET", "/v1/datasets/kv/entries/fits", "").body())
        .hasSizeGreaterThan(1 << 20);
    api.send("DELETE", "/v1/datasets/kv/entries/fits", "");
  }

  @Test
  void theBodyMustBeJsonAndWhole() throws IOException {
    String path = "/v1/datasets/kv/entries/type";
    for (String type :
        List.of(
            "text/plain",
            "application/x-www-form-urlencoded",
            "",
            "application/json; charset=latin1")) {
      assertThat(api.send("PUT", path, "{}", "Content-Type: " + type).status())
          .as(type)
          .isEqualTo(415);
    }
    assertThat(api.send("PUT", path, "{}", JSON, "Content-Encoding: gzip").status()).isEqualTo(415);
    assertThat(api.send("GET", path, "").status()).isEqualTo(404);
    assertThat(
            api.send("PUT", path, "{}", "Content-Type: Application/JSON; Charset=\"UTF-8\"")
                .status())
        .isEqualTo(202);
    assertThat(api.send("PUT", path, "{}").status()).isEqualTo(202);
    long before = writes();
    Response cut =
        api.raw(
            ("PUT "
                    + path
                    + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"value\": \"x\"}")
                .getBytes(StandardCharsets.UTF_8));
    assertThat(cut.status()).isIn(0, 400);
    assertThat(writes()).isEqualTo(before);
  }

  @Test
  void whatTheEngineSaysBecomesAStatus() throws IOException {
    try (RunningApi full =
        withSettings(settings -> settings.maxPendingEntries(1).overload(REJECT))) {
      assertThat(full.send("PUT", "/v1/datasets/kv/entries/a", "{}", JSON).status()).isEqualTo(202);
      Response overloaded = full.send("PUT", "/v1/datasets/kv/entries/b", "{}", JSON);
      assertThat(overloaded.status()).isEqualTo(503);
      assertThat(overloaded.body())
          .contains("urn:headpond:problem:overloaded", "1 entries (maxPendingEntries)");
      assertThat(Integer.parseInt(overloaded.header("Retry-After"))).isBetween(1, 60);

      full.kv.database(database -> database.setAway(true));
      Response miss = full.send("GET", "/v1/datasets/kv/entries/nowhere", "");
      assertThat(miss.status()).isEqualTo(503);
      assertThat(miss.body()).contains("urn:headpond:problem:unavailable", "the database is away");
      assertThat(miss.header("Retry-After")).isEqualTo("1");
    }
    try (RunningApi strict = withSettings(settings -> settings)) {
      strict.kv.database(database -> database.refuse(mutation -> true));
      Response rejected =
          strict.send("PUT", "/v1/datasets/kv/entries/a?durability=database", "{}", JSON);
      assertThat(rejected.status()).isEqualTo(409);
      assertThat(rejected.body()).contains("urn:headpond:problem:rejected", "refused on command");
      assertThat(strict.send("GET", "/v1/datasets/kv/entries/a", "").status()).isEqualTo(404);
    }
  }

  @Test
  void pendingIsPagedAndFlushed() throws IOException {
    for (int i = 0; i < 5; i++) {
      api.send("PUT", "/v1/datasets/kv/entries/page%20" + i, "{}", JSON);
    }
    Response first = api.send("GET", "/v1/datasets/kv/pending?prefix=page+&limit=2", "");
    assertThat(first.body())
        .contains("\"key\":\"page 0\"")
        .contains("\"operation\":\"put\"")
        .containsPattern("\"ageSeconds\":\\d+(\\.\\d{1,3})?,")
        .endsWith("\"next\":\"page 1\"}");
    Response second =
        api.send("GET", "/v1/datasets/kv/pending?prefix=page%20&limit=9&after=page%201", "");
    assertThat(second.body())
        .doesNotContain("page 1\"")
        .contains("page 4")
        .endsWith("\"next\":null}");

    Response some = api.send("POST", "/v1/datasets/kv/flush?maxEntries=1", "");
    assertThat(some.status()).isEqualTo(200);
    assertThat(some.body()).contains("\"applied\":1");
    assertThat(api.send("POST", "/v1/datasets/kv/flush", "").body()).contains("\"remaining\":0");
  }

  @Test
  void statusAndHealth() throws IOException {
    assertThat(api.send("GET", "/v1/datasets", "").body())
        .contains("{\"name\":\"kv\",\"table\":\"kv\",\"health\":\"UP\"");
    assertThat(api.send("GET", "/v1/datasets/items", "").body())
        .containsPattern("\"lagSeconds\":\\d")
        .contains("{\"name\":\"price\",\"type\":\"numeric(10,2)\",\"nullable\":true}")
        .contains("\"maxBatchSize\":1000");
    assertThat(api.send("GET", "/health", "").status()).isEqualTo(200);
  }

  @Test
  void theHealthIsTheWorstOfAllDatasets() throws IOException {
    try (RunningApi ill = withSettings(settings -> settings.partitions(1))) {
      ill.send("PUT", "/v1/datasets/kv/entries/a", "{}", JSON);
      ill.kv.database(database -> database.setAway(true));
      assertThat(ill.send("POST", "/v1/datasets/kv/flush", "").body())
          .contains("\"remaining\":1", "\"error\":\"the database is away\"");
      Response degraded = ill.send("GET", "/v1/health", "");
      assertThat(degraded.status()).isEqualTo(200);
      assertThat(degraded.body())
          .matches(
              "\\{\"status\":\"DEGRADED\",\"reasons\":\\[\"kv: the database cannot be written to: the"
                  + " database is away \\(since 20[-0-9T:]+Z, 1 attempt, 1 partition\\)\"],"
                  + "\"datasets\":\\{\"kv\":\"DEGRADED\",\"items\":\"UP\"},\"workerActive\":true}");
      Response ready = ill.send("GET", "/v1/health/ready", "");
      assertThat(ready.status()).as("an outage takes no server out of service").isEqualTo(200);

      ill.items.disk().failForces(true);
      assertThat(
              ill.send("PUT", "/v1/datasets/items/entries/1,a", "{\"name\": \"n\"}", JSON).status())
          .isGreaterThanOrEqualTo(503);
      assertThat(ill.send("GET", "/v1/health/ready", "").status()).isEqualTo(503);
      assertThat(ill.send("GET", "/v1/health/live", "").status()).isEqualTo(200);
      Response down = ill.send("GET", "/v1/health", "");
      assertThat(down.status()).isEqualTo(503);
      assertThat(down.body()).contains("\"status\":\"DOWN\"", "\"items\":\"DOWN\"");
    }
  }

  @Test
  void aStackThatOverflowsIsAProblem() throws IOException {
    try (RunningApi deep = new RunningApi()) {
      deep.api.open(
          List.of(),
          List.of(
              new EveryRoute(
                  (path, reply) -> {
                    throw new StackOverflowError();
                  })));
      Response answer = deep.send("GET", "/deep", "");
      assertThat(answer.status()).isEqualTo(500);
      assertThat(answer.body()).contains("urn:headpond:problem:internal");
    }
  }

  @Test
  void optionsTellsTheMethods() throws IOException {
    Response options = api.send("OPTIONS", "/v1/datasets/kv/entries/a", "");
    assertThat(options.status()).isEqualTo(204);
    assertThat(options.header("Allow")).isEqualTo("GET, HEAD, PUT, DELETE, PATCH, OPTIONS");
    assertThat(api.send("TRACE", "/v1/ping", "").status()).isEqualTo(405);
    assertThat(api.send("GET", "/v1/ping", "").body()).isEqualTo("{\"pong\":true}");
  }

  @Test
  void whatNeverReachesTheRoutesIsAboutBlank() throws IOException {
    Response malformed = api.send("GET", "/v1/datasets/kv/entries/%zz", "");
    assertThat(malformed.status()).isEqualTo(400);
    assertThat(malformed.body()).contains("about:blank");
    Response trace = api.send("TRACE", "/v1/ping", "");
    assertThat(trace.status()).isEqualTo(405);
    assertThat(trace.body()).contains("about:blank");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /v1/ping HTTP/1.1\r\n\r\n",
        "G<T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /% HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /a%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /../.. HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n",
        "PUT /v1/ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo\r\n\r\n",
        "PUT /v1/ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "PUT /v1/ping HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "PUT /v1/ping HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "PUT /v1/ping HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      })
  void whatIsNoHttpIsA4xx(String request) throws IOException {
    Response response = api.raw(request.getBytes(StandardCharsets.ISO_8859_1));
    assertThat(response.status())
        .as(response.toString())
        .matches(s -> s == 0 || (s >= 400 && s < 506 && s != 500));
    if (!response.body().isEmpty()) {
      assertThat(response.header("Content-Type")).isEqualTo("application/problem+json");
    }
  }

  @Test
  void aBodyThatWouldBeIgnoredIsRefused() throws IOException {
    for (String target : List.of("kv/entries/a:invalidate", "kv/flush")) {
      String path = "/v1/datasets/" + target;
      problem("POST", path, "{\"maxEntries\": 1}", 400, "body", "must be empty");
      Response chunked =
          api.raw(
              ("POST "
                      + path
                      + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                      + "2\r\n{}\r\n0\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      assertThat(chunked.status()).as(chunked.toString()).isEqualTo(400);
      assertThat(api.send("POST", path, "", JSON).status()).isEqualTo(200);
    }
  }

  @Test
  void headersThatAreTooLargeAreA4xx() throws IOException {
    assertThat(api.send("GET", "/v1/ping", "", "X: " + "y".repeat(40_000)).status())
        .isBetween(400, 499);
    assertThat(api.send("GET", "/v1/ping?" + "y".repeat(40_000), "").status()).isBetween(400, 499);
  }

  @Test
  void untilTheDatasetsAreOpenEverythingButThePingIs503() throws IOException {
    try (RunningApi starting = new RunningApi()) {
      for (String target : List.of("/v1/health", "/health")) {
        Response health = starting.send("GET", target, "");
        assertThat(health.status()).as(target).isEqualTo(503);
        assertThat(health.body())
            .isEqualTo(
                "{\"status\":\"STARTING\",\"reasons\":[\"the datasets are being opened\"],"
                    + "\"datasets\":{},\"workerActive\":null}");
      }
      for (String target : List.of("/v1/datasets", "/v1/datasets/kv/entries/a", "/nothing")) {
        Response answer = starting.send("GET", target, "");
        assertThat(answer.status()).as(target).isEqualTo(503);
        assertThat(answer.body()).contains("urn:headpond:problem:unavailable", "is starting");
        assertThat(answer.header("Retry-After")).isEqualTo("1");
      }
      assertThat(starting.send("DELETE", "/health", "").status()).isEqualTo(405);
      assertThat(starting.send("GET", "/v1/ping", "").status()).isEqualTo(200);
      starting.opened();
      assertThat(starting.send("GET", "/health", "").body()).contains("\"status\":\"UP\"");
    }
  }

  @Test
  void aServerThatStopsReadsButTakesNoWrites() throws IOException {
    try (RunningApi stopping = new RunningApi().opened()) {
      stopping.send("PUT", "/v1/datasets/kv/entries/a", "{}", JSON);
      stopping.api.stopWrites();
      for (String[] write :
          new String[][] {
            {"PUT", "/a", "{}"},
            {"PATCH", "/a", "{}"},
            {"DELETE", "/a", ""},
            {"POST", "/a:increment", "{}"},
            {"POST", "", "{}"},
            {"POST", ":batch", ""}
          }) {
        Response refused =
            stopping.send(write[0], "/v1/datasets/kv/entries" + write[1], write[2], JSON);
        assertThat(refused.status()).as(write[0] + write[1]).isEqualTo(503);
        assertThat(refused.body()).contains("is stopping and takes no more writes");
        assertThat(refused.header("Retry-After")).isEqualTo("1");
      }
      for (String method : List.of("GET", "HEAD")) {
        assertThat(stopping.send(method, "/v1/datasets/kv/entries/a", "").status()).isEqualTo(200);
      }
      assertThat(stopping.send("GET", "/v1/datasets/kv/entries?key=a", "").status()).isEqualTo(200);
      assertThat(stopping.send("GET", "/v1/health", "").body())
          .contains("\"status\":\"DOWN\"", "the server is stopping");
    }
  }

  @Test
  void furtherRoutesComeBeforeOursButNotUnderV1() throws IOException {
    try (RunningApi more = new RunningApi()) {
      RouteSet all =
          new EveryRoute(
              (path, reply) ->
                  reply.send(
                      new Reply.Answer(
                          200, new Json().beginObject().member("path", path.get(0)).endObject())));
      assertThat(more.send("GET", "/read/a", "").status()).isEqualTo(503);
      more.api.open(List.of(more.kv.dataset()), List.of(all));
      assertThat(more.send("GET", "/read/a", "").body()).isEqualTo("{\"path\":\"read\"}");
      assertThat(more.send("GET", "/v1/datasets/kv/entries/a", "").status()).isEqualTo(404);
      assertThat(more.send("GET", "/health", "").body()).contains("\"status\":\"UP\"");
    }
  }

  @Test
  void aDurabilityThatIsNotConfiguredIsTheDefault() throws IOException {
    assertThat(api.send("GET", "/v1/datasets/kv", "").body())
        .contains("\"settings\":{\"durability\":\"disk\",");
  }

  @Test
  void aDatasetShowsItsSettings() throws IOException {
    try (RunningApi set =
        withSettings(settings -> settings.maxRetries(2).targetLag(Duration.ofMillis(1_500)))) {
      assertThat(set.send("GET", "/v1/datasets/kv", "").body())
          .contains(
              "\"inFlight\":0,",
              "\"flushRate\":0.0,",
              "\"keySequence\":null,",
              "\"maxRetries\":2,\"retryDelaySeconds\":1,",
              "\"targetLagSeconds\":1.5,");
    }
    assertThat(api.send("GET", "/v1/datasets/kv", "").body())
        .contains("\"maxRetries\":5,", "\"targetLagSeconds\":null,");
  }

  private static long writes() {
    return api.kv.cache().status().counters().writes();
  }

  private static RunningApi withSettings(UnaryOperator<CacheSettings.Builder> settings) {
    return new RunningApi(
            new TestDataset("kv", RunningApi.KV, settings),
            new TestDataset("items", RunningApi.ITEMS, settings))
        .opened();
  }

  private static void problem(
      String method, String target, String body, int status, String field, String rule)
      throws IOException {
    Response response = api.send(method, target, body == null ? "" : body, JSON);
    assertThat(response.status()).as(response.toString()).isEqualTo(status);
    assertThat(response.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(response.body())
        .contains("\"type\":\"urn:headpond:problem:")
        .contains("\"status\":" + status)
        .contains("\"field\":" + new Json().string(field))
        .contains("\"value\":")
        .contains(rule);
  }

  private static String encode(String key) {
    return URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20").replace("*", "%2A");
  }
}
