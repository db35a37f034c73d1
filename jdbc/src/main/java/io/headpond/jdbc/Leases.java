package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.spi.Batch;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Who may write the table: the rows of {@code headpond_dataset} and {@code headpond_lease}.
 *
 * <p><b>Why the first statement of a batch.</b> It moves the lease row if owner, epoch and what was committed last are what
 * this process knows, and so locks it until the commit. Whoever takes the lease over needs that lock: either it
 * waits until the batch is committed, or the batch finds the epoch moved and writes nothing. No
 * clock is involved.
 *
 * <p><b>A database that went back.</b> Frontier, high version, epoch and last batch of each partition are remembered as they were
 * confirmed. A row that has less has lost commits: after a failover to a standby that was behind, or a restored
 * backup.
 *
 * <p>Every method is one part of a transaction of the caller. Thread-safe.
 */
final class Leases {
  /** Where the versions of a hot store end: beyond it, a version is no time in microseconds. */
  private static final long VERSION_LIMIT = 1L << 53;

  private static final String DATASET = "headpond_dataset";
  private static final String LEASE = "headpond_lease";
  private static final String TIME = "timestamptz 'epoch' + ?::bigint * interval '1 microsecond'";
  private static final String MICROS = "(extract(epoch FROM frontier) * 1000000)::bigint";

  /**
   * What the database has confirmed to this process.
   *
   * @param known false while a commit's reply is missing
   */
  private record Confirmed(
      long epoch, long frontier, long highVersion, long lastBatch, boolean known) {}

  /** A row of {@code headpond_lease}. */
  private record Held(
      @Nullable UUID owner, long epoch, long frontier, long highVersion, long lastBatch) {}

  private record Binding(
      String dataset,
      String table,
      UUID storeId,
      String storeDescription,
      int partitions,
      int hashVersion) {}

  private final MappedTable table;
  private final String dataset;
  private final String ttl;

  /** Names this process's turn as owner; a store that comes back after a crash has another. */
  private final UUID token = UUID.randomUUID();

  private final Map<Integer, Confirmed> confirmed = new ConcurrentHashMap<>();

  private final String renew;
  private final String select;

  Leases(MappedTable table, String dataset, Duration leaseTtl) {
    this.table = table;
    this.dataset = dataset;
    this.ttl = leaseTtl.toMillis() + " milliseconds";
    this.renew =
        "UPDATE "
            + table.own(LEASE)
            + " SET expires_at = clock_timestamp() + ?::interval, frontier = greatest(frontier, "
            + TIME
            + "), high_version = greatest(high_version, ?), last_batch = ?"
            + " WHERE dataset = ? AND partition = ? AND owner_token = ? AND epoch = ?"
            + " AND last_batch = ? AND high_version = ? AND frontier IS NOT DISTINCT FROM "
            + TIME;
    this.select =
        "SELECT owner_token, epoch, coalesce("
            + MICROS
            + ", 0), high_version, last_batch FROM "
            + table.own(LEASE)
            + " WHERE dataset = ? AND partition = ?";
  }

  /** See {@link io.headpond.spi.SystemOfRecord#bind}. */
  boolean bind(Connection connection, StoreId store, int partitions, boolean adopt)
      throws SQLException {
    // The first time the whole table may be read for its highest version: that takes what it takes.
    execute(
        connection,
        "SELECT set_config('statement_timeout', '0', true),"
            + " CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL"
            + " THEN set_config('transaction_timeout', '0', true) END");
    boolean created = createBinding(connection, store, partitions);
    Binding mine = binding(connection, "dataset = ?", dataset);
    Binding theirs = binding(connection, "table_name = ?", table.qualified());
    if (theirs != null && !theirs.dataset().equals(dataset)) {
      throw new ConfigurationException(
          "dataset "
              + dataset
              + ": table "
              + table.qualified()
              + " belongs to dataset "
              + theirs.dataset()
              + " of store "
              + theirs.storeId()
              + " ("
              + theirs.storeDescription()
              + "); a table belongs to one dataset. If that one is no more: DELETE FROM "
              + table.own(DATASET)
              + " WHERE dataset = '"
              + theirs.dataset().replace("'", "''")
              + "'");
    }
    if (mine == null) {
      throw new ConfigurationException("dataset " + dataset + ": its row was removed meanwhile");
    }
    check(mine, store, partitions, adopt);
    boolean same = !created && mine.storeId().equals(store.id());
    if (created) {
      long high = highestVersion(connection);
      createLeases(connection, partitions, 0, high, null);
    } else if (adopt) {
      adopt(connection, mine, store, partitions);
    }
    if (created || adopt) {
      confirmed.clear();
    }
    return same;
  }

