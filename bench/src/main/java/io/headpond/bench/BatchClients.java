package io.headpond.bench;

import io.headpond.bench.Writers.Result;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.HdrHistogram.Histogram;

/**
 * Clients that send writes by the thousand, each one batch at a time over a connection of its own. The bodies are made
 * beforehand. Not thread-safe.
 */
final class BatchClients {
  /** Bodies that take turns, so that it is not always the same keys. */
  private static final int BODIES = 32;

  private static final int OK = 200;

  private final URI server;
  private final int count;
  private final int lines;
  private final byte[][] bodies = new byte[BODIES][];

  /**
   * @param lines of each batch, their keys at random
   */
  BatchClients(int port, int count, int lines, int keys) {
    this.server = URI.create("http://127.0.0.1:" + port);
    this.count = count;
    this.lines = lines;
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < BODIES; i++) {
      StringBuilder body = new StringBuilder();
      for (int line = 0; line < lines; line++) {
        body.append(
            String.format(
                Locale.ROOT,
                "{\"op\":\"put\",\"key\":\"key-%08d\",\"value\":{\"value\":\"%s\"}}%n",
                random.nextInt(keys),
                Kv.value(random)));
      }
      bodies[i] = body.toString().getBytes(StandardCharsets.US_ASCII);
    }
  }

  /** Sends batches to a batch route, and reads the answer to each line. */
  Result post(String target, double seconds, Histogram latencies) {
    return send("POST", target, lines, seconds, latencies);
  }

  /** Sends the same bytes to a route that forgets them. */
  Result put(String target, double seconds, Histogram latencies) {
    return send("PUT", target, 0, seconds, latencies);
  }

  /** The result counts batches. */
  private Result send(
      String method, String target, int answers, double seconds, Histogram latencies) {
    URI uri = server.resolve(target);
    List<Writers.Choice> choices = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      choices.add(Writers.Choice.any(BODIES, i + 1));
    }
    ThreadLocal<HttpClient> own =
        ThreadLocal.withInitial(
            () -> HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build());
    return Writers.blocking(
        choices,
        body -> exchange(own.get(), method, uri, bodies[body], answers),
        seconds,
        latencies);
  }

  private static void exchange(
      HttpClient client, String method, URI uri, byte[] body, int answers) {
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .header("Content-Type", "application/x-ndjson")
            .method(method, BodyPublishers.ofByteArray(body))
            .build();
    try {
      HttpResponse<byte[]> response = client.send(request, BodyHandlers.ofByteArray());
      String text = new String(response.body(), StandardCharsets.UTF_8);
      long failed =
          answers == 0 ? 0 : text.lines().filter(line -> !line.contains("\"version\":")).count();
      if (response.statusCode() != OK || failed > 0 || text.lines().count() < answers) {
        throw new IOException(
            method
                + " was answered with "
                + response.statusCode()
                + " and "
                + failed
                + " failures: "
                + Arrays.toString(text.lines().limit(3).toArray()));
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
  }
}
