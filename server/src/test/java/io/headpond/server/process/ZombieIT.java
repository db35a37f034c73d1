package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.jdbc.JdbcDatabase;
import io.headpond.postgres.testing.TestPostgres;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that is stopped past its lease and goes on after another has written: it cannot commit, and says so. */
class ZombieIT {
  private static final int PARTITIONS = 4;
  private static final int KEYS = 20;
  private static final RowType TYPE =
      RowType.builder().key("key", ColumnType.TEXT).column("value", ColumnType.TEXT).build();

  @TempDir private Path folder;

  @Test
  void aStoppedServerThatGoesOnCannotCommitAndSaysSo() throws Exception {
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    Path yaml = folder.resolve("headpond.yaml");
    Files.writeString(
        yaml, "database: {leaseTtl: 3s}\n" + Table.yaml("linger: 1h\npartitions: 4", "kv"));
    String[] options = {"--config", yaml.toString(), "--database-url", url};
    Path data = folder.resolve("data");
    try (ServerProcess zombie = ServerProcess.serve(data, options);
        Wire wire = new Wire(zombie.port())) {
      // Something in each partition, so that each is fenced by a batch of its own.
      for (int i = 0; i < KEYS; i++) {
        assertThat(wire.send("PUT", Wire.entry("kv", "k" + i), "{\"value\": \"old\"}").status())
            .isEqualTo(202);
      }
      zombie.signal("STOP");
      zombie.await(
          "the leases are over",
          () ->
              Table.query(
                      url, "select bool_and(expires_at < clock_timestamp()) from headpond_lease")
                  .equals(List.of(List.of(true))));
      ServerProcess.Ended second =
          ServerProcess.run(
              "serve", "--port", "0", "--data-dir", data.toString(), "--config", yaml.toString());
      assertThat(second.exit()).isEqualTo(1);
      assertThat(second.err()).contains("another headpond uses it");

      Map<String, Long> written = takeOver(url);
      zombie.signal("CONT");
      assertThat(wire.send("POST", "/v1/datasets/kv/flush", "").body()).contains("\"applied\":0");
      zombie.await("that it is down", () -> wire.send("GET", "/v1/health", "").status() == 503);
      Wire.Answer health = wire.send("GET", "/v1/health", "");
      System.out.println(health.body());
      assertThat(health.body()).contains("\"status\":\"DOWN\"", "lease");
      assertThat(wire.send("GET", "/v1/health/ready", "").status()).isEqualTo(503);
      assertThat(wire.send("GET", "/v1/health/live", "").status()).isEqualTo(200);
      Wire.Answer put = wire.send("PUT", Wire.entry("kv", "k1"), "{\"value\": \"late\"}");
      assertThat(put.status()).as(put.body()).isEqualTo(503);
      assertThat(put.body()).contains("unavailable");
      // Not even what it has in memory: it no longer knows whether that is the newest.
      assertThat(wire.send("GET", Wire.entry("kv", "k1"), "").status()).isEqualTo(503);

      ServerProcess.Ended ended = zombie.terminate();
      assertThat(ended.exit()).as(ended.out() + ended.err()).isEqualTo(4);
      assertThat(ended.out()).contains("still pending: 20");
      Map<String, Long> rows = new HashMap<>();
      Table.rows(url, "kv")
          .forEach(
              (key, held) -> {
                assertThat(held.value()).isEqualTo("new");
                rows.put(key.substring("kv/".length()), held.version());
              });
      assertThat(rows).isEqualTo(written);
      assertThat(Table.query(url, "select count(*) from change"))
          .as("each row was written once")
          .containsExactly(List.of((long) KEYS));
    }
  }

  /** Another flusher of the same store writes every key; gives the versions. */
  private static Map<String, Long> takeOver(String url) throws Exception {
    List<Object> bound =
        Table.query(
                url,
                "select store_id, store_description from headpond_dataset where dataset = 'kv'")
            .get(0);
    StoreId store = new StoreId((UUID) bound.get(0), (String) bound.get(1));
    Map<String, Long> versions = new HashMap<>();
    try (JdbcDatabase database = JdbcDatabase.postgres(url).open();
        SystemOfRecord record =
            database
                .table("kv")
                .versionColumn("version")
                .updatedAtColumn("updated_at")
                .connect("kv", TYPE)) {
      assertThat(get(record.bind(store, PARTITIONS, false))).isTrue();
      long version = System.currentTimeMillis() * 1_000 + 3_600_000_000L;
      for (int partition = 0; partition < PARTITIONS; partition++) {
        Lease lease = get(record.acquire(store, partition));
        java.util.ArrayList<Mutation> mutations = new java.util.ArrayList<>();
        for (int i = 0; i < KEYS; i++) {
          Key key = TYPE.key("k" + i);
          if (key.partition(PARTITIONS) == partition) {
            Row row = TYPE.rowOf("new");
            mutations.add(new Mutation.Put(key, row, ++version, i));
            versions.put("k" + i, version);
          }
        }
        mutations.sort(java.util.Comparator.comparing(Mutation::key));
        Applied applied = get(record.apply(new Batch(partition + 1, mutations, 1), lease));
        assertThat(applied.outcomes()).allMatch(Applied.Done.class::isInstance);
      }
    }
    return versions;
  }

  private static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(Duration.ofSeconds(30).toSeconds(), TimeUnit.SECONDS);
  }
}
