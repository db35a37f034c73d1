package io.headpond.jdbc;

import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How values travel. Numbers, booleans and bytes go as binary arrays; everything else as text, of which the server makes the
 * column's type row by row. Both are built by the driver without quoting or parsing of array literals.
 */
final class PostgresColumns {
  private PostgresColumns() {}

  /** The element type of the array in which values of this type are sent. */
  static String arrayType(ColumnType type) {
    return switch (type.kind()) {
      case INTEGER -> "int4";
      case BIGINT -> "int8";
      case DOUBLE -> "float8";
      case BOOLEAN -> "bool";
      case BYTEA -> "bytea";
      case TEXT, NUMERIC, DATE, TIMESTAMPTZ, UUID, JSONB -> "text";
    };
  }

  /** What makes the column's type of an element that was sent; empty if it is that type already. */
  static String cast(ColumnType type) {
    return switch (type.kind()) {
      case NUMERIC -> "::numeric";
      case DATE -> "::date";
      case TIMESTAMPTZ -> "::timestamptz";
      case UUID -> "::uuid";
      case JSONB -> "::jsonb";
      default -> "";
    };
  }

  /** An empty array for {@code size} canonical values of this type. */
  static @Nullable Object[] elements(ColumnType type, int size) {
    return switch (type.kind()) {
      case INTEGER -> new Integer[size];
      case BIGINT -> new Long[size];
      case DOUBLE -> new Double[size];
      case BOOLEAN -> new Boolean[size];
      case BYTEA -> new byte[size][];
      case TEXT, NUMERIC, DATE, TIMESTAMPTZ, UUID, JSONB -> new String[size];
    };
  }

  /** A canonical value as it stands in {@link #elements}. */
  static @Nullable Object element(ColumnType type, @Nullable Object value) {
    if (value == null) {
      return null;
    }
    return switch (type.kind()) {
      case INTEGER, BIGINT, DOUBLE, BOOLEAN, BYTEA, TEXT, JSONB -> value;
      case NUMERIC -> ((BigDecimal) value).toPlainString();
      case DATE, TIMESTAMPTZ, UUID -> value.toString();
    };
  }

  static Array array(Connection connection, ColumnType type, @Nullable Object[] elements)
      throws SQLException {
    return connection.createArrayOf(arrayType(type), elements);
  }

  /**
   * The value of a column, not yet canonical.
   *
   * @throws NumberFormatException if it is a numeric that is no number
   */
  static @Nullable Object read(ResultSet row, int at, Kind kind) throws SQLException {
    switch (kind) {
      case TEXT, JSONB -> {
        return row.getString(at);
      }
      case NUMERIC -> {
        String text = row.getString(at);
        return text == null ? null : new BigDecimal(text);
      }
      case INTEGER -> {
        int value = row.getInt(at);
        return row.wasNull() ? null : value;
      }
      case BIGINT -> {
        long value = row.getLong(at);
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
      case TIMESTAMPTZ -> {
        return row.getObject(at, OffsetDateTime.class);
      }
      case UUID -> {
        return row.getObject(at, UUID.class);
      }
      case BYTEA -> {
        return row.getBytes(at);
      }
    }
    throw new AssertionError(kind);
  }
}
