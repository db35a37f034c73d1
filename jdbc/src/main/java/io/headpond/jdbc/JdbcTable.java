package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.RowType;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.util.function.Function;

/**
 * The table of one dataset: connects as its system of record. Made by {@link JdbcDatabase#table} or
 * {@link JdbcDatabase.Builder#table}. Immutable: each setting returns a new one.
 *
 * <p>The table's key columns need a unique index on exactly them; every mapped column a type that
 * holds what was declared. {@link #connect} checks this and names all that does not fit.
 */
public final class JdbcTable implements SystemOfRecordFactory {
  private final Dialect dialect;
  private final Function<String, JdbcDatabase> database;
  private final boolean owned;
  private final Mapping mapping;

  JdbcTable(
      Dialect dialect, Function<String, JdbcDatabase> database, boolean owned, Mapping mapping) {
    this.dialect = dialect;
    this.database = database;
    this.owned = owned;
    this.mapping = mapping;
  }

  /**
   * A {@code bigint} column that takes each row's version. With it a row only ever moves to a higher version, whoever
   * writes it. Default: none.
   */
  public JdbcTable versionColumn(String name) {
    return with(mapping.withVersionColumn(named("versionColumn", name)));
  }

  /**
   * A {@code timestamptz} column that takes the version as a time: when the write was acknowledged, to the
   * microsecond. Default: none.
   */
  public JdbcTable updatedAtColumn(String name) {
    return with(mapping.withUpdatedAtColumn(named("updatedAtColumn", name)));
  }

  /**
   * A sequence that gives new keys of a table whose key is one {@code smallint}, {@code integer} or {@code bigint} column. Its numbers are taken in
   * blocks; those that a process has taken and not used leave gaps. Default: none, and then such a table has no generated keys.
   *
   * @param name {@code sequence} or {@code schema.sequence}, spelled as in the catalogue
   */
  public JdbcTable keySequence(String name) {
    return with(
        mapping.withKeySequence(TableName.parse("keySequence", named("keySequence", name))));
  }

  /**
   * Whether to create the table from the declared columns if it is missing, and so the sequence of its keys, from behind the
   * highest one on. Default: no.
   */
  public JdbcTable createTable(boolean create) {
    return with(mapping.withCreateTable(create));
  }

  /**
   * SQL that runs in the transaction in which {@link #createTable} makes the table, and never again: indexes, constraints, first
   * rows. Default: none.
   *
   * @param sql one statement or several
   */
  public JdbcTable onCreate(String sql) {
    return with(mapping.withOnCreate(sql));
  }

  /**
   * What creates the table from the declared columns, as {@link #connect} accepts it: one column a line, every
   * name quoted, after the sequence of its keys if there is one. What has no schema is created in the first of the search
   * path. Connects to nothing.
   */
  public String createStatement(RowType declared) {
    return dialect.createStatement(declared, mapping);
  }

  /**
   * What adds the column for the versions to a table that is there without it, as a hot store that several processes share needs it. Where
   * no {@link #versionColumn} is set it has a name that is to be set then. Connects to nothing.
   */
  public String versionColumnStatement() {
    String column = mapping.versionColumn();
    return PostgresDdl.addVersionColumn(
        mapping.table().quoted(), column == null ? Bindings.VERSION_COLUMN : column);
  }

  @Override
  public SystemOfRecord connect(String dataset, RowType declared) {
    return opened(
        dataset,
        connected ->
            new JdbcSystemOfRecord(
                connected,
                owned,
                new Declaration(dataset, declared, mapping),
                connected.check(declared, mapping),
                true));
  }

  @Override
  public SystemOfRecord resume(String dataset, RowType declared, byte[] remembered) {
    return opened(
        dataset,
        connected ->
            new JdbcSystemOfRecord(
                connected,
                owned,
                new Declaration(dataset, declared, mapping),
                RememberedMapping.read(dataset, declared, mapping, remembered),
                false));
  }

  private SystemOfRecord opened(String dataset, Function<JdbcDatabase, SystemOfRecord> table) {
    JdbcDatabase connected = database.apply(dataset);
    try {
      return table.apply(connected);
    } catch (RuntimeException | Error e) {
      if (owned) {
        connected.close();
      }
      throw e;
    }
  }

  private JdbcTable with(Mapping changed) {
    return new JdbcTable(dialect, database, owned, changed);
  }

  private static String named(String setting, String name) {
    if (name.isBlank()) {
      throw new ConfigurationException(setting + ": the name is blank");
    }
    return name;
  }
}
