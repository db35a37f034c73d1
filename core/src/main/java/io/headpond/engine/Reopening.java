package io.headpond.engine;

import io.headpond.spi.Crew;
import io.headpond.spi.FencedException;
import io.headpond.spi.SharedStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the partitions of a shared store that take nothing, with what the database knows of them: also for a process that does not bring them to the database, lest writers wait for one that does. The
 * epoch is that of the lease as it stands; if somebody has taken a later one meanwhile and opened the partition with it, nothing is left to do. Thread-safe.
 */
final class Reopening {
  private static final Logger log = LoggerFactory.getLogger(Reopening.class);
  private static final Duration BASE = Duration.ofMillis(100);

  private final Core core;
  private final SharedStore store;
  private final Forgotten forgotten;
  private final SerialExecutor steps;
  private final Backoff backoff;
  private final BitSet closed = new BitSet();
  private boolean waiting;

  Reopening(Core core, SharedStore store, Forgotten forgotten) {
    this.core = core;
    this.store = store;
    this.forgotten = forgotten;
    this.steps = new SerialExecutor(core.environment());
    this.backoff = new Backoff(core.environment(), BASE);
  }

  /** A partition takes nothing. */
  void closed(int partition) {
    steps.execute(
        () -> {
          closed.set(partition);
          if (!waiting) {
            tryLater();
          }
        });
  }

  /** Not all processes at once, and not again and again. */
  private void tryLater() {
    waiting = true;
    backoff.failed(true);
    core.environment()
        .schedule(
            Duration.ofNanos(Math.max(1, backoff.remainingNanos())),
            () -> steps.execute(this::open));
  }

  private void open() {
    List<Integer> now = closed.stream().boxed().toList();
    closed.clear();
    CompletableFuture<@Nullable Void> opening;
    try {
      opening = open(now);
    } catch (RuntimeException | Error e) {
      opening = CompletableFuture.failedFuture(e);
    }
    opening.whenComplete((done, failure) -> steps.execute(() -> opened(now, failure)));
  }

  private void opened(List<Integer> partitions, @Nullable Throwable failure) {
    waiting = false;
    if (failure == null) {
      backoff.reset();
    } else {
      log.warn(
          "{}: partitions {} of the store are closed and cannot be opened: {}",
          core.settings().name(),
          partitions,
          Failures.message(failure));
      partitions.forEach(closed::set);
    }
    if (!closed.isEmpty()) {
      tryLater();
    }
  }

  /** Opens those that are closed. */
  CompletableFuture<@Nullable Void> openAll() {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < core.settings().partitions(); i++) {
      all.add(i);
    }
    return open(all);
  }

  private CompletableFuture<@Nullable Void> open(List<Integer> partitions) {
    List<Integer> found = new ArrayList<>();
    CompletableFuture<?>[] looks =
        partitions.stream()
            .map(
                partition ->
                    store
                        .horizon(partition)
                        .handle(
                            (horizon, failure) -> {
                              if (failure != null) {
                                synchronized (found) {
                                  found.add(partition);
                                }
                              }
                              return true;
                            })
                        .toCompletableFuture())
            .toArray(CompletableFuture<?>[]::new);
    return CompletableFuture.allOf(looks)
        .thenCompose(
            looked ->
                found.isEmpty()
                    ? CompletableFuture.completedFuture(null)
                    : core.systemOfRecord()
                        .crew(store.id(), null)
                        .thenCompose(crew -> open(found, crew)));
  }

  private CompletionStage<@Nullable Void> open(List<Integer> partitions, Crew crew) {
    BitSet opened = new BitSet();
    return CompletableFuture.allOf(
            partitions.stream()
                .filter(partition -> partition < crew.partitions().size())
                .map(partition -> open(crew.partitions().get(partition), opened))
                .toArray(CompletableFuture<?>[]::new))
        .whenComplete((all, failure) -> say(opened))
        .thenApply(all -> null);
  }

  private CompletableFuture<Boolean> open(Crew.Ownership partition, BitSet opened) {
    return store
        .open(
            partition.partition(),
            partition.epoch(),
            partition.highVersion(),
            partition.epoch() > 0)
        .thenApply(
            done -> {
              forgotten.opened(partition.partition(), done);
              synchronized (opened) {
                opened.set(partition.partition());
              }
              return true;
            })
        .exceptionallyCompose(
            failure ->
                Failures.cause(failure) instanceof FencedException
                    ? CompletableFuture.completedFuture(true)
                    : CompletableFuture.failedFuture(Failures.cause(failure)))
        .toCompletableFuture();
  }

  /** One line for all partitions, however many there are. */
  private void say(BitSet opened) {
    if (!opened.isEmpty()) {
      log.info(
          "{}: opened {} of the store",
          core.settings().name(),
          Partitions.text(opened, core.settings().partitions()));
    }
  }
}
