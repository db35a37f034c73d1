package io.headpond.engine;

import io.headpond.CacheStatus;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.FlushReport;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.PendingPage;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.spi.Lookup;
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
import org.jspecify.annotations.Nullable;

/** The cache that a user holds: the engine behind the mapping of keys and values. Thread-safe. */
final class Cache<K, V> implements WriteBehindCache<K, V> {
  private static final Duration CLOSE_DEADLINE = Duration.ofSeconds(10);

  private final Core core;
  private final Engine engine;
  private final EntryMapping<K, V> mapping;
  private final RowType rowType;
  private final Durability durability;
  private final Runnable afterClose;
  private final AtomicBoolean closed = new AtomicBoolean();

  Cache(Core core, Engine engine, EntryMapping<K, V> mapping, Runnable afterClose) {
    this.core = core;
    this.engine = engine;
    this.mapping = mapping;
    this.rowType = core.systemOfRecord().rowType();
    Durability chosen = core.settings().durability();
    this.durability = chosen == null ? core.store().strongest() : chosen;
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
    List<K> asked = new ArrayList<>(keys);
    List<Key> canonical = new ArrayList<>(asked.size());
    try {
      asked.forEach(key -> canonical.add(mapping.key(key)));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
    return engine
        .readAll(canonical)
        .thenApply(
            found -> {
              Map<K, V> values = new LinkedHashMap<>();
              for (int i = 0; i < asked.size(); i++) {
                Row row = found.get(i).lookup().row();
                if (row != null) {
                  values.put(asked.get(i), mapping.value(canonical.get(i), row));
                }
              }
              return values;
            });
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
    return Waiting.await(engine.write(write(key, value, durability, true)));
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
  public Receipt remove(K key) {
    return remove(key, durability);
  }

  @Override
  public Receipt remove(K key, Durability durability) {
    return Waiting.await(engine.write(new Write(mapping.key(key), null, durability, true)));
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
        found.loaded());
  }
}
