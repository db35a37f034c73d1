package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.RejectedException;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Who waits for the database to have a version. Costs nothing while nobody waits. Thread-safe.
 *
 * <p>A waiter registers first and asks the store afterwards, so a settlement in between is not missed.
 */
final class Settlements {
  private record Waiter(long version, CompletableFuture<Void> future) {}

  private final HotStore store;
  private final Environment environment;
  private final ConcurrentHashMap<Key, List<Waiter>> waiters = new ConcurrentHashMap<>();

  private volatile @Nullable HeadpondException closed;

  Settlements(HotStore store, Environment environment) {
    this.store = store;
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
              if (failure != null) {
                future.completeExceptionally(Failures.cause(failure));
              } else if (owed.settled(version)) {
                future.complete(null);
              } else if (owed.parked()) {
                future.completeExceptionally(
                    new RejectedException("the entry is parked: a dead letter"));
              }
            });
    return future;
  }

  /** The database has these. */
  void applied(List<Mutation> mutations) {
    if (!waiters.isEmpty()) {
      environment.executeCallback(
          () -> mutations.forEach(mutation -> finish(mutation.key(), mutation.version(), null)));
    }
  }

  /** The entry was parked. */
  void parked(Mutation mutation, String message) {
    if (!waiters.isEmpty()) {
      environment.executeCallback(
          () -> finish(mutation.key(), mutation.version(), new RejectedException(message)));
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
    Waiter waiter = new Waiter(version, new CompletableFuture<>());
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
