package io.headpond.server.http;

import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Reads the body of a request into memory, within its limit. */
public final class Body {
  /** The most bytes of a body. */
  static final int MAX_BYTES = 1 << 20;

  private static final int FIRST = 4_096;
  static final List<String> JSON = List.of(Reply.JSON);
  static final List<String> MERGE_PATCH = List.of("application/merge-patch+json", Reply.JSON);
  static final List<String> LINES = List.of("application/x-ndjson", "application/ndjson");

  private Body() {}

  /** The bytes of a JSON body. */
  public static byte[] json(HttpServletRequest request) {
    requireType(request, JSON);
    return read(request);
  }

  /** The bytes of a JSON merge patch. */
  static byte[] mergePatch(HttpServletRequest request) {
    requireType(request, MERGE_PATCH);
    return read(request);
  }

  /** The body of a request with a line for each of many things, not read yet. */
  static ServletInputStream lines(HttpServletRequest request) throws IOException {
    requireType(request, LINES);
    return request.getInputStream();
  }

  /** The bytes of a body of any type. */
  public static byte[] read(HttpServletRequest request) {
    long declared = request.getContentLengthLong();
    if (declared > MAX_BYTES) {
      throw tooLarge(declared + " bytes");
    }
    try {
      ServletInputStream in = request.getInputStream();
      if (declared >= 0) {
        byte[] bytes = in.readNBytes((int) declared);
        if (bytes.length < declared) {
          throw truncated();
        }
        return bytes;
      }
      byte[] bytes = new byte[FIRST];
      int length = 0;
      while (true) {
        int read = in.readNBytes(bytes, length, bytes.length - length);
        length += read;
        if (length < bytes.length) {
          return Arrays.copyOf(bytes, length);
        }
        if (length > MAX_BYTES) {
          throw tooLarge("more than " + MAX_BYTES + " bytes");
        }
        bytes = Arrays.copyOf(bytes, Math.min(2 * length, MAX_BYTES + 1));
      }
    } catch (IOException e) {
      throw cut(e);
    }
  }

  /**
   * Nothing, if there is no body.
   *
   * @throws Problem if there is one, which would be ignored
   */
  static void none(HttpServletRequest request) {
    byte[] body = read(request);
    if (body.length > 0) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST, "body", body.length + " bytes", "must be empty on this route");
    }
  }

  private static void requireType(HttpServletRequest request, List<String> types) {
    String encoding = request.getHeader("Content-Encoding");
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      throw Problem.of(
          Problem.Kind.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding", encoding, "must be absent");
    }
    String header = request.getHeader("Content-Type");
    if (header == null || header.equals(types.get(0))) {
      return;
    }
    String[] parts = header.toLowerCase(Locale.ROOT).split(";", -1);
    boolean known = types.contains(parts[0].strip());
    for (int i = 1; i < parts.length && known; i++) {
      String parameter = parts[i].replace("\"", "").strip();
      known = !parameter.startsWith("charset=") || parameter.matches("charset=utf-?8");
    }
    if (!known) {
      throw Problem.of(
          Problem.Kind.UNSUPPORTED_MEDIA_TYPE,
          "Content-Type",
          header,
          "must be " + String.join(" or ", types) + " in UTF-8");
    }
  }

  private static Problem tooLarge(String size) {
    return Problem.of(
        Problem.Kind.BODY_TOO_LARGE, "body", size, "must have at most " + MAX_BYTES + " bytes");
  }

  /** The problem of a body that could not be read to its end. */
  static Problem cut(IOException failure) {
    // The container gives the cause another exception around it.
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SocketTimeoutException) {
        return Problem.of(
            Problem.Kind.BODY_TIMEOUT, "the body stopped in the middle; send all of it");
      }
    }
    return truncated();
  }

  private static Problem truncated() {
    return Problem.of(
        Problem.Kind.BAD_REQUEST,
        "the body is shorter than announced, or its chunks are malformed");
  }
}
