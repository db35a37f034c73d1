package io.headpond;

import io.headpond.engine.CacheAssembly;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
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
 * value is wrong), {@link ConditionFailedException} (nothing done, the entry is not as demanded), {@link OverloadedException} and {@link UnavailableException} (nothing done, later it may work), {@link RejectedException}
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

  /** As {@link #entryAsync} for each of the keys, in their order, also those that do not exist; all misses are loaded with one statement. */
  CompletableFuture<Map<K, Entry<V>>> entriesAsync(Collection<K> keys);

  /**
   * The value that the database has now, or null if it has none, past the cache: what is pending does not show in it, and nothing is cached.
   * Fails with {@link UnavailableException} while the database is away.
   */
  CompletableFuture<@Nullable V> loadAsync(K key);

  /** As {@link #putAsync(Object, Object, Durability)} with the cache's durability. */
  CompletableFuture<Receipt> putAsync(K key, V value);

  /**
   * Writes a value. The future completes when the write is acknowledged at this durability; it fails with {@link
   * UnsupportedDurabilityException} where the store cannot keep it.
   */
  CompletableFuture<Receipt> putAsync(K key, V value, Durability durability);

  /**
   * Writes a value as the options say. Beyond {@link #putAsync(Object, Object, Durability)} it fails with {@link ConditionFailedException}
   * where the condition does not hold, and with {@link RequestConflictException} where the request id belongs to another request.
   */
  CompletableFuture<Receipt> putAsync(K key, V value, WriteOptions options);

  /**
   * Writes several values, each for itself: some may be acknowledged and others not. The map holds a future for
   * each key, as from {@link #putAsync(Object, Object)}; an invalid value fails its own future.
   */
  Map<K, CompletableFuture<Receipt>> putAllAsync(Map<? extends K, ? extends V> values);

  /** As {@link #removeAsync(Object, Durability)} with the cache's durability. */
  CompletableFuture<Receipt> removeAsync(K key);

  /** Removes an entry, whether there is one or not; otherwise as {@link #putAsync(Object, Object, Durability)}. */
  CompletableFuture<Receipt> removeAsync(K key, Durability durability);

  /** Removes an entry as the options say; see {@link #putAsync(Object, Object, WriteOptions)}. */
  CompletableFuture<Receipt> removeAsync(K key, WriteOptions options);

  /**
   * Makes a new value of the present one and writes it, atomically with respect to all other writers: nobody writes the entry between
   * the value that {@code change} is given and the one that it returns. A miss is loaded first.
   *
   * @param change is given the present value, or null if there is no such entry, and returns the new one, or null to remove it. It
   *     may be called several times, must not have effects of its own and must not block. What it throws fails the future, and nothing is written
   */
  CompletableFuture<Updated<V>> updateAsync(
      K key, Function<@Nullable V, @Nullable V> change, WriteOptions options);

  /**
   * Adds to numbers of an entry, as {@link #updateAsync} does. Each acknowledged increment counts exactly once.
   *
   * <p>Fails with {@link NoSuchEntryException} if there is none and the increment does not create it, with {@link ConditionFailedException} where a bound would
   * be passed, and with {@link InvalidValueException} where a column is no number or cannot hold the result exactly.
   */
  CompletableFuture<Updated<V>> incrementAsync(K key, Increment increment, WriteOptions options);

  /**
   * A key that no entry has yet: a UUID of version 7 where the key is one column of type uuid or text; where it is a whole number, the next of
   * the sequence that was declared for the table. Sequence numbers are taken from the database in blocks; a crash leaves gaps. A sequence can be
   * behind rows that were given numbers by hand: where that may be, write under {@link Condition#absent}.
   *
   * <p>Fails with {@link InvalidValueException} if the key has several columns or another type, or no sequence was declared.
   */
  CompletableFuture<K> newKeyAsync();

  /** The request that was carried out under this id within the last day; null if there is none. */
  CompletableFuture<@Nullable CompletedRequest<K>> requestAsync(String requestId);

  /**
   * Forgets what is cached of an entry, because another program has written its row: the next read asks the database, and so does a read that
   * is under way. What is pending or parked stays as it is and is still written. Until this is called, reads may give the old value for as long
   * as the entry's time to live.
   *
   * @return the entry's state; null if the store knows nothing of it now
   */
  CompletableFuture<@Nullable EntryState> invalidateAsync(K key);

  /**
   * Completes when the database has this version of the entry or a newer one; fails as {@link Receipt#settled} does, and with {@link
   * InvalidValueException} if the version is higher than any that was given yet. A version of which nothing is owed counts as settled, also one
   * that was never given, and one of a write that its durability did not bring over a crash.
   */
  CompletableFuture<Void> settledAsync(K key, long version);

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

  /** How many entries the database does not have yet, without parked ones; for one moment. Cheap enough to be asked with every write. */
  int pendingEntries();

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

  /**
   * Gives up what is pending or parked for a key: it is not written any more, and reads give what the database has. An earlier value that it had coalesced with does not come back. Who
   * waits for it to be settled is told as if it were parked. Durable when the future completes. Keep the value elsewhere first, if anybody may want it back.
   *
   * @param version of the entry, as {@link PendingEntry#version} tells it: a later one is not touched
   */
  CompletableFuture<Purged> purgeAsync(K key, long version);

  /** What the database has refused for the last time, to be retried, put right or given up. */
  DeadLetters<K, V> deadLetters();

  /**
   * Waits for a future as the blocking forms do: what it failed with is thrown as it is, and an interrupt leaves the outcome unknown. In a
   * cache on manual time, what is due runs meanwhile.
   */
  <T extends @Nullable Object> T await(CompletableFuture<T> future);

  /**
   * Who brings the entries to the database. With a hot store that one process has to itself that is this one; with a {@linkplain io.headpond.spi.SharedStore shared} one the database
   * tells, and the future fails with {@link UnavailableException} while it is away.
   */
  CompletableFuture<Workers> workersAsync();

  /** Blocking form of {@link #getAsync}. */
  default @Nullable V get(K key) {
    return await(getAsync(key));
  }

  /** Blocking form of {@link #entryAsync}. */
  default Entry<V> entry(K key) {
    return await(entryAsync(key));
  }

  /** Blocking form of {@link #getAllAsync}. */
  default Map<K, V> getAll(Collection<K> keys) {
    return await(getAllAsync(keys));
  }

  /** Blocking form of {@link #entriesAsync}. */
  default Map<K, Entry<V>> entries(Collection<K> keys) {
    return await(entriesAsync(keys));
  }

  /** Blocking form of {@link #loadAsync}. */
  default @Nullable V load(K key) {
    return await(loadAsync(key));
  }

  /** Blocking form of {@link #putAsync(Object, Object)}. */
  default Receipt put(K key, V value) {
    return await(putAsync(key, value));
  }

  /** Blocking form of {@link #putAsync(Object, Object, Durability)}. */
  default Receipt put(K key, V value, Durability durability) {
    return await(putAsync(key, value, durability));
  }

  /** Blocking form of {@link #putAsync(Object, Object, WriteOptions)}. */
  default Receipt put(K key, V value, WriteOptions options) {
    return await(putAsync(key, value, options));
  }

  /** Writes a value if there is none; {@link ConditionFailedException} if there is one. */
  default Receipt putIfAbsent(K key, V value) {
    return put(key, value, WriteOptions.onlyIf(Condition.absent()));
  }

  /**
   * Blocking form of {@link #putAllAsync}: returns when all are acknowledged.
   *
   * @throws PartialWriteException if some were not, with what became of each
   */
  default Map<K, Receipt> putAll(Map<? extends K, ? extends V> values) {
    return PutAll.await(this, putAllAsync(values));
  }

  /** Blocking form of {@link #removeAsync(Object)}. */
  default Receipt remove(K key) {
    return await(removeAsync(key));
  }

  /** Blocking form of {@link #removeAsync(Object, Durability)}. */
  default Receipt remove(K key, Durability durability) {
    return await(removeAsync(key, durability));
  }

  /** Blocking form of {@link #removeAsync(Object, WriteOptions)}. */
  default Receipt remove(K key, WriteOptions options) {
    return await(removeAsync(key, options));
  }

  /** Blocking form of {@link #updateAsync} with the cache's settings. */
  default Updated<V> update(K key, Function<@Nullable V, @Nullable V> change) {
    return update(key, change, WriteOptions.defaults());
  }

  /** Blocking form of {@link #updateAsync}. */
  default Updated<V> update(
      K key, Function<@Nullable V, @Nullable V> change, WriteOptions options) {
    return await(updateAsync(key, change, options));
  }

  /** Blocking form of {@link #incrementAsync} with the cache's settings. */
  default Updated<V> increment(K key, Increment increment) {
    return increment(key, increment, WriteOptions.defaults());
  }

  /** Blocking form of {@link #incrementAsync}. */
  default Updated<V> increment(K key, Increment increment, WriteOptions options) {
    return await(incrementAsync(key, increment, options));
  }

  /** Blocking form of {@link #newKeyAsync}. */
  default K newKey() {
    return await(newKeyAsync());
  }

  /** Blocking form of {@link #requestAsync}. */
  default @Nullable CompletedRequest<K> request(String requestId) {
    return await(requestAsync(requestId));
  }

  /** Blocking form of {@link #invalidateAsync}. */
  default @Nullable EntryState invalidate(K key) {
    return await(invalidateAsync(key));
  }

  /** Blocking form of {@link #flushAsync()}. */
  default FlushReport flush() {
    return await(flushAsync());
  }

  /** Blocking form of {@link #flushAsync(int)}. */
  default FlushReport flush(int maxEntries) {
    return await(flushAsync(maxEntries));
  }

  /** Blocking form of {@link #drainAsync}. */
  default FlushReport drain(Duration deadline) {
    return await(drainAsync(deadline));
  }

  /** Blocking form of {@link #pendingAsync}. */
  default PendingPage pending(String prefix, @Nullable String after, int limit) {
    return await(pendingAsync(prefix, after, limit));
  }

  /**
   * Drains for at most 10 seconds, unless a drain has ended before; gives the leases back and closes store and database. What is still
   * pending stays in the store's journal and is written at the next start; a log line says how much. Idempotent.
   */
  @Override
  void close();
}
