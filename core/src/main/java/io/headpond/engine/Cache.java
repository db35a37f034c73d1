package io.headpond.engine;

import io.headpond.CacheStatus;
import io.headpond.CompletedRequest;
import io.headpond.DeadLetters;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.EntryState;
import io.headpond.FlushReport;
import io.headpond.HeadpondException;
import io.headpond.Increment;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.PendingPage;
import io.headpond.Purged;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.Updated;
import io.headpond.Workers;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.spi.Lookup;
import io.headpond.spi.RowCodec;
import io.headpond.spi.Write;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The cache that a user holds: the engine behind the mapping of keys and values. Thread-safe. */
final class Cache<K, V> implements WriteBehindCache<K, V> {
  private static final Duration CLOSE_DEADLINE = Duration.ofSeconds(10);

  private final Core core;
  private final Engine engine;
  private final EntryMapping<K, V> mapping;
  private final RowType rowType;
  private final Durability durability;
  private final Updates updates;
  private final DeadLetters<K, V> letters;
  private final KeyGenerator keys;
  private final Runnable afterClose;
  private final AtomicBoolean closed = new AtomicBoolean();

  Cache(Core core, Engine engine, EntryMapping<K, V> mapping, Runnable afterClose) {
    this.core = core;
    this.engine = engine;
    this.mapping = mapping;
    this.rowType = core.systemOfRecord().rowType();
    Durability chosen = core.settings().durability();
    this.durability = chosen == null ? core.store().strongest() : chosen;
    this.updates = new Updates(core, engine);
    this.letters = new Letters<>(core, engine, mapping, durability);
    this.keys = new KeyGenerator(core);
    this.afterClose = afterClose;
  }

  @Override
  public String name() {
    return core.settings().name();
  }

  @Override
  public RowType rowType() {
    return rowType;
  }

  @Override
  public DeadLetters<K, V> deadLetters() {
    return letters;
  }

  @Override
  public Durability durability() {
    return durability;
  }

  @Override
  public CompletableFuture<@Nullable V> getAsync(K key) {
    return entryAsync(key).thenApply(Entry::value);
  }

