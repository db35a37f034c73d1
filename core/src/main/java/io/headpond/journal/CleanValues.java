package io.headpond.journal;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.Environment;
import io.headpond.spi.Lookup;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What the database has, as far as it is known and fits: bounded, and each value for a time. Thread-safe. */
final class CleanValues {
  /** How long it is remembered that there is no such row. */
  static final Duration ABSENT_TTL = Duration.ofSeconds(5);

  private record Value(@Nullable Row row, long version) {}

  private final Cache<Key, Value> cache;

  CleanValues(long size, Duration ttl, Environment environment) {
    long present = ttl.isZero() ? Long.MAX_VALUE : saturatedNanos(ttl);
    long absent = Math.min(present, ABSENT_TTL.toNanos());
    this.cache =
        Caffeine.newBuilder()
            .maximumSize(size)
            .executor(Runnable::run)
            .ticker(environment::nanos)
            .expireAfter(
                Expiry.writing(
                    (Key key, Value value) ->
                        Duration.ofNanos(value.row == null ? absent : present)))
            .build();
  }

  private static long saturatedNanos(Duration ttl) {
    try {
      return ttl.toNanos();
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE;
    }
  }

  @Nullable Lookup get(Key key) {
    Value value = cache.getIfPresent(key);
    return value == null ? null : new Lookup(key, EntryState.CLEAN, value.row, value.version, 0);
  }

  Lookup put(Key key, @Nullable Row row, long version) {
    cache.put(key, new Value(row, version));
    return new Lookup(key, EntryState.CLEAN, row, version, 0);
  }

  /** Forgets a value of a version below this one. */
  void dropOlder(Key key, long version) {
    Value value = cache.getIfPresent(key);
    if (value != null && value.version < version) {
      cache.invalidate(key);
    }
  }

  void drop(Key key) {
    cache.invalidate(key);
  }
}
