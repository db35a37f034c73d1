package io.headpond;

import io.headpond.engine.CacheAssembly;
import io.headpond.engine.Waiting;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A cache that acknowledges a write at once and brings it to the database a moment later: coalesced,
 * in batches, in order, exactly once.
 *
 * <p><b>Durability.</b> An acknowledged write has survived what its {@link Durability} says, and is then in the
 * database, or pending, or a dead letter that somebody can see, or superseded by a later acknowledged write of its
 * key that is one of these.
 *
 * <p><b>Order.</b> The writes of a key take effect in the order of their versions, here and in the
 * database; a row never takes an older value after a newer one. Between keys there is no order.
 *
 * <p><b>Reads.</b> After an acknowledgement no read of this cache returns an older value. A read may see a write shortly before it is acknowledged.
 * Several keys are no snapshot.
 *
 * <p><b>Failures.</b> Asynchronous methods fail their future, blocking ones throw: {@link InvalidValueException} (nothing done, the
 * value is wrong), {@link OverloadedException} and {@link UnavailableException} (nothing done, later it may work), {@link RejectedException}
 * (nothing done, the database's own words), {@link OutcomeUnknownException} (perhaps done). A blocking method that is interrupted
 * throws {@link OutcomeUnknownException} and leaves the thread's interrupt flag set.
 *
 * <p>Thread-safe. No asynchronous method blocks. What is attached to a future may run on the caller's thread, on the common pool
 * or on one of the cache's; it may block, also on this cache.
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public interface WriteBehindCache<K, V> extends AutoCloseable {

  /**
   * Starts a cache whose values are a Java record: its components are the columns, those marked
   * {@link KeyColumn} are the key. See {@link RecordType} for the mapping.
   *
   * @param keyType the type of the one key component; or a record whose components have the names and types of
   *     the key components
   * @throws ConfigurationException if the types cannot be mapped
   */
  static <K, V extends Record> CacheBuilder<K, V> builder(Class<K> keyType, Class<V> valueType) {
    return CacheAssembly.builder(RecordType.of(keyType, valueType));
  }

  /** Starts a cache of untyped rows. */
  static CacheBuilder<Key, Row> builder(RowType rowType) {
    return CacheAssembly.builder(rowType);
  }

  /** The name of the dataset. */
  String name();

  /** The columns, with the lengths, precisions and nullability that the database has. */
  RowType rowType();

  /** The durability of a write that does not say its own. */
  Durability durability();

  /** The value of a key, or null if there is none; the database is asked on a miss, once however many ask. */
  CompletableFuture<@Nullable V> getAsync(K key);

  /** As {@link #getAsync}, with version, state and where it came from. */
  CompletableFuture<Entry<V>> entryAsync(K key);

  /** The values of those of the keys that exist; all misses are loaded with one statement. */
  CompletableFuture<Map<K, V>> getAllAsync(Collection<K> keys);

  /** As {@link #putAsync(Object, Object, Durability)} with the cache's durability. */
  CompletableFuture<Receipt> putAsync(K key, V value);

  /**
   * Writes a value. The future completes when the write is acknowledged at this durability; it fails with {@link
   * UnsupportedDurabilityException} where the store cannot keep it.
   */
  CompletableFuture<Receipt> putAsync(K key, V value, Durability durability);

  /**
   * Writes several values, each for itself: some may be acknowledged and others not. The map holds a future for
   * each key, as from {@link #putAsync(Object, Object)}; an invalid value fails its own future.
   */
  Map<K, CompletableFuture<Receipt>> putAllAsync(Map<? extends K, ? extends V> values);

  /** As {@link #removeAsync(Object, Durability)} with the cache's durability. */
  CompletableFuture<Receipt> removeAsync(K key);

  /** Removes an entry, whether there is one or not; otherwise as {@link #putAsync(Object, Object, Durability)}. */
  CompletableFuture<Receipt> removeAsync(K key, Durability durability);

  /**
   * Brings what is pending now to the database without waiting for linger or back-off, and reports.
   * Never waits for deferred or parked entries, nor for a database that is away: what fails is in the
   * report.
   */
  CompletableFuture<FlushReport> flushAsync();

  /** As {@link #flushAsync()}, at most {@code maxEntries} entries, the oldest of each partition first. */
  CompletableFuture<FlushReport> flushAsync(int maxEntries);

  /**
   * Takes no more writes, for good, and flushes until nothing is pending or the deadline has passed. The report says what
   * remains.
   */
  CompletableFuture<FlushReport> drainAsync(Duration deadline);

  /** What is pending, how the database answers, and whether anything needs a person. Cheap; for one moment. */
  CacheStatus status();

  /**
   * Entries that the database does not have yet, ordered by the text of their key.
   *
   * @param prefix what the key's text begins with; empty for all
   * @param after {@link PendingPage#next()} of the page before; null to start
   * @param limit the most entries of a page, at least 1
   */
  CompletableFuture<PendingPage> pendingAsync(String prefix, @Nullable String after, int limit);

  /** Blocking form of {@link #getAsync}. */
  default @Nullable V get(K key) {
    return Waiting.await(getAsync(key));
  }

  /** Blocking form of {@link #entryAsync}. */
  default Entry<V> entry(K key) {
    return Waiting.await(entryAsync(key));
  }

  /** Blocking form of {@link #getAllAsync}. */
  default Map<K, V> getAll(Collection<K> keys) {
    return Waiting.await(getAllAsync(keys));
  }

  /** Blocking form of {@link #putAsync(Object, Object)}. */
  default Receipt put(K key, V value) {
    return Waiting.await(putAsync(key, value));
  }

  /** Blocking form of {@link #putAsync(Object, Object, Durability)}. */
  default Receipt put(K key, V value, Durability durability) {
    return Waiting.await(putAsync(key, value, durability));
  }

  /**
   * Blocking form of {@link #putAllAsync}: returns when all are acknowledged.
   *
   * @throws PartialWriteException if some were not, with what became of each
   */
  default Map<K, Receipt> putAll(Map<? extends K, ? extends V> values) {
    return PutAll.await(putAllAsync(values));
  }

  /** Blocking form of {@link #removeAsync(Object)}. */
  default Receipt remove(K key) {
    return Waiting.await(removeAsync(key));
  }

  /** Blocking form of {@link #removeAsync(Object, Durability)}. */
  default Receipt remove(K key, Durability durability) {
    return Waiting.await(removeAsync(key, durability));
  }

  /** Blocking form of {@link #flushAsync()}. */
  default FlushReport flush() {
    return Waiting.await(flushAsync());
  }

  /** Blocking form of {@link #flushAsync(int)}. */
  default FlushReport flush(int maxEntries) {
    return Waiting.await(flushAsync(maxEntries));
  }

  /** Blocking form of {@link #drainAsync}. */
  default FlushReport drain(Duration deadline) {
    return Waiting.await(drainAsync(deadline));
  }

  /** Blocking form of {@link #pendingAsync}. */
  default PendingPage pending(String prefix, @Nullable String after, int limit) {
    return Waiting.await(pendingAsync(prefix, after, limit));
  }

  /**
   * Drains for at most 10 seconds, unless a drain has ended before; gives the leases back and closes store and database. What is still
   * pending stays in the store's journal and is written at the next start; a log line says how much. Idempotent.
   */
  @Override
  void close();
}
