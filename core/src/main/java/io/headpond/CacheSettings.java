package io.headpond;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a dataset. Immutable, checked once; an error names the setting, the value and the rule.
 *
 * @param name of the dataset: letters, digits, {@code _ - .}, at most 63
 * @param durability of a write that does not say its own; null for the strongest that the hot store keeps by itself. Default null
 * @param linger how long a pending entry may wait for company; from 0 to 1 hour. Default 100 ms
 * @param maxBatchSize the most rows of a batch; from 1 to 30,000. Default 1,000
 * @param retryDelay the longest pause before the first retry; it doubles with each further one, up
 *     to 30 s, and jitter only shortens it. From 1 ms to 30 s. Default 1 s
 * @param maxPendingEntries from 1 to 100,000,000. Default 100,000
 * @param maxPendingBytes at least 1 MiB. Default 64 MiB
 * @param overload what happens at the limit. Default: wait 5 s
 * @param ttl how long a clean entry stays, from its settling or loading on; zero for ever. Default 1 hour
 * @param cacheSize the most clean entries; from 0. Default 100,000
 * @param partitions from 1 to 1,024; cannot change once the dataset has been used. Default 16
 */
public record CacheSettings(
    String name,
    @Nullable Durability durability,
    Duration linger,
    int maxBatchSize,
    Duration retryDelay,
    int maxPendingEntries,
    long maxPendingBytes,
    Overload overload,
    Duration ttl,
    long cacheSize,
    int partitions) {
  private static final Duration MAX_RETRY_DELAY = Duration.ofSeconds(30);

  public CacheSettings {
    require(
        name.matches("[A-Za-z0-9_.-]{1,63}") && !name.startsWith("."),
        "name",
        name,
        "must be 1 to 63 letters, digits or _ - . and not begin with a point");
    range("linger", linger, Duration.ZERO, Duration.ofHours(1));
    range("maxBatchSize", maxBatchSize, 1, 30_000);
    range("retryDelay", retryDelay, Duration.ofMillis(1), MAX_RETRY_DELAY);
    range("maxPendingEntries", maxPendingEntries, 1, 100_000_000);
    range("maxPendingBytes", maxPendingBytes, 1 << 20, Long.MAX_VALUE);
    range("ttl", ttl, Duration.ZERO, Duration.ofDays(36_500));
    range("cacheSize", cacheSize, 0, Integer.MAX_VALUE);
    range("partitions", partitions, 1, 1_024);
  }

  /** The defaults for a dataset of this name. */
  public static CacheSettings defaults(String name) {
    return new CacheSettings(
        name,
        null,
        Duration.ofMillis(100),
        1_000,
        Duration.ofSeconds(1),
        100_000,
        64L << 20,
        Overload.waitFor(Duration.ofSeconds(5)),
        Duration.ofHours(1),
        100_000,
        16);
  }

  /** These settings with another name. */
  public CacheSettings withName(String name) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another durability. */
  public CacheSettings withDurability(@Nullable Durability durability) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another linger. */
  public CacheSettings withLinger(Duration linger) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another maxBatchSize. */
  public CacheSettings withMaxBatchSize(int maxBatchSize) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another retryDelay. */
  public CacheSettings withRetryDelay(Duration retryDelay) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another maxPendingEntries. */
  public CacheSettings withMaxPendingEntries(int maxPendingEntries) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another maxPendingBytes. */
  public CacheSettings withMaxPendingBytes(long maxPendingBytes) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another overload. */
  public CacheSettings withOverload(Overload overload) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another ttl. */
  public CacheSettings withTtl(Duration ttl) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another cacheSize. */
  public CacheSettings withCacheSize(long cacheSize) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  /** These settings with another partitions. */
  public CacheSettings withPartitions(int partitions) {
    return new CacheSettings(
        name,
        durability,
        linger,
        maxBatchSize,
        retryDelay,
        maxPendingEntries,
        maxPendingBytes,
        overload,
        ttl,
        cacheSize,
        partitions);
  }

  private static <T extends Comparable<T>> void range(String setting, T value, T min, T max) {
    require(
        value.compareTo(min) >= 0 && value.compareTo(max) <= 0,
        setting,
        value,
        "must be from " + min + " to " + max);
  }

  private static void range(String setting, long value, long min, long max) {
    require(value >= min && value <= max, setting, value, "must be from " + min + " to " + max);
  }

  private static void require(boolean holds, String setting, Object value, String rule) {
    if (!holds) {
      throw new ConfigurationException(setting + ": " + value + ": " + rule);
    }
  }
}
