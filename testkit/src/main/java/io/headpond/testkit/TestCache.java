package io.headpond.testkit;

import io.headpond.CacheBuilder;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.time.Duration;
import java.util.function.UnaryOperator;

/**
 * A cache for the unit tests of those who use one: the real engine and the real journal, on a disk and in front of a database that are in memory, in time
 * that stands still until the test moves it. No file, no server, no thread; a run repeats exactly.
 *
 * <pre>{@code
 * try (TestCache<Long, Product> test = TestCache.of(Long.class, Product.class)) {
 *   Shop shop = new Shop(test.cache());
 *   shop.sell(7L);                               // what is to be tested
 *   test.database().setAway(true);               // provoke what you like
 *   test.time().advance(Duration.ofSeconds(1));  // the flusher has run now
 *   test.crash();                                // kill -9: what was acknowledged is there again
 * }
 * }</pre>
 *
 * <p>The blocking methods of the cache work: while they wait, time moves to whatever is due next. Futures complete in {@link
 * ManualEnvironment#run} and {@link ManualEnvironment#advance}, or when something waits with {@link WriteBehindCache#await}.
 *
 * <p>Not thread-safe: all of a test happens on one thread.
 */
public final class TestCache<K, V> implements AutoCloseable {
  private static final int SEGMENT_SIZE = 1 << 20;
  private static final Duration SETTLE_STEP = Duration.ofMillis(100);
  private static final int SETTLE_STEPS = 600;

  private final ManualEnvironment time = new ManualEnvironment();
  private final FakeDatabase database = new FakeDatabase(time);
  private final CacheBuilder<K, V> builder;
  private SimulatedDisk disk = new SimulatedDisk();
  private WriteBehindCache<K, V> cache;

  private TestCache(CacheBuilder<K, V> builder, UnaryOperator<CacheBuilder<K, V>> settings) {
    this.builder =
        settings
            .apply(builder)
            .store(dataset -> JournalStore.on(disk).segmentSize(SEGMENT_SIZE).open(dataset))
            .systemOfRecord(database)
            .environment(time);
    this.cache = this.builder.build();
  }

  /** A cache of records with the default settings; see {@link WriteBehindCache#builder(Class, Class)}. */
  public static <K, V extends Record> TestCache<K, V> of(Class<K> keyType, Class<V> valueType) {
    return of(keyType, valueType, builder -> builder);
  }

  /** A cache of records with settings, for example {@code builder -> builder.maxRetries(0)}. */
  public static <K, V extends Record> TestCache<K, V> of(
      Class<K> keyType, Class<V> valueType, UnaryOperator<CacheBuilder<K, V>> settings) {
    return new TestCache<>(WriteBehindCache.builder(keyType, valueType), settings);
  }

  /** A cache of untyped rows; the settings must give it a name. */
  public static TestCache<Key, Row> of(
      RowType rowType, UnaryOperator<CacheBuilder<Key, Row>> settings) {
    return new TestCache<>(WriteBehindCache.builder(rowType), settings);
  }

  /** The cache; another one after each {@link #crash}. */
  public WriteBehindCache<K, V> cache() {
    return cache;
  }

  /** The time, which only the test moves. */
  public ManualEnvironment time() {
    return time;
  }

  /** The database, which can be sent away, lose replies and refuse rows. What it holds of a key, {@link WriteBehindCache#load} tells. */
  public FakeDatabase database() {
    return database;
  }

  /**
   * Moves time on until nothing is pending.
   *
   * @throws IllegalStateException if after a minute something still is, for example because the database is away
   */
  public void settle() {
    for (int i = 0; i < SETTLE_STEPS && cache.status().pendingEntries() > 0; i++) {
      time.advance(SETTLE_STEP);
    }
    int left = cache.status().pendingEntries();
    if (left > 0) {
      throw new IllegalStateException(
          left + " entries are still pending after a minute: " + cache.status().reasons());
    }
  }

  /**
   * The process dies, and another one starts on what its disk has. What was acknowledged at {@link
   * io.headpond.Durability#JOURNAL} and above is there; futures of the old cache never complete.
   *
   * @return the new cache
   */
  public WriteBehindCache<K, V> crash() {
    time.forgetTasks();
    disk = disk.crashProcess();
    cache = builder.build();
    return cache;
  }

  @Override
  public void close() {
    cache.close();
  }
}
