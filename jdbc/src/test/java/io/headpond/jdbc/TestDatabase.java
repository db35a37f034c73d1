package io.headpond.jdbc;

import io.headpond.postgres.testing.TestPostgres;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** A database of its own on the shared server, and what the tests of this package do with one. */
final class TestDatabase {
  final String url;

  private TestDatabase(String url) {
    this.url = url;
  }

  static TestDatabase create() {
    return new TestDatabase(TestPostgres.createDatabase().jdbcUrl());
  }

  static TestDatabase at(String url) {
    return new TestDatabase(url);
  }

  JdbcTable table(String name) {
    return JdbcDatabase.postgres(url).table(name);
  }

  Connection connection() throws SQLException {
    return DriverManager.getConnection(url);
  }

  void execute(String... statements) {
    try (Connection connection = connection();
        Statement statement = connection.createStatement()) {
      for (String text : statements) {
        statement.execute(text);
      }
    } catch (SQLException e) {
      throw new AssertionError(e.getMessage(), e);
    }
  }

  /** The first column of every row, as text. */
  List<String> query(String text) {
    try (Connection connection = connection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(text)) {
      List<String> found = new ArrayList<>();
      while (rows.next()) {
        found.add(rows.getString(1));
      }
      return found;
    } catch (SQLException e) {
      throw new AssertionError(e.getMessage(), e);
    }
  }

  /** What a stage completes with, or throws what it fails with. */
  static <T> T get(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** Returns when so many sessions of this database wait for a lock. */
  static void awaitBlocked(TestDatabase db, int sessions) {
    String query =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            + " AND wait_event_type = 'Lock'";
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (Integer.parseInt(db.query(query).get(0)) < sessions) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("fewer than " + sessions + " sessions wait for a lock");
      }
      Thread.onSpinWait();
    }
  }
}
