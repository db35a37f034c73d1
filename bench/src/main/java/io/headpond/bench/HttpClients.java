package io.headpond.bench;

import io.headpond.bench.Writers.Result;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.HdrHistogram.Histogram;

/**
 * Keep-alive connections, a thread for each, one request under way on each. As little as will do, so that little of
 * the machine goes into the client. Not thread-safe.
 */
final class HttpClients implements AutoCloseable {
  /** Where the key's number stands in a target. */
  static final String KEY = "00000000";

  private static final int OK = 200;
  private static final int ACCEPTED = 202;

  private final List<Connection> connections = new ArrayList<>();

  HttpClients(int port, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      connections.add(new Connection(port));
    }
  }

  /** PUTs one of {@code keys} keys at random, for so long. */
  Result put(String target, int keys, double seconds, Histogram latencies) {
    AtomicInteger next = new AtomicInteger();
    List<Writers.Choice> choices = new ArrayList<>();
    for (int i = 0; i < connections.size(); i++) {
      choices.add(Writers.Choice.any(keys, i + 1));
    }
    ThreadLocal<Exchange> own =
        ThreadLocal.withInitial(
            () -> new Exchange(connections.get(next.getAndIncrement()), target));
    return Writers.blocking(choices, key -> own.get().put(key), seconds, latencies);
  }

  @Override
  public void close() throws IOException {
    for (Connection connection : connections) {
      connection.socket.close();
    }
  }

  private static final class Connection {
    final Socket socket;
    final InputStream in;
    final OutputStream out;
    final byte[] buffer = new byte[8_192];
    int length;

    Connection(int port) throws IOException {
      socket = new Socket(InetAddress.getLoopbackAddress(), port);
      socket.setTcpNoDelay(true);
      in = socket.getInputStream();
      out = socket.getOutputStream();
    }
  }

  private static final class Exchange {
    private final Connection connection;
    private final byte[] request;
    private final int keyAt;

    Exchange(Connection connection, String target) {
      this.connection = connection;
      String body = "{\"value\":\"" + Kv.value(new SplittableRandom(target.length())) + "\"}";
      String text =
          "PUT "
              + target
              + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
              + body.length()
              + "\r\n\r\n"
              + body;
      this.request = text.getBytes(StandardCharsets.US_ASCII);
      this.keyAt = text.indexOf(KEY);
    }

    void put(int key) {
      int rest = key;
      for (int i = KEY.length() - 1; keyAt >= 0 && i >= 0; i--) {
        request[keyAt + i] = (byte) ('0' + rest % 10);
        rest /= 10;
      }
      try {
        connection.out.write(request);
        int status = answer();
        if (status != OK && status != ACCEPTED) {
          throw new IOException("PUT was answered with " + text());
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }

    private String text() {
      return new String(connection.buffer, 0, connection.length, StandardCharsets.UTF_8);
    }

    /** Reads one answer to its end and gives its status. */
    private int answer() throws IOException {
      byte[] buffer = connection.buffer;
      int have = 0;
      int body = -1;
      int needed = Integer.MAX_VALUE;
      while (have < needed) {
        int read = connection.in.read(buffer, have, buffer.length - have);
        if (read < 0) {
          throw new IOException("the server closed the connection");
        }
        have += read;
        if (body < 0) {
          body = endOfHead(buffer, have);
          if (body >= 0) {
            needed = body + contentLength(buffer, body);
          }
        }
      }
      connection.length = have;
      return (buffer[9] - '0') * 100 + (buffer[10] - '0') * 10 + (buffer[11] - '0');
    }

    private static int endOfHead(byte[] buffer, int have) {
      for (int i = 3; i < have; i++) {
        if (buffer[i] == '\n' && buffer[i - 2] == '\n') {
          return i + 1;
        }
      }
      return -1;
    }

    private static int contentLength(byte[] buffer, int end) throws IOException {
      String head = new String(buffer, 0, end, StandardCharsets.US_ASCII);
      String lower = head.toLowerCase(java.util.Locale.ROOT);
      int at = lower.indexOf("content-length:");
      if (at < 0) {
        throw new IOException("an answer without a length: " + head);
      }
      return Integer.parseInt(
          lower.substring(at + "content-length:".length(), lower.indexOf('\r', at)).strip());
    }
  }
}
