package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** The table that a mapping describes, as statements of PostgreSQL. {@link PostgresCheck} accepts what they make. */
final class PostgresDdl {
  private PostgresDdl() {}

  /** What creates the table, one column a line, and before it the sequence of its keys. */
  static String createTable(Mapping mapping, RowType declared) {
    TableName sequence = mapping.keySequence();
    return (sequence == null ? "" : "CREATE SEQUENCE " + sequence.quoted() + ";\n")
        + createTable(mapping, declared, mapping.table(), "\n  ", ",\n  ", "\n");
  }

  /** The same on one line, for messages. */
  static String createTableLine(Mapping mapping, RowType declared, TableName name) {
    return createTable(mapping, declared, name, "", ", ", "");
  }

  private static String createTable(
      Mapping mapping, RowType declared, TableName name, String open, String next, String close) {
    List<String> parts = new ArrayList<>();
    for (Column column : declared.columns()) {
      checkLabels(column);
      parts.add(
          quote(column.name())
              + " "
              + sqlType(column.type())
              + (column.nullable() ? "" : " NOT NULL"));
    }
    if (mapping.versionColumn() != null) {
      parts.add(quote(mapping.versionColumn()) + " bigint NOT NULL");
    }
    if (mapping.updatedAtColumn() != null) {
      parts.add(quote(mapping.updatedAtColumn()) + " timestamptz NOT NULL");
    }
    parts.add("PRIMARY KEY (" + key(declared) + ")");
    return "CREATE TABLE " + name.quoted() + " (" + open + String.join(next, parts) + close + ");";
  }

  /** A column that is text needs to be told its labels. */
  private static void checkLabels(Column column) {
    ColumnType type = column.type().element() == null ? column.type() : column.type().element();
    if (type.kind() == Kind.ENUM && type.labels().isEmpty()) {
      throw new ConfigurationException(
          "columns."
              + column.name()
              + ": is an enum without labels: its type and the table must be there already; create them, or name the labels as"
              + " in enum('new','paid') for a column of text");
    }
  }

  /**
   * What adds the column for versions to a table that is there. Rows that no version was written to are older than any, and the server does not rewrite them.
   *
   * @param table quoted
   */
  static String addVersionColumn(String table, String column) {
    return "ALTER TABLE " + table + " ADD COLUMN " + quote(column) + " bigint NOT NULL DEFAULT 0;";
  }

  /** The key's columns, quoted. */
  static String key(RowType declared) {
    return declared.keyColumns().stream()
        .map(column -> quote(column.name()))
        .collect(Collectors.joining(", "));
  }

  /**
   * A type as PostgreSQL spells it. Text needs no collation: a column's default one is deterministic. An enum is text: which
   * enum type it may be is not known here.
   */
  static String sqlType(ColumnType type) {
    return switch (type.kind()) {
      case TEXT -> type.length() == 0 ? "text" : "varchar(" + type.length() + ")";
      case DOUBLE -> "double precision";
      case ENUM -> "text";
      case ARRAY -> sqlType(Objects.requireNonNull(type.element())) + "[]";
      default -> type.toString();
    };
  }
}
