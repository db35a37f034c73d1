package io.headpond.server.http;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Writes one JSON document into memory. The caller keeps the order: names only in objects. Lone surrogates become
 * {@code ?}. Not thread-safe.
 */
public final class Json {
  private final StringBuilder out = new StringBuilder(160);

  public Json beginObject() {
    comma();
    out.append('{');
    return this;
  }

  public Json endObject() {
    out.append('}');
    return this;
  }

  public Json beginArray() {
    comma();
    out.append('[');
    return this;
  }

  public Json endArray() {
    out.append(']');
    return this;
  }

  public Json name(String name) {
    comma();
    quote(name);
    out.append(':');
    return this;
  }

  public Json string(@Nullable String value) {
    comma();
    if (value == null) {
      out.append("null");
    } else {
      quote(value);
    }
    return this;
  }

  /** A value that is JSON already: a number, a literal, a document. */
  public Json raw(String json) {
    comma();
    out.append(json);
    return this;
  }

  /** A duration in seconds, to the millisecond; null for none. */
  public Json seconds(@Nullable Duration duration) {
    return raw(
        duration == null
            ? "null"
            : BigDecimal.valueOf(duration.toMillis(), 3).stripTrailingZeros().toPlainString());
  }

  /** A rate, to a tenth. */
  public Json rate(double perSecond) {
    return raw(BigDecimal.valueOf(perSecond).setScale(1, RoundingMode.HALF_UP).toPlainString());
  }

  public Json member(String name, @Nullable String value) {
    return name(name).string(value);
  }

  public Json member(String name, long value) {
    name(name);
    out.append(value);
    return this;
  }

  public Json member(String name, boolean value) {
    name(name);
    out.append(value);
    return this;
  }

  /** How many characters there are so far. */
  int length() {
    return out.length();
  }

  byte[] toBytes() {
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return out.toString();
  }

  private void comma() {
    if (out.length() > 0) {
      char last = out.charAt(out.length() - 1);
      if (last != '{' && last != '[' && last != ':') {
        out.append(',');
      }
    }
  }

  private void quote(String string) {
    out.append('"');
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
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
    out.append('"');
  }
}
