package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.Loaded;
import io.headpond.spi.Lookup;
import io.headpond.spi.SystemOfRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads: the hot store first, and on a miss one load for each key however many ask. Thread-safe.
 *
 * <p>A load is tied to the fill token under which it began. A reader joins it only while the store still
 * gives out that token; when the load comes back and the token is gone, what it read may be old, and its readers
 * read again (leases as in Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013).
 */
final class Reads {
  /**
   * A lookup.
   *
   * @param loaded whether the database was asked for it
   * @param possiblyStale whether that was since the store did not answer
   */
  record Found(Lookup lookup, boolean loaded, boolean possiblyStale) {
    private Found(Lookup lookup, boolean loaded) {
      this(lookup, loaded, false);
    }
  }

  private record Load(Key key, long token, CompletableFuture<Found> result) {}

  private final HotStore store;
  private final SystemOfRecord systemOfRecord;
  private final Environment environment;
  private final Statistics statistics;
  private final Listeners listeners;
  private final boolean staleReads;
  private final ConcurrentHashMap<Key, Load> loads = new ConcurrentHashMap<>();

  Reads(Core core) {
    this.store = core.store();
    this.systemOfRecord = core.systemOfRecord();
    this.environment = core.environment();
    this.statistics = core.statistics();
    this.listeners = core.listeners();
    this.staleReads = core.settings().staleReads() && core.shared() != null;
  }

  CompletableFuture<Found> read(Key key) {
    return store.get(key).thenCompose(this::resolve).toCompletableFuture();
  }

  /** As {@link #read}, but where that is allowed the database is asked alone if the store does not answer. */
  CompletableFuture<Found> readPossiblyStale(Key key) {
    return staleReads
        ? store
            .get(key)
            .handle(
                (lookup, failure) ->
                    failure == null
                        ? resolve(lookup)
                        : stale(List.of(key), failure).thenApply(one -> one.get(0)))
            .thenCompose(found -> found)
            .toCompletableFuture()
        : read(key);
  }

  /** As {@link #readAll}, but where that is allowed the database is asked alone if the store does not answer. */
  CompletableFuture<List<Found>> readAllPossiblyStale(List<Key> keys) {
    return staleReads
        ? store
            .getAll(keys)
            .handle((lookups, failure) -> failure == null ? resolve(lookups) : stale(keys, failure))
            .thenCompose(found -> found)
            .toCompletableFuture()
        : readAll(keys);
  }

  /** What the database has; nothing of it is cached. */
  private CompletableFuture<List<Found>> stale(List<Key> keys, Throwable failure) {
    CompletableFuture<List<Found>> result = new CompletableFuture<>();
    if (!(Failures.cause(failure) instanceof UnavailableException) || keys.isEmpty()) {
      result.completeExceptionally(Failures.cause(failure));
      return result;
    }
    ask(
        keys,
        (rows, failed) -> {
          try {
            result.complete(
                rows(keys.size(), rows, failed).stream().map(Reads::possiblyStale).toList());
          } catch (RuntimeException | Error e) {
            result.completeExceptionally(e);
          }
        });
    return result;
  }

  private static Found possiblyStale(Loaded loaded) {
    Lookup lookup = new Lookup(loaded.key(), EntryState.CLEAN, loaded.row(), loaded.version(), 0);
    return new Found(lookup, true, true);
  }

  /** As {@link #read} for each of the keys, in their order; the misses are loaded with one statement. */
  CompletableFuture<List<Found>> readAll(List<Key> keys) {
    return store.getAll(keys).thenCompose(this::resolve).toCompletableFuture();
  }

  private CompletionStage<List<Found>> resolve(List<Lookup> lookups) {
    List<CompletableFuture<Found>> found = new ArrayList<>(lookups.size());
    List<Load> begun = new ArrayList<>();
    for (Lookup lookup : lookups) {
      found.add(lookup.miss() ? joinOrBegin(lookup, begun) : hit(lookup));
    }
    load(begun);
    return CompletableFuture.allOf(found.toArray(CompletableFuture<?>[]::new))
        .thenApply(all -> found.stream().map(CompletableFuture::join).toList());
  }

