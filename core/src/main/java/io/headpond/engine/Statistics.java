package io.headpond.engine;

import io.headpond.CacheStatus.Counters;
import io.headpond.spi.Environment;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Totals since the cache was opened. Thread-safe. */
final class Statistics {
  final LongAdder writes = new LongAdder();
  final LongAdder coalesced = new LongAdder();
  final LongAdder refused = new LongAdder();
  final LongAdder applied = new LongAdder();
  final LongAdder stale = new LongAdder();
  final LongAdder rejected = new LongAdder();
  final LongAdder batches = new LongAdder();
  final LongAdder failedBatches = new LongAdder();
  final LongAdder hits = new LongAdder();
  final LongAdder misses = new LongAdder();
  final LongAdder loads = new LongAdder();
  final LongAdder pauses = new LongAdder();
  final LongAdder flusherRestarts = new LongAdder();
  final LongAdder lostEvents = new LongAdder();
  final FlushRate flushRate;

  /** What the database said the last time that it refused an entry, of whatever partition; null if it has not since the start. */
  volatile @Nullable String lastRefusal;

  Statistics(Environment environment) {
    this.flushRate = new FlushRate(environment);
  }

  Counters counters() {
    return new Counters(
        writes.sum(),
        coalesced.sum(),
        refused.sum(),
        applied.sum(),
        stale.sum(),
        rejected.sum(),
        batches.sum(),
        failedBatches.sum(),
        hits.sum(),
        misses.sum(),
        loads.sum(),
        pauses.sum(),
        flusherRestarts.sum(),
        lostEvents.sum());
  }
}
