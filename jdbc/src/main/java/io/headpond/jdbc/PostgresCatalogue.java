package io.headpond.jdbc;

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
import org.jspecify.annotations.Nullable;

/** What PostgreSQL's catalogue knows, without a judgement. Not thread-safe. */
final class PostgresCatalogue {
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

  /** The columns, a domain resolved to the type that it stands for and an array to that of its elements. */
  private static final String COLUMNS =
      """
      WITH RECURSIVE types AS (
        SELECT t.oid, t.typname, t.typnamespace, t.typtype, t.typtypmod, t.typnotnull,
               CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE e.oid END AS inner_type
        FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid),
      resolved (attnum, type, typmod, not_null, array_of) AS (
        SELECT a.attnum, a.atttypid, a.atttypmod, a.attnotnull, false
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = ?::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.attnum, t.inner_type, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE r.typmod END,
               r.not_null OR (t.typnotnull AND NOT r.array_of), r.array_of OR t.typtype <> 'd'
        FROM resolved r JOIN types t ON t.oid = r.type
        WHERE t.inner_type IS NOT NULL)
      SELECT a.attname, a.attnum, r.typmod, r.not_null, a.atthasdef OR EXISTS (
               SELECT FROM pg_catalog.pg_type d WHERE d.oid = a.atttypid AND d.typdefaultbin IS NOT NULL)
               AS has_default,
             a.attidentity::text AS identity, a.attgenerated::text AS generated,
             CASE WHEN tn.nspname = 'pg_catalog' THEN t.typname ELSE '' END AS type, r.array_of,
             CASE WHEN t.typtype = 'e' THEN quote_ident(tn.nspname) || '.' || quote_ident(t.typname) END
               AS enum_type,
             ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l
                   WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
             format_type(a.atttypid, a.atttypmod) AS shown,
             coalesce(l.collisdeterministic, true) AS deterministic, l.collname,
             has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS can_select,
             has_column_privilege(a.attrelid, a.attnum, 'INSERT') AS can_insert,
             has_column_privilege(a.attrelid, a.attnum, 'UPDATE') AS can_update
      FROM resolved r
      JOIN types t ON t.oid = r.type AND t.inner_type IS NULL
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

  /** A foreign key of a partition counts as its table's; of those that the server makes for partitions only the one they stand for. */
  private static final String TIED =
      """
      WITH mine AS (SELECT ?::bigint::oid AS oid
                    UNION SELECT relid FROM pg_catalog.pg_partition_tree(?::bigint::oid)),
      tied AS (SELECT CASE WHEN ? THEN k.confrelid ELSE k.conrelid END AS oid
               FROM pg_catalog.pg_constraint k
               WHERE k.contype = 'f' AND k.conparentid = 0
                 AND CASE WHEN ? THEN k.conrelid ELSE k.confrelid END IN (SELECT oid FROM mine))
      SELECT DISTINCT n.nspname, c.relname
      FROM tied JOIN pg_catalog.pg_class c ON c.oid = tied.oid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      """;

  private static final String OWN_TABLE =
      """
      SELECT has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
         AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ? AND c.relname = ?
      """;

  /** A sequence is asked for its privilege only if it is one: of anything else that is an error. */
  private static final String SEQUENCE =
      """
      SELECT n.nspname, c.relkind = 'S' AS is_sequence, c.relpersistence = 'p' AS logged,
             coalesce(s.seqcycle, false) AS cycles,
             CASE WHEN c.relkind = 'S' THEN has_schema_privilege(n.oid, 'USAGE')
                  AND has_sequence_privilege(c.oid, 'USAGE, UPDATE') ELSE false END AS can_use
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
      WHERE c.relname = ?
        AND (n.nspname = ? OR (?::text IS NULL AND pg_table_is_visible(c.oid)))
      """;

  /**
   * The server, and what it does for this user.
   *
   * @param version as in {@code server_version_num}
   * @param schema the current one; null if the search path names none
   */
  record ServerFacts(
      int version,
      boolean standby,
      boolean readOnly,
      boolean fsync,
      boolean fullPageWrites,
      @Nullable String schema) {}

  /** A table, or something else of that name, and what may be done with it. */
  record Relation(
      long oid,
      String schema,
      String kind,
      String persistence,
      boolean hasRules,
      boolean rowSecurity,
      boolean hasChildren,
      boolean oddPartitions,
      boolean deferrable,
      boolean canUse,
      boolean canDelete) {}

  /**
   * A column as the catalogue has it.
   *
   * @param type of {@code pg_catalog}, that of the elements of an array; empty for one of another schema
   * @param enumType the enum type as SQL spells it, that of the elements of an array; null if it is none
   * @param labels those of the enum type, in their order
   * @param shown the type as people read it
   */
  record Found(
      int number,
      String type,
      boolean array,
      @Nullable String enumType,
      List<String> labels,
      String shown,
      int typmod,
      boolean notNull,
      boolean hasDefault,
      String identity,
      String generated,
      boolean deterministic,
      @Nullable String collation,
      Set<String> missingPrivileges) {}

  /** A unique index that is not on expressions; the keys are column numbers in ascending order. */
  record UniqueIndex(
      String name,
      boolean valid,
      boolean immediate,
      boolean partial,
      List<Integer> keys,
      boolean merges) {}

  /** A sequence, or something else of that name, and whether this user may take numbers of it. */
  record Sequence(
      String schema, boolean isSequence, boolean logged, boolean cycles, boolean canUse) {}

  /** How far one of Headpond's own tables can be used. */
  enum OwnTable {
    MISSING,
    FORBIDDEN,
    USABLE
  }

  private final Connection connection;

  PostgresCatalogue(Connection connection) {
    this.connection = connection;
  }

  ServerFacts server() throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(SERVER)) {
      row.next();
      return new ServerFacts(
          row.getInt("version"),
          row.getBoolean("standby"),
          !row.getString("read_only").equals("off"),
          row.getString("fsync").equals("on"),
          row.getString("full_page_writes").equals("on"),
          row.getString("schema"));
    }
  }

  /** What the name stands for; null if nothing. */
  @Nullable Relation relation(TableName name) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(RELATION)) {
      statement.setString(1, name.table());
      statement.setString(2, name.schema());
      statement.setString(3, name.schema());
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? new Relation(
                row.getLong("oid"),
                row.getString("nspname"),
                row.getString("relkind"),
                row.getString("relpersistence"),
                row.getBoolean("has_rules"),
                row.getBoolean("row_security"),
                row.getBoolean("has_children"),
                row.getBoolean("odd_partitions"),
                row.getBoolean("deferrable"),
                row.getBoolean("can_use"),
                row.getBoolean("can_delete"))
            : null;
      }
    }
  }

  /** The columns by name, in the table's order. */
  Map<String, Found> columns(long table) throws SQLException {
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
                  row.getBoolean("array_of"),
                  row.getString("enum_type"),
                  List.of((String[]) row.getArray("labels").getArray()),
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

  List<UniqueIndex> uniqueIndexes(long table) throws SQLException {
    List<UniqueIndex> indexes = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(INDEXES)) {
      statement.setLong(1, table);
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          Object[] keys = (Object[]) row.getArray("keys").getArray();
          indexes.add(
              new UniqueIndex(
                  row.getString("relname"),
                  row.getBoolean("valid"),
                  row.getBoolean("immediate"),
                  row.getBoolean("partial"),
                  Arrays.stream(keys).map(n -> ((Number) n).intValue()).toList(),
                  row.getBoolean("merges")));
        }
      }
    }
    return indexes;
  }

  /**
   * Tables that foreign keys tie this one to; itself, if it refers to itself.
   *
   * @param parents those that it refers to; otherwise those that refer to it
   */
  Set<TableName> tiedTables(long table, boolean parents) throws SQLException {
    List<TableName> found = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(TIED)) {
      statement.setLong(1, table);
      statement.setLong(2, table);
      statement.setBoolean(3, parents);
      statement.setBoolean(4, parents);
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          found.add(new TableName(row.getString(1), row.getString(2)));
        }
      }
    }
    return Set.copyOf(found);
  }

  /** What the name stands for; null if nothing. */
  @Nullable Sequence sequence(TableName name) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(SEQUENCE)) {
      statement.setString(1, name.table());
      statement.setString(2, name.schema());
      statement.setString(3, name.schema());
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? new Sequence(
                row.getString("nspname"),
                row.getBoolean("is_sequence"),
                row.getBoolean("logged"),
                row.getBoolean("cycles"),
                row.getBoolean("can_use"))
            : null;
      }
    }
  }

  boolean hasColumn(String schema, String table, String column) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement(
            """
            SELECT 1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ? AND a.attname = ? AND NOT a.attisdropped
            """)) {
      statement.setString(1, schema);
      statement.setString(2, table);
      statement.setString(3, column);
      try (ResultSet row = statement.executeQuery()) {
        return row.next();
      }
    }
  }

  OwnTable ownTable(String schema, String table) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(OWN_TABLE)) {
      statement.setString(1, schema);
      statement.setString(2, table);
      try (ResultSet row = statement.executeQuery()) {
        if (!row.next()) {
          return OwnTable.MISSING;
        }
        return row.getBoolean(1) ? OwnTable.USABLE : OwnTable.FORBIDDEN;
      }
    }
  }
}
