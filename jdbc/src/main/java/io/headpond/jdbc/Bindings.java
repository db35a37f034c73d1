package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.spi.FencedException;
import io.headpond.spi.StoreId;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which store a table is tied to: the row of a dataset in {@code headpond_dataset}.
 *
 * <p>Every method is one part of a transaction of the caller. Thread-safe.
 */
final class Bindings {
  /** Where the versions of a hot store end: beyond it, a version is no time in microseconds. */
  private static final long VERSION_LIMIT = 1L << 53;

  /** Where they begin: 2001-09-09 as a time in microseconds, and further than the counter of another program comes. */
  private static final long FIRST_VERSION = 1_000_000_000_000_000L;

  static final String NAME = "headpond_dataset";

  /** What a column for versions is called where nobody says otherwise. */
  static final String VERSION_COLUMN = "headpond_version";

  private static final String ANOTHER_PLACE =
      "; was the store emptied or replaced, is its address or key prefix another one than before, or is it that of another"
          + " environment, such as staging? Then go back to the one that the table belongs to";

  /**
   * What has become of a binding.
   *
   * @param same whether it was this store's already
   * @param begun whether the leases begin anew: what was confirmed before counts no longer
   */
  record Bound(boolean same, boolean begun) {}

  private record Binding(
      String dataset,
      String table,
      UUID storeId,
      String storeDescription,
      int partitions,
      int hashVersion) {}

  private final MappedTable table;
  private final String dataset;
  private final LeaseRows leases;
  private final long lockMillis;

  /**
   * @param lockMillis how long to wait for a transaction that is under way
   */
  Bindings(MappedTable table, String dataset, LeaseRows leases, long lockMillis) {
    this.lockMillis = lockMillis;
    this.table = table;
    this.dataset = dataset;
    this.leases = leases;
  }

  /** See {@link io.headpond.spi.SystemOfRecord#bind}. */
  Bound bind(Connection connection, StoreId store, int partitions, boolean adopt)
      throws SQLException {
    if (store.shared() && table.versionColumn() == null) {
      throw noVersions(store);
    }
    // The first time the whole table may be read for its highest version: that takes what it takes.
    execute(
        connection,
        "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '"
            + lockMillis
            + "', true),"
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
              + table.own(NAME)
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
      refuseCounters(connection);
      long high = highestVersion(connection);
      leases.create(connection, partitions, 0, high, null);
    } else if (adopt) {
      adopt(connection, mine, store, partitions);
    }
    return new Bound(same, created || adopt);
  }

  /** Whether the dataset has a row; locks it. */
  boolean exists(Connection connection) throws SQLException {
    return binding(connection, "dataset = ?", dataset) != null;
  }

  /**
   * Holds the row shared, so that an adoption waits for this transaction to end and raises the epoch once more. Fails at
   * once with SQLSTATE 55P03 while another one changes the row.
   *
   * @param partitions how many there were when this process was bound; 0 if it never was
   * @throws FencedException if the table belongs to another store by now, or its keys are spread otherwise
   */
  void hold(Connection connection, StoreId store, int partitions) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT store_id, store_description, partitions FROM "
                + table.own(NAME)
                + " WHERE dataset = ? FOR SHARE NOWAIT")) {
      query.setString(1, dataset);
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          throw unbound();
        }
        checkOwner(store, row.getObject(1, UUID.class), row.getString(2));
        if (partitions != 0 && row.getInt(3) != partitions) {
          throw new FencedException(
              "dataset "
                  + dataset
                  + ": has "
                  + row.getInt(3)
                  + " partitions since it was adopted; this process knows "
                  + partitions
                  + " and must be restarted with the new number");
        }
      }
    }
  }

  /**
   * @param owner the store that the table is tied to
   * @throws FencedException if that is another one
   */
  void checkOwner(StoreId store, UUID owner, String description) {
    if (!owner.equals(store.id())) {
      throw adopted(owner, description);
    }
  }

  private boolean createBinding(Connection connection, StoreId store, int partitions)
      throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO "
                + table.own(NAME)
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
                + table.own(NAME)
                + " WHERE "
                + where
                + " FOR NO KEY UPDATE")) {
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
              + table.own(NAME)
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
              + (store.shared() ? ANOTHER_PLACE : "")
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

  /**
   * The versions in a table that no store has written are null or 0, or those of a former one. Anything smaller is the counter of
   * another program, such as JPA's {@code @Version}: both would write the column, each in its own way.
   */
  private void refuseCounters(Connection connection) throws SQLException {
    if (table.versionColumn() == null) {
      return;
    }
    connection.setNetworkTimeout(Runnable::run, 0);
    String version = TableName.quote(table.versionColumn());
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT %1$s FROM %2$s WHERE %1$s <> 0 AND %1$s < %3$d LIMIT 1"
                    .formatted(version, table.quoted(), FIRST_VERSION));
        ResultSet row = query.executeQuery()) {
      if (row.next()) {
        throw new ConfigurationException(
            "table "
                + table.qualified()
                + ", column "
                + table.versionColumn()
                + ": holds "
                + row.getLong(1)
                + ", which is no version of Headpond (microseconds since 1970, or 0 for a row it has not written) but looks"
                + " like the counter of another program, such as JPA's @Version; needed: a bigint column of Headpond's"
                + " own. If no other program uses this one: UPDATE "
                + table.quoted()
                + " SET "
                + version
                + " = 0");
      }
    }
  }

  private long highestVersion(Connection connection) throws SQLException {
    if (table.versionColumn() == null) {
      return 0;
    }
    connection.setNetworkTimeout(Runnable::run, 0);
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT greatest((SELECT max("
                + TableName.quote(table.versionColumn())
                + ") FROM "
                + table.quoted()
                + "), (SELECT max(version) FROM "
                + table.own(Tombstones.NAME)
                + " WHERE dataset = ?), 0)")) {
      query.setString(1, dataset);
      return highestVersion(query);
    }
  }

  private long highestVersion(PreparedStatement query) throws SQLException {
    try (ResultSet row = query.executeQuery()) {
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

  private void adopt(Connection connection, Binding mine, StoreId store, int partitions)
      throws SQLException {
    long high = highestVersion(connection);
    leases.fence(connection, high);
    if (mine.partitions() != partitions || mine.hashVersion() != Key.HASH_VERSION) {
      leases.respread(connection, partitions);
    }
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE "
                + table.own(NAME)
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

  private ConfigurationException noVersions(StoreId store) {
    return new ConfigurationException(
        "dataset "
            + dataset
            + ": table "
            + table.qualified()
            + " has no version column, which a hot store that several processes share ("
            + store.description()
            + ") needs: it may forget what it was told last, and must not overwrite newer rows then; needed: "
            + PostgresDdl.addVersionColumn(table.quoted(), VERSION_COLUMN)
            + " and versionColumn: "
            + VERSION_COLUMN);
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

  private static void execute(Connection connection, String sql) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.execute();
    }
  }
}
