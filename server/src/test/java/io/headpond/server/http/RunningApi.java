package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.RowType;
import io.headpond.server.lab.Lab;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.ssl.SslBundles;

/** The API on a port of its own, in front of datasets with the real engine and the real journal. */
public final class RunningApi implements AutoCloseable {
  static final RowType ITEMS =
      RowType.builder()
          .key("shop", ColumnType.INTEGER)
          .key("sku", ColumnType.TEXT)
          .column(new Column("name", ColumnType.text(20), false))
          .column("price", ColumnType.numeric(10, 2))
          .column("qty", ColumnType.INTEGER)
          .column("ratio", ColumnType.DOUBLE)
          .column("day", ColumnType.DATE)
          .column("at", ColumnType.TIMESTAMPTZ)
          .column("doc", ColumnType.JSONB)
          .column("raw", ColumnType.BYTEA)
          .column("live", ColumnType.BOOLEAN)
          .build();
  static final RowType KV =
      RowType.builder().key("key", ColumnType.TEXT).column("value", ColumnType.TEXT).build();

  final TestDataset kv;
  final TestDataset items;
  private final List<TestDataset> all;
  final ApiServlet api;
  final HttpServer server;

  /** The datasets {@code kv} and {@code items}. */
  RunningApi() {
    this(new TestDataset("kv", KV), new TestDataset("items", ITEMS));
  }

  RunningApi(TestDataset kv, TestDataset items, TestDataset... more) {
    this(HttpServer.BODY_TIMEOUT, new Lab(), kv, items, more);
  }

  RunningApi(Lab lab, TestDataset kv, TestDataset items) {
    this(HttpServer.BODY_TIMEOUT, lab, kv, items);
  }

  RunningApi(Duration bodyTimeout, TestDataset kv, TestDataset items, TestDataset... more) {
    this(bodyTimeout, new Lab(), kv, items, more);
  }

  /** Where a client waits so long for an answer to begin. */
  RunningApi(TestDataset kv, TestDataset items, Duration patience) {
    this(
        HttpServer.BODY_TIMEOUT,
        null,
        new ApiServlet(new Lab(), Access.ANONYMOUS, patience),
        kv,
        items);
  }

  /** For those who have a token. */
  RunningApi(Access access, @Nullable SslBundles tls) {
    this(
        HttpServer.BODY_TIMEOUT,
        tls,
        new ApiServlet(new Lab(), access),
        new TestDataset("kv", KV),
        new TestDataset("items", ITEMS));
  }

  private RunningApi(
      Duration bodyTimeout, Lab lab, TestDataset kv, TestDataset items, TestDataset... more) {
    this(bodyTimeout, null, new ApiServlet(lab), kv, items, more);
  }

  private RunningApi(
      Duration bodyTimeout,
      @Nullable SslBundles tls,
      ApiServlet api,
      TestDataset kv,
      TestDataset items,
      TestDataset... more) {
    this.api = api;
    this.kv = kv;
    this.items = items;
    this.all = new ArrayList<>(List.of(kv, items));
    all.addAll(List.of(more));
    server =
        HttpServer.start(
            new HttpServer.Address(InetAddress.getLoopbackAddress(), 0, bodyTimeout, tls), api);
  }

  /** Ends the start. */
  RunningApi opened() {
    api.open(all.stream().map(TestDataset::dataset).toList());
    return this;
  }

  int port() {
    return server.port();
  }

  /** What comes back. */
  record Response(int status, String head, String body) {
    String header(String name) {
      for (String line : head.split("\r\n")) {
        if (line.regionMatches(true, 0, name + ":", 0, name.length() + 1)) {
          return line.substring(name.length() + 1).strip();
        }
      }
      return "";
    }

    /** The body without the chunks it may have come in. */
    String text() {
      if (!header("Transfer-Encoding").equals("chunked")) {
        return body;
      }
      byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      int at = 0;
      while (true) {
        int end = at;
        while (bytes[end] != '\r') {
          end++;
        }
        int length =
            Integer.parseInt(new String(bytes, at, end - at, StandardCharsets.US_ASCII), 16);
        if (length == 0) {
          return out.toString(StandardCharsets.UTF_8);
        }
        out.write(bytes, end + 2, length);
        at = end + 2 + length + 2;
      }
    }
  }

  /** Sends exactly this line, these headers and this body, on a connection of its own. */
  Response send(String method, String target, String body, String... headers) throws IOException {
    return send(method, target, body.getBytes(StandardCharsets.UTF_8), headers);
  }

  Response send(String method, String target, byte[] bytes, String... headers) throws IOException {
    StringBuilder head =
        new StringBuilder(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n");
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    if (!method.equals("GET") || bytes.length > 0) {
      head.append("Content-Length: ").append(bytes.length).append("\r\n");
    }
    head.append("Connection: close\r\n\r\n");
    ByteArrayOutputStream request = new ByteArrayOutputStream();
    request.write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
    request.write(bytes);
    return raw(request.toByteArray());
  }

  /** Sends bytes and reads until the server closes. */
  Response raw(byte[] request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      socket.setSoTimeout(30_000);
      socket.getOutputStream().write(request);
      socket.getOutputStream().flush();
      socket.shutdownOutput();
      return parse(readAll(socket.getInputStream()));
    }
  }

  private static byte[] readAll(InputStream in) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] buffer = new byte[8_192];
    try {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        out.write(buffer, 0, n);
      }
    } catch (java.net.SocketException e) {
      // Reset: what came before counts.
    }
    return out.toByteArray();
  }

  static Response parse(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    int end = text.indexOf("\r\n\r\n");
    if (end < 0) {
      return new Response(0, text, "");
    }
    String head = text.substring(0, end);
    return new Response(Integer.parseInt(head.split(" ")[1]), head, text.substring(end + 4));
  }

  @Override
  public void close() {
    server.close();
    all.forEach(TestDataset::close);
  }
}
