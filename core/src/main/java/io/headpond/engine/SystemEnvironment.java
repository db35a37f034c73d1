package io.headpond.engine;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The machine's clocks, threads and randomness. Its threads are daemons, named by dataset and role. */
final class SystemEnvironment implements Environment, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SystemEnvironment.class);
  private static final int WORKERS = 2;
  private static final Duration LONGEST = Duration.ofDays(36_500);

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
    try {
      workers.execute(task);
    } catch (RejectedExecutionException closed) {
      log.debug("a task came after the close; it is not run", closed);
    }
  }

  @Override
  public void executeBlocking(Runnable task) {
    blocking.execute(task);
  }

  /**
   * On the common pool: it makes up for a thread that waits for a future, so that users may block on one cache in what they
   * have attached to another future of it.
   */
  @Override
  public void executeCallback(Runnable task) {
    ForkJoinPool.commonPool().execute(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    long nanos = delay.compareTo(LONGEST) > 0 ? LONGEST.toNanos() : delay.toNanos();
    try {
      Future<?> future = timers.schedule(() -> execute(task), nanos, TimeUnit.NANOSECONDS);
      return () -> future.cancel(false);
    } catch (RejectedExecutionException closed) {
      return () -> {};
    }
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return Waiting.await(stage.toCompletableFuture());
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
