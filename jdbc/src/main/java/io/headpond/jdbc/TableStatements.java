package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnreadableRowException;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The statements on the rows of one table. Each takes one array for each column, so that its text, and the plan
 * that the server keeps of it, is the same for one row and for a thousand. Thread-safe.
 */
final class TableStatements {
  /** A version as the time it stands for, exact to the microsecond below 2^53. */
  private static final String VERSION_TIME =
      "timestamptz 'epoch' + u.version * interval '1 microsecond'";

  private final MappedTable table;
  private final Tombstones tombstones;
  private final RowType type;
  private final String upsert;
  private final String upsertUnlessRemoved;
  private final String delete;
  private final String deleteAndKeep;
  private final String load;

  TableStatements(MappedTable table, Tombstones tombstones) {
    this.table = table;
    this.tombstones = tombstones;
    this.type = table.type();
    this.upsert = upsertText(false);
    this.upsertUnlessRemoved = upsertText(true);
    this.delete = deleteText(false);
    this.deleteAndKeep = deleteText(true);
    this.load = loadText();
  }

  private String upsertText(boolean unlessRemoved) {
    List<String> names = new ArrayList<>();
    List<String> values = new ArrayList<>();
    List<Column> columns = type.columns();
    for (int i = 0; i < columns.size(); i++) {
      names.add(quote(columns.get(i).name()));
      values.add("u.c" + i + cast(columns.get(i)));
    }
    if (table.versionColumn() != null) {
      names.add(quote(table.versionColumn()));
      values.add("u.version");
    }
    if (table.updatedAtColumn() != null) {
      names.add(quote(table.updatedAtColumn()));
      values.add(VERSION_TIME);
    }
    List<String> changed = names.subList(type.keyColumns().size(), names.size());
    return "INSERT INTO "
        + table.quoted()
        + " AS t ("
        + String.join(", ", names)
        + ") SELECT "
        + String.join(", ", values)
        + " FROM "
        + relation(columns, unlessRemoved)
        + (unlessRemoved ? " WHERE " + tombstones.newerThanRemoval() : "")
        + " ON CONFLICT ("
        + String.join(", ", names.subList(0, type.keyColumns().size()))
        + ") DO "
        + (changed.isEmpty()
            ? "NOTHING"
            : "UPDATE SET "
                + changed.stream()
                    .map(name -> name + " = excluded." + name)
                    .collect(Collectors.joining(", "))
                + olderThan(
                    "excluded."
                        + (table.versionColumn() == null ? "" : quote(table.versionColumn())),
                    " WHERE "));
  }

  private String deleteText(boolean keep) {
    String removed = relation(type.keyColumns(), keep);
    String older = sameKey() + olderThan("u.version", " AND ");
    if (!keep) {
      return "DELETE FROM " + table.quoted() + " AS t USING " + removed + " WHERE " + older;
    }
    return "WITH u AS MATERIALIZED (SELECT * FROM "
        + removed
        + "), gone AS (DELETE FROM "
        + table.quoted()
        + " AS t USING u WHERE "
        + older
        + " RETURNING 1), kept AS ("
        + tombstones.insert()
        + ") SELECT count(*) FROM gone";
  }

  private static String relation(List<Column> columns, boolean tombstone) {
    return "unnest("
        + arrays(columns)
        + ", ?::int8[]"
        + (tombstone ? ", ?::bytea[]" : "")
        + ") AS u ("
        + aliases(columns.size())
        + ", version"
        + (tombstone ? ", tombstone)" : ")");
  }

  private String loadText() {
    List<Column> key = type.keyColumns();
    StringBuilder columns = new StringBuilder("u.ord, ");
    columns.append(
        table.versionColumn() == null
            ? "0::int8"
            : "coalesce(t." + quote(table.versionColumn()) + ", 0)");
    for (Column column : type.valueColumns()) {
      columns
          .append(", ")
          .append(PostgresColumns.readable("t." + quote(column.name()), column.type()));
    }
    return "SELECT "
        + columns
        + " FROM unnest("
        + arrays(key)
        + ") WITH ORDINALITY AS u ("
        + aliases(key.size())
        + ", ord) JOIN "
        + table.quoted()
        + " AS t ON "
        + sameKey();
  }

  /** A row without a version is older than any. */
  private String olderThan(String version, String prefix) {
    return table.versionColumn() == null
        ? ""
        : prefix + "coalesce(t." + quote(table.versionColumn()) + ", 0) < " + version;
  }

  private String sameKey() {
    List<String> conditions = new ArrayList<>();
    List<Column> key = type.keyColumns();
    for (int i = 0; i < key.size(); i++) {
      conditions.add("t." + quote(key.get(i).name()) + " = u.c" + i + cast(key.get(i)));
    }
    return String.join(" AND ", conditions);
  }

  private String cast(Column column) {
    return PostgresColumns.cast(column.type(), table.enumTypes().get(column.name()));
  }

  private static String arrays(List<Column> columns) {
    return columns.stream()
        .map(column -> "?::" + PostgresColumns.arrayType(column.type()) + "[]")
        .collect(Collectors.joining(", "));
  }

