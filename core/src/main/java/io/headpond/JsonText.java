package io.headpond;

import java.math.BigDecimal;
import java.util.Comparator;
import java.util.TreeMap;

/**
 * The one spelling of a JSON document that Headpond keeps, so that a document and its {@code jsonb}
 * reload are equal: object members sorted by length and then by content, the last of duplicate names kept,
 * numbers in plain decimal, no white space. RFC 8259 is read strictly.
 *
 * <p>Refused, because no database would give it back: NUL in a string, a lone surrogate, a number of
 * more than 1,000 digits, nesting deeper than 100.
 *
 * <p>A {@code json} column keeps the text, so there every valid spelling is its own canonical form; see {@link #checked}.
 */
final class JsonText {
  private static final int MAX_DEPTH = 100;
  private static final int MAX_DIGITS = 1_000;
  private static final Comparator<String> ORDER =
      Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder());

  private final String text;
  private final String path;

  /** Whether strings and numbers must be such that {@code jsonb} keeps their value. */
  private final boolean exact;

  private int at;

  private JsonText(String text, String path, boolean exact) {
    this.text = text;
    this.path = path;
    this.exact = exact;
  }

  /**
   * The canonical spelling of a document.
   *
   * @throws InvalidValueException if it is none, with the position
   */
  static String canonical(String text, String path) {
    return new JsonText(text, path, true).document();
  }

  /**
   * The text itself, if it is a document. Names may stand twice, numbers may have any size, strings may contain the escapes of
   * NUL and of lone surrogates: whoever reads them has to know what to make of them.
   *
   * @throws InvalidValueException if it is none, with the position, or nested deeper than 100
   */
  static String checked(String text, String path) {
    new JsonText(text, path, false).document();
    return text;
  }

  private String document() {
    String value = value(0);
    space();
    if (at < text.length()) {
      throw invalid("nothing more after the document");
    }
    return value;
  }

  private String value(int depth) {
    if (depth > MAX_DEPTH) {
      throw invalid("nesting of at most " + MAX_DEPTH);
    }
    space();
    if (at == text.length()) {
      throw invalid("a value");
    }
    return switch (text.charAt(at)) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> quote(string());
      case 't' -> literal("true");
      case 'f' -> literal("false");
      case 'n' -> literal("null");
      default -> number();
    };
  }

  private String object(int depth) {
    TreeMap<String, String> members = new TreeMap<>(ORDER);
    at++;
    space();
    if (!take('}')) {
      do {
        space();
        if (at == text.length() || text.charAt(at) != '"') {
          throw invalid("a name in quotes");
        }
        String name = string();
        space();
        expect(':');
        members.put(name, value(depth + 1));
        space();
      } while (take(','));
      expect('}');
    }
    StringBuilder out = new StringBuilder("{");
    members.forEach(
        (name, value) -> {
          if (out.length() > 1) {
            out.append(',');
          }
          out.append(quote(name)).append(':').append(value);
        });
    return out.append('}').toString();
  }

  private String array(int depth) {
    StringBuilder out = new StringBuilder("[");
    at++;
    space();
    if (!take(']')) {
      do {
        if (out.length() > 1) {
          out.append(',');
        }
        out.append(value(depth + 1));
        space();
      } while (take(','));
      expect(']');
    }
    return out.append(']').toString();
  }

  private String literal(String word) {
    if (!text.startsWith(word, at)) {
      throw invalid("a value");
    }
    at += word.length();
    return word;
  }

  private String number() {
    int start = at;
    take('-');
    if (!take('0')) {
      digits();
    }
    if (take('.')) {
      digits();
    }
    if (take('e') || take('E')) {
      if (!take('+')) {
        take('-');
      }
      digits();
    }
    if (!exact) {
      return "";
    }
    if (at - start > MAX_DIGITS) {
      throw invalid("a number of at most " + MAX_DIGITS + " digits");
    }
    BigDecimal number;
    try {
      number = new BigDecimal(text.substring(start, at));
    } catch (NumberFormatException e) {
      throw invalid("a number in range");
    }
    long size = Math.max((long) number.precision() - number.scale(), number.scale());
    if (size > MAX_DIGITS) {
      throw invalid("a number of at most " + MAX_DIGITS + " digits");
    }
    return number.scale() < 0 ? number.setScale(0).toPlainString() : number.toPlainString();
  }

  private void digits() {
    int start = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == start) {
      throw invalid("a digit");
    }
  }

  private String string() {
    StringBuilder out = new StringBuilder();
    at++;
    while (true) {
      if (at == text.length()) {
        throw invalid("a closing quote");
      }
      char c = text.charAt(at);
      if (c == '"') {
        at++;
        break;
      }
      if (c < ' ') {
        throw invalid("control characters written as \\u");
      }
      out.append(c == '\\' ? escape() : c);
      at++;
    }
    for (int i = 0; exact && i < out.length(); i++) {
      char c = out.charAt(i);
      if (c == 0) {
        throw invalid("strings without NUL");
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < out.length()
          && Character.isLowSurrogate(out.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw invalid("strings without lone surrogates");
      }
    }
    return out.toString();
  }

  /** Reads an escape; leaves {@code at} on its last character. */
  private char escape() {
    at++;
    char c = at < text.length() ? text.charAt(at) : ' ';
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        int code = 0;
        for (int i = 1; i <= 4; i++) {
          int digit = at + i < text.length() ? Character.digit(text.charAt(at + i), 16) : -1;
          if (digit < 0 || text.charAt(at + i) > 'f') {
            throw invalid("four hexadecimal digits after \\u");
          }
          code = code << 4 | digit;
        }
        at += 4;
        yield (char) code;
      }
      default -> throw invalid("an escape of RFC 8259");
    };
  }

  private static String quote(String string) {
    StringBuilder out = new StringBuilder(string.length() + 2).append('"');
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < ' ') {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    return out.append('"').toString();
  }

  private void space() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean take(char c) {
    if (at < text.length() && text.charAt(at) == c) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(char c) {
    if (!take(c)) {
      throw invalid("'" + c + "'");
    }
  }

  private InvalidValueException invalid(String expected) {
    return new InvalidValueException(
        path, text, "must be a JSON document with " + expected + " at character " + at);
  }
}
