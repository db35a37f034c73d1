package io.headpond;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Period;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a column holds. It decides which Java values are taken, and brings each to the one form in
 * which the database gives it back, so that what is read later is what was acknowledged.
 *
 * @param kind the kind of value
 * @param length for {@link Kind#TEXT}: the most characters (code points), 0 for no limit
 * @param precision for {@link Kind#NUMERIC}: the most digits, 0 for no limit
 * @param scale for {@link Kind#NUMERIC} with a precision: digits after the point; every value has
 *     exactly so many
 * @param element for {@link Kind#ARRAY}: what its elements are; null for any other
 * @param labels for {@link Kind#ENUM}: the values, in their order; empty until the database has said which they are, and for
 *     any other kind
 */
public record ColumnType(
    Kind kind,
    int length,
    int precision,
    int scale,
    @Nullable ColumnType element,
    List<String> labels) {

  /** The kinds of values, with the Java class of their canonical form. */
  public enum Kind {
    /** {@link String} without NUL and without lone surrogates. */
    TEXT,
    /** {@link Integer}. */
    INTEGER,
    /** {@link Long}. */
    BIGINT,
    /** {@link BigDecimal}. */
    NUMERIC,
    /** {@link Boolean}. */
    BOOLEAN,
    /** {@link Double}; -0.0 is not told from 0.0. */
    DOUBLE,
    /** {@link LocalDate} from year 1 to 9999. */
    DATE,
    /** {@link Instant} in whole microseconds, from year 1 to 9999. */
    TIMESTAMPTZ,
    /** {@link java.util.UUID}. */
    UUID,
    /** {@link String} with a JSON document, in the form of {@link JsonText}. */
    JSONB,
    /** {@code byte[]}. */
    BYTEA,
    /** {@link Short}. */
    SMALLINT,
    /** {@link Float}; -0.0 is not told from 0.0. */
    REAL,
    /** {@link LocalTime} in whole microseconds. */
    TIME,
    /** {@link LocalDateTime} in whole microseconds, from year 1 to 9999; no zone belongs to it. */
    TIMESTAMP,
    /** {@link io.headpond.Interval}. */
    INTERVAL,
    /** {@link String}, one of the type's labels. */
    ENUM,
    /** {@link String} with a JSON document, every character as it was written. */
    JSON,
    /** {@link String} with an IP address, with its prefix length if it is not the whole address, in the form of {@link InetText}. */
    INET,
    /** An unmodifiable {@link List} of canonical values of the element type, or null; of one dimension. */
    ARRAY
  }

  public static final ColumnType TEXT = of(Kind.TEXT);
  public static final ColumnType INTEGER = of(Kind.INTEGER);
  public static final ColumnType BIGINT = of(Kind.BIGINT);
  public static final ColumnType NUMERIC = of(Kind.NUMERIC);
  public static final ColumnType BOOLEAN = of(Kind.BOOLEAN);
  public static final ColumnType DOUBLE = of(Kind.DOUBLE);
  public static final ColumnType DATE = of(Kind.DATE);
  public static final ColumnType TIMESTAMPTZ = of(Kind.TIMESTAMPTZ);
  public static final ColumnType UUID = of(Kind.UUID);
  public static final ColumnType JSONB = of(Kind.JSONB);
  public static final ColumnType BYTEA = of(Kind.BYTEA);
  public static final ColumnType SMALLINT = of(Kind.SMALLINT);
  public static final ColumnType REAL = of(Kind.REAL);
  public static final ColumnType TIME = of(Kind.TIME);
  public static final ColumnType TIMESTAMP = of(Kind.TIMESTAMP);
  public static final ColumnType INTERVAL = of(Kind.INTERVAL);

  /** One of the labels that the database has for the column. */
  public static final ColumnType ENUM = of(Kind.ENUM);

  public static final ColumnType JSON = of(Kind.JSON);
  public static final ColumnType INET = of(Kind.INET);

  private static final Pattern WHOLE = Pattern.compile("-?[0-9]{1,30}");
  private static final Pattern DECIMAL =
      Pattern.compile("-?[0-9]{1,1000}(\\.[0-9]{1,1000})?([eE][+-]?[0-9]{1,4})?");
  private static final Pattern UUID_TEXT =
      Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

  /**
   * @throws ConfigurationException if the parts do not go together
   */
  public ColumnType {
    labels = List.copyOf(labels);
    String name = kind.name().toLowerCase(Locale.ROOT);
    if (length < 0
        || precision < 0
        || scale < 0
        || scale > precision
        || precision > Numbers.MAX_DIGITS) {
      throw new ConfigurationException(
          "type "
              + name
              + ": length, precision and scale must not be negative, scale not above precision,"
              + " precision not above "
              + Numbers.MAX_DIGITS);
    }
    if ((kind == Kind.ARRAY) != (element != null)) {
      throw new ConfigurationException(
          "type " + name + ": an array, and nothing else, has elements");
    }
    if (element != null && (element.kind() == Kind.ARRAY || element.kind() == Kind.BYTEA)) {
      throw new ConfigurationException(
          "type array: must not have elements of type "
              + element
              + "; use bytea for bytes, jsonb for what is nested");
    }
    if (!labels.isEmpty() && kind != Kind.ENUM) {
      throw new ConfigurationException("type " + name + ": only an enum has labels");
    }
    if (new HashSet<>(labels).size() < labels.size()) {
      throw new ConfigurationException("type enum: a label stands twice in " + labels);
    }
  }

  /**
   * A type that is neither an array nor has labels.
   *
   * @throws ConfigurationException if the parts do not go together
   */
  public ColumnType(Kind kind, int length, int precision, int scale) {
    this(kind, length, precision, scale, null, List.of());
  }

  /** Text of at most {@code length} characters. */
  public static ColumnType text(int length) {
    return new ColumnType(Kind.TEXT, length, 0, 0);
  }

  /** A decimal number of at most {@code precision} digits, {@code scale} of them behind the point. */
  public static ColumnType numeric(int precision, int scale) {
    return new ColumnType(Kind.NUMERIC, 0, precision, scale);
  }

  /**
   * An array of one dimension; its elements may be null.
   *
   * @param element any type but an array or {@link #BYTEA}
   * @throws ConfigurationException if it is one of those
   */
  public static ColumnType array(ColumnType element) {
    return new ColumnType(Kind.ARRAY, 0, 0, 0, element, List.of());
  }

  /**
   * One of these labels, for a Java enum the constants' names. The column is of an enum type that has them all, or text.
   *
   * @throws ConfigurationException if a label stands twice
   */
  public static ColumnType enumOf(List<String> labels) {
    return new ColumnType(Kind.ENUM, 0, 0, 0, null, labels);
  }

  private static ColumnType of(Kind kind) {
    return new ColumnType(kind, 0, 0, 0);
  }

  /**
   * The canonical form of a value.
   *
   * @param value not null; the Java class of the kind, or one that converts to it without loss: any
   *     whole number for a number, {@link OffsetDateTime} for a time with zone, {@link Period} and {@link Duration} for an
   *     interval, a Java enum's constant for a label, {@link InetAddress} for an address, text as in {@link #parse} for date,
   *     times, interval, UUID; a {@link List} for an array
   * @param path where the value stands, for the error
   * @throws InvalidValueException if the column could not hold exactly this value
   */
  public Object canonical(Object value, String path) {
    return switch (kind) {
      case TEXT -> text(value, path);
      case SMALLINT -> (short) Numbers.whole(value, path, Short.MIN_VALUE, Short.MAX_VALUE);
      case INTEGER -> (int) Numbers.whole(value, path, Integer.MIN_VALUE, Integer.MAX_VALUE);
      case BIGINT -> Numbers.whole(value, path, Long.MIN_VALUE, Long.MAX_VALUE);
      case NUMERIC -> Numbers.numeric(value, path, precision, scale);
      case BOOLEAN -> {
        if (value instanceof Boolean) {
          yield value;
        }
        throw invalid(path, value, "must be true or false");
      }
      case DOUBLE -> Numbers.floating(value, path);
      case REAL -> Numbers.real(value, path);
      case DATE -> Times.date(value, path);
      case TIME -> Times.time(value, path);
      case TIMESTAMP -> Times.timestamp(value, path);
      case TIMESTAMPTZ -> Times.timestamptz(value, path);
      case INTERVAL -> interval(value, path);
      case UUID -> {
        if (value instanceof UUID) {
          yield value;
        }
        if (value instanceof String text && UUID_TEXT.matcher(text).matches()) {
          yield java.util.UUID.fromString(text);
        }
        throw invalid(path, value, "must be a UUID of 36 characters");
      }
      case ENUM -> label(value, path);
      case JSON -> JsonText.checked(json(value, path), path);
      case JSONB -> JsonText.canonical(json(value, path), path);
      case INET -> inet(value, path);
      case BYTEA -> {
        if (value instanceof byte[] bytes) {
          yield bytes.clone();
        }
        throw invalid(path, value, "must be bytes");
      }
      case ARRAY -> array(value, path);
    };
  }

  /**
   * The canonical form of a value written as text: numbers in decimal, {@code true} or {@code
   * false}, ISO-8601 dates, times (with an offset for {@link Kind#TIMESTAMPTZ}) and intervals, bytes in hexadecimal. An array
   * has no such form.
   *
   * @throws InvalidValueException if the text is no such value
   */
  public Object parse(String text, String path) {
    return switch (kind) {
      case TEXT, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID, ENUM, JSON, JSONB, INET ->
          canonical(text, path);
      case SMALLINT, INTEGER, BIGINT -> {
        if (!WHOLE.matcher(text).matches()) {
          throw invalid(path, text, "must be a whole number");
        }
        yield canonical(new BigInteger(text), path);
      }
      case NUMERIC, DOUBLE, REAL -> {
        if (!DECIMAL.matcher(text).matches()) {
          throw invalid(path, text, "must be a decimal number");
        }
        yield canonical(new BigDecimal(text), path);
      }
      case BOOLEAN ->
          switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw invalid(path, text, "must be true or false");
          };
      case BYTEA -> {
        try {
          yield HexFormat.of().parseHex(text);
        } catch (IllegalArgumentException e) {
          throw invalid(path, text, "must be bytes in hexadecimal");
        }
      }
      case ARRAY -> throw invalid(path, text, "must be an array, which has no form as text");
    };
  }

  /**
   * The text of a canonical value; {@link #parse} gives it back.
   *
   * @throws UnsupportedOperationException for an array
   */
  public String format(Object canonical) {
    return switch (kind) {
      case NUMERIC -> ((BigDecimal) canonical).toPlainString();
      case BYTEA -> HexFormat.of().formatHex((byte[]) canonical);
      case TIME -> DateTimeFormatter.ISO_LOCAL_TIME.format((LocalTime) canonical);
      case TIMESTAMP -> DateTimeFormatter.ISO_LOCAL_DATE_TIME.format((LocalDateTime) canonical);
      case ARRAY -> throw new UnsupportedOperationException("an array has no form as text");
      default -> canonical.toString();
    };
  }

  /** Whether its values are whole numbers, of whatever range. */
  public boolean isWholeNumber() {
    return kind == Kind.SMALLINT || kind == Kind.INTEGER || kind == Kind.BIGINT;
  }

  /** As it is declared in the configuration, for messages too. */
  @Override
  public String toString() {
    if (element != null) {
      return element + "[]";
    }
    String name = kind.name().toLowerCase(Locale.ROOT);
    if (kind == Kind.TEXT && length > 0) {
      return name + "(" + length + ")";
    }
    if (!labels.isEmpty()) {
      return labels.stream()
          .map(label -> "'" + label.replace("'", "''") + "'")
          .collect(Collectors.joining(",", name + "(", ")"));
    }
    return kind == Kind.NUMERIC && precision > 0
        ? name + "(" + precision + "," + scale + ")"
        : name;
  }

  private String text(Object value, String path) {
    if (!(value instanceof String text)) {
      throw invalid(path, value, "must be text");
    }
    int points = 0;
    for (int i = 0; i < text.length(); points++) {
      char c = text.charAt(i);
      if (c == 0) {
        throw invalid(path, text, "must not contain NUL (at character " + points + ")");
      }
      boolean pair =
          Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (Character.isSurrogate(c) && !pair) {
        throw invalid(
            path, text, "must be valid Unicode (lone surrogate at character " + points + ")");
      }
      i += pair ? 2 : 1;
    }
    if (length > 0 && points > length) {
      throw invalid(path, text, "must have at most " + length + " characters, has " + points);
    }
    return text;
  }

  private static Interval interval(Object value, String path) {
    try {
      if (value instanceof Interval interval) {
        return interval;
      }
      if (value instanceof Period period) {
        return Interval.of(period);
      }
      if (value instanceof Duration duration) {
        return Interval.of(duration);
      }
      if (value instanceof String text) {
        return Interval.parse(text);
      }
    } catch (DateTimeException | ArithmeticException e) {
      // The rule below says it.
    }
    throw invalid(
        path,
        value,
        "must be an interval such as P1Y2M3DT4H5M6.789S, not finer than a microsecond, under 2^31"
            + " months, days and hours");
  }

  private String label(Object value, String path) {
    String label = text(value instanceof Enum<?> constant ? constant.name() : value, path);
    if (labels.isEmpty() || labels.contains(label)) {
      return label;
    }
    throw invalid(path, value, "must be one of " + String.join(", ", labels));
  }

  private String json(Object value, String path) {
    if (value instanceof String) {
      return text(value, path);
    }
    throw invalid(path, value, "must be a JSON document as text");
  }

  private static String inet(Object value, String path) {
    String text = value instanceof InetAddress address ? address.getHostAddress() : null;
    if (value instanceof String given) {
      text = given;
    }
    String canonical = text == null ? null : InetText.canonical(text);
    if (canonical == null) {
      throw invalid(
          path, value, "must be an IP address such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::1");
    }
    return canonical;
  }

  private List<@Nullable Object> array(Object value, String path) {
    if (!(value instanceof List<?> list) || element == null) {
      throw invalid(path, value, "must be a list");
    }
    List<@Nullable Object> canonical = new ArrayList<>(list.size());
    for (Object cell : list) {
      canonical.add(
          cell == null ? null : element.canonical(cell, path + "[" + canonical.size() + "]"));
    }
    return Collections.unmodifiableList(canonical);
  }

  static InvalidValueException invalid(String path, Object value, String rule) {
    String shown =
        value instanceof byte[] bytes
            ? bytes.length + " bytes"
            : value instanceof String text ? '"' + text + '"' : value.toString();
    return new InvalidValueException(path, shown, rule);
  }
}
