package io.headpond.jdbc;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How current the tables are that foreign keys tie this one to: those whose datasets have something pending that is older than a row may be
 * all that it lacks. Where a table is tied to itself, so are the other partitions of its own dataset. The leases in the database tell. Thread-safe.
 *
 * <p>The oldest of all that wait counts in any case, so none waits for another for ever.
 */
final class Parents {
  /** A dataset that nobody has served for so long holds nothing back. */
  private static final String FORGOTTEN = "interval '1 day'";

  /** The tables' names as {@code headpond_dataset} has them, by schema. */
  private final Map<String, Set<String>> tables = new TreeMap<>();

  private final String dataset;

  Parents(MappedTable table, String dataset) {
    this.dataset = dataset;
    for (Set<TableName> some : List.of(table.parents(), table.children())) {
      for (TableName name : some) {
        String schema = String.valueOf(name.schema());
        tables.computeIfAbsent(schema, s -> new TreeSet<>()).add(schema + "." + name.table());
      }
    }
  }

  /** Where such tables stand, and Headpond's own beside them, if they are of a dataset. */
  Set<String> schemas() {
    return tables.keySet();
  }

  /**
   * Up to which version all datasets of such tables in a schema are in the database.
   *
   * @param partition the one that asks, of the own dataset; it does not count
   * @return {@link Long#MAX_VALUE} if there are none that are served
   */
  long currentUpTo(Connection connection, String schema, int partition) throws SQLException {
    String own = TableName.quote(schema) + ".";
    Array names = connection.createArrayOf("text", tables.getOrDefault(schema, Set.of()).toArray());
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT min(coalesce("
                + LeaseRows.MICROS
                + ", 0)) FROM "
                + own
                + "headpond_lease JOIN "
                + own
                + "headpond_dataset USING (dataset) WHERE table_name = ANY(?)"
                + " AND NOT (dataset = ? AND partition = ?) AND (owner_token IS NOT NULL AND expires_at > clock_timestamp() - "
                + FORGOTTEN
                // While a partition passes from one worker to another nobody holds it.
                + " OR EXISTS (SELECT FROM "
                + own
                + "headpond_worker AS w WHERE w.dataset = headpond_lease.dataset AND w.expires_at > clock_timestamp()))")) {
      query.setArray(1, names);
      query.setString(2, dataset);
      query.setInt(3, partition);
      try (ResultSet row = query.executeQuery()) {
        row.next();
        long micros = row.getLong(1);
        return row.wasNull() ? Long.MAX_VALUE : micros;
      }
    }
  }
}
