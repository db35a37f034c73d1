package io.headpond.jdbc;

import io.headpond.Column;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import io.headpond.jdbc.PostgresCatalogue.Found;
import io.headpond.jdbc.PostgresCatalogue.Relation;
import io.headpond.jdbc.PostgresCatalogue.ServerFacts;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Checks one mapping against PostgreSQL, after making what is missing and may be made. For one use; not thread-safe. */
final class PostgresCheck {
  private static final Logger log = LoggerFactory.getLogger(PostgresCheck.class);
  private static final int OLDEST_VERSION = 140_000;

  private final Connection connection;
  private final RowType declared;
  private final Mapping mapping;
  private final PostgresCatalogue catalogue;
  private final Problems problems = new Problems();

  PostgresCheck(Connection connection, RowType declared, Mapping mapping) {
    this.connection = connection;
    this.declared = declared;
    this.mapping = mapping;
    this.catalogue = new PostgresCatalogue(connection);
  }

  /**
   * The table, with its columns as the database has them.
   *
   * @throws ConfigurationException naming all that does not fit, one problem a line
   */
  MappedTable run() throws SQLException {
    String currentSchema = checkServer();
    checkNames();
    problems.refuseIfAny();
    if (mapping.createTable()) {
      createTable(currentSchema);
    }
    MappedTable table = checkTable(currentSchema);
    problems.refuseIfAny();
    new PostgresOwnTables(connection, catalogue, problems, table.schema()).make();
    problems.refuseIfAny();
    return table;
  }

  private @Nullable String checkServer() throws SQLException {
    ServerFacts server = catalogue.server();
    if (server.version() < OLDEST_VERSION) {
      throw new ConfigurationException(
          "server: is PostgreSQL " + server.version() / 10_000 + "; needed: 14 or newer");
    }
    if (server.standby()) {
      problems.add("server", "is a standby (in recovery)", "the primary");
    } else if (server.readOnly()) {
      problems.add("server", "is read-only for this user (default_transaction_read_only)", "off");
    }
    checkSafety("fsync", server.fsync());
    checkSafety("full_page_writes", server.fullPageWrites());
    return server.schema();
  }

  private void checkSafety(String setting, boolean on) {
    if (on) {
      return;
    }
    if (mapping.unsafeAllowed()) {
      log.warn("the server has {}=off: a power loss can destroy what it has committed", setting);
    } else {
      problems.add(
          "server",
          "has " + setting + "=off: a power loss can destroy what it has committed",
          setting + "=on, or to accept that: allowUnsafeDatabase");
    }
  }

  private void checkNames() {
    Set<String> names = new TreeSet<>();
    declared.columns().forEach(column -> names.add(column.name()));
    Map<String, @Nullable String> own = new LinkedHashMap<>();
    own.put("versionColumn", mapping.versionColumn());
    own.put("updatedAtColumn", mapping.updatedAtColumn());
    own.forEach(
        (setting, name) -> {
          if (name != null && !names.add(name)) {
            problems.add(
                setting, "is " + name + ", which is mapped already", "a column of its own");
          }
        });
  }

  private void createTable(@Nullable String currentSchema) throws SQLException {
    String schema = mapping.table().schema();
    schema = schema == null ? currentSchema : schema;
    if (schema == null || catalogue.relation(mapping.table()) != null) {
      return;
    }
    boolean before = connection.getAutoCommit();
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute(createStatement(schema));
      onCreate(statement);
      connection.commit();
    } catch (SQLException e) {
      connection.rollback();
      if (!lostRace(e)) {
        throw e;
      }
    } catch (ConfigurationException e) {
      connection.rollback();
      throw e;
    } finally {
      connection.setAutoCommit(before);
    }
  }

  /** An error of this SQL is the user's; it must not be taken for a lost race. */
  private void onCreate(Statement statement) {
    String sql = mapping.onCreate();
    if (sql == null) {
      return;
    }
    try {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new ConfigurationException(
          "table "
              + mapping.table()
              + ": onCreate: "
              + String.valueOf(e.getMessage()).lines().findFirst().orElse("")
              + " (SQLSTATE "
              + e.getSQLState()
              + "); the table was not made",
          e);
    }
  }

  private MappedTable checkTable(@Nullable String currentSchema) throws SQLException {
    Relation relation = catalogue.relation(mapping.table());
    if (relation == null) {
      String schema = mapping.table().schema() == null ? currentSchema : mapping.table().schema();
      throw new ConfigurationException(
          "table "
              + mapping.table()
              + ": is not there"
              + (schema == null ? " (and the search path names no schema)" : "")
              + "; needed, for example: "
              + createStatement(schema == null ? "public" : schema));
    }
    String place = "table " + relation.schema() + "." + mapping.table().table();
    TableRules tableRules = new TableRules(declared, mapping, problems);
    tableRules.check(place, relation);
    Map<String, Found> columns = catalogue.columns(relation.oid());
    ColumnRules columnRules = new ColumnRules(declared, mapping, problems);
    RowType.Builder refined = RowType.builder();
    for (Column column : declared.keyColumns()) {
      Column found = columnRules.refine(place, column, columns.get(column.name()), true);
      refined.key(column.name(), found.type());
    }
    for (Column column : declared.valueColumns()) {
      refined.column(columnRules.refine(place, column, columns.get(column.name()), false));
    }
    columnRules.checkVersion(place, columns);
    columnRules.checkUpdatedAt(place, columns);
    columnRules.checkOthers(place, columns);
    tableRules.checkKey(place, relation, columns, catalogue.uniqueIndexes(relation.oid()));
    return new MappedTable(
        relation.schema(),
        mapping.table().table(),
        refined.build(),
        mapping.versionColumn(),
        mapping.updatedAtColumn(),
        checkSequence(),
        enumTypes(columns),
        relation.deferrable(),
        catalogue.tiedTables(relation.oid(), true),
        catalogue.tiedTables(relation.oid(), false),
        describe(relation.schema()));
  }

  private @Nullable String checkSequence() throws SQLException {
    TableName name = mapping.keySequence();
    if (name == null) {
      return null;
    }
    if (!KeySequence.fits(declared)) {
      problems.add(
          "keySequence " + name,
          "gives whole numbers, which this key cannot be",
          "a key of one column, smallint, integer or bigint; or no keySequence");
      return null;
    }
    if (mapping.createTable() && catalogue.sequence(name) == null) {
      KeySequence.create(connection, name, mapping.table(), declared);
    }
    return KeySequence.check(name, catalogue.sequence(name), problems);
  }

  private static Map<String, String> enumTypes(Map<String, Found> columns) {
    Map<String, String> types = new LinkedHashMap<>();
    columns.forEach(
        (name, found) -> {
          if (found.enumType() != null) {
            types.put(name, found.enumType());
          }
        });
    return types;
  }

  private String describe(String schema) throws SQLException {
    String url = connection.getMetaData().getURL();
    int end = url.indexOf('?');
    url = (end < 0 ? url : url.substring(0, end)).replaceFirst("^jdbc:", "");
    return url + " table " + schema + "." + mapping.table().table();
  }

  private String createStatement(String schema) {
    TableName name = new TableName(schema, mapping.table().table());
    return PostgresDdl.createTableLine(mapping, declared, name);
  }

  /** Whether another server created the same thing at the same moment. */
  private static boolean lostRace(SQLException e) {
    return Set.of("42P07", "23505", "42710").contains(String.valueOf(e.getSQLState()));
  }
}