  private boolean createBinding(Connection connection, StoreId store, int partitions)
      throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO "
                + table.own(DATASET)
                + " (dataset, table_name, store_id, store_description, partitions, hash_version)"
                + " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")) {
      insert.setString(1, dataset);
      insert.setString(2, table.qualified());
      insert.setObject(3, store.id());
      insert.setString(4, store.description());
      insert.setInt(5, partitions);
      insert.setInt(6, Key.HASH_VERSION);
      return insert.executeUpdate() == 1;
    }
  }

  private @Nullable Binding binding(Connection connection, String where, String value)
      throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT dataset, table_name, store_id, store_description, partitions, hash_version FROM "
                + table.own(DATASET)
                + " WHERE "
                + where
                + " FOR UPDATE")) {
      query.setString(1, value);
      try (ResultSet row = query.executeQuery()) {
        return row.next()
            ? new Binding(
                row.getString(1),
                row.getString(2),
                row.getObject(3, UUID.class),
                row.getString(4),
                row.getInt(5),
                row.getInt(6))
            : null;
      }
    }
  }

  private void check(Binding mine, StoreId store, int partitions, boolean adopt) {
    if (!mine.table().equals(table.qualified())) {
      throw new ConfigurationException(
          "dataset "
              + dataset
              + ": belongs to table "
              + mine.table()
              + ", not to "
              + table.qualified()
              + "; a dataset keeps its table. If that table was renamed: UPDATE "
              + table.own(DATASET)
              + " SET table_name = '"
              + table.qualified().replace("'", "''")
              + "' WHERE dataset = '"
              + dataset.replace("'", "''")
              + "'");
    }
    if (adopt) {
      return;
    }
    String remedy =
        "; to take the table over, and to leave what is pending there behind: headpond store adopt"
            + " --dataset "
            + dataset;
    if (!mine.storeId().equals(store.id())) {
      throw new ConfigurationException(
          "dataset "
              + dataset
              + ": table "
              + table.qualified()
              + " belongs to store "
              + mine.storeId()
              + " ("
              + mine.storeDescription()
              + "), this is store "
              + store.id()
              + " ("
              + store.description()
              + ")"
              + remedy);
    }
    if (mine.partitions() != partitions || mine.hashVersion() != Key.HASH_VERSION) {
      throw new ConfigurationException(
          "dataset "
              + dataset
              + ": was begun with "
              + mine.partitions()
              + " partitions and hash version "
              + mine.hashVersion()
              + " by store "
              + mine.storeId()
              + " ("
              + mine.storeDescription()
              + "), now "
              + partitions
              + " and "
              + Key.HASH_VERSION
              + " are set; a dataset keeps them"
              + remedy);
    }
  }

  private long highestVersion(Connection connection) throws SQLException {
    if (table.versionColumn() == null) {
      return 0;
    }
    connection.setNetworkTimeout(Runnable::run, 0);
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT coalesce(max("
                    + TableName.quote(table.versionColumn())
                    + "), 0) FROM "
                    + table.quoted());
        ResultSet row = query.executeQuery()) {
      row.next();
      long highest = row.getLong(1);
      if (highest >= VERSION_LIMIT) {
        throw new ConfigurationException(
            "table "
                + table.qualified()
                + ", column "
                + table.versionColumn()
                + ": holds "
                + highest
                + "; needed: versions below 2^53, as Headpond gives them (microseconds since 1970)");
      }
      return Math.max(0, highest);
    }
  }

  private void createLeases(
      Connection connection, int partitions, long epoch, long high, @Nullable Long frontier)
      throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO "
                + table.own(LEASE)
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
  private void adopt(Connection connection, Binding mine, StoreId store, int partitions)
      throws SQLException {
    long high = highestVersion(connection);
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(LEASE)
                + " SET epoch = epoch + 1, owner_token = NULL, expires_at = clock_timestamp(),"
                + " last_batch = 0, high_version = greatest(high_version, ?) WHERE dataset = ?")) {
      update.setLong(1, high);
      update.setString(2, dataset);
      update.executeUpdate();
    }
    if (mine.partitions() != partitions || mine.hashVersion() != Key.HASH_VERSION) {
      respread(connection, partitions);
    }
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(DATASET)
                + " SET store_id = ?, store_description = ?, partitions = ?, hash_version = ?"
                + " WHERE dataset = ?")) {
      update.setObject(1, store.id());
      update.setString(2, store.description());
      update.setInt(3, partitions);
      update.setInt(4, Key.HASH_VERSION);
      update.setString(5, dataset);
      update.executeUpdate();
    }
  }

  /** Any key may now be in any partition: each begins with the highest of all and the earliest frontier. */
  private void respread(Connection connection, int partitions) throws SQLException {
    long epoch;
    long high;
    Long frontier;
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT max(epoch), max(high_version), CASE WHEN bool_and(frontier IS NOT NULL) THEN min("
                + MICROS
                + ") END FROM "
                + table.own(LEASE)
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
        connection.prepareStatement("DELETE FROM " + table.own(LEASE) + " WHERE dataset = ?")) {
      delete.setString(1, dataset);
      delete.executeUpdate();
    }
    createLeases(connection, partitions, epoch, high, frontier);
  }

  /**
   * Takes a lease, or fails at once with SQLSTATE 55P03 while a transaction holds its row. Not ours before the commit:
   * then {@link #acquired} is to be called.
   */
  Lease acquire(Connection connection, StoreId store, int partition) throws SQLException {
    // Shared, so that an adoption waits for this to end and raises the epoch once more.
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT store_id, store_description FROM "
                + table.own(DATASET)
                + " WHERE dataset = ? FOR SHARE NOWAIT")) {
      query.setString(1, dataset);
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          throw unbound();
        }
        UUID owner = row.getObject(1, UUID.class);
        if (!owner.equals(store.id())) {
          throw adopted(owner, row.getString(2));
        }
      }
    }
    Held held = held(connection, partition, " FOR UPDATE NOWAIT");
    if (held == null) {
      throw new ConfigurationException(
          "dataset " + dataset + ": has no partition " + partition + " in " + table.own(LEASE));
    }
    checkNotBack(partition, held);
    Lease lease =
        new Lease(
            partition, held.epoch() + 1, held.highVersion(), held.frontier(), held.lastBatch());
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(LEASE)
                + " SET owner_token = ?, epoch = ?, expires_at = clock_timestamp() + ?::interval"
                + " WHERE dataset = ? AND partition = ?")) {
      update.setObject(1, token);
      update.setLong(2, lease.epoch());
      update.setString(3, ttl);
      update.setString(4, dataset);
      update.setInt(5, partition);
      update.executeUpdate();
    }
    return lease;
  }

  /** The lease is committed: what it says is what the next batch must find. */
  void acquired(Lease lease) {
    confirmed.put(
        lease.partition(),
        new Confirmed(
            lease.epoch(), lease.frontier(), lease.highVersion(), lease.lastBatch(), true));
  }

  /**
   * The first statement of a batch's transaction. After the commit {@link #applied} is to be called, after one whose reply was lost {@link
   * #uncertain}.
   *
   * @throws FencedException if the lease is another's by now
   * @throws DatabaseWentBackException if the row has less than was confirmed
   */
  void renew(Connection connection, Batch batch, Lease lease) throws SQLException {
    Confirmed last = last(lease);
    if (last.epoch() > lease.epoch()) {
      throw fenced(lease, last.epoch());
    }
    if (!last.known()) {
      throw new OutcomeUnknownException(
          describe(lease.partition())
              + ": whether the batch before this was committed is not known; acquire the lease anew");
    }
    Confirmed next = next(last, batch);
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
      if (update.executeUpdate() == 1) {
        return;
      }
    }
    Held held = held(connection, lease.partition(), "");
    if (held == null && binding(connection, "dataset = ?", dataset) != null) {
      throw fenced(lease, lease.epoch() + 1);
    }
    if (held == null) {
      throw wentBack(lease.partition(), "its lease is gone");
    }
    if (held.epoch() > lease.epoch()) {
      throw fenced(lease, held.epoch());
    }
    checkNotBack(lease.partition(), held);
    throw fenced(lease, held.epoch());
  }

  void applied(Batch batch, Lease lease) {
    Confirmed last = last(lease);
    confirmed.put(lease.partition(), next(last, batch));
  }

  void uncertain(Lease lease) {
    Confirmed last = last(lease);
    confirmed.put(
        lease.partition(),
        new Confirmed(last.epoch(), last.frontier(), last.highVersion(), last.lastBatch(), false));
  }

  /** See {@link io.headpond.spi.SystemOfRecord#release}; returns whether it was still held. */
  boolean release(Connection connection, Lease lease) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(LEASE)
                + " SET owner_token = NULL, expires_at = clock_timestamp()"
                + " WHERE dataset = ? AND partition = ? AND owner_token = ? AND epoch = ?")) {
      update.setString(1, dataset);
      update.setInt(2, lease.partition());
      update.setObject(3, token);
      update.setLong(4, lease.epoch());
      return update.executeUpdate() == 1;
    }
  }

  private Confirmed last(Lease lease) {
    return confirmed.getOrDefault(
        lease.partition(),
        new Confirmed(
            lease.epoch(), lease.frontier(), lease.highVersion(), lease.lastBatch(), true));
  }

  private static Confirmed next(Confirmed last, Batch batch) {
    long high = last.highVersion();
    for (Mutation mutation : batch.mutations()) {
      high = Math.max(high, mutation.version());
    }
    return new Confirmed(
        last.epoch(), Math.max(last.frontier(), batch.frontier()), high, batch.id(), true);
  }

  private @Nullable Held held(Connection connection, int partition, String lock)
      throws SQLException {
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
                row.getLong(5))
            : null;
      }
    }
  }

  private void checkNotBack(int partition, Held held) {
    Confirmed last = confirmed.get(partition);
    if (last == null) {
      return;
    }
    if (held.frontier() < last.frontier()) {
      throw wentBack(
          partition,
          String.format(
              Locale.ROOT,
              "its frontier went back by %.6f s",
              (last.frontier() - held.frontier()) / 1e6));
    }
    boolean ours = token.equals(held.owner()) && held.epoch() == last.epoch() && last.known();
    if (held.epoch() < last.epoch()
        || held.highVersion() < last.highVersion()
        || (ours && held.lastBatch() != last.lastBatch())) {
      throw wentBack(partition, "its lease is older than what was confirmed");
    }
  }

  private DatabaseWentBackException wentBack(int partition, String how) {
    return new DatabaseWentBackException(
        describe(partition)
            + ": the database went back: "
            + how
            + "; settled writes are missing. To go on with what it has: headpond store adopt"
            + " --dataset "
            + dataset);
  }

  private FencedException fenced(Lease lease, long epoch) {
    return new FencedException(
        describe(lease.partition())
            + ": the lease of epoch "
            + lease.epoch()
            + (epoch > lease.epoch() ? " was taken over" : " was given back"));
  }

  private ConfigurationException unbound() {
    return new ConfigurationException(
        "dataset " + dataset + ": table " + table.qualified() + " is tied to no store");
  }

  private FencedException adopted(UUID store, String description) {
    return new FencedException(
        "dataset "
            + dataset
            + ": table "
            + table.qualified()
            + " belongs to store "
            + store
            + " ("
            + description
            + ")");
  }

  private String describe(int partition) {
    return "dataset " + dataset + ", partition " + partition;
  }

  private static void setMicros(PreparedStatement statement, int at, long micros)
      throws SQLException {
    statement.setObject(at, micros <= 0 ? null : (Long) micros, Types.BIGINT);
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.execute();
    }
  }
}
