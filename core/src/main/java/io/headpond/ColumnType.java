package io.headpond;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.HexFormat;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * What a column holds. It decides which Java values are taken, and brings each to the one form in
 * which the database gives it back, so that what is read later is what was acknowledged.
 *
 * @param kind the kind of value
 * @param length for {@link Kind#TEXT}: the most characters (code points), 0 for no limit
 * @param precision for {@link Kind#NUMERIC}: the most digits, 0 for no limit
 * @param scale for {@link Kind#NUMERIC} with a precision: digits after the point; every value has
 *     exactly so many
 */
public record ColumnType(Kind kind, int length, int precision, int scale) {

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
    BYTEA
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

  /** Digits that any database keeps; a longer number is refused. */
  private static final int MAX_DIGITS = 1_000;

  private static final Instant YEAR_1 = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant YEAR_10000 = Instant.parse("+10000-01-01T00:00:00Z");
  private static final int DOUBLE_DIGITS = 17;
  private static final Pattern WHOLE = Pattern.compile("-?[0-9]{1,30}");
  private static final Pattern DECIMAL =
      Pattern.compile("-?[0-9]{1,1000}(\\.[0-9]{1,1000})?([eE][+-]?[0-9]{1,4})?");
  private static final Pattern UUID_TEXT =
      Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
  private static final BigInteger MIN_LONG = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger MAX_LONG = BigInteger.valueOf(Long.MAX_VALUE);

  public ColumnType {
    if (length < 0 || precision < 0 || scale < 0 || scale > precision || precision > MAX_DIGITS) {
      throw new ConfigurationException(
          "type "
              + kind.name().toLowerCase(Locale.ROOT)
              + ": length, precision and scale must not be negative, scale not above precision,"
              + " precision not above "
              + MAX_DIGITS);
    }
  }

  /** Text of at most {@code length} characters. */
  public static ColumnType text(int length) {
    return new ColumnType(Kind.TEXT, length, 0, 0);
  }

  /** A decimal number of at most {@code precision} digits, {@code scale} of them behind the point. */
  public static ColumnType numeric(int precision, int scale) {
    return new ColumnType(Kind.NUMERIC, 0, precision, scale);
  }

  private static ColumnType of(Kind kind) {
    return new ColumnType(kind, 0, 0, 0);
  }

  /**
   * The canonical form of a value.
   *
   * @param value not null; the Java class of the kind, or one that converts to it without loss: any
   *     whole number for a number, {@link OffsetDateTime} for a time, text as in {@link #parse} for
   *     date, time, UUID
   * @param path where the value stands, for the error
   * @throws InvalidValueException if the column could not hold exactly this value
   */
  public Object canonical(Object value, String path) {
    return switch (kind) {
      case TEXT -> text(value, path);
      case INTEGER -> whole(value, path, Integer.MIN_VALUE, Integer.MAX_VALUE).intValue();
      case BIGINT -> whole(value, path, Long.MIN_VALUE, Long.MAX_VALUE);
      case NUMERIC -> numeric(value, path);
      case BOOLEAN -> {
        if (value instanceof Boolean) {
          yield value;
        }
        throw invalid(path, value, "must be true or false");
      }
      case DOUBLE -> floating(value, path);
      case DATE -> date(value, path);
      case TIMESTAMPTZ -> timestamp(value, path);
      case UUID -> {
        if (value instanceof UUID) {
          yield value;
        }
        if (value instanceof String text && UUID_TEXT.matcher(text).matches()) {
          yield java.util.UUID.fromString(text);
        }
        throw invalid(path, value, "must be a UUID of 36 characters");
      }
      case JSONB -> {
        if (value instanceof String text) {
          yield JsonText.canonical(text, path);
        }
        throw invalid(path, value, "must be a JSON document as text");
      }
      case BYTEA -> {
        if (value instanceof byte[] bytes) {
          yield bytes.clone();
        }
        throw invalid(path, value, "must be bytes");
      }
    };
  }

  /**
   * The canonical form of a value written as text: numbers in decimal, {@code true} or {@code
   * false}, ISO-8601 dates and times with an offset, bytes in hexadecimal.
   *
   * @throws InvalidValueException if the text is no such value
   */
  public Object parse(String text, String path) {
    return switch (kind) {
      case TEXT, DATE, TIMESTAMPTZ, UUID, JSONB -> canonical(text, path);
      case INTEGER, BIGINT -> {
        if (!WHOLE.matcher(text).matches()) {
          throw invalid(path, text, "must be a whole number");
        }
        yield canonical(new BigInteger(text), path);
      }
      case NUMERIC, DOUBLE -> {
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
    };
  }

  /** The text of a canonical value; {@link #parse} gives it back. */
  public String format(Object canonical) {
    return switch (kind) {
      case NUMERIC -> ((BigDecimal) canonical).toPlainString();
      case BYTEA -> HexFormat.of().formatHex((byte[]) canonical);
      default -> canonical.toString();
    };
  }

  /** As it would be declared in SQL, for messages and for the configuration. */
  @Override
  public String toString() {
    String name = kind.name().toLowerCase(Locale.ROOT);
    if (kind == Kind.TEXT && length > 0) {
      return name + "(" + length + ")";
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

  private static Long whole(Object value, String path, long min, long max) {
    BigInteger number;
    if (value instanceof Integer
        || value instanceof Long
        || value instanceof Short
        || value instanceof Byte) {
      long small = ((Number) value).longValue();
      if (small >= min && small <= max) {
        return small;
      }
      number = BigInteger.valueOf(small);
    } else if (value instanceof BigInteger big) {
      number = big;
    } else if (value instanceof BigDecimal decimal) {
      number = exactWhole(decimal, path);
    } else {
      throw invalid(path, value, "must be a whole number");
    }
    if (number.compareTo(MIN_LONG.max(BigInteger.valueOf(min))) < 0
        || number.compareTo(MAX_LONG.min(BigInteger.valueOf(max))) > 0) {
      throw invalid(path, value, "must be from " + min + " to " + max);
    }
    return number.longValueExact();
  }

  private static BigInteger exactWhole(BigDecimal decimal, String path) {
    if (decimal.signum() != 0 && Math.abs((long) decimal.precision() - decimal.scale()) > 30) {
      throw invalid(path, decimal, "must be a whole number in the column's range");
    }
    try {
      return decimal.toBigIntegerExact();
    } catch (ArithmeticException e) {
      throw invalid(path, decimal, "must be a whole number");
    }
  }

  private BigDecimal numeric(Object value, String path) {
    BigDecimal number;
    if (value instanceof BigDecimal decimal) {
      number = decimal;
    } else if (value instanceof BigInteger
        || value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      number = new BigDecimal(value.toString());
    } else {
      throw invalid(path, value, "must be a decimal number");
    }
    if (number.precision() > MAX_DIGITS || Math.abs((long) number.scale()) > MAX_DIGITS) {
      throw invalid(path, "a number", "must have at most " + MAX_DIGITS + " digits");
    }
    if (precision == 0) {
      return number.scale() < 0 ? number.setScale(0) : number;
    }
    BigDecimal scaled;
    try {
      scaled = number.setScale(scale);
    } catch (ArithmeticException e) {
      throw invalid(path, number, "must have at most " + scale + " digits after the point");
    }
    if (scaled.signum() != 0 && scaled.precision() > precision) {
      throw invalid(
          path, number, "must have at most " + (precision - scale) + " digits before the point");
    }
    return scaled;
  }

  private static Double floating(Object value, String path) {
    double number;
    if (value instanceof Double || value instanceof Float) {
      number = ((Number) value).doubleValue();
    } else if (value instanceof BigDecimal decimal) {
      number = decimal.doubleValue();
      if (Double.isInfinite(number) || (number == 0 && decimal.signum() != 0)) {
        throw invalid(path, value, "must be in the range of a double");
      }
      if (decimal.stripTrailingZeros().precision() > DOUBLE_DIGITS) {
        throw invalid(path, value, "must have at most " + DOUBLE_DIGITS + " significant digits");
      }
    } else if (value instanceof BigInteger
        || value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return floating(new BigDecimal(value.toString()), path);
    } else {
      throw invalid(path, value, "must be a number");
    }
    return number == 0 ? 0.0 : number;
  }

  private static LocalDate date(Object value, String path) {
    LocalDate date;
    try {
      date = value instanceof LocalDate local ? local : LocalDate.parse(asText(value, path));
    } catch (DateTimeException e) {
      throw invalid(path, value, "must be a date such as 2026-01-31");
    }
    if (date.getYear() < 1 || date.getYear() > 9999) {
      throw invalid(path, value, "must be in the years 1 to 9999");
    }
    return date;
  }

  private static Instant timestamp(Object value, String path) {
    Instant time;
    try {
      if (value instanceof Instant instant) {
        time = instant;
      } else if (value instanceof OffsetDateTime offset) {
        time = offset.toInstant();
      } else {
        time = OffsetDateTime.parse(asText(value, path)).toInstant();
      }
    } catch (DateTimeException e) {
      throw invalid(path, value, "must be a time with offset such as 2026-01-31T10:15:30Z");
    }
    if (time.isBefore(YEAR_1) || !time.isBefore(YEAR_10000)) {
      throw invalid(path, value, "must be in the years 1 to 9999");
    }
    if (time.getNano() % 1_000 != 0) {
      throw invalid(path, value, "must not be finer than a microsecond");
    }
    return time;
  }

  private static String asText(Object value, String path) {
    if (value instanceof String text) {
      return text;
    }
    throw invalid(path, value, "must be text in ISO-8601 form");
  }

  private static InvalidValueException invalid(String path, Object value, String rule) {
    String shown =
        value instanceof byte[] bytes
            ? bytes.length + " bytes"
            : value instanceof String text
                ? '"' + text + '"'
                : value instanceof BigDecimal number ? number.toString() : value.toString();
    return new InvalidValueException(path, shown, rule);
  }
}
