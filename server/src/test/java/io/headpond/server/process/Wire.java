package io.headpond.server.process;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One kept-alive HTTP connection, blocking: fast enough to load a server from the cores beside it. */
final class Wire implements Closeable {
  private static final int TIMEOUT_MILLIS = 30_000;

  private final int port;
  private Socket socket;
  private InputStream in;
  private boolean ended;

  /**
   * An answer.
   *
   * @param headers by their names in lower case
   */
  record Answer(int status, Map<String, String> headers, String body) {
    /** The number behind this name in the body. */
    long number(String name) {
      int at = body.indexOf("\"" + name + "\":") + name.length() + 3;
      int end = at;
      while (end < body.length() && "-0123456789".indexOf(body.charAt(end)) >= 0) {
        end++;
      }
      return Long.parseLong(body.substring(at, end));
    }

    /** The string behind this name in the body, which has nothing to escape. */
    String text(String name) {
      int at = body.indexOf("\"" + name + "\":\"") + name.length() + 4;
      return body.substring(at, body.indexOf('"', at));
    }
  }

  Wire(int port) throws IOException {
    this.port = port;
    socket = connect(port);
    in = new BufferedInputStream(socket.getInputStream(), 8_192);
  }

  private static Socket connect(int port) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    return socket;
  }

  /** @param headers whole lines, beside those that every request has */
  Answer send(String method, String target, String body, String... headers) throws IOException {
    if (ended) {
      // As the server had said: it closes the connection after a 503, for one.
      socket.close();
      socket = connect(port);
      in = new BufferedInputStream(socket.getInputStream(), 8_192);
      ended = false;
    }
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream request = new ByteArrayOutputStream(256);
    request.writeBytes(
        (method
                + " "
                + target
                + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                + bytes.length
                + "\r\n"
                + Stream.of(headers).map(line -> line + "\r\n").collect(Collectors.joining())
                + "\r\n")
            .getBytes(StandardCharsets.US_ASCII));
    request.writeBytes(bytes);
    socket.getOutputStream().write(request.toByteArray());
    return read();
  }

  private Answer read() throws IOException {
    int status = Integer.parseInt(line().split(" ")[1]);
    Map<String, String> headers = new HashMap<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      headers.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    ended = headers.getOrDefault("connection", "").equals("close");
    int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
    byte[] body = in.readNBytes(length);
    if (body.length < length) {
      throw new EOFException("the body ends early");
    }
    return new Answer(status, headers, new String(body, StandardCharsets.UTF_8));
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("the connection ended");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  static String entry(String dataset, String key) {
    return "/v1/datasets/"
        + dataset
        + "/entries/"
        + URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20");
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
