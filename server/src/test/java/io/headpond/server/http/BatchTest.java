package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.server.http.RunningApi.Response;
import io.headpond.server.lab.Lab;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code POST .../entries:batch}. */
@Timeout(120)
class BatchTest {
  private static final String LINES = "Content-Type: application/x-ndjson";
  private static final String KV = "/v1/datasets/kv/entries:batch";
  private static final RowType TYPE =
      RowType.builder()
          .key("key", ColumnType.TEXT)
          .column(new Column("value", ColumnType.TEXT, true))
          .column("likes", ColumnType.BIGINT)
          .build();
  private static RunningApi api;

  @BeforeAll
  static void start() {
    api = new RunningApi(new TestDataset("kv", TYPE), new TestDataset("items", RunningApi.ITEMS));
    api.opened();
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @Test
  void eachLineIsAnsweredInItsPlace() throws IOException {
    List<String> answers =
        batch(
            KV,
            """
            {"op":"put","key":"a","value":{"value":"1"}}
            {"op":"increment","key":"a","value":{"likes":2}}
            {"op":"patch","key":"a","value":{"value":"2"}}
            {"op":"put","key":"a","value":{"valu":"3"}}
            {"op":"remove","key":"b"}
            {"op":"create","value":{"value":"new"}}
            {"op":"patch","key":"c","value":{"value":"made"},"create":true}
            {"op":"put","key":"c","value":{},"ifNoneMatch":"*"}
            {"op":"put","key":"d","value":{},"durability":"database"}
            """);
    assertThat(answers).hasSize(9);
    for (int i : new int[] {0, 1, 2}) {
      assertThat(answers.get(i))
          .matches(
              "\\{\"line\":"
                  + (i + 1)
                  + ",\"status\":202,\"key\":\"a\",\"version\":\\d+,\"durability\":\"disk\"}");
    }
    assertThat(answers.get(3))
        .startsWith("{\"line\":4,\"type\":\"urn:headpond:problem:invalid-value\",")
        .contains("\"status\":422", "\"field\":\"valu\"");
    assertThat(answers.get(4)).contains("\"line\":5,\"status\":202,\"key\":\"b\"");
    assertThat(answers.get(5)).matches("\\{\"line\":6,\"status\":201,\"key\":\"[0-9a-f-]{36}\".*");
    assertThat(answers.get(6)).contains("\"line\":7,\"status\":202,\"key\":\"c\"");
    assertThat(answers.get(7)).contains("\"line\":8,", "\"status\":412", "\"currentVersion\":");
    assertThat(answers.get(8))
        .contains("\"line\":9,\"status\":200,\"key\":\"d\"", "\"durability\":\"database\"");
    assertThat(api.kv.cache().get(TYPE.key("a"))).isEqualTo(TYPE.rowOf("2", 2));
    assertThat(api.kv.cache().get(TYPE.key("c"))).isEqualTo(TYPE.rowOf("made", null));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          ``                                              | 400 | body       | it is empty
          nonsense                                        | 400 | body       | Unrecognized
          []                                              | 400 | line       | must be a JSON object
          {"op":"put","key":"z","value":{}} {}            | 400 | body       | must be one document
          {"op":"put","key":"z","value":{},"vlue":1}      | 400 | vlue       | no such member
          {"op":"put","op":"put","key":"z","value":{}}    | 422 | op         | must stand only once
          {"key":"z"}                                     | 400 | op         | must be put, remove
          {"op":"upsert","key":"z"}                       | 400 | op         | must be put, remove
          {"op":1,"key":"z"}                              | 400 | op         | must be a string
          {"op":"put","value":{}}                         | 400 | key        | must be the key's text
          {"op":"put","key":7,"value":{}}                 | 400 | key        | must be a string
          {"op":"put","key":"","value":{}}                | 422 | key        | must not be empty
          {"op":"put","key":"z"}                          | 400 | value      | must be what the body is
          {"op":"put","key":"z","value":[]}               | 400 | body       | must be a JSON object
          {"op":"put","key":"z","value":{},"create":true} | 400 | create     | has no meaning with this op
          {"op":"remove","key":"z","value":{}}            | 400 | value      | has no meaning with this op
          {"op":"create","key":"z","value":{}}            | 400 | key        | has no meaning with this op
          {"op":"create","value":{},"ifMatch":1}          | 400 | ifMatch    | has no meaning with this op
          {"op":"put","key":"z","value":{},"ifMatch":"5"} | 400 | ifMatch    | must be a version
          {"op":"put","key":"z","value":{},"ifMatch":1.5} | 400 | ifMatch    | must be a version
          {"op":"put","key":"z","value":{},"ifNoneMatch":5} | 400 | ifNoneMatch | must be "*"
          {"op":"put","key":"z","value":{},"durability":"strong"} | 400 | durability | must be memory
          {"op":"put","key":"z","value":{},"durability":"replicas"} | 400 | durability | level that the store keeps
          {"op":"patch","key":"z","value":{},"create":1}  | 400 | create     | must be true or false
          {"op":"patch","key":"z","value":1}              | 400 | body       | must be a JSON object
          {"op":"increment","key":"z","value":{"value":1},"create":true} | 422 | value | cannot be incremented
          {"op":"put","key":"z","value":{},"idempotencyKey":""} | 400 | idempotencyKey | 1 to 255 printable ASCII
          {"op":"put","key":"z","value":{},"idempotencyKey":"é"} | 400 | idempotencyKey | 1 to 255 printable ASCII
          {"op":"put","key":"z","value":{},"idempotencyKey":"a\\n"} | 400 | idempotencyKey | 1 to 255 printable ASCII
          {"op":"patch","key":"z","value":{"value":"1","value":"2"}} | 422 | value.value | must stand only once
          """)
  void aBadLineFailsAlone(String line, int status, String field, String rule) throws IOException {
    List<String> answers =
        batch(
            KV,
            "{\"op\":\"put\",\"key\":\"before\",\"value\":{}}\n"
                + (line == null ? "" : line)
                + "\n{\"op\":\"put\",\"key\":\"after\",\"value\":{}}");
    assertThat(answers).hasSize(3);
    assertThat(answers.get(0)).contains("\"line\":1,\"status\":202");
    assertThat(answers.get(1))
        .startsWith("{\"line\":2,\"type\":\"urn:headpond:problem:")
        .contains("\"status\":" + status, "\"field\":\"" + field + "\"")
        .contains(rule.replace("\"", "\\\""));
    assertThat(answers.get(2)).contains("\"line\":3,\"status\":202");
    assertThat(api.kv.cache().get(TYPE.key("z"))).isNull();
  }

  @Test
  void aLineThatIsTooLongFailsAlone() throws IOException {
    List<String> answers =
        batch(
            KV,
            "{\"op\":\"put\",\"key\":\"long\",\"value\":{\"value\":\""
                + "x".repeat(Body.MAX_BYTES)
                + "\"}}\n{\"op\":\"put\",\"key\":\"short\",\"value\":{}}\n");
    assertThat(answers).hasSize(2);
    assertThat(answers.get(0))
        .contains("\"line\":1", "\"status\":413", "must have at most 1048576 bytes");
    assertThat(answers.get(1)).contains("\"line\":2,\"status\":202");
  }

  @Test
  void whatIsNoUtf8FailsAlone() throws IOException {
    byte[] body =
        "{\"op\":\"put\",\"key\":\"\u00e9\"}\n{\"op\":\"remove\",\"key\":\"k\"}"
            .getBytes(StandardCharsets.ISO_8859_1);
    List<String> answers = lines(api.send("POST", KV, body, LINES));
    assertThat(answers.get(0)).contains("\"line\":1", "must be UTF-8");
    assertThat(answers.get(1)).contains("\"line\":2,\"status\":202");
  }

  @Test
  void theWholeRequestMustBeRight() throws IOException {
    assertThat(api.send("POST", KV, "{}", "Content-Type: application/json").status())
        .isEqualTo(415);
    assertThat(api.send("POST", KV + "?x=1", "", LINES).status()).isEqualTo(400);
    assertThat(api.send("POST", KV + "?durability=x", "", LINES).status()).isEqualTo(400);
    Response named = api.send("POST", KV, "", LINES, "Idempotency-Key: \"a\"");
    assertThat(named.status()).isEqualTo(400);
    assertThat(named.body()).contains("a line of a batch has its own idempotencyKey");
    Response empty = api.send("POST", KV, "", LINES);
    assertThat(empty.status()).isEqualTo(200);
    assertThat(empty.header("Content-Type")).startsWith("application/x-ndjson");
    assertThat(lines(empty)).isEmpty();
    assertThat(
            lines(
                    api.send(
                        "POST",
                        KV + "?durability=memory",
                        "{\"op\":\"remove\",\"key\":\"k\"}",
                        LINES))
                .get(0))
        .contains("\"durability\":\"memory\"");
  }

  @Test
  void aKeyOfSeveralColumnsIsItsText() throws IOException {
    List<String> answers =
        batch(
            "/v1/datasets/items/entries:batch",
            """
            {"op":"put","key":"7,a%2Cb%25","value":{"name":"n"}}
            {"op":"put","key":"7","value":{"name":"n"}}
            {"op":"put","key":"7,a%2F","value":{"name":"n"}}
            """);
    assertThat(answers.get(0)).contains("\"status\":202,\"key\":\"7,a%2Cb%25\"");
    assertThat(answers.get(1)).contains("must have 2 components");
    assertThat(answers.get(2)).contains("percent signs as %25");
    assertThat(api.items.cache().get(RunningApi.ITEMS.key(7, "a,b%"))).isNotNull();
  }

  @Test
  void aKeyOfAnyLengthFailsAlone() throws IOException {
    for (String part : List.of("x", "%2C", "%")) {
      String key = "7," + part.repeat(1_000_000 / part.length());
      List<String> answers =
          batch(
              "/v1/datasets/items/entries:batch",
              "{\"op\":\"put\",\"key\":\"7,before\",\"value\":{\"name\":\"n\"}}\n"
                  + ("{\"op\":\"remove\",\"key\":\"" + key + "\"}\n")
                  + "{\"op\":\"remove\",\"key\":\"7,after\"}");
      assertThat(answers).hasSize(3);
      assertThat(answers.get(0)).contains("\"line\":1,\"status\":202");
      assertThat(answers.get(1)).contains("\"line\":2", "\"status\":422");
      assertThat(answers.get(2)).contains("\"line\":3,\"status\":202");
    }
  }

  @Test
  void aNameOfARequestIsThatOfTheHeader() throws IOException {
    String line = "{\"op\":\"put\",\"key\":\"named\",\"value\":{},\"idempotencyKey\":\"%s\"}\n";
    String longest = "n".repeat(255);
    List<String> answers =
        batch(KV, line.formatted(longest) + line.formatted(longest + "n") + line.formatted("a b"));
    assertThat(answers.get(0)).contains("\"status\":202");
    assertThat(answers.get(1)).contains("\"status\":400", "\"field\":\"idempotencyKey\"");
    assertThat(answers.get(2)).contains("\"status\":202");
  }

  /** Whatever a line sets off, the lines around it have their answers. */
  @Test
  void aStackThatOverflowsFailsItsLineAlone() throws IOException {
    var cache =
        (WriteBehindCache<?, ?>)
            Proxy.newProxyInstance(
                BatchTest.class.getClassLoader(),
                new Class<?>[] {WriteBehindCache.class},
                (proxy, method, args) -> {
                  if (method.getName().equals("removeAsync")) {
                    throw new StackOverflowError();
                  }
                  return method.invoke(api.kv.cache(), args);
                });
    @SuppressWarnings("unchecked")
    var dataset =
        new Dataset(
            api.kv.dataset().config(),
            (WriteBehindCache<Key, Row>) cache,
            new Lab(),
            new Discarded(Path.of("none")));
    String body =
        "{\"op\":\"remove\",\"key\":\"o\"}\n{\"op\":\"put\",\"key\":\"o\",\"value\":{}}\n";
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    var out = new ByteArrayOutputStream();
    var lines = new LineReader(new ByteArrayInputStream(bytes), Body.MAX_BYTES, bytes.length);
    new Batch(dataset, null, lines, out).run();
    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .satisfiesExactly(
            first -> assertThat(first).contains("\"line\":1", "\"status\":500"),
            second -> assertThat(second).contains("\"line\":2,\"status\":202"));
  }

  /** Random writes of few keys, some of which wait for others: what remains is what one after the other would leave. */
  @Test
  void writesOfAKeyKeepTheirOrder() throws IOException {
    for (int seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      Long[] likes = new Long[3];
      StringBuilder body = new StringBuilder();
      for (int i = 0; i < 300; i++) {
        int k = random.nextInt(3);
        String key = "\"key\":\"order" + seed + "-" + k + "\"";
        String durability =
            new String[] {
                  "",
                  ",\"durability\":\"memory\"",
                  ",\"durability\":\"disk\"",
                  ",\"durability\":\"database\""
                }
                [random.nextInt(8) == 0 ? 3 : random.nextInt(3)];
        switch (random.nextInt(4)) {
          case 0 -> {
            body.append("{\"op\":\"remove\",").append(key).append(durability).append("}\n");
            likes[k] = null;
          }
          case 1, 2 -> {
            long value = random.nextInt(1_000);
            body.append("{\"op\":\"put\",")
                .append(key)
                .append(durability)
                .append(",\"value\":{\"likes\":" + value + "}}\n");
            likes[k] = value;
          }
          default -> {
            body.append("{\"op\":\"increment\",")
                .append(key)
                .append(durability)
                .append(",\"create\":true,\"value\":{\"likes\":1}}\n");
            likes[k] = likes[k] == null ? 1 : likes[k] + 1;
          }
        }
      }
      List<String> answers = batch(KV, body.toString());
      assertThat(answers).hasSize(300).allMatch(answer -> answer.matches(".*\"status\":20[02],.*"));
      for (int k = 0; k < 3; k++) {
        var row = api.kv.cache().get(TYPE.key("order" + seed + "-" + k));
        assertThat(row == null ? null : row.get("likes")).as("seed %d", seed).isEqualTo(likes[k]);
      }
    }
  }

  /** More than any buffer holds: answers come while lines are still being sent, and memory does not grow with the body. */
  @Test
  void aBodyOfAnyLengthIsStreamed() throws IOException {
    int count = 60_000;
    try (Socket socket = connect()) {
      CompletableFuture<Integer> answered =
          CompletableFuture.supplyAsync(() -> countAnswers(socket));
      OutputStream out = socket.getOutputStream();
      out.write(head("Transfer-Encoding: chunked"));
      StringBuilder chunk = new StringBuilder();
      for (int i = 0; i < count; i++) {
        chunk
            .append("{\"op\":\"put\",\"key\":\"s")
            .append(i % 5_000)
            .append("\",\"value\":{\"value\":\"")
            .append("v".repeat(150))
            .append("\"}}\n");
        if (chunk.length() > 60_000 || i == count - 1) {
          out.write(chunk(chunk.toString()));
          chunk.setLength(0);
        }
      }
      out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      out.flush();
      assertThat(answered.join()).isEqualTo(count);
    }
  }

  /** The server waits for the next line only after it has answered the lines that it has. */
  @Test
  void aClientMayWaitForEachAnswer() throws IOException {
    try (Socket socket = connect()) {
      OutputStream out = socket.getOutputStream();
      out.write(head("Transfer-Encoding: chunked"));
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
      for (int i = 1; i <= 5; i++) {
        out.write(
            chunk(
                "{\"op\":\"increment\",\"create\":true,\"key\":\"turns\",\"value\":{\"likes\":1}}\n"));
        out.flush();
        String line = in.readLine();
        while (!line.startsWith("{")) {
          line = in.readLine();
        }
        assertThat(line).startsWith("{\"line\":" + i + ",\"status\":202");
      }
    }
    assertThat(api.kv.cache().get(TYPE.key("turns"))).isEqualTo(TYPE.rowOf(null, 5));
  }

  @Test
  void whatWasCutIsNotCarriedOut() throws IOException {
    Response cut =
        api.raw(
            (new String(head("Content-Length: 5000"), StandardCharsets.US_ASCII)
                    + "{\"op\":\"put\",\"key\":\"whole\",\"value\":{}}\n{\"op\":\"remove\",\"key\":\"whole\"}")
                .getBytes(StandardCharsets.UTF_8));
    assertThat(api.kv.cache().get(TYPE.key("whole"))).isNotNull();
    assertThat(cut.body())
        .contains("\"line\":1,\"status\":202")
        .doesNotContain("\"line\":2,\"status\":202");
  }

  @Test
  void whatDoesNotFitIsOverloadedLineByLine() throws IOException {
    TestDataset small =
        new TestDataset(
            "kv", TYPE, settings -> settings.maxPendingEntries(3).overload(Overload.reject()));
    try (RunningApi full =
        new RunningApi(small, new TestDataset("items", RunningApi.ITEMS)).opened()) {
      StringBuilder body = new StringBuilder();
      for (int i = 0; i < 5; i++) {
        body.append("{\"op\":\"put\",\"key\":\"" + i + "\",\"value\":{}}\n");
      }
      List<String> answers = lines(full.send("POST", KV, body.toString(), LINES));
      assertThat(answers.subList(0, 3)).allMatch(a -> a.contains("\"status\":202"));
      assertThat(answers.subList(3, 5))
          .allMatch(a -> a.contains("\"status\":503") && a.contains("\"retryAfterSeconds\":"));
    }
  }

  @Test
  void onlySoManyAreUnderWayAtOnce() throws IOException {
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < Batches.MAX_AT_ONCE; i++) {
        Socket socket = connect();
        sockets.add(socket);
        socket.getOutputStream().write(head("Transfer-Encoding: chunked"));
        socket.getOutputStream().write(chunk("{\"op\":\"remove\",\"key\":\"held\"}\n"));
        // The first byte of the answer: it is under way.
        assertThat(socket.getInputStream().read()).isEqualTo('H');
      }
      Response refused = api.send("POST", KV, "", LINES);
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.header("Retry-After")).isEqualTo("1");
      assertThat(api.send("GET", "/v1/ping", "").status()).isEqualTo(200);
      for (Socket socket : sockets) {
        socket.getOutputStream().write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        socket.getInputStream().readAllBytes();
      }
      assertThat(api.send("POST", KV, "", LINES).status()).isEqualTo(200);
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  private static Socket connect() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), api.port());
    socket.setSoTimeout(60_000);
    return socket;
  }

  private static byte[] head(String header) {
    return ("POST "
            + KV
            + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + LINES
            + "\r\n"
            + header
            + "\r\n\r\n")
        .getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] chunk(String text) {
    return (Integer.toHexString(text.length()) + "\r\n" + text + "\r\n")
        .getBytes(StandardCharsets.US_ASCII);
  }

  private static int countAnswers(Socket socket) {
    int answers = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
      StringBuilder all = new StringBuilder();
      for (int c = in.read(); c >= 0; c = in.read()) {
        all.append((char) c);
        if (c == '\n') {
          if (all.toString().contains("\"status\":202")) {
            answers++;
          }
          all.setLength(0);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return answers;
  }

  private static List<String> batch(String path, String body) throws IOException {
    Response response = api.send("POST", path, body, LINES);
    assertThat(response.status()).as(response.toString()).isEqualTo(200);
    return lines(response);
  }

  private static List<String> lines(Response response) {
    return response.text().lines().toList();
  }
}
