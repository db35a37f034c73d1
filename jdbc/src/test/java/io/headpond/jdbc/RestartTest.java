package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.OutcomeUnknownException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that is killed under load, and one that is not durable. */
class RestartTest {
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("value", ColumnType.BIGINT).build();

  /** Flushes one partition like an engine would, until told to stop; counts what was confirmed. */
  private static final class Worker {
    final int partition;
    final SystemOfRecord database;
    long confirmed;
    int failures;

    Worker(int partition, SystemOfRecord database) {
      this.partition = partition;
      this.database = database;
    }

    void run(AtomicBoolean stop, CountDownLatch warm) {
      Lease lease = null;
      Batch batch = null;
      while (!stop.get() || batch != null) {
        try {
          if (lease == null) {
            lease = get(database.acquire(STORE, partition));
          }
          if (batch == null) {
            batch = next();
          }
          assertThat(get(database.apply(batch, lease)).outcomes()).containsOnly(new Applied.Done());
          confirmed++;
          batch = null;
          if (confirmed == 20) {
            warm.countDown();
          }
        } catch (OutcomeUnknownException e) {
          failures++;
          lease = null;
        } catch (FencedException | DatabaseWentBackException e) {
          throw e;
        } catch (UnavailableException e) {
          failures++;
        }
      }
    }

    private Batch next() {
      List<Mutation> puts = new ArrayList<>();
      long version = confirmed + 1;
      for (long i = 0; i < 50; i++) {
        puts.add(
            new Mutation.Put(TYPE.key(partition * 1_000L + i), TYPE.rowOf(version), version, 1));
      }
      return new Batch(version, puts, version);
    }
  }

  @Test
  void killedUnderLoadItGoesOn(@TempDir Path folder) throws Exception {
    try (EmbeddedPostgres server =
        EmbeddedPostgres.builder().directory(folder.resolve("pg")).start()) {
      TestDatabase admin = TestDatabase.at(server.jdbcUrl());
      try (SystemOfRecord database =
          admin.table("t").versionColumn("version").createTable(true).connect("d", TYPE)) {
        get(database.bind(STORE, 4, false));
        AtomicBoolean stop = new AtomicBoolean();
        CountDownLatch warm = new CountDownLatch(4);
        AtomicReference<Throwable> broken = new AtomicReference<>();
        List<Worker> workers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int partition = 0; partition < 4; partition++) {
          Worker worker = new Worker(partition, database);
          Thread thread = new Thread(() -> worker.run(stop, warm), "worker-" + partition);
          thread.setUncaughtExceptionHandler((t, e) -> broken.compareAndSet(null, e));
          workers.add(worker);
          threads.add(thread);
          thread.start();
        }
        assertThat(warm.await(30, TimeUnit.SECONDS)).isTrue();
        server.killHard();
        server.restart();
        stop.set(true);
        for (Thread thread : threads) {
          thread.join(60_000);
          assertThat(thread.isAlive()).isFalse();
        }
        assertThat(broken.get()).isNull();
        assertThat(workers).as("it was killed under load").anyMatch(w -> w.failures > 0);
        for (Worker worker : workers) {
          assertThat(
                  admin.query("SELECT DISTINCT value FROM t WHERE id / 1000 = " + worker.partition))
              .containsExactly(Long.toString(worker.confirmed));
        }
      }
    }
  }

  @Test
  void serversThatCanLoseCommitsAreRefused(@TempDir Path folder) {
    try (EmbeddedPostgres server =
        EmbeddedPostgres.builder().directory(folder.resolve("pg")).durable(false).start()) {
      JdbcDatabase.Builder builder = JdbcDatabase.postgres(server.jdbcUrl());
      assertThatThrownBy(() -> builder.table("t").createTable(true).connect("d", TYPE))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("server: has fsync=off")
          .hasMessageContaining("server: has full_page_writes=off")
          .hasMessageContaining("allowUnsafeDatabase");
      builder.allowUnsafeDatabase(true).table("t").createTable(true).connect("d", TYPE).close();
    }
  }
}
