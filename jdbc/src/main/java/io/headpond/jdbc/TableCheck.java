package io.headpond.jdbc;

import java.sql.Connection;
import java.sql.SQLException;

/** Checks a table as at the start, while it is in use. */
@FunctionalInterface
interface TableCheck {
  /**
   * Looks at the catalogue through a connection that is in hand, since another one may not be had. Leaves the transaction as it was, but for its end if this fails.
   *
   * @throws io.headpond.ConfigurationException if the table is no longer what was checked
   * @throws SQLException if it could not be looked at
   */
  void run(Connection connection) throws SQLException;
}
