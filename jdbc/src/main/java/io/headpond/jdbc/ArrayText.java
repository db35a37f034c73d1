package io.headpond.jdbc;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Arrays as PostgreSQL writes them: {@code {1,NULL,"a b"}}. An element stands in quotes where it would be misread without,
 * with a backslash before quotes and backslashes; NULL without quotes is no value. Stateless.
 */
final class ArrayText {
  private static final String ONE_DIMENSION = "must be an array of one dimension that begins at 1";

  private ArrayText() {}

  /** The array of these elements, each one in quotes. */
  static String write(List<@Nullable String> elements) {
    StringBuilder text = new StringBuilder("{");
    for (String element : elements) {
      if (text.length() > 1) {
        text.append(',');
      }
      if (element == null) {
        text.append("NULL");
        continue;
      }
      text.append('"');
      for (int i = 0; i < element.length(); i++) {
        char c = element.charAt(i);
        if (c == '"' || c == '\\') {
          text.append('\\');
        }
        text.append(c);
      }
      text.append('"');
    }
    return text.append('}').toString();
  }

  /**
   * The elements of an array that the server has written.
   *
   * @throws IllegalArgumentException with the rule, if it has not one dimension that begins at 1
   */
  static List<@Nullable String> read(String text) {
    int end = text.length() - 1;
    if (end < 1 || text.charAt(0) != '{' || text.charAt(end) != '}') {
      throw new IllegalArgumentException(ONE_DIMENSION);
    }
    List<@Nullable String> elements = new ArrayList<>();
    StringBuilder element = new StringBuilder();
    int at = 1;
    while (at < end) {
      element.setLength(0);
      boolean quoted = text.charAt(at) == '"';
      if (text.charAt(at) == '{') {
        throw new IllegalArgumentException(ONE_DIMENSION);
      }
      at = quoted ? quoted(text, at + 1, element) : plain(text, at, element);
      String value = element.toString();
      elements.add(!quoted && value.equals("NULL") ? null : value);
      if (at < end && text.charAt(at) != ',') {
        throw new IllegalArgumentException(ONE_DIMENSION);
      }
      at++;
    }
    return elements;
  }

  /** Reads to behind the closing quote. */
  private static int quoted(String text, int from, StringBuilder element) {
    int at = from;
    while (text.charAt(at) != '"') {
      if (text.charAt(at) == '\\') {
        at++;
      }
      element.append(text.charAt(at));
      at++;
    }
    return at + 1;
  }

  /** Reads to the next comma or the end. */
  private static int plain(String text, int from, StringBuilder element) {
    int comma = text.indexOf(',', from);
    int end = comma < 0 ? text.length() - 1 : comma;
    element.append(text, from, end);
    return end;
  }
}
