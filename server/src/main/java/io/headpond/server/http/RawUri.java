package io.headpond.server.http;

import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Paths and queries as they stand in the request, undecoded: so that an encoded slash, comma, percent sign, semicolon or
 * dot in a key stays what the client meant.
 */
public final class RawUri {
  private RawUri() {}

  /** The segments of a path, still encoded. {@code /a//b} has an empty one. */
  static List<String> segments(String path) {
    List<String> segments = new ArrayList<>(6);
    int start = path.startsWith("/") ? 1 : 0;
    while (true) {
      int slash = path.indexOf('/', start);
      if (slash < 0) {
        segments.add(path.substring(start));
        return segments;
      }
      segments.add(path.substring(start, slash));
      start = slash + 1;
    }
  }

  /** The components of a key: separated by commas, each percent-encoded. */
  static List<String> key(String segment) {
    if (segment.indexOf(',') < 0) {
      return List.of(decode(segment, "key"));
    }
    List<String> components = new ArrayList<>();
    for (String part : segment.split(",", -1)) {
      components.add(decode(part, "key"));
    }
    return components;
  }

  /** The parameters of a query, all of which must be known and stand once. */
  public static Map<String, String> query(@Nullable String query, Set<String> known) {
    Map<String, String> parameters = new LinkedHashMap<>();
    query(query, known, Set.of()).forEach((name, values) -> parameters.put(name, values.get(0)));
    return parameters;
  }

  /**
   * The parameters of a query, with their values in their order; all must be known.
   *
   * @param repeatable which of them may stand several times
   */
  static Map<String, List<String>> query(
      @Nullable String query, Set<String> known, Set<String> repeatable) {
    if (query == null || query.isEmpty()) {
      return Map.of();
    }
    Map<String, List<String>> parameters = new LinkedHashMap<>();
    for (String pair : query.split("&", -1)) {
      int equals = pair.indexOf('=');
      String name =
          decode((equals < 0 ? pair : pair.substring(0, equals)).replace('+', ' '), "query");
      if (!known.contains(name)) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            "query",
            name,
            known.isEmpty()
                ? "this route has no parameters"
                : "unknown parameter; known here are " + String.join(", ", new TreeSet<>(known)));
      }
      String value = equals < 0 ? "" : decode(pair.substring(equals + 1).replace('+', ' '), name);
      List<String> values = parameters.computeIfAbsent(name, n -> new ArrayList<>(1));
      values.add(value);
      if (values.size() > 1 && !repeatable.contains(name)) {
        throw Problem.of(Problem.Kind.BAD_REQUEST, name, value, "must stand only once");
      }
    }
    return parameters;
  }

  /** Text as it stands in a path: everything but letters, digits and {@code - . _ ~} is percent-encoded. */
  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8)
        .replace("+", "%20")
        .replace("*", "%2A")
        .replace("%7E", "~");
  }

  /** Percent-decoding, strict: two hexadecimal digits behind each %, and UTF-8. */
  public static String decode(String text, String field) {
    int percent = text.indexOf('%');
    if (percent < 0 && isAscii(text)) {
      return text;
    }
    byte[] bytes = new byte[text.length() * 3];
    int length = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '%') {
        boolean complete = i + 2 < text.length();
        int high = complete ? hex(text.charAt(i + 1)) : -1;
        int low = complete ? hex(text.charAt(i + 2)) : -1;
        if (high < 0 || low < 0) {
          throw Problem.of(
              Problem.Kind.BAD_REQUEST,
              field,
              text,
              "must have two hexadecimal digits after each %; write a percent sign as %25");
        }
        bytes[length++] = (byte) (high << 4 | low);
        i += 2;
      } else if (c < 0x80) {
        bytes[length++] = (byte) c;
      } else {
        throw Problem.of(Problem.Kind.BAD_REQUEST, field, text, "must be percent-encoded UTF-8");
      }
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, 0, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, field, text, "must be percent-encoded UTF-8");
    }
  }

  private static boolean isAscii(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) >= 0x80) {
        return false;
      }
    }
    return true;
  }

  private static int hex(char c) {
    return c < 0x80 ? Character.digit(c, 16) : -1;
  }
}
