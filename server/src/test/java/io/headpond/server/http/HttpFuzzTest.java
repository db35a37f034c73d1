package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.RunningApi.Response;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Thousands of requests that are wrong in some way, from a seed: none gives a 5xx but 503, and what stood beside is
 * unharmed. {@code -Dheadpond.fuzz.seed} and {@code -Dheadpond.fuzz.requests} choose others.
 */
class HttpFuzzTest {
  private static final String NEIGHBOUR = "/v1/datasets/kv/entries/neighbour%2F1";
  private static final String SPECIAL = "\"{}[]:,\\%/;.\0\u007f\u0001 -+eE0";
  private static final String[] METHODS = {
    "PUT",
    "PUT",
    "PUT",
    "PUT",
    "GET",
    "GET",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "POST",
    "POST",
    "POST",
    "POST",
    "TRACE",
    "PATCH",
    "PATCH",
    "CONNECT",
    "put",
    "B\u00e9",
    "",
    "A".repeat(300)
  };
  private static final String[] TARGETS = {
    "/v1/datasets/items/entries/1,a",
    "/v1/datasets/items/entries/1,a",
    "/v1/datasets/kv/entries/k",
    "/v1/datasets/kv/entries/k?durability=database",
    "/v1/datasets/items/entries/1,a?create=true",
    "/v1/datasets/items/entries/1,a:increment?create=true",
    "/v1/datasets/kv/entries/k:invalidate",
    "/v1/datasets/kv/entries/k?settled=1795163993828000&wait=1ms",
    "/v1/datasets/kv/entries?key=k&key=a%2Cb",
    "/v1/datasets/kv/entries",
    "/v1/datasets/kv/entries:batch?durability=journal",
    "/v1/datasets/items/entries:batch",
    "/openapi.json",
    "/v1/datasets/kv/pending?prefix=a&limit=3",
    "/v1/datasets/kv/flush",
    "/v1/datasets/kv",
    "/v1/datasets",
    "/health",
    "/v1/ping",
    "*",
    "http://elsewhere/v1/datasets/kv/entries/k",
    "/v1/datasets/kv/entries/..;/../..%2f..%5c",
    "/v1/datasets/kv/entries/%00%01%ff"
  };
  private static final String[] BODIES = {
    "{\"name\": \"n\", \"price\": 1.25, \"qty\": 3, \"ratio\": 0.5, \"day\": \"2026-01-31\","
        + " \"at\": \"2026-01-31T10:15:30Z\", \"doc\": {\"a\": [1, 2]}, \"raw\": \"AAEC\", \"live\": true}",
    "{\"name\": \"n\", \"price\": 1e999999999, \"qty\": -1e-999999999, \"ratio\": 1e308}",
    "{\"value\": \"text\"}",
    "{\"name\": null, \"doc\": {\"a\": {\"b\": null}}, \"price\": 1e-2}",
    "{\"qty\": 1, \"price\": {\"by\": -0.5, \"min\": -10, \"max\": 1e3}}",
    "{\"op\":\"put\",\"key\":\"k\",\"value\":{\"value\":\"v\"}}\n{\"op\":\"remove\",\"key\":\"k\"}\n",
    "{\"op\":\"increment\",\"key\":\"1,a\",\"value\":{\"qty\":1},\"create\":true,\"idempotencyKey\":\"i\"}\n\n[]\n",
    "{\"name\": \"\\ud800\\u0000\", \"doc\": [[[[[[[[[[[[[[]]]]]]]]]]]]]]}",
    "[" + "[".repeat(5_000),
    "{\"value\": " + "9".repeat(5_000) + "}",
    "{\"doc\": " + "{\"a\":".repeat(300) + "1" + "}".repeat(300) + "}",
    "",
    "null"
  };
  private static final String[] HEADERS = {
    "Content-Type: application/json",
    "Content-Type: application/json",
    "Content-Type: application/json; charset=\"",
    "Content-Type: ;;;",
    "Content-Encoding: gzip",
    "Transfer-Encoding: chunked",
    "Content-Length: 10",
    "Expect: 100-continue",
    "Expect: 200-never",
    "Content-Type: application/x-ndjson",
    "Content-Type: application/merge-patch+json",
    "If-Match: *",
    "If-Match: \"1\", W/\"2\",,",
    "If-None-Match: W/\"x\"",
    "If-None-Match: *",
    "Idempotency-Key: \"fuzz\"",
    "Idempotency-Key: \"\\",
    "Range: bytes=0-1",
    "Accept: text/html;q=x",
    "Cookie: a=b; $Version=\u0001",
    "X-Long: " + "y".repeat(9_000),
    ": empty name",
    "no colon at all",
    "Upgrade: h2c",
    "Host: other:port:x",
    "Connection: upgrade, keep-alive, close"
  };

