package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Checks one mapping against PostgreSQL's catalogue. For one use; not thread-safe. */
final class PostgresCatalogue {
  private static final Logger log = LoggerFactory.getLogger(PostgresCatalogue.class);
  private static final int OLDEST_VERSION = 140_000;
  private static final List<String> OWN_TABLES = List.of("headpond_dataset", "headpond_lease");

  /** The kinds and the types of the catalogue that hold exactly their values. */
  private static final Map<Kind, Set<String>> HOLDERS =
      Map.ofEntries(
          Map.entry(Kind.TEXT, Set.of("text", "varchar")),
          Map.entry(Kind.INTEGER, Set.of("int4")),
          Map.entry(Kind.BIGINT, Set.of("int8")),
          Map.entry(Kind.NUMERIC, Set.of("numeric")),
          Map.entry(Kind.BOOLEAN, Set.of("bool")),
          Map.entry(Kind.DOUBLE, Set.of("float8")),
          Map.entry(Kind.DATE, Set.of("date")),
          Map.entry(Kind.TIMESTAMPTZ, Set.of("timestamptz")),
          Map.entry(Kind.UUID, Set.of("uuid")),
          Map.entry(Kind.JSONB, Set.of("jsonb")),
          Map.entry(Kind.BYTEA, Set.of("bytea")));

  private static final String SERVER =
      """
      SELECT current_setting('server_version_num')::integer AS version, pg_is_in_recovery() AS standby,
             current_setting('transaction_read_only') AS read_only, current_setting('fsync') AS fsync,
             current_setting('full_page_writes') AS full_page_writes, current_schema() AS schema
      """;

  private static final String RELATION =
      """
      SELECT c.oid::bigint AS oid, n.nspname, c.relkind::text AS relkind,
             c.relpersistence::text AS relpersistence,
             EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid) AS has_rules,
             row_security_active(c.oid) AS row_security,
             c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)
               AS has_children,
             EXISTS (SELECT FROM pg_catalog.pg_partition_tree(c.oid) p
                     JOIN pg_catalog.pg_class l ON l.oid = p.relid
                     WHERE p.isleaf AND l.oid <> c.oid
                       AND (l.relkind <> 'r' OR l.relpersistence <> 'p')) AS odd_partitions,
             EXISTS (SELECT FROM pg_catalog.pg_trigger t
                     WHERE t.tgdeferrable AND t.tgrelid IN
                       (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))
               AS deferrable,
             has_schema_privilege(n.oid, 'USAGE') AS can_use,
             has_table_privilege(c.oid, 'DELETE') AS can_delete
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname = ? AND c.relkind NOT IN ('i', 'I', 't', 'c')
        AND (n.nspname = ? OR (?::text IS NULL AND pg_table_is_visible(c.oid)))
      """;

  /** The columns, a domain resolved to the type that it stands for. */
  private static final String COLUMNS =
      """
      WITH RECURSIVE resolved (attnum, type, typmod, not_null) AS (
        SELECT a.attnum, a.atttypid, a.atttypmod, a.attnotnull
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = ?::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.attnum, t.typbasetype, t.typtypmod, r.not_null OR t.typnotnull
        FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.type
        WHERE t.typtype = 'd')
      SELECT a.attname, a.attnum, r.typmod, r.not_null, a.atthasdef OR EXISTS (
               SELECT FROM pg_catalog.pg_type d WHERE d.oid = a.atttypid AND d.typdefaultbin IS NOT NULL)
               AS has_default,
             a.attidentity::text AS identity, a.attgenerated::text AS generated,
             CASE WHEN tn.nspname = 'pg_catalog' THEN t.typname ELSE '' END AS type,
             format_type(a.atttypid, a.atttypmod) AS shown,
             coalesce(l.collisdeterministic, true) AS deterministic, l.collname,
             has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS can_select,
             has_column_privilege(a.attrelid, a.attnum, 'INSERT') AS can_insert,
             has_column_privilege(a.attrelid, a.attnum, 'UPDATE') AS can_update
      FROM resolved r
      JOIN pg_catalog.pg_type t ON t.oid = r.type AND t.typtype <> 'd'
      JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = ?::bigint::oid AND a.attnum = r.attnum
      LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
      ORDER BY a.attnum
      """;

