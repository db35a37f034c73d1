package io.headpond.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** The little SQL that the tests need. */
final class Sql {
  private Sql() {}

  static Connection connect(EmbeddedPostgres server) throws SQLException {
    return new org.postgresql.Driver().connect(server.jdbcUrl(), new Properties());
  }

  static void run(EmbeddedPostgres server, String... statements) throws SQLException {
    try (Connection connection = connect(server);
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  static String one(EmbeddedPostgres server, String query) throws SQLException {
    try (Connection connection = connect(server);
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(query)) {
      result.next();
      return result.getString(1);
    }
  }
}
