package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that begin a body and then send nothing, but keep the connection. */
@Timeout(60)
class StalledBodyTest {
  private static final Duration PATIENCE = Duration.ofSeconds(3);
  private static final String ENTRIES = "/v1/datasets/kv/entries";
  private static RunningApi api;

  @BeforeAll
  static void start() {
    api =
        new RunningApi(
            PATIENCE,
            new TestDataset("kv", RunningApi.KV),
            new TestDataset("items", RunningApi.ITEMS));
    api.opened();
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Length: 100\r\n\r\n{\"val",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"val\r\n",
        "Transfer-Encoding: chunked\r\n\r\n50\r\n{\"val"
      })
  void aBodyIsA408AndHoldsItsThreadNoLonger(String rest) throws IOException {
    try (Socket socket = send("PUT " + ENTRIES + "/a", "application/json", rest)) {
      InputStream in = socket.getInputStream();
      int first = in.read();
      long began = System.nanoTime();
      String answer = (char) first + readAll(in);
      assertThat(answer)
          .startsWith("HTTP/1.1 408")
          .contains(
              "Content-Type: application/problem+json",
              "\"type\":\"urn:headpond:problem:body-timeout\"",
              "\"status\":408");
      assertThat(System.nanoTime() - began).isLessThan(PATIENCE.toNanos() * 2 / 3);
    }
    assertThat(api.kv.cache().get(RunningApi.KV.key("a"))).isNull();
  }

  @Test
  void aBatchEndsWithALineThatSaysSo() throws IOException {
    String line = "{\"op\":\"put\",\"key\":\"b\",\"value\":{}}\n{\"op\":";
    String rest =
        "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(line.length()) + "\r\n" + line;
    try (Socket socket =
        send("POST " + ENTRIES + ":batch", "application/x-ndjson", rest + "\r\n")) {
      assertThat(readAll(socket.getInputStream()))
          .startsWith("HTTP/1.1 200")
          .contains("{\"line\":1,\"status\":202")
          .contains("{\"line\":2,\"type\":\"urn:headpond:problem:body-timeout\"");
    }
  }

  @Test
  void aBodyThatIsCutIsA400() throws IOException {
    try (Socket socket =
        send("PUT " + ENTRIES + "/c", "application/json", "Content-Length: 9\r\n\r\n{")) {
      socket.shutdownOutput();
      assertThat(readAll(socket.getInputStream()))
          .startsWith("HTTP/1.1 400")
          .contains("\"type\":\"urn:headpond:problem:bad-request\"", "shorter than announced");
    }
  }

  private static Socket send(String target, String type, String rest) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), api.port());
    socket.setSoTimeout(30_000);
    String head = target + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + type + "\r\n";
    socket.getOutputStream().write((head + rest).getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private static String readAll(InputStream in) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      in.transferTo(out);
    } catch (java.net.SocketException e) {
      // Reset: what came before counts.
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
