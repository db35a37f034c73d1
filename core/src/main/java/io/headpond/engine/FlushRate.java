package io.headpond.engine;

import io.headpond.spi.Environment;
import java.util.concurrent.TimeUnit;

/** How many entries are settled each second, over the last ten seconds. Thread-safe. */
final class FlushRate {
  private static final int SECONDS = 10;

  private final Environment environment;
  private final long startNanos;

  /** Guarded by this. The second now, and how many entries each of the last ones has settled; the last slot is the second under way. */
  private final long[] settled = new long[SECONDS + 1];

  private long second;

  FlushRate(Environment environment) {
    this.environment = environment;
    this.startNanos = environment.nanos();
  }

  synchronized void add(int entries) {
    advance();
    settled[(int) (second % settled.length)] += entries;
  }

  /** Entries a second; 0 if nothing was settled. */
  synchronized double perSecond() {
    advance();
    long sum = 0;
    for (long count : settled) {
      sum += count;
    }
    long nanos = environment.nanos() - startNanos;
    double elapsed = nanos / (double) TimeUnit.SECONDS.toNanos(1);
    double covered = Math.min(elapsed, SECONDS + elapsed - Math.floor(elapsed));
    return sum / Math.max(1, covered);
  }

  private void advance() {
    long now = TimeUnit.NANOSECONDS.toSeconds(environment.nanos() - startNanos);
    if (now - second >= settled.length) {
      java.util.Arrays.fill(settled, 0);
      second = now;
    }
    while (second < now) {
      second++;
      settled[(int) (second % settled.length)] = 0;
    }
  }
}
