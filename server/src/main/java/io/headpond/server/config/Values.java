package io.headpond.server.config;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.server.lab.LabSettings;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The values that settings are written in. Each method takes the text and throws {@link
 * IllegalArgumentException} with the rule, and nothing but the rule, if it is no such value.
 */
public final class Values {
  private static final Pattern DURATION =
      Pattern.compile("([0-9]{1,12}(?:\\.[0-9]{1,9})?)\\s*(ms|s|m|h|d|)");
  private static final Pattern RATE = Pattern.compile("[0-9]{0,9}\\.?[0-9]{1,9}");
  private static final BigDecimal NANOS = BigDecimal.valueOf(1_000_000_000);

  private static final Pattern BYTES = Pattern.compile("([0-9]{1,15})\\s*(KiB|MiB|GiB|)");
  private static final Pattern TYPE =
      Pattern.compile("([a-z ]+?)\\s*(?:\\(\\s*([0-9]{1,9})\\s*(?:,\\s*([0-9]{1,9})\\s*)?\\))?");
  private static final Map<String, ColumnType> TYPES =
      Map.ofEntries(
          Map.entry("text", ColumnType.TEXT),
          Map.entry("integer", ColumnType.INTEGER),
          Map.entry("bigint", ColumnType.BIGINT),
          Map.entry("numeric", ColumnType.NUMERIC),
          Map.entry("boolean", ColumnType.BOOLEAN),
          Map.entry("double", ColumnType.DOUBLE),
          Map.entry("double precision", ColumnType.DOUBLE),
          Map.entry("date", ColumnType.DATE),
          Map.entry("timestamptz", ColumnType.TIMESTAMPTZ),
          Map.entry("uuid", ColumnType.UUID),
          Map.entry("jsonb", ColumnType.JSONB),
          Map.entry("bytea", ColumnType.BYTEA),
          Map.entry("smallint", ColumnType.SMALLINT),
          Map.entry("real", ColumnType.REAL),
          Map.entry("time", ColumnType.TIME),
          Map.entry("timestamp", ColumnType.TIMESTAMP),
          Map.entry("interval", ColumnType.INTERVAL),
          Map.entry("enum", ColumnType.ENUM),
          Map.entry("json", ColumnType.JSON),
          Map.entry("inet", ColumnType.INET));
  private static final String TYPE_RULE =
      "must be text, text(n), smallint, integer, bigint, numeric, numeric(p,s), boolean, real, double, date, time,"
          + " timestamp, timestamptz, interval, uuid, enum, enum('a','b'), json, jsonb, inet, bytea, or one of them"
          + " with [] for an array";
  private static final Pattern LABELS =
      Pattern.compile("(?i)enum\\s*\\(\\s*((?:'(?:[^']|'')+'\\s*,\\s*)*'(?:[^']|'')+')\\s*\\)");
  private static final Pattern LABEL = Pattern.compile("'((?:[^']|'')+)'");

  private Values() {}

  /** A duration: {@code 100ms}, {@code 5s}, {@code 2m}, {@code 1h}, {@code 1d}, or decimal seconds. */
  public static Duration duration(String text) {
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "must be a duration such as 100ms, 5s, 1h or 1.5 (in seconds)");
    }
    BigDecimal seconds = new BigDecimal(matcher.group(1)).multiply(unit(matcher.group(2)));
    try {
      BigDecimal nanos = seconds.multiply(NANOS);
      BigDecimal[] parts = nanos.divideAndRemainder(NANOS);
      return Duration.ofSeconds(parts[0].longValueExact(), parts[1].longValueExact());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("must not be finer than a nanosecond");
    }
  }

  private static BigDecimal unit(String name) {
    return switch (name) {
      case "ms" -> new BigDecimal("0.001");
      case "m" -> BigDecimal.valueOf(60);
      case "h" -> BigDecimal.valueOf(3_600);
      case "d" -> BigDecimal.valueOf(86_400);
      default -> BigDecimal.ONE;
    };
  }

  /** A number of bytes: {@code 67108864}, {@code 64MiB}, {@code 1GiB}. */
  static Long bytes(String text) {
    Matcher matcher = BYTES.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("must be a number of bytes such as 67108864 or 64MiB");
    }
    long number = Long.parseLong(matcher.group(1));
    int shift =
        switch (matcher.group(2)) {
          case "KiB" -> 10;
          case "MiB" -> 20;
          case "GiB" -> 30;
          default -> 0;
        };
    if (number > Long.MAX_VALUE >> shift) {
      throw new IllegalArgumentException("must be a number of bytes below 2^63");
    }
    return number << shift;
  }

  /** A whole number in a range. */
  public static Function<String, Integer> integer(int min, int max) {
    return text -> {
      try {
        int number = Integer.parseInt(text);
        if (number >= min && number <= max) {
          return number;
        }
      } catch (NumberFormatException e) {
        // The rule below says it.
      }
      throw new IllegalArgumentException("must be a whole number from " + min + " to " + max);
    };
  }

  /** {@code true} or {@code false}, in lower or upper case. */
  static Boolean bool(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("must be true or false");
    };
  }

  /** A probability, from 0 to 1. */
  public static Double rate(String text) {
    if (RATE.matcher(text).matches() && LabSettings.isRate(Double.parseDouble(text))) {
      return Double.valueOf(text);
    }
    throw new IllegalArgumentException(LabSettings.RATE_RULE);
  }

  static Durability durability(String text) {
    for (Durability level : Durability.values()) {
      if (level.name().equalsIgnoreCase(text)) {
        return level;
      }
    }
    throw new IllegalArgumentException(
        "must be one of " + Arrays.toString(Durability.values()).toLowerCase(Locale.ROOT));
  }

  /** A column's type without {@code not null}. */
  static ColumnType columnType(String text) {
    String name = text.strip();
    Matcher labels = LABELS.matcher(name);
    try {
      if (name.endsWith("[]")) {
        return ColumnType.array(columnType(name.substring(0, name.length() - 2)));
      }
      return labels.matches() ? ColumnType.enumOf(labels(labels.group(1))) : scalar(name);
    } catch (ConfigurationException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static List<String> labels(String quoted) {
    return LABEL.matcher(quoted).results().map(label -> label.group(1).replace("''", "'")).toList();
  }

  private static ColumnType scalar(String name) {
    Matcher matcher = TYPE.matcher(name.toLowerCase(Locale.ROOT));
    ColumnType type = matcher.matches() ? TYPES.get(matcher.group(1)) : null;
    if (type == null) {
      throw new IllegalArgumentException(TYPE_RULE);
    }
    String first = matcher.group(2);
    String second = matcher.group(3);
    if (first == null) {
      return type;
    }
    if (type.kind() == ColumnType.Kind.TEXT && second == null && Integer.parseInt(first) > 0) {
      return ColumnType.text(Integer.parseInt(first));
    }
    if (type.kind() == ColumnType.Kind.NUMERIC && Integer.parseInt(first) > 0) {
      return ColumnType.numeric(
          Integer.parseInt(first), second == null ? 0 : Integer.parseInt(second));
    }
    throw new IllegalArgumentException(TYPE_RULE);
  }
}
