package io.headpond.postgres.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

  /** Surefire kills a JVM that takes 30 s to end, and then the server would go on. */
  @Test
  void theEndWaitsForNoDiskAndNotForEver(@TempDir Path folder) throws Exception {
    EmbeddedPostgres server = EmbeddedPostgres.builder().directory(folder.resolve("pg")).start();
    Path log = server.logFile();
    TestPostgres.end(server, Duration.ZERO);
    assertThat(server.isRunning()).isFalse();
    assertThat(Files.readString(log)).contains("received immediate shutdown request");
    TestPostgres.end(server, Duration.ofMinutes(1));
    assertThat(server.directory()).doesNotExist();
  }
}
