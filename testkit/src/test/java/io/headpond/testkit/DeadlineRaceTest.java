package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Environment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** On real threads: the deadline of a write at DATABASE passes at about the moment at which the write may go on. */
class DeadlineRaceTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("name", ColumnType.TEXT).build();
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final int ROUNDS = 3_000;

  @TempDir Path folder;

  @Test
  @Timeout(60)
  void whatIsSaidNotToBeDoneIsNotDone() throws Exception {
    Set<Long> notDone = new HashSet<>();
    Random random = new Random(1);
    try (Deadlines environment = new Deadlines();
        OneThread databaseThread = new OneThread()) {
      FakeDatabase database = new FakeDatabase(databaseThread);
      try (WriteBehindCache<Key, Row> cache =
          WriteBehindCache.builder(TYPE)
              .name("t")
              .partitions(1)
              .linger(Duration.ofHours(1))
              .durability(Durability.JOURNAL)
              .store(JournalStore.in(folder).segmentSize(1 << 20))
              .systemOfRecord(database)
              .environment(environment)
              .build()) {
        for (long id = 0; id < ROUNDS; id++) {
          Key key = TYPE.key(id);
          cache.put(key, TYPE.rowOf("before"));
          CompletableFuture<Receipt> through =
              cache.putAsync(
                  key,
                  TYPE.rowOf("through"),
                  WriteOptions.defaults().durability(Durability.DATABASE));
          long until = System.nanoTime() + random.nextInt(150_000);
          while (System.nanoTime() < until) {
            Thread.onSpinWait();
          }
          environment.deadlinePasses();
          try {
            through.get();
          } catch (ExecutionException e) {
            if (e.getCause() instanceof UnavailableException
                && !(e.getCause() instanceof OutcomeUnknownException)) {
              notDone.add(id);
            }
          }
        }
        assertThat(cache.drain(Duration.ofSeconds(20)).remaining()).isZero();
        for (long id : notDone) {
          assertThat(database.row(TYPE.key(id)).value()).isEqualTo(TYPE.rowOf("before"));
        }
      }
    }
    assertThat(notDone).isNotEmpty();
  }

  /** Real time, but for the deadline, which passes on command. */
  private static final class Deadlines implements Environment, AutoCloseable {
    private final ScheduledExecutorService threads = Executors.newScheduledThreadPool(4);
    private final AtomicReference<@Nullable Runnable> deadline = new AtomicReference<>();

    void deadlinePasses() {
      Runnable task = deadline.getAndSet(null);
      if (task != null) {
        task.run();
      }
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
      if (delay.equals(DEADLINE)) {
        deadline.set(task);
        return () -> {};
      }
      var timer = threads.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
      return () -> timer.cancel(false);
    }

    @Override
    public void execute(Runnable task) {
      threads.execute(task);
    }

    @Override
    public void executeBlocking(Runnable task) {
      threads.execute(task);
    }

    @Override
    public void executeCallback(Runnable task) {
      threads.execute(task);
    }

    @Override
    public long wallMicros() {
      return System.currentTimeMillis() * 1_000;
    }

    @Override
    public long nanos() {
      return System.nanoTime();
    }

    @Override
    public long random() {
      return ThreadLocalRandom.current().nextLong();
    }

    @Override
    public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
      return stage.toCompletableFuture().join();
    }

    @Override
    public void close() {
      threads.shutdownNow();
    }
  }
}
