package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.jdbc.PostgresCatalogue.OwnTable;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Headpond's own tables in one schema: makes what is missing, once however many servers start. For one use; not thread-safe. */
final class PostgresOwnTables {
  private static final List<String> TABLES =
      List.of(Bindings.NAME, LeaseRows.NAME, CrewRows.NAME, Tombstones.NAME);

  /** What tables of an earlier release lack. */
  private static final String NEW_COLUMN = "acquired_at";

  private final Connection connection;
  private final PostgresCatalogue catalogue;
  private final Problems problems;
  private final String schema;

  PostgresOwnTables(
      Connection connection, PostgresCatalogue catalogue, Problems problems, String schema) {
    this.connection = connection;
    this.catalogue = catalogue;
    this.problems = problems;
    this.schema = schema;
  }

  /** Afterwards they are there and this user may use them, or the problems say what is in the way. */
  void make() throws SQLException {
    List<String> missing = new ArrayList<>();
    for (String table : TABLES) {
      OwnTable found = catalogue.ownTable(schema, table);
      if (found == OwnTable.MISSING) {
        missing.add(table);
      } else if (found == OwnTable.FORBIDDEN) {
        problems.add(
            "table " + schema + "." + table,
            "this user may not read and write it",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON " + quote(schema) + "." + table);
      }
    }
    boolean older =
        !missing.contains(LeaseRows.NAME)
            && !catalogue.hasColumn(schema, LeaseRows.NAME, NEW_COLUMN);
    if ((!missing.isEmpty() || older) && !run()) {
      refused(missing, older);
    }
  }

  /** False if this user may not. */
  private boolean run() throws SQLException {
    boolean before = connection.getAutoCommit();
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SELECT pg_advisory_xact_lock(hashtextextended('headpond', 0))");
      statement.execute("SET LOCAL search_path TO " + quote(schema));
      statement.execute(JdbcDatabase.ownTables());
      connection.commit();
      return true;
    } catch (SQLException e) {
      connection.rollback();
      if (!"42501".equals(e.getSQLState())) {
        throw e;
      }
      return false;
    } finally {
      connection.setAutoCommit(before);
    }
  }

  private void refused(List<String> missing, boolean older) {
    if (older) {
      problems.add(
          "table " + schema + "." + LeaseRows.NAME + ", column " + NEW_COLUMN,
          "is not there, and this user may not add it",
          statements(List.of(LeaseRows.NAME), "ALTER TABLE"));
    }
    if (!missing.isEmpty()) {
      problems.add(
          "schema " + schema,
          "lacks " + String.join(", ", missing) + ", and this user may not create them",
          "GRANT CREATE ON SCHEMA "
              + quote(schema)
              + "; or, as somebody who may create them, run what 'headpond schema' prints"
              + (schema.equals("public") ? "" : " (with --schema " + schema + ")")
              // Of a first start it would be all of it.
              + (missing.contains(Bindings.NAME) ? "" : ": " + statements(missing, "CREATE ")));
    }
  }

  /** Those of our DDL that begin so and name these tables, on one line. */
  private String statements(List<String> tables, String begin) {
    String all = JdbcDatabase.ownTables().replaceAll("--[^\n]*", "").replaceAll("\\s+", " ");
    return Arrays.stream(all.split(";", -1))
        .map(String::strip)
        .filter(text -> text.startsWith(begin) && tables.stream().anyMatch(text::contains))
        .collect(Collectors.joining("; ", "SET search_path TO " + quote(schema) + "; ", ""));
  }
}
