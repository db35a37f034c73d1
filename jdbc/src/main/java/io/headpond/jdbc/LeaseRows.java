package io.headpond.jdbc;

import io.headpond.spi.Lease;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The statements on the rows of a dataset in {@code headpond_lease}, one row for each partition.
 *
 * <p>Every method is one part of a transaction of the caller. Thread-safe.
 */
final class LeaseRows {
  static final String NAME = "headpond_lease";

  private static final String TIME = "timestamptz 'epoch' + ?::bigint * interval '1 microsecond'";
  static final String MICROS = "(extract(epoch FROM frontier) * 1000000)::bigint";

  /**
   * A row.
   *
   * @param expired whether its owner has not renewed it in time
   */
  record Held(
      @Nullable UUID owner,
      long epoch,
      long frontier,
      long highVersion,
      long lastBatch,
      boolean expired) {}

  private final MappedTable table;
  private final String dataset;
  private final UUID token;
  private final String ttl;
  private final String renew;
  private final String select;

  /**
   * @param token names the owner whose leases these are
   */
  LeaseRows(MappedTable table, String dataset, UUID token, Duration leaseTtl) {
    this.table = table;
    this.dataset = dataset;
    this.token = token;
    this.ttl = leaseTtl.toMillis() + " milliseconds";
    this.renew =
        "UPDATE "
            + table.own(NAME)
            + " SET expires_at = clock_timestamp() + ?::interval, frontier = greatest(frontier, "
            + TIME
            + "), high_version = greatest(high_version, ?), last_batch = ?"
            + " WHERE dataset = ? AND partition = ? AND owner_token = ? AND epoch = ?"
            + " AND last_batch = ? AND high_version = ? AND frontier IS NOT DISTINCT FROM "
            + TIME;
    this.select =
        "SELECT owner_token, epoch, coalesce("
            + MICROS
            + ", 0), high_version, last_batch, expires_at < clock_timestamp() FROM "
            + table.own(NAME)
            + " WHERE dataset = ? AND partition = ?";
  }

  /** The row of a partition; null if there is none. */
  @Nullable Held held(Connection connection, int partition, String lock) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(select + lock)) {
      query.setString(1, dataset);
      query.setInt(2, partition);
      try (ResultSet row = query.executeQuery()) {
        return row.next()
            ? new Held(
                row.getObject(1, UUID.class),
                row.getLong(2),
                row.getLong(3),
                row.getLong(4),
                row.getLong(5),
                row.getBoolean(6))
            : null;
      }
    }
  }

  /** For people: who holds the lease of a partition, and until when. */
  String holder(Connection connection, int partition) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT coalesce(w.name || ' (' || l.owner_token || ')', l.owner_token::text, 'nobody')"
                + " || ' until ' || to_char(l.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM "
                + table.own(NAME)
                + " AS l LEFT JOIN "
                + table.own(CrewRows.NAME)
                + " AS w ON w.dataset = l.dataset AND w.worker_id = l.owner_token"
                + " WHERE l.dataset = ? AND l.partition = ?")) {
      query.setString(1, dataset);
      query.setInt(2, partition);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? row.getString(1) : "nobody";
      }
    }
  }

  /** Makes the lease its owner's, in its epoch. */
  void take(Connection connection, Lease lease) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(NAME)
                + " AS l SET owner_token = ?, epoch = ?, expires_at = clock_timestamp() + ?::interval,"
                + " acquired_at = CASE WHEN l.owner_token = ? THEN l.acquired_at ELSE clock_timestamp() END"
                + " WHERE dataset = ? AND partition = ?")) {
      update.setObject(1, token);
      update.setLong(2, lease.epoch());
      update.setString(3, ttl);
      update.setObject(4, token);
      update.setString(5, dataset);
      update.setInt(6, lease.partition());
      update.executeUpdate();
    }
  }

  /** Moves the row from what was committed last to what this transaction commits; false if it is not there. */
  boolean renew(Connection connection, Lease lease, Confirmed last, Confirmed next)
      throws SQLException {
    try (PreparedStatement update = connection.prepareStatement(renew)) {
      update.setString(1, ttl);
      setMicros(update, 2, next.frontier());
      update.setLong(3, next.highVersion());
      update.setLong(4, next.lastBatch());
      update.setString(5, dataset);
      update.setInt(6, lease.partition());
      update.setObject(7, token);
      update.setLong(8, lease.epoch());
      update.setLong(9, last.lastBatch());
      update.setLong(10, last.highVersion());
      setMicros(update, 11, last.frontier());
      return update.executeUpdate() == 1;
    }
  }

  /** Sets the frontier of a row that this transaction holds; 0 for none. */
  void setFrontier(Connection connection, Lease lease, long micros) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(NAME)
                + " SET frontier = "
                + TIME
                + " WHERE dataset = ? AND partition = ?")) {
      setMicros(update, 1, micros);
      update.setString(2, dataset);
      update.setInt(3, lease.partition());
      update.executeUpdate();
    }
  }

  /** Gives the lease back; returns whether it was still held. */
  boolean release(Connection connection, Lease lease) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(NAME)
                + " SET owner_token = NULL, acquired_at = NULL, expires_at = clock_timestamp()"
                + " WHERE dataset = ? AND partition = ? AND owner_token = ? AND epoch = ?")) {
      update.setString(1, dataset);
      update.setInt(2, lease.partition());
      update.setObject(3, token);
      update.setLong(4, lease.epoch());
      return update.executeUpdate() == 1;
    }
  }

  /** Begins the leases of a dataset that has none. */
  void create(Connection connection, int partitions, long epoch, long high, @Nullable Long frontier)
      throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO "
                + table.own(NAME)
                + " (dataset, partition, epoch, expires_at, frontier, high_version, last_batch)"
                + " SELECT ?, p, ?, clock_timestamp(), "
                + TIME
                + ", ?, 0 FROM generate_series(0, ? - 1) AS p")) {
      insert.setString(1, dataset);
      insert.setLong(2, epoch);
      insert.setObject(3, frontier, Types.BIGINT);
      insert.setLong(4, high);
      insert.setInt(5, partitions);
      insert.executeUpdate();
    }
  }

  /** Locks every lease row: what runs under one of them is waited out or ended by the server. */
  void fence(Connection connection, long high) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(NAME)
                + " SET epoch = epoch + 1, owner_token = NULL, acquired_at = NULL, expires_at = clock_timestamp(),"
                + " last_batch = 0, high_version = greatest(high_version, ?) WHERE dataset = ?")) {
      update.setLong(1, high);
      update.setString(2, dataset);
      update.executeUpdate();
    }
  }

  /** Any key may now be in any partition: each begins with the highest of all and the earliest frontier. */
  void respread(Connection connection, int partitions) throws SQLException {
    long epoch;
    long high;
    Long frontier;
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT max(epoch), max(high_version), CASE WHEN bool_and(frontier IS NOT NULL) THEN min("
                + MICROS
                + ") END FROM "
                + table.own(NAME)
                + " WHERE dataset = ?")) {
      query.setString(1, dataset);
      try (ResultSet row = query.executeQuery()) {
        row.next();
        epoch = row.getLong(1);
        high = row.getLong(2);
        frontier = row.getObject(3, Long.class);
      }
    }
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM " + table.own(NAME) + " WHERE dataset = ?")) {
      delete.setString(1, dataset);
      delete.executeUpdate();
    }
    create(connection, partitions, epoch, high, frontier);
  }

  private static void setMicros(PreparedStatement statement, int at, long micros)
      throws SQLException {
    statement.setObject(at, micros <= 0 ? null : (Long) micros, Types.BIGINT);
  }
}