  @Override
  public CompletableFuture<Entry<V>> entryAsync(K key) {
    try {
      return engine.read(mapping.key(key)).thenApply(this::entry);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<Map<K, V>> getAllAsync(Collection<K> keys) {
    return read(
        keys,
        (asked, found) -> {
          Map<K, V> values = new LinkedHashMap<>();
          for (int i = 0; i < asked.size(); i++) {
            Row row = found.get(i).lookup().row();
            if (row != null) {
              values.put(asked.get(i), mapping.value(found.get(i).lookup().key(), row));
            }
          }
          return values;
        });
  }

  @Override
  public CompletableFuture<Map<K, Entry<V>>> entriesAsync(Collection<K> keys) {
    return read(
        keys,
        (asked, found) -> {
          Map<K, Entry<V>> entries = new LinkedHashMap<>();
          for (int i = 0; i < asked.size(); i++) {
            entries.put(asked.get(i), entry(found.get(i)));
          }
          return entries;
        });
  }

  @Override
  public CompletableFuture<@Nullable V> loadAsync(K key) {
    try {
      Key canonical = mapping.key(key);
      return engine
          .load(canonical)
          .<@Nullable V>thenApply(
              loaded -> loaded.row() == null ? null : mapping.value(canonical, loaded.row()));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private <T> CompletableFuture<T> read(
      Collection<K> keys, BiFunction<List<K>, List<Reads.Found>, T> answer) {
    List<K> asked = new ArrayList<>(keys);
    List<Key> canonical = new ArrayList<>(asked.size());
    try {
      asked.forEach(key -> canonical.add(mapping.key(key)));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
    return engine.readAll(canonical).thenApply(found -> answer.apply(asked, found));
  }

  @Override
  public CompletableFuture<Receipt> putAsync(K key, V value) {
    return putAsync(key, value, durability);
  }

  @Override
  public CompletableFuture<Receipt> putAsync(K key, V value, Durability durability) {
    try {
      return engine.write(write(key, value, durability, false));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public Receipt put(K key, V value) {
    return put(key, value, durability);
  }

  @Override
  public Receipt put(K key, V value, Durability durability) {
    return await(engine.write(write(key, value, durability, true)));
  }

  @Override
  public CompletableFuture<Receipt> putAsync(K key, V value, WriteOptions options) {
    try {
      Key canonical = mapping.key(key);
      return write(canonical, mapping.row(canonical, value), options);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** A write whose new value does not depend on what is there. */
  private CompletableFuture<Receipt> write(Key key, @Nullable Row row, WriteOptions options) {
    Durability level = options.durabilityOr(durability);
    return options.condition() == null
        ? engine.write(new Write(key, row, level, false, null, options.request()))
        : updates.update(key, options, level, now -> row).thenApply(Updates.Done::receipt);
  }

  private Write write(K key, V value, Durability durability, boolean callerWaits) {
    Key canonical = mapping.key(key);
    return new Write(canonical, mapping.row(canonical, value), durability, callerWaits);
  }

  @Override
  public Map<K, CompletableFuture<Receipt>> putAllAsync(Map<? extends K, ? extends V> values) {
    values.values().forEach(value -> Objects.requireNonNull(value, "value"));
    Map<K, CompletableFuture<Receipt>> receipts = new LinkedHashMap<>();
    values.forEach((key, value) -> receipts.put(key, putAsync(key, value)));
    return receipts;
  }

  @Override
  public CompletableFuture<Receipt> removeAsync(K key) {
    return removeAsync(key, durability);
  }

  @Override
  public CompletableFuture<Receipt> removeAsync(K key, Durability durability) {
    try {
      return engine.write(new Write(mapping.key(key), null, durability));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<Receipt> removeAsync(K key, WriteOptions options) {
    try {
      return write(mapping.key(key), null, options);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<Updated<V>> updateAsync(
      K key, Function<@Nullable V, @Nullable V> change, WriteOptions options) {
    return update(
        key,
        options,
        now -> {
          Row row = now.row();
          V value = change.apply(row == null ? null : mapping.value(now.key(), row));
          return value == null ? null : mapping.row(now.key(), value);
        });
  }

  @Override
  public CompletableFuture<Updated<V>> incrementAsync(
      K key, Increment increment, WriteOptions options) {
    return update(key, options, now -> Increments.apply(rowType, now, increment));
  }

  private CompletableFuture<Updated<V>> update(
      K key, WriteOptions options, Function<Lookup, @Nullable Row> change) {
    try {
      Key canonical = mapping.key(key);
      return updates
          .update(canonical, options, options.durabilityOr(durability), change)
          .thenApply(
              done -> {
                Row row = done.row();
                return new Updated<>(
                    row == null ? null : mapping.value(canonical, row), done.receipt());
              });
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<K> newKeyAsync() {
    return keys.next().thenApply(mapping::keyOf);
  }

  @Override
  public CompletableFuture<@Nullable CompletedRequest<K>> requestAsync(String requestId) {
    return core.store()
        .request(requestId)
        .<@Nullable CompletedRequest<K>>thenApply(
            earlier ->
                earlier == null
                    ? null
                    : new CompletedRequest<>(
                        mapping.keyOf(earlier.key()),
                        earlier.version(),
                        earlier.request().fingerprint(),
                        RowCodec.instant(earlier.micros())))
        .toCompletableFuture();
  }

  @Override
  public CompletableFuture<@Nullable EntryState> invalidateAsync(K key) {
    try {
      return core.store().invalidate(mapping.key(key)).toCompletableFuture();
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<Void> settledAsync(K key, long version) {
    try {
      return engine.settled(mapping.key(key), version);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public Receipt remove(K key) {
    return remove(key, durability);
  }

  @Override
  public Receipt remove(K key, Durability durability) {
    return await(engine.write(new Write(mapping.key(key), null, durability, true)));
  }

  @Override
  public CompletableFuture<FlushReport> flushAsync() {
    return engine.flush();
  }

  @Override
  public CompletableFuture<FlushReport> flushAsync(int maxEntries) {
    return engine.flush(maxEntries);
  }

  @Override
  public CompletableFuture<FlushReport> drainAsync(Duration deadline) {
    return engine.drain(deadline);
  }

  @Override
  public CompletableFuture<Workers> workersAsync() {
    return engine.workers();
  }

  @Override
  public int pendingEntries() {
    return core.store().pendingEntries();
  }

  @Override
  public CacheStatus status() {
    return engine.status();
  }

  @Override
  public CompletableFuture<PendingPage> pendingAsync(
      String prefix, @Nullable String after, int limit) {
    if (limit < 1) {
      return CompletableFuture.failedFuture(
          new InvalidValueException("limit", Integer.toString(limit), "must be at least 1"));
    }
    return core.store().pending(prefix, after, limit).toCompletableFuture();
  }

  @Override
  public CompletableFuture<Purged> purgeAsync(K key, long version) {
    try {
      return engine.purge(mapping.key(key), version);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public <T extends @Nullable Object> T await(CompletableFuture<T> future) {
    return core.environment().await(future);
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try {
        engine.close(CLOSE_DEADLINE);
      } finally {
        afterClose.run();
      }
    }
  }

  private Entry<V> entry(Reads.Found found) {
    Lookup lookup = found.lookup();
    Row row = lookup.row();
    return new Entry<>(
        row == null ? null : mapping.value(lookup.key(), row),
        row == null ? 0 : lookup.version(),
        Reads.state(lookup),
        found.loaded(),
        found.possiblyStale());
  }
}
