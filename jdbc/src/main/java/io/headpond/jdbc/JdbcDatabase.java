package io.headpond.jdbc;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Connections to one database, shared by the datasets whose tables stand there. A dataset of its own needs none of this
 * by name:
 *
 * <pre>{@code
 * JdbcDatabase.postgres("jdbc:postgresql://localhost/shop?user=shop&password=...")
 *     .table("products").versionColumn("version")
 * }</pre>
 *
 * <p>Flushes and loads have connections and threads of their own, so that neither waits behind the
 * other. A connection that breaks is replaced; what was tried on it fails with an exception that says
 * whether it may have been carried out.
 *
 * <p>Datasets whose tables foreign keys tie together should share one: a dead letter that lacks the row it refers to is tried again when that row is committed through the same
 * {@code JdbcDatabase}, and through no other.
 *
 * <p>Thread-safe. Nothing is connected before the first table is. Closed by its owner, after all
 * that was connected from it.
 */
public final class JdbcDatabase implements AutoCloseable {
  private final Dialect dialect;
  private final DataSource unpooled;
  private final Duration leaseTtl;
  private final boolean unsafeAllowed;
  private final Lane flushes;
  private final Lane reads;
  private final Arrivals arrivals = new Arrivals();
  private final String threads;
  private boolean closed;
  private @Nullable Lane crews;

  private JdbcDatabase(Builder settings, String threads) {
    this.threads = threads;
    this.dialect = settings.dialect;
    this.unpooled = settings.source();
    this.leaseTtl = settings.leaseTtl;
    this.unsafeAllowed = settings.unsafeAllowed;
    this.flushes =
        new Lane(threads + "-flush", settings.connections, prepared(false), leaseTtl, dialect);
    this.reads =
        new Lane(
            threads + "-load",
            Math.max(2, settings.connections / 2),
            prepared(true),
            leaseTtl,
            dialect);
  }

  /**
   * A PostgreSQL server (version 14 or newer).
   *
   * @param url {@code jdbc:postgresql://host/database}; user and password may stand in it
   */
  public static Builder postgres(String url) {
    return new Builder(new PostgresDialect(), url, null);
  }

  /**
   * A PostgreSQL server (version 14 or newer).
   *
   * @param source gives new connections; they are pooled and set up here, so it should not be a pool
   *     itself
   */
  public static Builder postgres(DataSource source) {
    return new Builder(new PostgresDialect(), null, source);
  }

  /** The statements that create Headpond's own tables in a schema, for who does not let it create them. */
  public static String schema(String schema) {
    return "SET search_path TO " + TableName.quote(schema) + ";\n\n" + ownTables();
  }

  /**
   * A table of this database.
   *
   * @param name {@code table} or {@code schema.table}, spelled as in the catalogue
   */
  public JdbcTable table(String name) {
    return new JdbcTable(dialect, dataset -> this, false, mapping(name, unsafeAllowed));
  }

  /** Ends what is under way and lets go of the connections. */
  @Override
  public void close() {
    flushes.close();
    reads.close();
    synchronized (this) {
      closed = true;
      if (crews != null) {
        crews.close();
      }
    }
  }

  Dialect dialect() {
    return dialect;
  }

  Duration leaseTtl() {
    return leaseTtl;
  }

  Lane flushes() {
    return flushes;
  }

  Lane reads() {
    return reads;
  }

  /** One connection for who says that he lives: he must not wait for flushes, however slow. Made when the first one does. */
  synchronized Lane crews() {
    if (crews == null) {
      crews = new Lane(threads + "-crew", 1, prepared(false), leaseTtl, dialect);
      if (closed) {
        crews.close();
      }
    }
    return crews;
  }

  Arrivals arrivals() {
    return arrivals;
  }

  /** Checks a mapping on a connection of its own, so that a refusal is told at once and in full. */
  MappedTable check(RowType declared, Mapping mapping) {
    try (Connection connection = unpooled.getConnection()) {
      connection.setNetworkTimeout(Runnable::run, Limits.of(leaseTtl).networkMillis());
      return dialect.check(connection, declared, mapping);
    } catch (SQLException e) {
      throw Failures.of(dialect.trouble(e), e);
    }
  }

  private static Mapping mapping(String table, boolean unsafeAllowed) {
    return Mapping.of(TableName.parse(table), unsafeAllowed);
  }

  private PreparedSource prepared(boolean forReads) {
    return new PreparedSource(
        unpooled, connection -> dialect.prepare(connection, leaseTtl, forReads));
  }

  static String ownTables() {
    try (InputStream in = JdbcDatabase.class.getResourceAsStream("postgresql.sql")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Settings of a {@link JdbcDatabase}. Not thread-safe. */
  public static final class Builder {
    private final Dialect dialect;
    private final @Nullable String url;
    private final @Nullable DataSource source;
    private @Nullable String user;
    private @Nullable String password;
    private int connections = 4;
    private Duration leaseTtl = Duration.ofSeconds(30);
    private boolean unsafeAllowed;

    private Builder(Dialect dialect, @Nullable String url, @Nullable DataSource source) {
      this.dialect = dialect;
      this.url = url;
      this.source = source;
    }

    /** The database user. Default: the one in the URL. */
    @CanIgnoreReturnValue
    public Builder user(String name) {
      user = name;
      return this;
    }

    /** The user's password; it is never logged and stands in no message. Default: the one in the URL. */
    @CanIgnoreReturnValue
    public Builder password(String secret) {
      password = secret;
      return this;
    }

    /** How many connections flush. Loads have half as many of their own, at least 2, and a hot store that several processes share has one. Default: 4. */
    @CanIgnoreReturnValue
    public Builder connections(int count) {
      if (count < 1 || count > 1_000) {
        throw new ConfigurationException("connections: " + count + ": must be from 1 to 1000");
      }
      connections = count;
      return this;
    }

    /**
     * How long a lease is good without being renewed, by the database's clock, and a worker without saying that it lives. A statement, a lock or an idle
     * transaction ends earlier, by limits that the server enforces. Default: 30 s; at least 3 s.
     */
    @CanIgnoreReturnValue
    public Builder leaseTtl(Duration ttl) {
      if (ttl.compareTo(Duration.ofSeconds(3)) < 0 || ttl.compareTo(Duration.ofHours(1)) > 0) {
        throw new ConfigurationException("leaseTtl: " + ttl + ": must be from 3 s to 1 h");
      }
      leaseTtl = ttl;
      return this;
    }

    /** Whether to accept a server that can lose what it has committed (fsync or full_page_writes off). Default: no. */
    @CanIgnoreReturnValue
    public Builder allowUnsafeDatabase(boolean allow) {
      unsafeAllowed = allow;
      return this;
    }

    /** Connections for several datasets; the caller closes them. */
    public JdbcDatabase open() {
      return open("headpond-jdbc");
    }

    /**
     * The table of a single dataset, whose connections are opened and closed with it.
     *
     * @param name {@code table} or {@code schema.table}, spelled as in the catalogue
     */
    public JdbcTable table(String name) {
      return new JdbcTable(
          dialect,
          dataset -> open("headpond-" + dataset + "-jdbc"),
          true,
          mapping(name, unsafeAllowed));
    }

    private JdbcDatabase open(String threads) {
      return new JdbcDatabase(this, threads);
    }

    private DataSource source() {
      return source != null
          ? source
          : dialect.dataSource(Objects.requireNonNull(url), user, password);
    }
  }
}