  private static final String INDEXES =
      """
      SELECT c.relname, i.indisvalid AND i.indisready AS valid, i.indimmediate AS immediate,
             i.indpred IS NOT NULL AS partial,
             ARRAY(SELECT k FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS x (k, o)
                   WHERE o <= i.indnkeyatts ORDER BY k) AS keys,
             EXISTS (SELECT FROM unnest(i.indcollation::oid[]) AS x (l)
                     JOIN pg_catalog.pg_collation p ON p.oid = l
                     WHERE NOT p.collisdeterministic) AS merges
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = ?::bigint::oid AND i.indisunique AND i.indexprs IS NULL
      ORDER BY c.relname
      """;

  /** A column as the catalogue has it. */
  private record Found(
      int number,
      String type,
      String shown,
      int typmod,
      boolean notNull,
      boolean hasDefault,
      String identity,
      String generated,
      boolean deterministic,
      @Nullable String collation,
      Set<String> missingPrivileges) {}

  private final Connection connection;
  private final RowType declared;
  private final Mapping mapping;
  private final List<String> problems = new ArrayList<>();

  PostgresCatalogue(Connection connection, RowType declared, Mapping mapping) {
    this.connection = connection;
    this.declared = declared;
    this.mapping = mapping;
  }

  /**
   * The table, with its columns as the database has them.
   *
   * @throws ConfigurationException naming all that does not fit, one problem a line
   */
  MappedTable check() throws SQLException {
    String currentSchema = checkServer();
    checkNames();
    refuseIfAny();
    if (mapping.createTable()) {
      createTable(currentSchema);
    }
    MappedTable table = checkTable(currentSchema);
    refuseIfAny();
    createOwnTables(table.schema());
    refuseIfAny();
    return table;
  }