  private static String aliases(int count) {
    StringBuilder names = new StringBuilder("c0");
    for (int i = 1; i < count; i++) {
      names.append(", c").append(i);
    }
    return names.toString();
  }

  /** Writes these rows where they are newer than what is there, or was removed; returns how many were inserted or changed. */
  int put(Connection connection, List<Mutation.Put> puts, Removals removals) throws SQLException {
    boolean certain =
        !removals.kept() || puts.stream().allMatch(put -> put.version() > removals.upTo());
    try (PreparedStatement statement =
        connection.prepareStatement(certain ? upsert : upsertUnlessRemoved)) {
      int at = bindKeys(connection, statement, puts.stream().map(Mutation.Put::key).toList());
      List<Column> values = type.valueColumns();
      for (int column = 0; column < values.size(); column++) {
        ColumnType columnType = values.get(column).type();
        @Nullable Object[] elements = PostgresColumns.elements(columnType, puts.size());
        for (int i = 0; i < elements.length; i++) {
          elements[i] = PostgresColumns.element(columnType, puts.get(i).row().cell(column));
        }
        statement.setArray(at++, PostgresColumns.array(connection, columnType, elements));
      }
      bindVersions(connection, statement, at, puts);
      if (!certain) {
        tombstones.bind(connection, statement, at + 1, puts, removals.upTo());
      }
      return statement.executeUpdate();
    }
  }

  /** Deletes these rows where they are older; returns how many. */
  int remove(Connection connection, List<Mutation.Remove> removes, Removals removals)
      throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement(removals.kept() ? deleteAndKeep : delete)) {
      int at = bindKeys(connection, statement, removes.stream().map(Mutation.Remove::key).toList());
      bindVersions(connection, statement, at, removes);
      if (!removals.kept()) {
        return statement.executeUpdate();
      }
      tombstones.bind(connection, statement, at + 1, removes, Long.MAX_VALUE);
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return row.getInt(1);
      }
    }
  }

  /** The removals that are kept in mind. */
  Tombstones tombstones() {
    return tombstones;
  }

  /**
   * The rows of these keys, in their order.
   *
   * @throws UnreadableRowException if a row holds what its column's declared type does not
   */
  List<Loaded> load(Connection connection, List<Key> keys) throws SQLException {
    Loaded[] loaded = new Loaded[keys.size()];
    try (PreparedStatement statement = connection.prepareStatement(load)) {
      bindKeys(connection, statement, keys);
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          int index = row.getInt(1) - 1;
          Key key = keys.get(index);
          loaded[index] = new Loaded(key, row(row, key), row.getLong(2));
        }
      }
    }
    List<Loaded> result = new ArrayList<>(loaded.length);
    for (int i = 0; i < loaded.length; i++) {
      Loaded found = loaded[i];
      result.add(found == null ? new Loaded(keys.get(i), null, 0) : found);
    }
    return result;
  }

  private Row row(ResultSet result, Key key) throws SQLException {
    List<Column> columns = type.valueColumns();
    @Nullable Object[] cells = new Object[columns.size()];
    String name = "";
    try {
      for (int i = 0; i < cells.length; i++) {
        name = columns.get(i).name();
        cells[i] = PostgresColumns.read(result, i + 3, columns.get(i).type());
      }
      return type.rowOf(cells);
    } catch (InvalidValueException e) {
      throw unreadable(key, e.path(), e.rule());
    } catch (NumberFormatException e) {
      throw unreadable(key, name, "must be a number");
    } catch (IllegalArgumentException e) {
      throw unreadable(key, name, e.getMessage());
    }
  }

  /** Without the value: it belongs to no log. */
  private UnreadableRowException unreadable(Key key, String column, @Nullable String message) {
    String rule = message == null ? "must be of the column's type" : message;
    return new UnreadableRowException(
        "table "
            + table.qualified()
            + ", column "
            + column
            + ": the row whose key has the hash "
            + key.hashText()
            + " holds a value that the mapping cannot take: "
            + rule,
        column,
        rule);
  }

  private int bindKeys(Connection connection, PreparedStatement statement, List<Key> keys)
      throws SQLException {
    List<Column> columns = type.keyColumns();
    List<@Nullable Object[]> arrays = new ArrayList<>();
    columns.forEach(column -> arrays.add(PostgresColumns.elements(column.type(), keys.size())));
    for (int i = 0; i < keys.size(); i++) {
      List<Object> components = type.components(keys.get(i));
      for (int c = 0; c < arrays.size(); c++) {
        arrays.get(c)[i] = PostgresColumns.element(columns.get(c).type(), components.get(c));
      }
    }
    for (int c = 0; c < arrays.size(); c++) {
      statement.setArray(
          c + 1, PostgresColumns.array(connection, columns.get(c).type(), arrays.get(c)));
    }
    return arrays.size() + 1;
  }

  private static void bindVersions(
      Connection connection, PreparedStatement statement, int at, List<? extends Mutation> of)
      throws SQLException {
    Long[] versions = new Long[of.size()];
    for (int i = 0; i < versions.length; i++) {
      versions[i] = of.get(i).version();
    }
    statement.setArray(at, PostgresColumns.array(connection, ColumnType.BIGINT, versions));
  }
}
