package io.headpond.postgres.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.Statement;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class TestPostgresTest {
  @Test
  void eachDatabaseIsItsOwn() throws Exception {
    TestPostgres.Database one = TestPostgres.createDatabase();
    TestPostgres.Database other = TestPostgres.createDatabase();
    assertThat(one.name()).isNotEqualTo(other.name());
    for (TestPostgres.Database database : new TestPostgres.Database[] {one, other}) {
      try (Connection connection =
              new org.postgresql.Driver().connect(database.jdbcUrl(), new Properties());
          Statement statement = connection.createStatement()) {
        statement.execute("create table t (n int)");
      }
    }
    assertThat(TestPostgres.server().isRunning()).isTrue();
  }
}
