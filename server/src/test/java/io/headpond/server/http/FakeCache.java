package io.headpond.server.http;

import io.headpond.CacheStatus;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.EntryState;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.WriteBehindCache;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A cache in memory whose writes complete on another thread and fail on command, to test what HTTP makes of them.
 * Everything stays pending until it is flushed.
 */
final class FakeCache implements WriteBehindCache<Key, Row> {
  private record Stored(@Nullable Row row, long version, boolean pending) {}

  private final String name;
  private final RowType rowType;
  private final Executor executor;
  private final Map<Key, Stored> entries = new ConcurrentHashMap<>();
  private final AtomicLong clock = new AtomicLong(1_790_000_000_000_000L);
  volatile @Nullable RuntimeException failWrites;
  volatile CacheStatus.Health health = CacheStatus.Health.UP;
  final AtomicLong writes = new AtomicLong();

  FakeCache(String name, RowType rowType, Executor executor) {
    this.name = name;
    this.rowType = rowType;
    this.executor = executor;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public RowType rowType() {
    return rowType;
  }

  @Override
  public Durability durability() {
    return Durability.DISK;
  }

  @Override
  public CompletableFuture<@Nullable Row> getAsync(Key key) {
    return entryAsync(key).thenApply(Entry::value);
  }

  @Override
  public CompletableFuture<Entry<Row>> entryAsync(Key key) {
    Stored stored = entries.get(key);
    return CompletableFuture.completedFuture(
        stored == null
            ? new Entry<>(null, 0, EntryState.CLEAN, true)
            : new Entry<>(
                stored.row(),
                stored.version(),
                stored.pending() ? EntryState.PENDING : EntryState.CLEAN,
                false));
  }

  @Override
  public CompletableFuture<Map<Key, Row>> getAllAsync(Collection<Key> keys) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<Receipt> putAsync(Key key, Row value) {
    return write(key, value, Durability.DISK);
  }

  @Override
  public CompletableFuture<Receipt> putAsync(Key key, Row value, Durability durability) {
    return write(key, value, durability);
  }

  @Override
  public Map<Key, CompletableFuture<Receipt>> putAllAsync(Map<? extends Key, ? extends Row> rows) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<Receipt> removeAsync(Key key) {
    return write(key, null, Durability.DISK);
  }

  @Override
  public CompletableFuture<Receipt> removeAsync(Key key, Durability durability) {
    return write(key, null, durability);
  }

  private CompletableFuture<Receipt> write(Key key, @Nullable Row row, Durability durability) {
    if (durability == Durability.REPLICAS) {
      return CompletableFuture.failedFuture(
          new UnsupportedDurabilityException(durability, "the embedded store has no replicas"));
    }
    return CompletableFuture.supplyAsync(
        () -> {
          RuntimeException failure = failWrites;
          if (failure != null) {
            throw failure;
          }
          long version = clock.incrementAndGet();
          entries.put(key, new Stored(row, version, durability != Durability.DATABASE));
          writes.incrementAndGet();
          return new Written(version, durability);
        },
        executor);
  }

  private record Written(long version, Durability durability) implements Receipt {
    @Override
    public CompletableFuture<Void> settled() {
      throw new UnsupportedOperationException();
    }
  }

  @Override
  public CompletableFuture<FlushReport> flushAsync() {
    return flushAsync(Integer.MAX_VALUE);
  }

  @Override
  public CompletableFuture<FlushReport> flushAsync(int maxEntries) {
    int flushed = 0;
    for (Map.Entry<Key, Stored> entry : entries.entrySet()) {
      if (entry.getValue().pending() && flushed < maxEntries) {
        flushed++;
        entry.setValue(new Stored(entry.getValue().row(), entry.getValue().version(), false));
      }
    }
    return CompletableFuture.completedFuture(
        new FlushReport(flushed, 0, 0, 0, 1, pending().size(), null));
  }

  @Override
  public CompletableFuture<FlushReport> drainAsync(Duration deadline) {
    failWrites = new UnavailableException("draining");
    return flushAsync();
  }

  @Override
  public CacheStatus status() {
    return new CacheStatus(
        name,
        health,
        health == CacheStatus.Health.UP ? List.of() : List.of("told to"),
        pending().size(),
        100,
        1_000,
        1 << 20,
        0,
        0,
        Duration.ofMillis(1_234),
        0,
        new CacheStatus.Counters(writes.get(), 0, 0, 0, 0, 0, 0, 0, 0, 0));
  }

  @Override
  public CompletableFuture<PendingPage> pendingAsync(
      String prefix, @Nullable String after, int limit) {
    List<PendingEntry> page = new ArrayList<>();
    String next = null;
    for (Map.Entry<String, Stored> entry : pending().entrySet()) {
      if (entry.getKey().startsWith(prefix)
          && (after == null || entry.getKey().compareTo(after) > 0)) {
        if (page.size() == limit) {
          next = page.get(limit - 1).key();
          break;
        }
        page.add(
            new PendingEntry(
                entry.getKey(),
                entry.getValue().version(),
                entry.getValue().row() == null,
                EntryState.PENDING,
                Duration.ofMillis(20),
                0,
                null,
                null));
      }
    }
    return CompletableFuture.completedFuture(new PendingPage(page, next));
  }

  private Map<String, Stored> pending() {
    Map<String, Stored> pending = new TreeMap<>();
    new HashMap<>(entries)
        .forEach(
            (key, stored) -> {
              if (stored.pending()) {
                pending.put(rowType.keyText(key), stored);
              }
            });
    return pending;
  }

  @Override
  public void close() {}
}
