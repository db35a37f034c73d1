package io.headpond.engine;

import io.headpond.spi.Environment;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Slows writers down before the limit is reached, by holding acknowledgements back. Thread-safe.
 *
 * <p>Below half of the limit nothing happens; the limit is the room that refused entries leave, since no flush would free what they
 * take. From there on new entries are let through at the rate at which the database takes them, times a factor that falls from 2 at half of the limit over 1 at three quarters to 0 at the limit; so what is pending comes to
 * rest where writers are as fast as the database. No pause is longer than 200 ms, and near half of the limit none is longer than a
 * few, also when the database takes nothing. Where there are tenants, each is slowed down for what it has itself of what it may have, and for the age of what is pending only
 * if it has at least an equal part of that. (After the dirty throttling of the Linux kernel, {@code balance_dirty_pages}: free run, set point, position
 * ratio.)
 */
final class Throttle {
  private static final long MAX_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final double FREE = 0.5;

  /** How long a measurement of rate and lag is good enough. */
  private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Environment environment;
  private final FlushRate flushRate;
  private final LongAdder pauses;
  private final double targetLagNanos;
  private final LongSupplier lagNanos;
  private final Set<Paused<?>> paused = ConcurrentHashMap.newKeySet();

  /** When the next new entry may be acknowledged. */
  private final AtomicLong next;

  private volatile Measured measured;
  private volatile boolean closed;

  private record Measured(long atNanos, double rate, double lag) {}

  /** An acknowledgement that is held back. */
  private final class Paused<T> implements Runnable {
    private final CompletableFuture<T> result;
    private final T value;

    private Paused(CompletableFuture<T> result, T value) {
      this.result = result;
      this.value = value;
    }

    @Override
    public void run() {
      if (paused.remove(this)) {
        environment.executeCallback(() -> result.complete(value));
      }
    }
  }

  /**
   * @param targetLag the age of the oldest entry that counts as a full store; null for none
   * @param lagNanos that age now
   */
  Throttle(
      Environment environment,
      Statistics statistics,
      @Nullable Duration targetLag,
      LongSupplier lagNanos) {
    this.environment = environment;
    this.flushRate = statistics.flushRate;
    this.pauses = statistics.pauses;
    this.targetLagNanos = targetLag == null ? 0 : targetLag.toNanos();
    this.lagNanos = lagNanos;
    this.next = new AtomicLong(environment.nanos());
    this.measured = new Measured(environment.nanos() - FRESH_NANOS, 0, 0);
  }

  /** How long to hold back the acknowledgement of a write that made the store so full; 0 for not at all. */
  long pauseNanos(Written written) {
    double usage = written.usage();
    boolean forLag = written.delays() && targetLagNanos != 0;
    if (usage == 0 || (usage <= FREE && !forLag)) {
      return 0;
    }
    Measured now = measure();
    double pressure = forLag ? Math.max(usage, now.lag) : usage;
    if (pressure <= FREE) {
      return 0;
    }
    double over = Math.min(1, (pressure - FREE) / (1 - FREE));
    long most = (long) (MAX_PAUSE_NANOS * over);
    double perSecond = now.rate * 2 * (1 - over);
    if (perSecond < 1) {
      return most;
    }
    long interval = (long) (TimeUnit.SECONDS.toNanos(1) / perSecond);
    long at = environment.nanos();
    long mine =
        next.getAndUpdate(
            free -> Math.min(Math.max(free - at, 0) + interval, MAX_PAUSE_NANOS) + at);
    return Math.max(0, Math.min(most, mine - at));
  }

  /** Completes the future with the value after the pause, or at the close. */
  <T> CompletableFuture<T> hold(CompletableFuture<T> result, T value, long pauseNanos) {
    pauses.increment();
    Paused<T> entry = new Paused<>(result, value);
    paused.add(entry);
    environment.schedule(Duration.ofNanos(pauseNanos), entry);
    if (closed) {
      entry.run();
    }
    return result;
  }

  /** Holds nothing back any longer. */
  void close() {
    closed = true;
    paused.forEach(Runnable::run);
  }

  private Measured measure() {
    Measured last = measured;
    long at = environment.nanos();
    if (at - last.atNanos < FRESH_NANOS) {
      return last;
    }
    double lag = targetLagNanos == 0 ? 0 : lagNanos.getAsLong() / targetLagNanos;
    Measured fresh = new Measured(at, flushRate.perSecond(), lag);
    measured = fresh;
    return fresh;
  }
}
