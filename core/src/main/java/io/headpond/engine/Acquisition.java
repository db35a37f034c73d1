package io.headpond.engine;

import io.headpond.ConfigurationException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Opened;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to the lease of a partition, for the first time where the cache began without the database, and after an unknown outcome. On the way it is found out whether store and table still belong together,
 * whether the database has lost what it confirmed, and whether the store is an older copy of itself. Used in steps only, but for {@link #opened}.
 */
final class Acquisition {
  private static final Logger log = LoggerFactory.getLogger(Acquisition.class);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final Steps steps;
  private final LateStart lateStart;
  private final int partition;

  /** The store's partition has been opened with a lease. */
  private volatile boolean opened;

  /**
   * @param opened whether that has happened before
   */
  Acquisition(
      Core core, Engine engine, Steps steps, LateStart lateStart, int partition, boolean opened) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.steps = steps;
    this.lateStart = lateStart;
    this.partition = partition;
    this.opened = opened;
  }

  /** Whether the store's partition has been opened with a lease since the start. Called from anywhere. */
  boolean opened() {
    return opened;
  }

  /** Takes the lease and opens the store's partition with it. */
  void begin(
      Consumer<Lease> acquired, Consumer<Throwable> failed, Consumer<Throwable> storeFailed) {
    if (opened) {
      acquire(true, acquired, failed, storeFailed);
    } else {
      steps.then(
          lateStart.bound(), resumed -> acquire(resumed, acquired, failed, storeFailed), failed);
    }
  }

  private void acquire(
      boolean resumed,
      Consumer<Lease> acquired,
      Consumer<Throwable> failed,
      Consumer<Throwable> storeFailed) {
    // As of before: while the answer is on its way another process may take the lease over and go
    // on.
    long known = store.frontier(partition);
    steps.then(
        core.systemOfRecord().acquire(store.id(), partition),
        lease -> {
          if (lease.frontier() < known) {
            engine.stopFlushing(Engine.wentBack(partition, known, lease.frontier()));
            return;
          }
          // A partition to which nothing was ever applied cannot show that the store is older than
          // the database.
          boolean wroteBefore =
              lease.lastBatch() != 0 && resumed || opened && core.shared() == null;
          steps.then(
              open(store, lease, wroteBefore),
              done -> {
                opened = true;
                engine.forgotten().opened(partition, done);
                log.debug(
                    "{}: partition {} taken with epoch {}",
                    core.settings().name(),
                    partition,
                    lease.epoch());
                acquired.accept(lease);
              },
              failure -> {
                if (core.shared() != null) {
                  // Another process may reach the part of the store that this one does not.
                  core.systemOfRecord().release(lease);
                }
                openFailed(failure, storeFailed);
              });
        },
        failed);
  }

  /**
   * Opens the store's partition with the lease. Its clock is not below the frontier either, which may have moved without the store learning it: else a write after a
   * crash and a clock that was set back would be older than what the database says it has all of.
   */
  static CompletionStage<Opened> open(HotStore store, Lease lease, boolean wroteBefore) {
    int partition = lease.partition();
    return store
        .open(partition, lease.epoch(), lease.highVersion(), wroteBefore)
        .thenCompose(
            opened ->
                lease.frontier() <= store.nowMicros(partition)
                    ? CompletableFuture.completedFuture(opened)
                    : store
                        .open(partition, lease.epoch(), lease.frontier(), false)
                        .thenApply(again -> opened));
  }

  /** A store that is an older copy of itself must not give versions any more. */
  private void openFailed(Throwable failure, Consumer<Throwable> failed) {
    if (core.shared() == null && Failures.cause(failure) instanceof ConfigurationException) {
      engine.stop(Failures.message(failure));
    } else {
      failed.accept(failure);
    }
  }
}
