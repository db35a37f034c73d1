package io.headpond.jdbc;

import io.headpond.RowType;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** What differs between databases. Stateless. */
interface Dialect {
  /** Unpooled connections to what a JDBC URL names. */
  DataSource dataSource(String url, @Nullable String user, @Nullable String password);

  /**
   * Sets up a new session: limits that the server itself enforces and that end before a lease does,
   * and a commit that waits for the disk.
   */
  void prepare(Connection connection, Duration leaseTtl, boolean forReads) throws SQLException;

  /**
   * Checks the mapping against the catalogue, after making what is missing and may be made.
   *
   * @throws io.headpond.ConfigurationException naming all that does not fit
   */
  MappedTable check(Connection connection, RowType declared, Mapping mapping) throws SQLException;

  /** The statement that creates the table of a mapping as {@link #check} accepts it. */
  String createStatement(RowType declared, Mapping mapping);

  /** What an error means for what was tried. */
  SqlTrouble trouble(SQLException error);
}
