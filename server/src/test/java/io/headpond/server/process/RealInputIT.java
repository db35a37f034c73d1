package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import io.headpond.testkit.HistoryChecker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** 100,000 writes over HTTP from several clients: PostgreSQL ends in exactly the acknowledged state. */
class RealInputIT {
  private static final int CLIENTS = 16;
  private static final int WRITES = 100_000;

  @TempDir private Path folder;

  @Test
  void theDatabaseEndsInTheAcknowledgedState() throws Exception {
    TestPostgres.Database database = TestPostgres.createDatabase();
    Table.create(database.jdbcUrl(), "a", "b");
    Path yaml = folder.resolve("headpond.yaml");
    Files.writeString(yaml, Table.yaml("linger: 50ms\nmaxBatchSize: 1000", "a", "b"));
    HistoryChecker<String, String> history = new HistoryChecker<>();
    Load load = new Load(history, "a", "b");
    try (ServerProcess server =
        ServerProcess.serve(
            folder.resolve("data"),
            "--config",
            yaml.toString(),
            "--database-url",
            database.jdbcUrl())) {
      long began = System.nanoTime();
      List<Thread> clients = load.start(server.port(), CLIENTS, WRITES / CLIENTS, 60, 1);
      for (Thread client : clients) {
        client.join();
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      System.out.printf(
          "%d writes over HTTP from %d clients in %.1f s: %.0f a second%n",
          WRITES, CLIENTS, seconds, WRITES / seconds);
      ServerProcess.Ended ended = server.terminate();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
      assertThat(ended.out()).contains("nothing is pending");
    }
    assertThat(load.unexpected()).isEmpty();
    assertThat(history.acknowledged()).isEqualTo(WRITES);
    Table.observe(database.jdbcUrl(), history);
    assertThat(history.violations(Table.rows(database.jdbcUrl(), "a", "b"))).isEmpty();
  }
}
