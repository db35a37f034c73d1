package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.Owed;
import io.headpond.spi.SharedStore;
import io.headpond.spi.SystemOfRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Who waits for the database to have a version. Costs nothing while nobody waits. Thread-safe.
 *
 * <p>A waiter registers first and asks the store afterwards, so a settlement in between is not missed. Where another process may settle it, which may go unheard, the store is asked again
 * while somebody waits.
 */
final class Settlements {
  private record Waiter(long version, CompletableFuture<Void> future, long sinceNanos) {}

  /** Who has waited for less need not be asked for. */
  private static final long PATIENCE_NANOS = Duration.ofSeconds(1).toNanos();

  private final HotStore store;
  private final SystemOfRecord systemOfRecord;
  private final int partitions;
  private final Environment environment;

  /** How many answers are awaited. */
  private final AtomicInteger asking = new AtomicInteger();

  private final ConcurrentHashMap<Key, List<Waiter>> waiters = new ConcurrentHashMap<>();

  private volatile @Nullable HeadpondException closed;

  Settlements(
      HotStore store, SystemOfRecord systemOfRecord, int partitions, Environment environment) {
    this.store = store;
    this.partitions = partitions;
    this.systemOfRecord = systemOfRecord;
    this.environment = environment;
  }

  /** Completes when the database has this version of the key or a newer one, or the entry is parked. */
  CompletableFuture<Void> settled(Key key, long version) {
    CompletableFuture<Void> future = register(key, version);
    HeadpondException reason = closed;
    if (reason != null) {
      future.completeExceptionally(reason);
      return future;
    }
    store
        .owed(key)
        .whenComplete(
            (owed, failure) -> {
              if (failure == null) {
                tell(key, future, version, owed);
              } else if (!(store instanceof SharedStore)) {
                future.completeExceptionally(Failures.cause(failure));
              }
            });
    return future;
  }

  private void tell(Key key, CompletableFuture<Void> future, long version, Owed owed) {
    if (owed.settled(version)) {
      if (store instanceof SharedStore shared
          && version <= shared.mayHaveForgotten(key.partition(partitions))) {
        verify(key, future, version, owed);
      } else {
        future.complete(null);
      }
    } else if (owed.parked()) {
      future.completeExceptionally(new RejectedException("the entry is parked: a dead letter"));
    }
  }

  /** The store may have forgotten it: only the row tells. If the database does not answer, it is asked again while somebody waits. */
  private void verify(Key key, CompletableFuture<Void> future, long version, Owed owed) {
    CompletionStage<List<Loaded>> load = systemOfRecord.load(List.of(key));
    asking.incrementAndGet();
    load.whenComplete(
        (rows, failure) -> {
          asking.decrementAndGet();
          if (failure == null && rows.get(0).version() >= version) {
            environment.executeCallback(() -> future.complete(null));
          } else if (failure == null && owed.since() == 0) {
            environment.executeCallback(() -> future.completeExceptionally(forgotten()));
          }
        });
  }

  private static OutcomeUnknownException forgotten() {
    return new OutcomeUnknownException(
        "the hot store was restarted, replaced or emptied since the write, and the row does not show it: it was forgotten, or"
            + " the row was removed");
  }

  /** Asks the store for all who have waited for a while, once those are answered that were asked for before. */
  void lookAgain() {
    if (asking.get() > 0) {
      return;
    }
    long now = environment.nanos();
    waiters.forEach(
        (key, list) -> {
          if (now - list.get(0).sinceNanos >= PATIENCE_NANOS) {
            CompletionStage<Owed> answer = store.owed(key);
            asking.incrementAndGet();
            answer.whenComplete(
                (owed, failure) -> {
                  asking.decrementAndGet();
                  if (failure == null) {
                    environment.executeCallback(
                        () -> list.forEach(w -> tell(key, w.future, w.version, owed)));
                  }
                });
          }
        });
  }

  /** Another process has told that the database has these. */
  void settledElsewhere(List<SharedStore.Settled> settled) {
    if (!waiters.isEmpty()) {
      environment.executeCallback(
          () -> settled.forEach(one -> finish(one.key(), one.version(), null)));
    }
  }

  /** The database has these. */
  void applied(List<Mutation> mutations) {
    if (!waiters.isEmpty()) {
      environment.executeCallback(
          () -> mutations.forEach(mutation -> finish(mutation.key(), mutation.version(), null)));
    }
  }

  /** The entry was parked. */
  void parked(Key key, long version, String message) {
    if (!waiters.isEmpty()) {
      environment.executeCallback(() -> finish(key, version, new RejectedException(message)));
    }
  }

  /** The entry was given up by a person. */
  void purged(Key key, long version) {
    if (!waiters.isEmpty()) {
      RejectedException failure =
          new RejectedException("the entry was purged: a person has given it up");
      environment.executeCallback(() -> finish(key, version, failure));
    }
  }

  /** Nothing will be settled any more. */
  void close(HeadpondException reason) {
    closed = reason;
    waiters.forEach((key, list) -> list.forEach(w -> w.future.completeExceptionally(reason)));
  }

  private CompletableFuture<Void> register(Key key, long version) {
    Waiter waiter = new Waiter(version, new CompletableFuture<>(), environment.nanos());
    waiters.compute(
        key,
        (k, list) -> {
          List<Waiter> with = list == null ? new ArrayList<>() : new ArrayList<>(list);
          with.add(waiter);
          return with;
        });
    waiter.future.whenComplete(
        (v, e) ->
            waiters.computeIfPresent(
                key,
                (k, list) -> {
                  List<Waiter> without = new ArrayList<>(list);
                  without.remove(waiter);
                  return without.isEmpty() ? null : without;
                }));
    return waiter.future;
  }

  private void finish(Key key, long version, @Nullable HeadpondException failure) {
    List<Waiter> list = waiters.get(key);
    if (list == null) {
      return;
    }
    for (Waiter waiter : list) {
      if (waiter.version > version) {
        continue;
      }
      if (failure == null) {
        waiter.future.complete(null);
      } else {
        waiter.future.completeExceptionally(failure);
      }
    }
  }
}
