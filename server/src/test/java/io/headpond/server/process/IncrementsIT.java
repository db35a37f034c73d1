package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Eight clients increment a hundred counters with kill -9 in between, and send again what they had no answer to: every counter in
 * PostgreSQL is exactly the sum of what was acknowledged.
 *
 * <p>{@code -Dheadpond.increments} (20,000; the whole is 200,000), {@code -Dheadpond.increments.kills} (4) and {@code
 * -Dheadpond.increments.seed} choose how long and which.
 */
class IncrementsIT {
  private static final int CLIENTS = 8;
  private static final int COUNTERS = 100;

  /** A client ends when it is told to come again later; not for ever. */
  private static final int TRIES = 20;

  @TempDir private Path folder;

  @Test
  void theSumsInTheDatabaseAreTheAcknowledgedSums() throws Exception {
    long total = Long.getLong("headpond.increments", 20_000);
    int kills = Integer.getInteger("headpond.increments.kills", 4);
    long seed = Long.getLong("headpond.increments.seed", System.nanoTime());
    System.out.printf(
        "headpond.increments=%d headpond.increments.kills=%d headpond.increments.seed=%d%n",
        total, kills, seed);
    Random random = new Random(seed);
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.execute(
        url,
        "create table likes (key text primary key, n bigint, version bigint not null,"
            + " updated_at timestamptz not null)");
    Path yaml =
        Files.writeString(
            folder.resolve("headpond.yaml"),
            Table.yaml(
                    "linger: 50ms\nmaxBatchSize: 200\npartitions: 4\nmaxRequestBytes: 256MiB",
                    "likes")
                .replace("{value: text}", "{n: bigint}"));
    Path data = folder.resolve("data");
    String[] options = {"--config", yaml.toString(), "--database-url", url};
    Increments load = new Increments("likes", CLIENTS, COUNTERS, total, seed);
    long began = System.nanoTime();
    ServerProcess server = ServerProcess.serve(data, options);
    try {
      for (int kill = 1; kill <= kills; kill++) {
        List<Thread> clients = load.start(server.port());
        long even = load.total() * kill / (kills + 1);
        load.awaitAcknowledged(even + random.nextInt(100) - 50);
        server.killHard();
        join(clients);
        server = ServerProcess.serve(data, options);
      }
      for (int tries = 0; load.acknowledged() < load.total() && tries < TRIES; tries++) {
        join(load.start(server.port()));
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      assertThat(load.unexpected()).isEmpty();
      assertThat(load.acknowledged()).isEqualTo(load.total());
      ServerProcess.Ended ended = server.terminate();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isZero();
      System.out.printf(
          "%d increments from %d clients with %d kills in %.1f s (%.0f a second), %d sent again%n",
          load.acknowledged(),
          CLIENTS,
          kills,
          seconds,
          load.acknowledged() / seconds,
          load.repeated());
    } finally {
      server.close();
    }
    Map<String, Long> found = new HashMap<>();
    for (List<Object> row : Table.query(url, "select key, n from likes")) {
      found.put((String) row.get(0), (Long) row.get(1));
    }
    assertThat(found).as("seed %d", seed).isEqualTo(load.sums());
    assertThat(found).hasSize(COUNTERS);
    assertThat(load.repeated()).as("kills hit requests under way").isPositive();
  }

  private static void join(List<Thread> threads) throws InterruptedException {
    for (Thread thread : threads) {
      thread.join();
    }
  }
}
