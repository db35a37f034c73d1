package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.RowType;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** PostgreSQL 14 and newer. */
final class PostgresDialect implements Dialect {
  /** A server that takes a connection and then says nothing is given up after this. */
  private static final int LOGIN_SECONDS = 10;

  /**
   * Everything in one round trip. What values are written and read with may be set otherwise for the database or the user: a
   * negative extra_float_digits would round every number of floating point. A stronger synchronous_commit than "on" is kept; a weaker
   * one would let the server confirm what it can lose. transaction_timeout exists since version 17.
   */
  private static final String SETTINGS =
      """
      SELECT pg_is_in_recovery(),
             set_config('TimeZone', 'UTC', false),
             set_config('IntervalStyle', 'iso_8601', false),
             set_config('array_nulls', 'on', false),
             set_config('extra_float_digits', '1', false),
             set_config('statement_timeout', ?, false),
             set_config('lock_timeout', ?, false),
             set_config('idle_in_transaction_session_timeout', ?, false),
             set_config('default_transaction_isolation', 'read committed', false),
             CASE WHEN current_setting('synchronous_commit')
                       NOT IN ('on', 'remote_write', 'remote_apply')
                  THEN set_config('synchronous_commit', 'on', false) END,
             CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
                  THEN set_config('transaction_timeout', ?, false) END,
             CASE WHEN ? THEN set_config('default_transaction_read_only', 'on', false) END
      """;

  @Override
  public DataSource dataSource(String url, @Nullable String user, @Nullable String password) {
    PGSimpleDataSource source = new PGSimpleDataSource();
    try {
      source.setUrl(url);
    } catch (IllegalArgumentException e) {
      // Not the cause: its message repeats the URL, and a password may stand in there.
      throw new ConfigurationException(
          "url: must have the form jdbc:postgresql://host:port/database, with parameters known to the"
              + " driver");
    }
    if (user != null) {
      source.setUser(user);
    }
    if (password != null) {
      source.setPassword(password);
    }
    if (source.getApplicationName() == null) {
      source.setApplicationName("headpond");
    }
    source.setTcpKeepAlive(true);
    if (source.getLoginTimeout() == 0) {
      source.setLoginTimeout(LOGIN_SECONDS);
    }
    // The same few statements over and over: let the server keep them from the first use on.
    source.setPrepareThreshold(1);
    return source;
  }

  @Override
  public void prepare(Connection connection, Duration leaseTtl, boolean forReads)
      throws SQLException {
    Limits limits = Limits.of(leaseTtl);
    try (PreparedStatement statement = connection.prepareStatement(SETTINGS)) {
      statement.setString(1, limits.statementMillis() + "ms");
      statement.setString(2, limits.lockMillis() + "ms");
      statement.setString(3, limits.idleMillis() + "ms");
      statement.setString(4, limits.transactionMillis() + "ms");
      statement.setBoolean(5, forReads);
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        if (row.getBoolean(1)) {
          throw new SQLException(
              "the server is in recovery (a standby); Headpond reads and writes the primary only",
              "25006");
        }
      }
    }
    // Beyond the server's own limit: only a server or a network that has gone silent gets there.
    connection.setNetworkTimeout(Runnable::run, limits.networkMillis());
  }

  @Override
  public MappedTable check(Connection connection, RowType declared, Mapping mapping)
      throws SQLException {
    return new PostgresCheck(connection, declared, mapping).run();
  }

  @Override
  public String createStatement(RowType declared, Mapping mapping) {
    return PostgresDdl.createTable(mapping, declared);
  }

  @Override
  public SqlTrouble trouble(SQLException error) {
    SQLException cause = root(error);
    SqlStates.Rule rule = SqlStates.of(cause.getSQLState());
    return new SqlTrouble(
        rule.answer(), new DatabaseError(rule.errorClass(), cause.getSQLState(), message(cause)));
  }

  /** The pool wraps why it could not connect. */
  private static SQLException root(SQLException error) {
    SQLException root = error;
    while (!(root instanceof PSQLException) && root.getCause() instanceof SQLException cause) {
      root = cause;
    }
    return root;
  }

  private static String message(SQLException error) {
    ServerErrorMessage server =
        error instanceof PSQLException pg ? pg.getServerErrorMessage() : null;
    String message = server == null ? error.getMessage() : server.getMessage();
    return message == null ? "the database gave no reason" : message.lines().findFirst().orElse("");
  }
}
