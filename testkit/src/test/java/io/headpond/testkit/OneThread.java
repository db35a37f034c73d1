package io.headpond.testkit;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/** The fake's thread; nothing but {@link #execute} is asked of it. */
record OneThread(ExecutorService thread) implements Environment {
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
    throw new IllegalStateException("the fake has no timers");
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }
}
