package io.headpond.journal;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Random;
import java.util.concurrent.CompletionStage;

/** A clock that stands still, tasks that run when they are waited for, the same randomness each time. */
final class FixedEnvironment implements Environment {
  private static final long MICROS = 1_800_000_000_000_000L;

  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final Random random = new Random(7);

  void run() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  @Override
  public long wallMicros() {
    return MICROS;
  }

  @Override
  public long nanos() {
    return MICROS;
  }

  @Override
  public long random() {
    return random.nextLong();
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
  }

  @Override
  public void executeBlocking(Runnable task) {
    tasks.add(task);
  }

  @Override
  public void executeCallback(Runnable task) {
    tasks.add(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return () -> {};
  }

  @Override
  public <T> T await(CompletionStage<T> stage) {
    run();
    return stage.toCompletableFuture().join();
  }
}
