package io.headpond.jdbc;

import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How values travel. Numbers, booleans and bytes go as binary arrays; everything else as text, of which the server makes the
 * column's type row by row. An array goes as its text too, since {@code unnest} would take it apart, and comes back as it: the
 * driver's own arrays give dates before 1582 in another calendar and times without microseconds. A {@code time} is read as text since
 * the driver's {@code LocalTime} makes of 24:00 a time of day.
 */
final class PostgresColumns {
  private PostgresColumns() {}

  /** The element type of the array in which values of this type are sent. */
  static String arrayType(ColumnType type) {
    return switch (type.kind()) {
      case SMALLINT -> "int2";
      case INTEGER -> "int4";
      case BIGINT -> "int8";
      case REAL -> "float4";
      case DOUBLE -> "float8";
      case BOOLEAN -> "bool";
      case BYTEA -> "bytea";
      default -> "text";
    };
  }

  /**
   * What makes the column's type of an element that was sent; empty if it is that type already.
   *
   * @param enumType the column's enum type, or that of its elements, as SQL spells it; null if it is none
   */
  static String cast(ColumnType type, @Nullable String enumType) {
    return switch (type.kind()) {
      case TEXT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, BOOLEAN, BYTEA -> "";
      case NUMERIC, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID, JSON, JSONB, INET ->
          "::" + type(type, null);
      case ENUM -> enumType == null ? "" : "::" + enumType;
      case ARRAY -> "::" + type(element(type), enumType) + "[]";
    };
  }

  private static String type(ColumnType type, @Nullable String enumType) {
    return switch (type.kind()) {
      case NUMERIC -> "numeric";
      case DATE -> "date";
      case TIME -> "time";
      case TIMESTAMP -> "timestamp";
      case TIMESTAMPTZ -> "timestamptz";
      case INTERVAL -> "interval";
      case UUID -> "uuid";
      case JSON -> "json";
      case JSONB -> "jsonb";
      case INET -> "inet";
      case ENUM -> enumType == null ? "text" : enumType;
      default -> arrayType(type);
    };
  }

  private static ColumnType element(ColumnType array) {
    return Objects.requireNonNull(array.element());
  }

  /** An empty array for {@code size} canonical values of this type. */
  static @Nullable Object[] elements(ColumnType type, int size) {
    return switch (type.kind()) {
      case SMALLINT -> new Short[size];
      case INTEGER -> new Integer[size];
      case BIGINT -> new Long[size];
      case REAL -> new Float[size];
      case DOUBLE -> new Double[size];
      case BOOLEAN -> new Boolean[size];
      case BYTEA -> new byte[size][];
      default -> new String[size];
    };
  }

  /** A canonical value as it stands in {@link #elements}. */
  static @Nullable Object element(ColumnType type, @Nullable Object value) {
    if (value == null) {
      return null;
    }
    return switch (type.kind()) {
      case SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, BOOLEAN, BYTEA -> value;
      case ARRAY -> {
        List<@Nullable String> elements = new ArrayList<>();
        for (Object cell : (List<?>) value) {
          elements.add(cell == null ? null : element(type).format(cell));
        }
        yield ArrayText.write(elements);
      }
      default -> type.format(value);
    };
  }

  static Array array(Connection connection, ColumnType type, @Nullable Object[] elements)
      throws SQLException {
    return connection.createArrayOf(arrayType(type), elements);
  }

  /** The expression that {@link #read} reads of a column. */
  static String readable(String column, ColumnType type) {
    return type.kind() == Kind.ARRAY ? column + "::text" : column;
  }

  /**
   * The value of a column, not yet canonical.
   *
   * @throws NumberFormatException if it is a numeric that is no number
   * @throws IllegalArgumentException with the rule, if it is an array of another form
   */
  static @Nullable Object read(ResultSet row, int at, ColumnType type) throws SQLException {
    switch (type.kind()) {
      case TEXT, TIME, INTERVAL, ENUM, JSON, JSONB, INET -> {
        return row.getString(at);
      }
      case NUMERIC -> {
        String text = row.getString(at);
        return text == null ? null : new BigDecimal(text);
      }
      case SMALLINT -> {
        short value = row.getShort(at);
        return row.wasNull() ? null : value;
      }
      case INTEGER -> {
        int value = row.getInt(at);
        return row.wasNull() ? null : value;
      }
      case BIGINT -> {
        long value = row.getLong(at);
        return row.wasNull() ? null : value;
      }
      case REAL -> {
        float value = row.getFloat(at);
        return row.wasNull() ? null : value;
      }
      case DOUBLE -> {
        double value = row.getDouble(at);
        return row.wasNull() ? null : value;
      }
      case BOOLEAN -> {
        boolean value = row.getBoolean(at);
        return row.wasNull() ? null : value;
      }
      case DATE -> {
        return row.getObject(at, LocalDate.class);
      }
      case TIMESTAMP -> {
        return row.getObject(at, LocalDateTime.class);
      }
      case TIMESTAMPTZ -> {
        return row.getObject(at, OffsetDateTime.class);
      }
      case UUID -> {
        return row.getObject(at, UUID.class);
      }
      case BYTEA -> {
        return row.getBytes(at);
      }
      case ARRAY -> {
        String text = row.getString(at);
        return text == null ? null : readArray(text, element(type));
      }
    }
    throw new AssertionError(type);
  }

  private static List<@Nullable Object> readArray(String text, ColumnType element) {
    List<@Nullable Object> values = new ArrayList<>();
    for (String cell : ArrayText.read(text)) {
      values.add(cell == null ? null : readElement(cell, element.kind()));
    }
    return values;
  }

  /** A value as the server writes it in a session of ours: ISO dates, times in UTC. */
  private static Object readElement(String text, Kind kind) {
    return switch (kind) {
      case SMALLINT, INTEGER, BIGINT -> Long.valueOf(text);
      case NUMERIC -> new BigDecimal(text);
      case REAL -> Float.valueOf(text);
      case DOUBLE -> Double.valueOf(text);
      case BOOLEAN -> text.equals("t");
      case TIMESTAMP -> text.replace(' ', 'T');
      case TIMESTAMPTZ -> text.replace(' ', 'T').replaceFirst("\\+00$", "Z");
      default -> text;
    };
  }
}
