package io.headpond.jdbc;

import io.headpond.spi.Crew;
import io.headpond.spi.StoreId;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Who brings the entries of a shared store to the database: the rows of a dataset in {@code headpond_worker}, beside those in {@code headpond_lease}.
 *
 * <p>Every method is one statement or two, each a transaction of its own. Thread-safe.
 */
final class CrewRows {
  static final String NAME = "headpond_worker";

  /** A worker that has not said for so long that it lives does not come back. */
  private static final String FORGOTTEN = "interval '1 hour'";

  private final Bindings bindings;
  private final String dataset;
  private final UUID self;
  private final Duration leaseTtl;
  private final String join;
  private final String look;
  private final String leave;

  CrewRows(MappedTable table, String dataset, UUID self, Duration leaseTtl, Bindings bindings) {
    this.bindings = bindings;
    this.dataset = dataset;
    this.self = self;
    this.leaseTtl = leaseTtl;
    String workers = table.own(NAME);
    // Of workers that were away for long at the same time none waits for another's row.
    this.join =
        """
        WITH gone AS (
          DELETE FROM %1$s WHERE (dataset, worker_id) IN (
            SELECT dataset, worker_id FROM %1$s
            WHERE dataset = ? AND worker_id <> ? AND expires_at < clock_timestamp() - %3$s
            FOR UPDATE SKIP LOCKED))
        INSERT INTO %1$s AS w (dataset, worker_id, name, started_at, expires_at)
        SELECT dataset, ?, ?, clock_timestamp(), clock_timestamp() + ?::interval
        FROM %2$s WHERE dataset = ? AND store_id = ?
        ON CONFLICT (dataset, worker_id) DO UPDATE SET name = excluded.name, expires_at = excluded.expires_at,
          started_at = CASE WHEN w.expires_at < clock_timestamp() THEN excluded.started_at ELSE w.started_at END
        """
            .formatted(workers, table.own(Bindings.NAME), FORGOTTEN);
    this.look =
        """
        SELECT d.store_id, d.store_description, x.* FROM %1$s AS d LEFT JOIN LATERAL (
          SELECT worker_id AS id, name, started_at AS since, NULL::integer AS partition, NULL::boolean AS expired,
                 NULL::bigint AS epoch, NULL::bigint AS high_version
          FROM %2$s AS w WHERE w.dataset = d.dataset AND expires_at >= clock_timestamp()
          UNION ALL
          SELECT owner_token, NULL, acquired_at, partition, expires_at < clock_timestamp(), epoch, high_version
          FROM %3$s AS l WHERE l.dataset = d.dataset) AS x ON true
        WHERE d.dataset = ?
        """
            .formatted(table.own(Bindings.NAME), workers, table.own(LeaseRows.NAME));
    this.leave = "DELETE FROM " + workers + " WHERE dataset = ? AND worker_id = ?";
  }

  /** See {@link io.headpond.spi.SystemOfRecord#crew}. */
  Crew crew(Connection connection, StoreId store, @Nullable String name) throws SQLException {
    if (name != null) {
      join(connection, store, name);
    }
    return look(connection, store);
  }

  private void join(Connection connection, StoreId store, String name) throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement(join)) {
      insert.setString(1, dataset);
      insert.setObject(2, self);
      insert.setObject(3, self);
      insert.setString(4, name);
      insert.setString(5, leaseTtl.toMillis() + " milliseconds");
      insert.setString(6, dataset);
      insert.setObject(7, store.id());
      insert.executeUpdate();
    }
  }

  private Crew look(Connection connection, StoreId store) throws SQLException {
    List<Crew.Worker> workers = new ArrayList<>();
    List<Crew.Ownership> partitions = new ArrayList<>();
    try (PreparedStatement query = connection.prepareStatement(look)) {
      query.setString(1, dataset);
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          bindings.checkOwner(
              store, row.getObject("store_id", UUID.class), row.getString("store_description"));
          read(row, workers, partitions);
        }
      }
    }
    workers.sort(Comparator.comparing(Crew.Worker::id));
    partitions.sort(Comparator.comparingInt(Crew.Ownership::partition));
    return new Crew(self, workers, partitions, leaseTtl);
  }

  private static void read(
      ResultSet row, List<Crew.Worker> workers, List<Crew.Ownership> partitions)
      throws SQLException {
    UUID id = row.getObject("id", UUID.class);
    OffsetDateTime at = row.getObject("since", OffsetDateTime.class);
    Instant since = at == null ? null : at.toInstant();
    int partition = row.getInt("partition");
    if (!row.wasNull()) {
      partitions.add(
          new Crew.Ownership(
              partition,
              id,
              row.getBoolean("expired"),
              since,
              row.getLong("epoch"),
              row.getLong("high_version")));
    } else if (since != null) {
      workers.add(new Crew.Worker(id, row.getString("name"), since));
    }
  }

  /** See {@link io.headpond.spi.SystemOfRecord#leave}; returns whether this process was a worker. */
  boolean leave(Connection connection) throws SQLException {
    try (PreparedStatement delete = connection.prepareStatement(leave)) {
      delete.setString(1, dataset);
      delete.setObject(2, self);
      return delete.executeUpdate() == 1;
    }
  }
}
