package io.headpond.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.headpond.UnavailableException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;

/**
 * Connections for one purpose, with as many threads to use them. Work waits in the order in which
 * it came; a stage is completed after its connection has been given back. Thread-safe.
 */
final class Lane implements AutoCloseable {
  private static final String READ_ONLY = "25006";
  private static final Duration LONGEST_CONNECT = Duration.ofSeconds(3);
  private static final long CLOSE_MILLIS = 1_000;

  /** What is done with a connection. */
  @FunctionalInterface
  interface Work<T> {
    T run(Connection connection) throws SQLException;
  }

  private final HikariDataSource pool;
  private final ThreadPoolExecutor threads;
  private final Dialect dialect;

  Lane(String name, int size, DataSource source, Duration leaseTtl, Dialect dialect) {
    this.dialect = dialect;
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setDataSource(source);
    config.setMaximumPoolSize(size);
    config.setMinimumIdle(0);
    config.setAutoCommit(true);
    config.setInitializationFailTimeout(-1);
    long connect = Math.min(LONGEST_CONNECT.toMillis(), leaseTtl.toMillis() / 3);
    config.setConnectionTimeout(connect);
    config.setValidationTimeout(Math.max(250, connect / 2));
    this.pool = new HikariDataSource(config);
    AtomicInteger count = new AtomicInteger();
    this.threads =
        new ThreadPoolExecutor(
            size,
            size,
            1,
            TimeUnit.MINUTES,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, name + "-" + count.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            },
            (task, executor) -> ((Task<?>) task).fail(closed()));
    threads.allowCoreThreadTimeOut(true);
  }

  /** Does something with a connection, in auto-commit mode, on one of this lane's threads. */
  <T> CompletableFuture<T> run(Work<T> work) {
    Task<T> task = new Task<>(work);
    threads.execute(task);
    return task.result;
  }

  @Override
  public void close() {
    threads.shutdownNow().forEach(task -> ((Task<?>) task).fail(closed()));
    // While the database hangs, the pool waits some seconds for connections that are being made.
    // Nobody is going to use them.
    Thread closing = new Thread(pool::close, pool.getPoolName() + "-close");
    closing.setDaemon(true);
    closing.start();
    try {
      closing.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static UnavailableException closed() {
    return new UnavailableException("the connection to the database is closed");
  }

  private final class Task<T> implements Runnable {
    final CompletableFuture<T> result = new CompletableFuture<>();
    private final Work<T> work;

    Task(Work<T> work) {
      this.work = work;
    }

    void fail(Throwable failure) {
      result.completeExceptionally(failure);
    }

    @Override
    public void run() {
      T value;
      try {
        value = onConnection();
      } catch (SQLException e) {
        fail(Failures.of(dialect.trouble(e), e));
        return;
      } catch (Throwable e) {
        fail(e);
        return;
      }
      result.complete(value);
    }

    private T onConnection() throws SQLException {
      Connection connection = connect();
      try {
        return work.run(connection);
      } catch (SQLException e) {
        SqlTrouble trouble = dialect.trouble(e);
        boolean readOnly = READ_ONLY.equals(trouble.error().code());
        if (trouble.answer() == SqlStates.Answer.RETRY && (readOnly || !connection.isValid(1))) {
          // The others were most likely lost with it: better to connect anew than to find out one
          // by one. A session that began as a read-only one stays so when the server no longer is.
          pool.getHikariPoolMXBean().softEvictConnections();
        }
        throw e;
      } finally {
        giveBack(connection);
      }
    }

    private Connection connect() throws SQLException {
      try {
        return pool.getConnection();
      } catch (SQLTransientConnectionException e) {
        SqlTrouble trouble = dialect.trouble(e);
        if (trouble.answer() != SqlStates.Answer.RETRY) {
          throw e;
        }
        // In the pool's own words nobody would know the database again.
        throw new UnavailableException(
            "the database did not answer to a connection attempt within "
                + Duration.ofMillis(pool.getConnectionTimeout()).toSeconds()
                + " s"
                + (e.getCause() instanceof SQLException ? " (" + trouble.message() + ")" : ""),
            e);
      }
    }

    private void giveBack(Connection connection) {
      try {
        connection.close();
      } catch (SQLException e) {
        // It has been replaced by the pool; what was done on it is known already.
      }
    }
  }
}
