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
 * @param maxRetries how often an entry that the database refuses is tried again before it is parked; from 0, to park at
 *     once, to 1,000. Default 5
 * @param retryDelay the longest pause before the first retry; it doubles with each further one, up
 *     to 30 s, and jitter only shortens it. From 1 ms to 30 s. Default 1 s
 * @param maxPendingEntries from 1 to 100,000,000. Default 100,000
 * @param maxPendingBytes at least 1 MiB. Default 64 MiB
 * @param overload what happens at the limit. Default: wait 5 s
 * @param targetLag the age of the oldest pending entry that writers are slowed down to keep; null, the default, for none. From 1 ms to
 *     1 day
 * @param ttl how long a clean entry stays, from its settling or loading on; zero for ever. Default 1 hour
 * @param cacheSize the most clean entries; from 0. Default 100,000
 * @param tenant the key column that says whose an entry is: then no tenant is slowed down or refused because of what another has pending; null, the default, for
 *     none
 * @param partitions from 1 to 1,024; cannot change once the dataset has been used. Default 16
 * @param staleReads whether reads are answered by the database, past the cache, while a {@linkplain io.headpond.spi.SharedStore shared} hot store does not
 *     answer: they may give values older than what was acknowledged, and are {@linkplain Entry#possiblyStale marked}. Default false: such reads fail
 */
public record CacheSettings(
    String name,
    @Nullable Durability durability,
    Duration linger,
    int maxBatchSize,
    int maxRetries,
    Duration retryDelay,
    int maxPendingEntries,
    long maxPendingBytes,
    Overload overload,
    @Nullable Duration targetLag,
    Duration ttl,
    long cacheSize,
    @Nullable String tenant,
    int partitions,
    boolean staleReads) {
  private static final Duration MAX_RETRY_DELAY = Duration.ofSeconds(30);

  public CacheSettings {
    require(
        name.matches("[A-Za-z0-9_.-]{1,63}") && !name.startsWith("."),
        "name",
        name,
        "must be 1 to 63 letters, digits or _ - . and not begin with a point");
    range("linger", linger, Duration.ZERO, Duration.ofHours(1));
    range("maxBatchSize", maxBatchSize, 1, 30_000);
    range("maxRetries", maxRetries, 0, 1_000);
    range("retryDelay", retryDelay, Duration.ofMillis(1), MAX_RETRY_DELAY);
    range("maxPendingEntries", maxPendingEntries, 1, 100_000_000);
    range("maxPendingBytes", maxPendingBytes, 1 << 20, Long.MAX_VALUE);
    if (targetLag != null) {
      range("targetLag", targetLag, Duration.ofMillis(1), Duration.ofDays(1));
    }
    range("ttl", ttl, Duration.ZERO, Duration.ofDays(36_500));
    range("cacheSize", cacheSize, 0, Integer.MAX_VALUE);
    range("partitions", partitions, 1, 1_024);
  }

  /** The defaults for a dataset of this name. */
  public static CacheSettings defaults(String name) {
    return builder(name).build();
  }

  /** Collects settings for a dataset of this name, from the defaults on. */
  public static Builder builder(String name) {
    return new Builder(name);
  }

  /** Collects settings, from these on. */
  public Builder toBuilder() {
    return new Builder(this);
  }

  /** Collects settings; they are checked by {@link #build}. Not thread-safe. */
  public static final class Builder {
    private String name;
    private @Nullable Durability durability;
    private Duration linger = Duration.ofMillis(100);
    private int maxBatchSize = 1_000;
    private int maxRetries = 5;
    private Duration retryDelay = Duration.ofSeconds(1);
    private int maxPendingEntries = 100_000;
    private long maxPendingBytes = 64L << 20;
    private Overload overload = Overload.waitFor(Duration.ofSeconds(5));
    private @Nullable Duration targetLag;
    private Duration ttl = Duration.ofHours(1);
    private long cacheSize = 100_000;
    private @Nullable String tenant;
    private int partitions = 16;
    private boolean staleReads;

    private Builder(String name) {
      this.name = name;
    }

    private Builder(CacheSettings settings) {
      this.name = settings.name;
      this.durability = settings.durability;
      this.linger = settings.linger;
      this.maxBatchSize = settings.maxBatchSize;
      this.maxRetries = settings.maxRetries;
      this.retryDelay = settings.retryDelay;
      this.maxPendingEntries = settings.maxPendingEntries;
      this.maxPendingBytes = settings.maxPendingBytes;
      this.overload = settings.overload;
      this.targetLag = settings.targetLag;
      this.ttl = settings.ttl;
      this.cacheSize = settings.cacheSize;
      this.tenant = settings.tenant;
      this.partitions = settings.partitions;
      this.staleReads = settings.staleReads;
    }

    /** See {@link CacheSettings#name}. */
    public Builder name(String name) {
      this.name = name;
      return this;
    }

    /** See {@link CacheSettings#durability}. */
    public Builder durability(@Nullable Durability durability) {
      this.durability = durability;
      return this;
    }

    /** See {@link CacheSettings#linger}. */
    public Builder linger(Duration linger) {
      this.linger = linger;
      return this;
    }

    /** See {@link CacheSettings#maxBatchSize}. */
    public Builder maxBatchSize(int maxBatchSize) {
      this.maxBatchSize = maxBatchSize;
      return this;
    }

    /** See {@link CacheSettings#maxRetries}. */
    public Builder maxRetries(int maxRetries) {
      this.maxRetries = maxRetries;
      return this;
    }

    /** See {@link CacheSettings#retryDelay}. */
    public Builder retryDelay(Duration retryDelay) {
      this.retryDelay = retryDelay;
      return this;
    }

    /** See {@link CacheSettings#maxPendingEntries}. */
    public Builder maxPendingEntries(int maxPendingEntries) {
      this.maxPendingEntries = maxPendingEntries;
      return this;
    }

    /** See {@link CacheSettings#maxPendingBytes}. */
    public Builder maxPendingBytes(long maxPendingBytes) {
      this.maxPendingBytes = maxPendingBytes;
      return this;
    }

    /** See {@link CacheSettings#overload}. */
    public Builder overload(Overload overload) {
      this.overload = overload;
      return this;
    }

    /** See {@link CacheSettings#targetLag}. */
    public Builder targetLag(@Nullable Duration targetLag) {
      this.targetLag = targetLag;
      return this;
    }

    /** See {@link CacheSettings#ttl}. */
    public Builder ttl(Duration ttl) {
      this.ttl = ttl;
      return this;
    }

    /** See {@link CacheSettings#cacheSize}. */
    public Builder cacheSize(long cacheSize) {
      this.cacheSize = cacheSize;
      return this;
    }

    /** See {@link CacheSettings#tenant}. */
    public Builder tenant(@Nullable String keyColumn) {
      this.tenant = keyColumn;
      return this;
    }

    /** See {@link CacheSettings#partitions}. */
    public Builder partitions(int partitions) {
      this.partitions = partitions;
      return this;
    }

    /** See {@link CacheSettings#staleReads}. */
    public Builder staleReads(boolean staleReads) {
      this.staleReads = staleReads;
      return this;
    }

    /**
     * The settings.
     *
     * @throws ConfigurationException that names the setting, the value and the rule
     */
    public CacheSettings build() {
      return new CacheSettings(
          name,
          durability,
          linger,
          maxBatchSize,
          maxRetries,
          retryDelay,
          maxPendingEntries,
          maxPendingBytes,
          overload,
          targetLag,
          ttl,
          cacheSize,
          tenant,
          partitions,
          staleReads);
    }
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