  /** The row as the database has it, past the store. */
  CompletableFuture<Loaded> load(Key key) {
    CompletableFuture<Loaded> result = new CompletableFuture<>();
    ask(
        List.of(key),
        (rows, failure) -> {
          try {
            result.complete(rows(1, rows, failure).get(0));
          } catch (RuntimeException | Error e) {
            result.completeExceptionally(e);
          }
        });
    return result;
  }

  private CompletionStage<Found> resolve(Lookup lookup) {
    if (!lookup.miss()) {
      return hit(lookup);
    }
    List<Load> begun = new ArrayList<>(1);
    CompletableFuture<Found> found = joinOrBegin(lookup, begun);
    load(begun);
    return found;
  }

  private CompletableFuture<Found> hit(Lookup lookup) {
    statistics.hits.increment();
    return CompletableFuture.completedFuture(new Found(lookup, false));
  }

  private CompletableFuture<Found> joinOrBegin(Lookup miss, List<Load> begun) {
    statistics.misses.increment();
    return loads.compute(
            miss.key(),
            (key, current) -> {
              if (current != null && current.token == miss.fillToken()) {
                return current;
              }
              Load load = new Load(key, miss.fillToken(), new CompletableFuture<>());
              begun.add(load);
              return load;
            })
        .result;
  }

  private void load(List<Load> begun) {
    if (begun.isEmpty()) {
      return;
    }
    ask(begun.stream().map(Load::key).toList(), (rows, failure) -> loaded(begun, rows, failure));
  }

  /** One statement; {@code then} is called where it may take its time. */
  private void ask(List<Key> keys, BiConsumer<@Nullable List<Loaded>, @Nullable Throwable> then) {
    statistics.loads.increment();
    CompletionStage<List<Loaded>> rows;
    try {
      rows = systemOfRecord.load(keys);
    } catch (RuntimeException | Error e) {
      rows = CompletableFuture.failedFuture(e);
    }
    long start = environment.nanos();
    rows.whenComplete(
        (loaded, failure) -> {
          tell(keys.size(), loaded, failure, start);
          environment.executeCallback(() -> then.accept(loaded, failure));
        });
  }

  private void tell(
      int keys, @Nullable List<Loaded> rows, @Nullable Throwable failure, long startNanos) {
    if (!listeners.any()) {
      return;
    }
    int found = rows == null ? 0 : (int) rows.stream().filter(row -> row.row() != null).count();
    CacheListener.Load event =
        new CacheListener.Load(
            keys,
            found,
            Duration.ofNanos(environment.nanos() - startNanos),
            failure == null ? null : Failures.message(failure));
    listeners.tell(listener -> listener.loaded(event));
  }

  private void loaded(List<Load> begun, @Nullable List<Loaded> rows, @Nullable Throwable failure) {
    for (int i = 0; i < begun.size(); i++) {
      Load load = begun.get(i);
      loads.remove(load.key, load);
      try {
        fill(load, rows(begun.size(), rows, failure).get(i));
      } catch (RuntimeException | Error e) {
        load.result.completeExceptionally(e);
      }
    }
  }

  /** What a load returned, if it returned a row for each key. */
  private static List<Loaded> rows(
      int keys, @Nullable List<Loaded> rows, @Nullable Throwable failure) {
    if (rows == null || rows.size() != keys) {
      throw failure == null
          ? new IllegalStateException("a load did not return a row for each key")
          : Failures.unchecked(failure);
    }
    return rows;
  }

  private void fill(Load load, Loaded row) {
    Failures.pass(
        store
            .fill(load.key, row.row(), row.version(), load.token)
            .thenCompose(
                lookup ->
                    lookup == null
                        ? read(load.key)
                        : CompletableFuture.completedFuture(new Found(lookup, true))),
        load.result);
  }

  /** The state to show for a lookup that is no miss. */
  static EntryState state(Lookup lookup) {
    EntryState state = lookup.state();
    if (state == null) {
      throw new IllegalStateException("a miss has no state");
    }
    return state;
  }
}
