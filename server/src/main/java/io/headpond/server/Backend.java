package io.headpond.server;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import io.headpond.jdbc.JdbcDatabase;
import io.headpond.jdbc.JdbcTable;
import io.headpond.journal.JournalStore;
import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.redis.RedisStore;
import io.headpond.server.config.DatabaseConfig;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.config.RedisConfig;
import io.headpond.server.config.ServerConfig;
import io.headpond.server.lab.Lab;
import io.headpond.server.lab.SimulatedFailures;
import io.headpond.spi.HotStoreFactory;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The database that all datasets belong to: the user's own, or an embedded one that lives and ends with it. */
final class Backend implements AutoCloseable {
  private final ServerConfig config;
  private final @Nullable EmbeddedPostgres embedded;
  private final JdbcDatabase database;
  private final RedisStore.@Nullable Factory redis;
  private final Lab lab;

  private Backend(
      ServerConfig config, @Nullable EmbeddedPostgres embedded, JdbcDatabase database, Lab lab) {
    this.config = config;
    this.lab = lab;
    this.embedded = embedded;
    this.database = database;
    this.redis = redis(config);
  }

  /** Connects to nothing yet. */
  private static RedisStore.@Nullable Factory redis(ServerConfig config) {
    RedisConfig redis = config.store().redis();
    if (redis == null) {
      return null;
    }
    try {
      return RedisStore.at(redis.url()).prefix(redis.prefix());
    } catch (ConfigurationException e) {
      throw new ConfigurationException("redis: " + e.getMessage(), e);
    }
  }

  /**
   * What is wrong with an URL is told before anything is made.
   *
   * @throws ConfigurationException if the one of Redis is none
   */
  static void check(ServerConfig config) {
    var unused = redis(config);
  }

  /** Starts the embedded database if that is the one; connects to nothing yet. */
  static Backend open(ServerConfig config, Lab lab) {
    DatabaseConfig own = config.database();
    if (own == null) {
      EmbeddedPostgres embedded = EmbeddedPostgres.builder().directory(config.postgres()).start();
      return new Backend(config, embedded, builder(config, embedded.jdbcUrl()).open(), lab);
    }
    JdbcDatabase.Builder builder = builder(config, own.jdbcUrl());
    if (own.user() != null) {
      builder.user(own.user());
    }
    if (own.password() != null) {
      builder.password(own.password());
    }
    return new Backend(config, null, builder.open(), lab);
  }

  private static JdbcDatabase.Builder builder(ServerConfig config, String jdbcUrl) {
    JdbcDatabase.Builder builder = JdbcDatabase.postgres(jdbcUrl);
    Duration leaseTtl = config.leaseTtl();
    return leaseTtl == null ? builder : builder.leaseTtl(leaseTtl);
  }

  /** The table with the columns that the dataset gives to Headpond. */
  static JdbcTable mapped(JdbcTable table, DatasetConfig dataset) {
    JdbcTable mapped = table;
    if (dataset.versionColumn() != null) {
      mapped = mapped.versionColumn(dataset.versionColumn());
    }
    if (dataset.updatedAtColumn() != null) {
      mapped = mapped.updatedAtColumn(dataset.updatedAtColumn());
    }
    if (dataset.keySequence() != null) {
      mapped = mapped.keySequence(dataset.keySequence());
    }
    return mapped;
  }

  /** Opens the cache of a dataset. Missing tables are created in the embedded database alone. */
  WriteBehindCache<Key, Row> cache(DatasetConfig dataset, boolean adopt) {
    JdbcTable table = mapped(database.table(dataset.table()), dataset);
    if (embedded != null) {
      table = table.createTable(true);
      if (dataset.onCreate() != null) {
        table = table.onCreate(dataset.onCreate());
      }
    }
    var builder =
        WriteBehindCache.builder(dataset.rowType())
            .settings(dataset.settings())
            .flushes(config.store().worker())
            .store(store(dataset))
            .systemOfRecord(new SimulatedFailures(table, lab));
    String instance = config.store().instance();
    if (instance != null) {
      builder.instance(instance);
    }
    try {
      return (adopt ? builder.adopt() : builder).build();
    } catch (ConfigurationException e) {
      // SQLSTATE class 28: who we are, not what we want.
      if (String.valueOf(e.getMessage()).contains("SQLSTATE 28")) {
        throw new ConfigurationException(
            "database "
                + psqlUrl()
                + ": "
                + e.getMessage()
                + "; give the right user and password in --database-url, or in"
                + " HEADPOND_DATABASE_USER and HEADPOND_DATABASE_PASSWORD",
            e);
      }
      throw e;
    } catch (SharedStoreFactory.AwayException e) {
      throw e;
    } catch (UnavailableException e) {
      if (lab.settings().outage()) {
        throw new UnavailableException(
            "dataset "
                + dataset.name()
                + ": cannot begin without the database, which the lab lets fail: start once without"
                + " --outage",
            e);
      }
      throw new UnavailableException(
          "database "
              + psqlUrl()
              + ": "
              + e.getMessage()
              + (embedded == null
                  ? "; check that it runs, and the URL, user and password (--database-url,"
                      + " HEADPOND_DATABASE_USER, HEADPOND_DATABASE_PASSWORD)"
                  : "; see the log in " + config.postgres()),
          e);
    }
  }

  private HotStoreFactory store(DatasetConfig dataset) {
    if (redis != null) {
      return new SharedStoreFactory(redis);
    }
    JournalStore.Factory store = JournalStore.in(config.journals());
    Long bytes = dataset.maxRequestBytes();
    return bytes == null ? store : store.maxRequestBytes(bytes);
  }

  /** Where what is pending is kept, for people. */
  String store() {
    RedisConfig shared = config.store().redis();
    return shared == null ? config.journals().toString() : shared.shown();
  }

  /** For people who connect with JDBC. The password of a database of the user's own is not in it. */
  String jdbcUrl() {
    DatabaseConfig own = config.database();
    return embedded != null ? embedded.jdbcUrl() : own == null ? "" : own.jdbcUrl();
  }

  /** For psql, without a password. */
  String psqlUrl() {
    DatabaseConfig own = config.database();
    return embedded != null ? embedded.psqlUrl() : own == null ? "" : own.psqlUrl();
  }

  boolean isEmbedded() {
    return embedded != null;
  }

  /** Lets go of the connections and stops the embedded database. After all caches. */
  @Override
  public void close() {
    try {
      if (redis != null) {
        redis.close();
      }
      database.close();
    } finally {
      if (embedded != null) {
        embedded.stop();
      }
    }
  }
}
