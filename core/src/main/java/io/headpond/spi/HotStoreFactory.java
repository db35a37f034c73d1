package io.headpond.spi;

import io.headpond.RowType;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Opens the hot store of a dataset. */
@FunctionalInterface
public interface HotStoreFactory {
  /**
   * Opens it and recovers what was pending.
   *
   * @throws io.headpond.ConfigurationException if what is there does not fit the settings, is damaged, or is in use
   */
  HotStore open(Settings settings);

  /** What a store of this dataset was last told to {@linkplain HotStore#remember remember}; null if there is none. */
  default byte @Nullable [] remembered(String dataset) {
    return null;
  }

  /**
   * What a hot store has to know of its dataset.
   *
   * @param dataset its name
   * @param rowType its columns
   * @param partitions how many partitions, from 1 to 1,024
   * @param maxPendingEntries limit on pending entries
   * @param maxPendingBytes limit on their bytes
   * @param cacheSize the most clean entries
   * @param ttl how long a clean entry lives from its settling or loading on; zero for ever
   * @param maxBatchSize how many entries make a batch that need not wait for more
   * @param tenant the key column that says whose an entry is, see {@link io.headpond.CacheSettings#tenant}; null for none
   * @param environment time, threads and randomness
   */
  record Settings(
      String dataset,
      RowType rowType,
      int partitions,
      int maxPendingEntries,
      long maxPendingBytes,
      long cacheSize,
      Duration ttl,
      int maxBatchSize,
      @Nullable String tenant,
      Environment environment) {
    /** Without tenants, and with batches of 100. */
    public Settings(
        String dataset,
        RowType rowType,
        int partitions,
        int maxPendingEntries,
        long maxPendingBytes,
        long cacheSize,
        Duration ttl,
        Environment environment) {
      this(
          dataset,
          rowType,
          partitions,
          maxPendingEntries,
          maxPendingBytes,
          cacheSize,
          ttl,
          100,
          null,
          environment);
    }
  }
}
