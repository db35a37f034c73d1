package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.testkit.HistoryChecker;
import io.headpond.testkit.HistoryChecker.Held;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * kill -9 after a random number of acknowledged writes under load, and of PostgreSQL in the middle of some: nothing that was acknowledged at
 * JOURNAL or DISK is lost, and no row goes back. Some values are refused by a constraint: they become dead letters, survive all that too, and are written when
 * the constraint is gone.
 *
 * <p>{@code -Dheadpond.crash.rounds} (30) and {@code -Dheadpond.crash.seed} choose how long and which.
 */
class CrashIT {
  private static final String[] DATASETS = {"a", "b", "c"};
  private static final int CLIENTS = 6;

  @TempDir private Path folder;

  private final HistoryChecker<String, String> history = new HistoryChecker<>();
  private final Load load = new Load(history, DATASETS).badValues(3);

  @Test
  void nothingAcknowledgedIsLostAndNoRowGoesBack() throws Exception {
    int rounds = Integer.getInteger("headpond.crash.rounds", 30);
    long seed = Long.getLong("headpond.crash.seed", System.nanoTime());
    System.out.printf("headpond.crash.rounds=%d headpond.crash.seed=%d%n", rounds, seed);
    Random random = new Random(seed);
    long began = System.nanoTime();
    try (EmbeddedPostgres postgres =
        EmbeddedPostgres.builder().directory(folder.resolve("postgres")).start()) {
      Table.create(postgres.jdbcUrl(), DATASETS);
      for (String dataset : DATASETS) {
        Table.execute(
            postgres.jdbcUrl(),
            "alter table " + dataset + " add constraint good check (value not like 'bad%')");
      }
      Path yaml = folder.resolve("headpond.yaml");
      Files.writeString(
          yaml,
          Table.yaml(
              "linger: 20ms\nmaxBatchSize: 200\npartitions: 4\nmaxRetries: 1\nretryDelay: 50ms",
              DATASETS));
      String[] options = {"--config", yaml.toString(), "--database-url", Table.url(postgres)};
      Path data = folder.resolve("data");
      long restarts = 0;
      int databaseKills = 0;
      ServerProcess server = ServerProcess.serve(data, options);
      try {
        for (int round = 0; round < rounds; round++) {
          List<Thread> clients =
              load.start(server.port(), CLIENTS, Long.MAX_VALUE, 10, random.nextLong());
          load.awaitAcknowledged(30 + random.nextInt(300));
          boolean killDatabase = random.nextInt(5) == 0;
          if (killDatabase) {
            databaseKills++;
            postgres.killHard();
            load.awaitAcknowledged(random.nextInt(100));
          }
          server.killHard();
          for (Thread client : clients) {
            client.join();
          }
          if (killDatabase) {
            postgres.restart();
          }
          server = ServerProcess.serve(data, options);
          restarts += server.readyAfter().toMillis();
          Set<String> touched = load.takeTouched();
          assertThat(violations(server.port(), touched))
              .as("round %d of seed %d", round, seed)
              .isEmpty();
        }
        long letters = retryAll(postgres.jdbcUrl(), server);
        System.out.printf("%d dead letters retried%n", letters);
        assertThat(letters).isPositive();
        ServerProcess.Ended ended = server.terminate();
        assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
        assertThat(ended.out()).contains("nothing is pending");
      } finally {
        server.close();
      }
      int changes = Table.observe(postgres.jdbcUrl(), history);
      assertThat(history.violations(Table.rows(postgres.jdbcUrl(), DATASETS)))
          .as("seed %d", seed)
          .isEmpty();
      assertThat(load.unexpected()).isEmpty();
      System.out.printf(
          "%d rounds (%d with PostgreSQL killed) in %.0f s: %d writes acknowledged, %d rows changed, ready after %d ms"
              + " on average%n",
          rounds,
          databaseKills,
          (System.nanoTime() - began) / 1e9,
          history.acknowledged(),
          changes,
          restarts / Math.max(1, rounds));
      assertThat(history.acknowledged()).isGreaterThanOrEqualTo(30L * rounds);
    }
  }

  /** Takes the constraint away and retries what it has refused; gives how many dead letters there were. */
  private static long retryAll(String jdbcUrl, ServerProcess server) throws Exception {
    long letters = 0;
    try (Wire wire = new Wire(server.port())) {
      for (String dataset : DATASETS) {
        String path = "/v1/datasets/" + dataset;
        // What was not refused for the last time yet is so now.
        server.await(
            "nothing pending", () -> wire.send("GET", path, "").number("pendingEntries") == 0);
        Table.execute(jdbcUrl, "alter table " + dataset + " drop constraint good");
        letters += wire.send("POST", path + "/dead-letters:retry?all=true", "").number("retried");
        server.await(
            "no dead letter any more",
            () -> {
              Wire.Answer status = wire.send("GET", path, "");
              return status.number("pendingEntries") == 0 && status.number("parked") == 0;
            });
      }
    }
    return letters;
  }

  /** What the restarted server says of the keys that were written in the round before. */
  private List<String> violations(int port, Set<String> touched) throws Exception {
    Map<String, Held<String>> present = new HashMap<>();
    try (Wire wire = new Wire(port)) {
      for (String name : touched) {
        int slash = name.indexOf('/');
        Wire.Answer answer =
            wire.send("GET", Wire.entry(name.substring(0, slash), name.substring(slash + 1)), "");
        assertThat(answer.status()).as(answer.toString()).isIn(200, 404);
        if (answer.status() == 200) {
          String value = answer.body().replaceAll(".*\"value\":\\{\"value\":\"([^\"]*)\".*", "$1");
          present.put(name, new Held<>(value, answer.number("version")));
        }
      }
    }
    return history.violations(present).stream()
        .filter(
            violation ->
                touched.stream().anyMatch(name -> violation.startsWith("row " + name + " ")))
        .toList();
  }
}