  private @Nullable String checkServer() throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(SERVER)) {
      row.next();
      int version = row.getInt("version");
      if (version < OLDEST_VERSION) {
        throw new ConfigurationException(
            "server: is PostgreSQL " + version / 10_000 + "; needed 14 or newer");
      }
      if (row.getBoolean("standby")) {
        problem("server", "is a standby (in recovery)", "the primary");
      } else if (!row.getString("read_only").equals("off")) {
        problem("server", "is read-only for this user (default_transaction_read_only)", "off");
      }
      for (String setting : List.of("fsync", "full_page_writes")) {
        if (!row.getString(setting).equals("on") && mapping.unsafeAllowed()) {
          log.warn(
              "the server has {}=off: a power loss can destroy what it has committed", setting);
        } else if (!row.getString(setting).equals("on")) {
          problem(
              "server",
              "has " + setting + "=off: a power loss can destroy what it has committed",
              setting + "=on, or to accept that: allowUnsafeDatabase");
        }
      }
      return row.getString("schema");
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
            problem(setting, "is " + name + ", which is mapped already", "a column of its own");
          }
        });
  }

  private void createTable(@Nullable String currentSchema) throws SQLException {
    String schema = mapping.table().schema();
    schema = schema == null ? currentSchema : schema;
    if (schema == null || oneRelation(false) != null) {
      return;
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute(createStatement(schema).replaceFirst("TABLE", "TABLE IF NOT EXISTS"));
    } catch (SQLException e) {
      if (!lostRace(e)) {
        throw e;
      }
    }
  }

  /** The columns of {@link #RELATION}; null if there is none. */
  private @Nullable Relation oneRelation(boolean complain) throws SQLException {
    TableName name = mapping.table();
    try (PreparedStatement statement = connection.prepareStatement(RELATION)) {
      statement.setString(1, name.table());
      statement.setString(2, name.schema());
      statement.setString(3, name.schema());
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? relation(row, complain) : null;
      }
    }
  }

  private record Relation(long oid, String schema, boolean deferrable) {}

  private Relation relation(ResultSet row, boolean complain) throws SQLException {
    String schema = row.getString("nspname");
    Relation relation = new Relation(row.getLong("oid"), schema, row.getBoolean("deferrable"));
    if (!complain) {
      return relation;
    }
    String place = "table " + schema + "." + mapping.table().table();
    String kind = row.getString("relkind");
    if (!kind.equals("r") && !kind.equals("p")) {
      problem(place, "is a " + kindName(kind), "an ordinary or partitioned table");
    }
    if (!row.getString("relpersistence").equals("p")) {
      problem(
          place,
          row.getString("relpersistence").equals("u")
              ? "is unlogged: a crash of the server empties it"
              : "is temporary",
          "ALTER TABLE ... SET LOGGED");
    }
    if (row.getBoolean("odd_partitions")) {
      problem(place, "has a partition that is foreign or unlogged", "ordinary logged tables");
    }
    if (row.getBoolean("has_rules") && !kind.equals("v") && !kind.equals("m")) {
      problem(place, "has rules, which rewrite what is sent", "triggers instead, or none");
    }
    if (row.getBoolean("has_children")) {
      problem(place, "has tables that inherit from it, whose rows no index covers", "none");
    }
    if (row.getBoolean("row_security")) {
      problem(place, "hides rows from this user (row level security)", "ALTER ROLE ... BYPASSRLS");
    }
    if (!row.getBoolean("can_use")) {
      problem(
          "schema " + schema,
          "cannot be used by this user",
          "GRANT USAGE ON SCHEMA " + quote(schema));
    }
    if (!row.getBoolean("can_delete")) {
      problem(place, "this user has no DELETE", "GRANT DELETE ON " + mapping.table());
    }
    return relation;
  }

  private MappedTable checkTable(@Nullable String currentSchema) throws SQLException {
    Relation relation = oneRelation(true);
    if (relation == null) {
      String schema = mapping.table().schema() == null ? currentSchema : mapping.table().schema();
      throw new ConfigurationException(
          "table "
              + mapping.table()
              + ": is not there"
              + (schema == null ? " (and the search path names no schema)" : "")
              + "; needed, for example:\n"
              + createStatement(schema == null ? "public" : schema));
    }
    String place = "table " + relation.schema() + "." + mapping.table().table();
    Map<String, Found> columns = columns(relation.oid());
    RowType.Builder refined = RowType.builder();
    for (Column column : declared.keyColumns()) {
      refined.key(column.name(), refine(place, column, columns.get(column.name()), true).type());
    }
    for (Column column : declared.valueColumns()) {
      refined.column(refine(place, column, columns.get(column.name()), false));
    }
    checkOwnColumn(place, mapping.versionColumn(), "int8", "bigint", columns);
    checkOwnColumn(place, mapping.updatedAtColumn(), "timestamptz", "timestamptz", columns);
    checkOtherColumns(place, columns);
    checkKey(place, relation, columns);
    return new MappedTable(
        relation.schema(),
        mapping.table().table(),
        refined.build(),
        mapping.versionColumn(),
        mapping.updatedAtColumn(),
        relation.deferrable(),
        describe(relation.schema()));
  }

  private Map<String, Found> columns(long table) throws SQLException {
    Map<String, Found> columns = new LinkedHashMap<>();
    try (PreparedStatement statement = connection.prepareStatement(COLUMNS)) {
      statement.setLong(1, table);
      statement.setLong(2, table);
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          Set<String> missing = new TreeSet<>();
          for (String privilege : List.of("select", "insert", "update")) {
            if (!row.getBoolean("can_" + privilege)) {
              missing.add(privilege.toUpperCase(Locale.ROOT));
            }
          }
          columns.put(
              row.getString("attname"),
              new Found(
                  row.getInt("attnum"),
                  row.getString("type"),
                  row.getString("shown"),
                  row.getInt("typmod"),
                  row.getBoolean("not_null"),
                  row.getBoolean("has_default"),
                  row.getString("identity"),
                  row.getString("generated"),
                  row.getBoolean("deterministic"),
                  row.getString("collname"),
                  missing));
        }
      }
    }
    return columns;
  }

  /** The column with what the catalogue knows of it; as declared if it does not fit. */
  private Column refine(String table, Column column, @Nullable Found found, boolean key) {
    String place = table + ", column " + column.name();
    ColumnType type = column.type();
    if (found == null) {
      problem(place, "is not there", sqlType(type));
      return column;
    }
    checkWritable(place, found);
    if (!HOLDERS.getOrDefault(type.kind(), Set.of()).contains(found.type())) {
      problem(place, "is " + found.shown(), sqlType(type));
      return column;
    }
    if (key && !found.deterministic()) {
      problem(
          place,
          "has the collation "
              + found.collation()
              + ", for which different texts can be equal: two keys would be one row",
          "a deterministic collation, such as COLLATE \"C\"");
    }
    boolean nullable = column.nullable() && !found.notNull();
    return new Column(column.name(), refine(place, type, found), nullable);
  }

  private ColumnType refine(String place, ColumnType type, Found found) {
    switch (type.kind()) {
      case TEXT -> {
        int length = found.typmod() < 0 ? 0 : found.typmod() - 4;
        if (length == 0 || (type.length() > 0 && type.length() <= length)) {
          return type;
        }
        if (type.length() > 0) {
          problem(place, "is " + found.shown(), "at least the declared " + sqlType(type));
          return type;
        }
        return ColumnType.text(length);
      }
      case NUMERIC -> {
        if (found.typmod() < 0) {
          return type;
        }
        int precision = (found.typmod() - 4) >> 16 & 0xffff;
        int scale = ((found.typmod() - 4 & 0x7ff) ^ 0x400) - 0x400;
        if (scale < 0 || scale > precision) {
          problem(
              place,
              "is " + found.shown() + ", which rounds or cannot hold an ordinary number",
              "a scale from 0 to the precision");
          return type;
        }
        if (type.precision() > 0 && (type.precision() != precision || type.scale() != scale)) {
          problem(place, "is " + found.shown(), "the declared " + sqlType(type));
          return type;
        }
        return ColumnType.numeric(precision, scale);
      }
      case TIMESTAMPTZ -> {
        if (found.typmod() >= 0 && found.typmod() != 6) {
          problem(place, "is " + found.shown() + ", which rounds", "timestamptz(6)");
        }
        return type;
      }
      default -> {
        return type;
      }
    }
  }

  private void checkWritable(String place, Found found) {
    if (!found.generated().isEmpty()) {
      problem(place, "is generated from other columns", "a column that can be written");
    }
    if (found.identity().equals("a")) {
      problem(place, "is GENERATED ALWAYS AS IDENTITY", "GENERATED BY DEFAULT, or not mapped");
    }
    if (!found.missingPrivileges().isEmpty()) {
      String privileges = String.join(", ", found.missingPrivileges());
      problem(
          place,
          "this user has no " + privileges,
          "GRANT " + privileges + " ON " + mapping.table());
    }
  }

  private void checkOwnColumn(
      String table, @Nullable String name, String type, String needed, Map<String, Found> columns) {
    if (name == null) {
      return;
    }
    String place = table + ", column " + name;
    Found found = columns.get(name);
    if (found == null) {
      problem(
          place,
          "is not there",
          "ALTER TABLE " + mapping.table() + " ADD COLUMN " + quote(name) + " " + needed);
      return;
    }
    checkWritable(place, found);
    if (!found.type().equals(type)
        || (type.equals("timestamptz") && found.typmod() >= 0 && found.typmod() != 6)) {
      problem(place, "is " + found.shown(), needed);
    }
  }

  private void checkOtherColumns(String table, Map<String, Found> columns) {
    Set<String> mapped =
        declared.columns().stream()
            .map(Column::name)
            .collect(Collectors.toCollection(TreeSet::new));
    columns.forEach(
        (name, found) -> {
          boolean ours =
              mapped.contains(name)
                  || name.equals(mapping.versionColumn())
                  || name.equals(mapping.updatedAtColumn());
          boolean filled =
              found.hasDefault() || !found.identity().isEmpty() || !found.generated().isEmpty();
          if (!ours && found.notNull() && !filled) {
            problem(
                table + ", column " + name,
                "is NOT NULL without a default and is not mapped",
                "a default, or to be mapped");
          }
        });
  }

  private void checkKey(String place, Relation relation, Map<String, Found> columns)
      throws SQLException {
    List<Integer> key = new ArrayList<>();
    for (Column column : declared.keyColumns()) {
      Found found = columns.get(column.name());
      if (found == null) {
        return;
      }
      key.add(found.number());
    }
    key.sort(null);
    List<String> unfit = new ArrayList<>();
    boolean fits = false;
    try (PreparedStatement statement = connection.prepareStatement(INDEXES)) {
      statement.setLong(1, relation.oid());
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          Object[] attributes = (Object[]) row.getArray("keys").getArray();
          if (!Arrays.stream(attributes).map(n -> ((Number) n).intValue()).toList().equals(key)) {
            continue;
          }
          String index = row.getString("relname");
          if (row.getBoolean("partial")) {
            unfit.add(index + " is partial");
          } else if (!row.getBoolean("valid")) {
            unfit.add(index + " is invalid; REINDEX it");
          } else if (!row.getBoolean("immediate")) {
            unfit.add(index + " is deferrable");
          } else if (row.getBoolean("merges")) {
            problem(
                place + ", index " + index,
                "has a collation for which different texts can be equal: two keys would be one row",
                "a deterministic collation");
            fits = true;
          } else {
            fits = true;
          }
        }
      }
    }
    if (!fits) {
      problem(
          place,
          "has no unique index on exactly the key ("
              + keyList()
              + ")"
              + (unfit.isEmpty() ? "" : ": " + String.join(", ", unfit)),
          "CREATE UNIQUE INDEX ON "
              + quote(relation.schema())
              + "."
              + quote(mapping.table().table())
              + " ("
              + keyList()
              + ");");
    }
  }

  /** Creates Headpond's own tables, if they are missing, once however many servers start. */
  private void createOwnTables(String schema) throws SQLException {
    List<String> missing = new ArrayList<>();
    try (PreparedStatement statement =
        connection.prepareStatement(
            """
            SELECT has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ?
            """)) {
      for (String table : OWN_TABLES) {
        statement.setString(1, schema);
        statement.setString(2, table);
        try (ResultSet row = statement.executeQuery()) {
          if (!row.next()) {
            missing.add(table);
          } else if (!row.getBoolean(1)) {
            problem(
                "table " + schema + "." + table,
                "this user may not read and write it",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON " + quote(schema) + "." + table);
          }
        }
      }
    }
    if (missing.isEmpty()) {
      return;
    }
    boolean before = connection.getAutoCommit();
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SELECT pg_advisory_xact_lock(hashtextextended('headpond', 0))");
      statement.execute("SET LOCAL search_path TO " + quote(schema));
      statement.execute(JdbcDatabase.ownTables());
      connection.commit();
    } catch (SQLException e) {
      connection.rollback();
      if (!"42501".equals(e.getSQLState())) {
        throw e;
      }
      problem(
          "schema " + schema,
          "lacks " + String.join(" and ", missing) + ", and this user may not create them",
          "GRANT CREATE ON SCHEMA, or that somebody who may runs what `headpond schema` prints:\n"
              + JdbcDatabase.schema(schema));
    } finally {
      connection.setAutoCommit(before);
    }
  }

  private String describe(String schema) throws SQLException {
    String url = connection.getMetaData().getURL();
    int end = url.indexOf('?');
    url = (end < 0 ? url : url.substring(0, end)).replaceFirst("^jdbc:", "");
    return url + " table " + schema + "." + mapping.table().table();
  }

  private String createStatement(String schema) {
    List<String> lines = new ArrayList<>();
    for (Column column : declared.columns()) {
      lines.add(
          quote(column.name())
              + " "
              + sqlType(column.type())
              + (column.nullable() ? "" : " NOT NULL"));
    }
    if (mapping.versionColumn() != null) {
      lines.add(quote(mapping.versionColumn()) + " bigint NOT NULL");
    }
    if (mapping.updatedAtColumn() != null) {
      lines.add(quote(mapping.updatedAtColumn()) + " timestamptz NOT NULL");
    }
    lines.add("PRIMARY KEY (" + keyList() + ")");
    return "CREATE TABLE "
        + quote(schema)
        + "."
        + quote(mapping.table().table())
        + " (\n  "
        + String.join(",\n  ", lines)
        + "\n);";
  }

  private String keyList() {
    return declared.keyColumns().stream()
        .map(c -> quote(c.name()))
        .collect(Collectors.joining(", "));
  }

  private void problem(String place, String is, String needed) {
    problems.add(place + ": " + is + "; needed: " + needed);
  }

  private void refuseIfAny() {
    if (!problems.isEmpty()) {
      throw new ConfigurationException(String.join("\n", problems));
    }
  }

  /** Whether another server created the same thing at the same moment. */
  private static boolean lostRace(SQLException e) {
    return Set.of("42P07", "23505", "42710").contains(String.valueOf(e.getSQLState()));
  }

  private static String sqlType(ColumnType type) {
    return switch (type.kind()) {
      case TEXT -> type.length() == 0 ? "text" : "varchar(" + type.length() + ")";
      case DOUBLE -> "double precision";
      default -> type.toString();
    };
  }

  private static String kindName(String relkind) {
    return switch (relkind) {
      case "v" -> "view";
      case "m" -> "materialized view";
      case "f" -> "foreign table";
      case "S" -> "sequence";
      default -> "relation of kind " + relkind;
    };
  }
}
