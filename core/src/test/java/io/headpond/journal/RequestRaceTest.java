package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.RowType;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Mutation;
import io.headpond.spi.Remembered;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests with the same ids at the same time, on entries of different partitions, while segments are rewritten and go. */
class RequestRaceTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("v", ColumnType.TEXT).build();
  private static final int PARTITIONS = 4;
  private static final int THREADS = 4;
  private static final int ROUNDS = 3_000;

  /** Long enough for segments to be filled and rewritten. */
  private static final String PADDING = "x".repeat(200);

  @TempDir Path folder;

  private final ThreadEnvironment environment = new ThreadEnvironment();
  private final AtomicBoolean writing = new AtomicBoolean(true);

  /** By id: the version of the one that was carried out. */
  private final Map<String, Long> winners = new ConcurrentHashMap<>();

  @AfterEach
  void stop() {
    environment.close();
  }

  private HotStore open() {
    HotStore opened =
        JournalStore.in(folder)
            .segmentSize(64 << 10)
            .open(
                new HotStoreFactory.Settings(
                    "race",
                    TYPE,
                    PARTITIONS,
                    100_000,
                    1L << 30,
                    100,
                    Duration.ofHours(1),
                    environment));
    for (int i = 0; i < PARTITIONS; i++) {
      environment.await(opened.open(i, 1, 0, false));
    }
    return opened;
  }

  @Test
  void exactlyOneIsCarriedOut() throws Exception {
    HotStore store = open();
    CyclicBarrier together = new CyclicBarrier(THREADS);
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      List<Future<Integer>> writers = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        int writer = i;
        writers.add(threads.submit(() -> write(store, writer, together)));
      }
      Future<?> flusher = threads.submit(flush(store));
      int wins = 0;
      for (Future<Integer> writer : writers) {
        wins += writer.get();
      }
      writing.set(false);
      flusher.get();
      assertThat(wins).isEqualTo(ROUNDS);
    } finally {
      threads.shutdownNow();
    }
    assertThat(winners).hasSize(ROUNDS);
    checkRemembered(store);
    store.close();
    HotStore again = open();
    checkRemembered(again);
    again.close();
  }

  private void checkRemembered(HotStore store) {
    winners.forEach(
        (id, version) -> {
          Remembered remembered = environment.await(store.request(id));
          assertThat(remembered).as(id).isNotNull();
          assertThat(remembered.version()).as(id).isEqualTo(version);
        });
  }

  /** Returns how often this thread's write was the one that was carried out. */
  private int write(HotStore store, int writer, CyclicBarrier together) throws Exception {
    int wins = 0;
    for (int round = 0; round < ROUNDS; round++) {
      if (round % 50 == 0) {
        together.await();
      }
      String id = "request " + round;
      // Neighbouring keys are in different partitions.
      Write write =
          new Write(
              TYPE.key((long) round * THREADS + writer),
              TYPE.rowOf(id + PADDING),
              round % 8 == 0 ? Durability.DISK : Durability.JOURNAL,
              writer % 2 == 0,
              null,
              new RequestId(id, ""));
      wins += send(store, write, id) ? 1 : 0;
    }
    return wins;
  }

  private boolean send(HotStore store, Write write, String id) {
    while (true) {
      try {
        WriteOutcome outcome = environment.await(store.put(write));
        if (outcome instanceof WriteOutcome.Written written) {
          assertThat(winners.put(id, written.mutation().version())).as(id).isNull();
          return true;
        }
        Remembered earlier = ((WriteOutcome.Repeated) outcome).earlier();
        assertThat(earlier.request().id()).isEqualTo(id);
        assertThat(environment.await(store.request(id))).isEqualTo(earlier);
        return false;
      } catch (CompletionException e) {
        assertThat(e.getCause()).isInstanceOf(RequestConflictException.class);
        assertThat(((RequestConflictException) e.getCause()).underWay()).isTrue();
        Thread.onSpinWait();
      }
    }
  }

  private Callable<Void> flush(HotStore store) {
    return () -> {
      while (writing.get()) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
          Taken taken = environment.await(store.take(partition, 1, TakeLimits.of(200)));
          List<Mutation> mutations = taken.mutations();
          environment.await(store.settle(partition, 1, mutations, taken.frontier()));
        }
      }
      return null;
    };
  }
}