  @Test
  void nothingThatIsSentGivesA500() throws IOException {
    long seed = Long.getLong("headpond.fuzz.seed", 20_260_131);
    int requests = Integer.getInteger("headpond.fuzz.requests", 4_000);
    Random random = new Random(seed);
    int[] byClass = new int[6];
    try (RunningApi api = new RunningApi().opened()) {
      assertThat(
              api.send(
                      "PUT",
                      NEIGHBOUR,
                      "{\"value\": \"unharmed\"}",
                      "Content-Type: application/json")
                  .status())
          .isEqualTo(202);
      String before = api.send("GET", NEIGHBOUR, "").body();
      assertThat(before).contains("unharmed");
      for (int i = 0; i < requests; i++) {
        byte[] request = request(random);
        Response response = api.raw(request);
        byClass[Math.min(5, response.status() / 100)]++;
        assertThat(response.body()).doesNotContain("\"status\":500");
        // 501 and 505 are Tomcat's word for transfer codings and versions of HTTP that it does not
        // know.
        assertThat(response.status())
            .as(
                "seed %d, request %d:%n%s",
                seed, i, new String(request, StandardCharsets.ISO_8859_1))
            .matches(s -> s < 500 || s == 501 || s == 503 || s == 505);
      }
      assertThat(api.send("GET", NEIGHBOUR, "").body().replace("\"clean\"", "\"pending\""))
          .isEqualTo(before);
      assertThat(api.send("GET", "/health", "").status()).isEqualTo(200);
    }
    // The net is wide enough only if some requests are well-formed and many are not.
    assertThat(byClass[2]).isGreaterThan(requests / 20);
    assertThat(byClass[4]).isGreaterThan(requests / 5);
  }

  private static byte[] request(Random random) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    if (random.nextInt(40) == 0) {
      byte[] garbage = new byte[random.nextInt(600)];
      random.nextBytes(garbage);
      return garbage;
    }
    String method = pick(random, METHODS);
    byte[] target = mutate(random, pick(random, TARGETS), few(random));
    byte[] body = mutate(random, pick(random, BODIES), few(random));
    write(out, method + " ");
    out.writeBytes(target);
    write(out, random.nextInt(30) == 0 ? " HTTP/3.7\r\n" : " HTTP/1.1\r\n");
    if (random.nextInt(50) != 0) {
      write(out, "Host: localhost\r\n");
    }
    for (int i = Math.max(0, random.nextInt(5) - 2); i > 0; i--) {
      write(out, pick(random, HEADERS) + "\r\n");
    }
    if (random.nextInt(20) != 0) {
      write(out, "Content-Length: " + body.length + "\r\n");
    }
    write(out, "Connection: close\r\n\r\n");
    out.writeBytes(body);
    return out.toByteArray();
  }

  /** Mostly none, so that what is wrong elsewhere is reached. */
  private static int few(Random random) {
    return Math.max(0, random.nextInt(6) - 3);
  }

  /** Changes some bytes: flipped, dropped, doubled, or a span repeated. */
  private static byte[] mutate(Random random, String text, int changes) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < changes && bytes.length > 0; i++) {
      int at = random.nextInt(bytes.length);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.write(bytes, 0, at);
      switch (random.nextInt(5)) {
        case 0 -> out.write(bytes[at] ^ 1 << random.nextInt(8));
        case 1 -> {}
        case 2 -> {
          out.write(bytes[at]);
          out.write(bytes[at]);
        }
        case 3 -> out.write(SPECIAL.charAt(random.nextInt(SPECIAL.length())));
        default -> {
          int length = Math.min(bytes.length - at, random.nextInt(40));
          for (int n = random.nextInt(50); n >= 0; n--) {
            out.write(bytes, at, length);
          }
        }
      }
      out.write(bytes, at + 1, bytes.length - at - 1);
      bytes = out.toByteArray();
    }
    return bytes;
  }

  private static String pick(Random random, String[] choices) {
    return choices[random.nextInt(choices.length)];
  }

  private static void write(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
  }
}
