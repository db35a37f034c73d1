package io.headpond.jdbc;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Gives connections that have been set up; one that cannot be is closed again. */
final class PreparedSource implements DataSource {
  /** Sets a new connection up. */
  @FunctionalInterface
  interface Preparation {
    void prepare(Connection connection) throws SQLException;
  }

  private static final int CLOSE_SECONDS = 10;

  private final DataSource source;
  private final Preparation preparation;

  PreparedSource(DataSource source, Preparation preparation) {
    this.source = source;
    this.preparation = preparation;
  }

  @Override
  public Connection getConnection() throws SQLException {
    return prepared(source.getConnection());
  }

  @Override
  public Connection getConnection(String user, String password) throws SQLException {
    return prepared(source.getConnection(user, password));
  }

  private Connection prepared(Connection connection) throws SQLException {
    try {
      preparation.prepare(connection);
      return connection;
    } catch (SQLException | RuntimeException e) {
      try {
        connection.close();
      } catch (SQLException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  @Override
  public @Nullable PrintWriter getLogWriter() throws SQLException {
    return source.getLogWriter();
  }

  @Override
  public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
    source.setLogWriter(out);
  }

  @Override
  public void setLoginTimeout(int seconds) throws SQLException {
    // The pool would set its own; a source keeps what it was made with.
  }

  /**
   * Hikari also waits so long, when it closes, for the thread that opens connections. With 0, which most sources have, it
   * would not wait for it at all and warn of that.
   */
  @Override
  public int getLoginTimeout() throws SQLException {
    int timeout = source.getLoginTimeout();
    return timeout > 0 ? timeout : CLOSE_SECONDS;
  }

  @Override
  public Logger getParentLogger() throws SQLFeatureNotSupportedException {
    return source.getParentLogger();
  }

  @Override
  public <T> T unwrap(Class<T> type) throws SQLException {
    return type.isInstance(this) ? type.cast(this) : source.unwrap(type);
  }

  @Override
  public boolean isWrapperFor(Class<?> type) throws SQLException {
    return type.isInstance(this) || source.isWrapperFor(type);
  }
}
