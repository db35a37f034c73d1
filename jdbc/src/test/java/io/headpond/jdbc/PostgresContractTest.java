package io.headpond.jdbc;

import io.headpond.postgres.testing.TestPostgres;
import io.headpond.spi.SystemOfRecordFactory;
import io.headpond.testkit.SystemOfRecordContractTest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

class PostgresContractTest extends SystemOfRecordContractTest {
  private static final String URL = TestPostgres.createDatabase().jdbcUrl();

  @Override
  protected SystemOfRecordFactory factory(String table, boolean versioned) {
    JdbcTable mapped = JdbcDatabase.postgres(URL).table(table);
    return versioned ? mapped.versionColumn("version") : mapped;
  }

  @Override
  protected Connection sql() throws SQLException {
    return DriverManager.getConnection(URL);
  }
}
