package io.headpond.engine;

import io.headpond.OutcomeUnknownException;
import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The machine's clocks, threads and randomness. Its threads are daemons, named by dataset and role. */
final class SystemEnvironment implements Environment, AutoCloseable {
  private static final int WORKERS = 2;

  private final ScheduledThreadPoolExecutor timers;
  private final ExecutorService workers;
  private final ExecutorService blocking;

  SystemEnvironment(String dataset) {
    timers = new ScheduledThreadPoolExecutor(1, threads("headpond-" + dataset + "-timer"));
    timers.setRemoveOnCancelPolicy(true);
    workers = Executors.newFixedThreadPool(WORKERS, threads("headpond-" + dataset + "-engine-"));
    blocking = Executors.newCachedThreadPool(threads("headpond-" + dataset + "-io-"));
  }

  @Override
  public long wallMicros() {
    return System.currentTimeMillis() * 1_000;
  }

  @Override
  public long nanos() {
    return System.nanoTime();
  }

  @Override
  public long random() {
    return ThreadLocalRandom.current().nextLong();
  }

  @Override
  public void execute(Runnable task) {
    workers.execute(task);
  }

  @Override
  public void executeBlocking(Runnable task) {
    blocking.execute(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    Future<?> future =
        timers.schedule(() -> workers.execute(task), delay.toNanos(), TimeUnit.NANOSECONDS);
    return () -> future.cancel(false);
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new OutcomeUnknownException("interrupted while waiting", e);
    } catch (ExecutionException e) {
      throw Failures.unchecked(e);
    }
  }

  @Override
  public void close() {
    timers.shutdownNow();
    workers.shutdown();
    blocking.shutdown();
  }

  private static ThreadFactory threads(String name) {
    AtomicInteger count = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, name.endsWith("-") ? name + count.incrementAndGet() : name);
      thread.setDaemon(true);
      return thread;
    };
  }
}
