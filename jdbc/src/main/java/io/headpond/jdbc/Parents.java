package io.headpond.jdbc;

import java.sql.Connection;
import java.sql.SQLException;

/** The datasets whose tables this one refers to. Thread-safe. */
final class Parents {
  boolean any() {
    return false;
  }

  long currentUpTo(Connection connection) throws SQLException {
    return Long.MAX_VALUE;
  }
}
