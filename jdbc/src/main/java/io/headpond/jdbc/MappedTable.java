package io.headpond.jdbc;

import io.headpond.RowType;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A table that was checked against its mapping.
 *
 * @param schema where it stands, and Headpond's own tables beside it
 * @param name its own name
 * @param type the columns as the database has them
 * @param versionColumn takes each row's version; null if there is none
 * @param updatedAtColumn takes the version as a time; null if there is none
 * @param keySequence gives new keys; quoted and with its schema; null if there is none
 * @param enumTypes the enum types of those columns that are of one, or whose elements are, as SQL spells them
 * @param deferrable whether constraints may be checked as late as the commit
 * @param parents tables that its foreign keys refer to
 * @param children tables whose foreign keys refer to it
 * @param description table, database and server, for people
 */
record MappedTable(
    String schema,
    String name,
    RowType type,
    @Nullable String versionColumn,
    @Nullable String updatedAtColumn,
    @Nullable String keySequence,
    Map<String, String> enumTypes,
    boolean deferrable,
    Set<TableName> parents,
    Set<TableName> children,
    String description) {

  /** Schema and table, quoted. */
  String quoted() {
    return TableName.quote(schema) + "." + TableName.quote(name);
  }

  /** Schema and table, for people and for {@code headpond_dataset}. */
  String qualified() {
    return schema + "." + name;
  }

  /** One of Headpond's own tables, quoted. */
  String own(String table) {
    return TableName.quote(schema) + "." + TableName.quote(table);
  }

  /** Whether every statement and every value of the other would be the same. */
  boolean sameAs(MappedTable other) {
    return qualified().equals(other.qualified())
        && type.equals(other.type)
        && enumTypes.equals(other.enumTypes)
        && Objects.equals(keySequence, other.keySequence);
  }
}
