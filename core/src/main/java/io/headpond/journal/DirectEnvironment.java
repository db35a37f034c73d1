package io.headpond.journal;

import io.headpond.spi.Environment;
import io.headpond.spi.RowCodec;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** The caller's thread and the real clocks, for tools that do one thing after another. */
final class DirectEnvironment implements Environment {
  private final SecureRandom random = new SecureRandom();

  @Override
  public long wallMicros() {
    return RowCodec.micros(Instant.now());
  }

  @Override
  public long nanos() {
    return System.nanoTime();
  }

  @Override
  public long random() {
    return random.nextLong();
  }

  @Override
  public void execute(Runnable task) {
    task.run();
  }

  @Override
  public void executeBlocking(Runnable task) {
    task.run();
  }

  @Override
  public void executeCallback(Runnable task) {
    task.run();
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return () -> {};
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }
}
