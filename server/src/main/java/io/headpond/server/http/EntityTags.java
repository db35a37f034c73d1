package io.headpond.server.http;

import jakarta.servlet.http.HttpServletRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The value of an {@code If-Match} or {@code If-None-Match} header (RFC 9110, section 13.1). Immutable.
 *
 * @param header its name
 * @param any whether it is {@code *}
 * @param tags the others
 */
record EntityTags(String header, boolean any, List<Tag> tags) {
  /**
   * One of them.
   *
   * @param weak whether it begins with {@code W/}
   * @param opaque what stands between the quotes
   */
  record Tag(boolean weak, String opaque) {
    @Override
    public String toString() {
      return (weak ? "W/" : "") + '"' + opaque + '"';
    }
  }

  private static final Pattern TAG = Pattern.compile("(W/)?\"([\\x21\\x23-\\x7e\\x80-\\xff]*)\"");

  /** The tag of a version. */
  static String of(long version) {
    return "\"" + version + "\"";
  }

  /**
   * The header as it stands in a request; null if it does not.
   *
   * @throws Problem if it is malformed
   */
  static @Nullable EntityTags of(HttpServletRequest request, String header) {
    if (request.getHeader(header) == null) {
      return null;
    }
    // A header that stands several times is one list.
    String value = String.join(",", Collections.list(request.getHeaders(header)));
    if (value.strip().equals("*")) {
      return new EntityTags(header, true, List.of());
    }
    List<Tag> tags = new ArrayList<>();
    Matcher matcher = TAG.matcher(value);
    int at = 0;
    while (true) {
      at = skip(value, at, " \t,");
      if (at == value.length()) {
        break;
      }
      boolean separated = tags.isEmpty() || value.substring(0, at).stripTrailing().endsWith(",");
      if (!separated || !matcher.find(at) || matcher.start() != at) {
        throw malformed(header, value);
      }
      tags.add(new Tag(matcher.group(1) != null, matcher.group(2)));
      at = matcher.end();
    }
    if (tags.isEmpty()) {
      throw malformed(header, value);
    }
    return new EntityTags(header, false, tags);
  }

  /** Whether one of them stands for the version of an entry that exists; weak ones do, too. */
  boolean match(long version) {
    String text = Long.toString(version);
    return any || tags.stream().anyMatch(tag -> tag.opaque.equals(text));
  }

  private static int skip(String text, int from, String characters) {
    int at = from;
    while (at < text.length() && characters.indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    return at;
  }

  private static Problem malformed(String header, String value) {
    return Problem.of(
        Problem.Kind.BAD_REQUEST,
        header,
        value,
        "must be * or entity tags in quotes, separated by commas, such as \"1795163993828000\"");
  }
}
