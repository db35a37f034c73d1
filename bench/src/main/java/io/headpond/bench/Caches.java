package io.headpond.bench;

import io.headpond.CacheSettings;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.SystemOfRecordFactory;
import java.time.Duration;

/** Caches of {@link Kv} entries as the benchmarks need them. */
final class Caches {
  static final String NAME = "kv";
  static final int PARTITIONS = 16;

  private Caches() {}

  /** Limits that are never reached, and nothing lingers less than an hour. */
  static CacheSettings settings(int maxBatchSize, int partitions) {
    return CacheSettings.builder(NAME)
        .linger(Duration.ofHours(1))
        .maxBatchSize(maxBatchSize)
        .maxPendingEntries(100_000_000)
        .maxPendingBytes(64L << 30)
        .overload(Overload.reject())
        .partitions(partitions)
        .build();
  }

  static WriteBehindCache<Key, Row> open(
      HotStoreFactory store, SystemOfRecordFactory systemOfRecord, CacheSettings settings) {
    return WriteBehindCache.builder(Kv.TYPE)
        .store(store)
        .systemOfRecord(systemOfRecord)
        .settings(settings)
        .build();
  }

  /** Nothing leaves it until it is closed; then it leaves at once. For 25,000 entries of a partition. */
  static WriteBehindCache<Key, Row> idle(HotStoreFactory store, int partitions) {
    return open(
        store, (dataset, declared) -> new IdleDatabase(declared), settings(30_000, partitions));
  }
}
