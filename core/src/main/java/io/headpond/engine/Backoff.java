package io.headpond.engine;

import io.headpond.spi.Environment;
import java.time.Duration;

/**
 * Exponential pauses with full jitter: the n-th is a random time up to {@code base * 2^(n-1)}, at most 30 s
 * (Marc Brooker, "Exponential Backoff And Jitter", 2015). Not thread-safe.
 */
final class Backoff {
  /** No pause is longer. */
  static final Duration LONGEST = Duration.ofSeconds(30);

  private static final Duration LONGEST_IN_HASTE = Duration.ofSeconds(1);

  private final Environment environment;
  private final Duration base;
  private int failures;
  private long untilNanos;

  Backoff(Environment environment, Duration base) {
    this.environment = environment;
    this.base = base;
  }

  /** The longest pause after so many failures: {@code base * 2^(failures-1)}, at most 30 s. */
  static long longestNanos(Duration base, int failures) {
    return Math.min(LONGEST.toNanos(), base.toNanos() << Math.min(failures - 1, 20));
  }

  /**
   * One more failure: a longer pause.
   *
   * @param haste somebody waits for all to be written: at most a second
   */
  void failed(boolean haste) {
    failures++;
    long longest = longestNanos(base, failures);
    long limit = haste ? Math.min(longest, LONGEST_IN_HASTE.toNanos()) : longest;
    untilNanos = environment.nanos() + 1 + Long.remainderUnsigned(environment.random(), limit);
  }

  void reset() {
    failures = 0;
  }

  /** The pause is over now; the next one is as long as it would have been. */
  void skip() {
    untilNanos = environment.nanos();
  }

  int failures() {
    return failures;
  }

  boolean over() {
    return remainingNanos() <= 0;
  }

  long remainingNanos() {
    return failures == 0 ? 0 : untilNanos - environment.nanos();
  }
}
