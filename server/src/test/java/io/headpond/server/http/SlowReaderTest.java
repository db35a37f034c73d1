package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.RunningApi.Response;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that read a large answer for longer than they would wait for it to begin, or not at all. */
@Timeout(120)
class SlowReaderTest {
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final int LETTERS = 24;
  private static final int LETTER_BYTES = 900_000;
  private static final String LETTERS_PATH = "/v1/datasets/kv/dead-letters";

  private RunningApi api;
  private boolean stopped;

  /** More than the buffers of both sides hold. */
  @BeforeEach
  void start() throws IOException {
    TestDataset kv =
        new TestDataset("kv", RunningApi.KV, settings -> settings.maxRetries(0).partitions(1));
    api = new RunningApi(kv, new TestDataset("items", RunningApi.ITEMS), PATIENCE).opened();
    kv.database(database -> database.refuse(mutation -> true));
    for (int i = 0; i < LETTERS; i++) {
      String value = Integer.toString(i % 10).repeat(LETTER_BYTES);
      assertThat(api.send("PUT", entry(i), "{\"value\": \"" + value + "\"}").status())
          .isEqualTo(202);
    }
    api.send("POST", "/v1/datasets/kv/flush", "");
  }

  @AfterEach
  void stop() {
    if (!stopped) {
      api.close();
    }
  }

  @Test
  void haveAllOfItAndNobodyElseHasAnyOfIt() throws IOException {
    List<Socket> slow = new ArrayList<>();
    for (int i = 0; i < Exports.MAX_AT_ONCE; i++) {
      slow.add(get(LETTERS_PATH + ":export"));
    }
    for (Socket socket : slow) {
      assertThat(socket.getInputStream().read()).isEqualTo('H');
    }
    othersAreServedFor(PATIENCE.multipliedBy(2));
    for (Socket socket : slow) {
      Response export = rest(socket);
      assertThat(export.status()).isEqualTo(200);
      assertThat(export.text().lines()).hasSize(LETTERS).allMatch(line -> line.endsWith("\"}}"));
    }
  }

  /** Whose answer is begun by another thread than the one that took the request. */
  @Test
  void haveAllOfAnAnswerThatCameLater() throws IOException {
    int count = 300;
    api.api.open(
        List.of(api.kv.dataset(), api.items.dataset()),
        List.of(
            new EveryRoute(
                (path, reply) -> {
                  CompletableFuture<Iterator<String>> pieces = new CompletableFuture<>();
                  var unused = reply.whenPieces("text/plain", pieces, PATIENCE);
                  pieces.complete(Collections.nCopies(count, "x".repeat(100_000)).iterator());
                })));
    List<Socket> slow = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Socket socket = get("/large");
      assertThat(socket.getInputStream().read()).isEqualTo('H');
      slow.add(socket);
    }
    othersAreServedFor(PATIENCE.multipliedBy(2));
    for (Socket socket : slow) {
      assertThat(rest(socket).text())
          .matches(text -> text.equals("x".repeat(count * 100_000)), "complete");
    }
  }

  @Test
  void thatGoAwayLeaveTheirPlace() throws IOException {
    for (int round = 0; round < 3; round++) {
      List<Socket> slow = new ArrayList<>();
      while (slow.size() < Exports.MAX_AT_ONCE) {
        Socket socket = get(LETTERS_PATH + ":export");
        // Those of the round before may not have been missed yet.
        if (status(socket) == 200) {
          slow.add(socket);
        } else {
          socket.close();
        }
      }
      Response refused = api.send("GET", LETTERS_PATH + ":export", "");
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.header("Retry-After")).isEqualTo("5");
      assertThat(refused.body())
          .contains("problem:overloaded", "4 exports are under way already; try again when one");
      for (Socket socket : slow) {
        socket.setSoLinger(true, 0);
        socket.close();
      }
      othersAreServedFor(Duration.ofMillis(100));
    }
  }

  @Test
  void areToldWhenTheServerStops() throws Exception {
    Socket slow = get(LETTERS_PATH + ":export");
    assertThat(slow.getInputStream().read()).isEqualTo('H');
    Thread stopping = new Thread(api.server::close);
    stopping.start();
    Response export = rest(slow);
    stopping.join();
    stopped = true;
    List<String> lines = export.text().lines().toList();
    assertThat(lines).hasSizeLessThan(LETTERS);
    assertThat(lines.get(lines.size() - 1))
        .contains("problem:unavailable", "the server is stopping; this is not all");
    api.kv.close();
    api.items.close();
  }

  private void othersAreServedFor(Duration time) throws IOException {
    long until = System.nanoTime() + time.toNanos();
    do {
      assertThat(api.send("GET", "/v1/ping", "").body()).isEqualTo("{\"pong\":true}");
      Response page = api.send("GET", LETTERS_PATH + "?limit=1&after=k11", "");
      assertThat(page.body()).startsWith("{\"dataset\":\"kv\",\"letters\":[{\"key\":\"k12\",");
      assertThat(page.body()).endsWith("\"next\":\"k12\"}");
      Response entry = api.send("GET", entry(5), "");
      assertThat(entry.status()).isEqualTo(200);
      assertThat(entry.body()).contains("\"key\":\"k15\"").hasSizeGreaterThan(LETTER_BYTES);
    } while (System.nanoTime() < until);
  }

  private static String entry(int i) {
    return "/v1/datasets/kv/entries/k" + (10 + i);
  }

  /** Of which the client reads nothing yet. */
  private Socket get(String target) throws IOException {
    Socket socket = new Socket();
    socket.setReceiveBufferSize(8 << 10);
    socket.setSoTimeout(30_000);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), api.port()));
    socket
        .getOutputStream()
        .write(
            ("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private static int status(Socket socket) throws IOException {
    byte[] line = socket.getInputStream().readNBytes("HTTP/1.1 200".length());
    return Integer.parseInt(new String(line, StandardCharsets.US_ASCII).substring(9));
  }

  /** What comes behind the first byte. */
  private static Response rest(Socket socket) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write('H');
    try (socket;
        InputStream in = socket.getInputStream()) {
      in.transferTo(out);
    }
    return RunningApi.parse(out.toByteArray());
  }
}
