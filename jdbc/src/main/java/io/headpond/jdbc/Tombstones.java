package io.headpond.jdbc;

import io.headpond.ColumnType;
import io.headpond.spi.Mutation;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was removed from one table within the last day: the rows of a dataset in {@code headpond_tombstone}. A shared store that fails over may have forgotten both a removal and that
 * the value before it was settled; that value is then brought once more, and finds no row whose version would keep it out.
 *
 * <p>They are read and written in the statements that put and remove ({@link TableStatements}), which the lease row's lock keeps apart, so no removal can come in between. Thread-safe.
 */
final class Tombstones {
  static final String NAME = "headpond_tombstone";

  private static final String KEPT = "interval '1 day'";

  /** How many are cleared away at once: a few milliseconds. */
  static final int PORTION = 1_000;

  private final String own;
  private final String dataset;

  Tombstones(MappedTable table, String dataset) {
    this.own = table.own(NAME);
    this.dataset = dataset;
  }

  /**
   * The condition that no removal at or above the version is known, for a relation {@code u} with the columns {@code tombstone}, which is null where that is certain, and {@code version}.
   * One look into the index for each row, whatever the planner believes of the table. Takes one parameter, the dataset.
   */
  String newerThanRemoval() {
    return "(u.tombstone IS NULL OR coalesce((SELECT d.version FROM "
        + own
        + " AS d WHERE d.key = u.tombstone AND d.dataset = ?), 0) < u.version)";
  }

  /** What writes those of a relation {@code u} with the columns {@code tombstone} and {@code version}; takes one parameter, the dataset. */
  String insert() {
    return "INSERT INTO "
        + own
        + " AS d (dataset, key, version, removed_at) SELECT ?, u.tombstone, u.version, clock_timestamp()"
        + " FROM u ON CONFLICT (dataset, key) DO UPDATE SET version = greatest(d.version, excluded.version),"
        + " removed_at = excluded.removed_at";
  }

  /** Binds the keys, canonical as they stand in the table, of those mutations whose version is not above this one, and null for the others; then the dataset. */
  void bind(
      Connection connection,
      PreparedStatement statement,
      int at,
      List<? extends Mutation> mutations,
      long upTo)
      throws SQLException {
    @Nullable Object[] keys = new byte[mutations.size()][];
    for (int i = 0; i < keys.length; i++) {
      Mutation mutation = mutations.get(i);
      keys[i] = mutation.version() > upTo ? null : mutation.key().toBytes();
    }
    statement.setArray(at, PostgresColumns.array(connection, ColumnType.BYTEA, keys));
    statement.setString(at + 1, dataset);
  }

  /** The versions at which these keys were removed, in their order; 0 where that is not known. */
  long[] versions(Connection connection, List<? extends Mutation> mutations) throws SQLException {
    long[] versions = new long[mutations.size()];
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT u.ord, d.version FROM unnest(?::bytea[]) WITH ORDINALITY AS u (key, ord) JOIN "
                + own
                + " AS d ON d.key = u.key WHERE d.dataset = ?")) {
      bind(connection, query, 1, mutations, Long.MAX_VALUE);
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          versions[row.getInt(1) - 1] = row.getLong(2);
        }
      }
    }
    return versions;
  }

  /** Clears some of those away that are old enough, of any dataset: one that is no more has nobody else. Returns how many. */
  int sweep(Connection connection) throws SQLException {
    try (Statement delete = connection.createStatement()) {
      return delete.executeUpdate(
          "DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$s WHERE removed_at < clock_timestamp() - %2$s ORDER BY removed_at LIMIT %3$d FOR UPDATE SKIP LOCKED))"
              .formatted(own, KEPT, PORTION));
    }
  }
}
