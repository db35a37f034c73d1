package io.headpond.testkit;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * The one thread on which a {@link FakeDatabase} answers a cache in real time, and on which a test gives it commands. It has no
 * timers.
 */
public final class OneThread implements Environment, AutoCloseable {
  private final ExecutorService thread = Executors.newSingleThreadExecutor();

  @Override
  public void execute(Runnable task) {
    thread.execute(task);
  }

  @Override
  public void executeBlocking(Runnable task) {
    thread.execute(task);
  }

  @Override
  public void executeCallback(Runnable task) {
    thread.execute(task);
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
    return 1;
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    throw new IllegalStateException("a database in memory has no timers");
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
