package io.headpond.jdbc;

import io.headpond.RowType;
import java.sql.Connection;
import java.sql.SQLException;

/**
 * What a dataset wants of its table.
 *
 * @param dataset its name
 * @param declared its columns as they were declared
 */
record Declaration(String dataset, RowType declared, Mapping mapping) {
  /**
   * Checks it against the table as it is now, and makes nothing that is missing.
   *
   * @throws io.headpond.ConfigurationException naming all that does not fit
   * @throws io.headpond.UnavailableException if the database cannot be reached
   */
  MappedTable check(JdbcDatabase database) {
    return database.check(declared, mapping.withCreateTable(false));
  }

  /** The same, on a connection that is in hand. */
  MappedTable check(Dialect dialect, Connection connection) throws SQLException {
    return dialect.check(connection, declared, mapping.withCreateTable(false));
  }
}
