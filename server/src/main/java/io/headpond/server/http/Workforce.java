package io.headpond.server.http;

import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Whether anybody brings the entries of a dataset to the database, as the database said when it was asked last: a health must not wait for it. Thread-safe.
 */
final class Workforce {
  private static final long AGAIN_NANOS = Duration.ofSeconds(2).toNanos();

  private final WriteBehindCache<Key, Row> cache;
  private final AtomicLong askedNanos = new AtomicLong(System.nanoTime() - 2 * AGAIN_NANOS);
  private volatile @Nullable Boolean active;

  Workforce(WriteBehindCache<Key, Row> cache) {
    this.cache = cache;
    active();
  }

  /** Null as long as the database has not said. */
  @Nullable Boolean active() {
    long now = System.nanoTime();
    long asked = askedNanos.get();
    if (now - asked > AGAIN_NANOS && askedNanos.compareAndSet(asked, now)) {
      var unused =
          cache
              .workersAsync()
              .whenComplete(
                  (workers, failure) ->
                      active = failure == null ? !workers.workers().isEmpty() : null);
    }
    return active;
  }
}
