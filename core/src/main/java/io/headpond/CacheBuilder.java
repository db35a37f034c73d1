package io.headpond;

import io.headpond.spi.Environment;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.SystemOfRecordFactory;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Collects what a {@link WriteBehindCache} needs: a name, a hot store and a system of record; the rest has defaults, see {@link
 * CacheSettings}. Values are checked by {@link #build}. Not thread-safe.
 */
public interface CacheBuilder<K, V> {
  /** The dataset's name. Default: the record's name in snake case; required for untyped rows. */
  CacheBuilder<K, V> name(String name);

  /** Where writes land, for example {@link io.headpond.journal.JournalStore#in}. Required. */
  CacheBuilder<K, V> store(HotStoreFactory store);

  /** The table that the dataset belongs to. Required. */
  CacheBuilder<K, V> systemOfRecord(SystemOfRecordFactory systemOfRecord);

  /** All settings at once; the name among them too. */
  CacheBuilder<K, V> settings(CacheSettings settings);

  /** Durability of a write that does not say its own. */
  CacheBuilder<K, V> durability(Durability durability);

  /** How long a pending entry may wait for company. */
  CacheBuilder<K, V> linger(Duration linger);

  /** The most rows of a batch. */
  CacheBuilder<K, V> maxBatchSize(int rows);

  /** How often an entry that the database refuses is tried again before it is parked. */
  CacheBuilder<K, V> maxRetries(int retries);

  /** The longest pause before the first retry. */
  CacheBuilder<K, V> retryDelay(Duration delay);

  /** The most pending entries. */
  CacheBuilder<K, V> maxPendingEntries(int entries);

  /** The most bytes of pending entries. */
  CacheBuilder<K, V> maxPendingBytes(long bytes);

  /** What happens at the limit. */
  CacheBuilder<K, V> overload(Overload overload);

  /** The age of the oldest pending entry that writers are slowed down to keep. */
  CacheBuilder<K, V> targetLag(Duration age);

  /** How long a clean entry stays; zero for ever. */
  CacheBuilder<K, V> ttl(Duration ttl);

  /** The most clean entries. */
  CacheBuilder<K, V> cacheSize(long entries);

  /** The key column that says whose an entry is: no tenant is slowed down because of what another has pending. Default: none. */
  CacheBuilder<K, V> tenant(@Nullable String keyColumn);

  /** How many partitions; cannot change once the dataset has been used. */
  CacheBuilder<K, V> partitions(int partitions);

  /** Whether the database answers reads while a shared hot store does not, see {@link CacheSettings#staleReads}. */
  CacheBuilder<K, V> staleReads(boolean staleReads);

  /** Hears what the cache does; several are told in this order. */
  CacheBuilder<K, V> listener(CacheListener listener);

  /**
   * Whether this process brings entries to the database. Default: it does. One that does not needs a {@linkplain io.headpond.spi.SharedStore shared} store and
   * another process that does.
   */
  CacheBuilder<K, V> flushes(boolean flushes);

  /** What this process is called where {@linkplain WriteBehindCache#workersAsync workers} are told apart. Default: host and process id. */
  CacheBuilder<K, V> instance(String name);

  /** Takes the table over from the store that it is tied to, see {@link io.headpond.spi.SystemOfRecord#bind}. */
  CacheBuilder<K, V> adopt();

  /** Time, threads and randomness; for tests. Default: the real ones. */
  CacheBuilder<K, V> environment(Environment environment);

  /**
   * Opens store and database, checks that they belong together, takes the leases and starts to write what is
   * pending. Blocks until the cache can be used.
   *
   * @throws ConfigurationException if a setting, the table or the journal does not fit
   * @throws UnavailableException if the database cannot be reached
   */
  WriteBehindCache<K, V> build();
}
