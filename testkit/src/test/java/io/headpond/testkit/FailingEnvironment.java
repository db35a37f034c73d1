package io.headpond.testkit;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** An environment whose next random number can be made to fail. */
final class FailingEnvironment implements Environment {
  private final Environment real;
  private @Nullable Throwable failure;

  FailingEnvironment(Environment real) {
    this.real = real;
  }

  /** Unchecked. */
  void failNext(Throwable unchecked) {
    failure = unchecked;
  }

  @Override
  public long random() {
    Throwable now = failure;
    failure = null;
    if (now instanceof Error error) {
      throw error;
    } else if (now instanceof RuntimeException exception) {
      throw exception;
    }
    return real.random();
  }

  @Override
  public long wallMicros() {
    return real.wallMicros();
  }

  @Override
  public long nanos() {
    return real.nanos();
  }

  @Override
  public void execute(Runnable task) {
    real.execute(task);
  }

  @Override
  public void executeBlocking(Runnable task) {
    real.executeBlocking(task);
  }

  @Override
  public void executeCallback(Runnable task) {
    real.executeCallback(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return real.schedule(delay, task);
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return real.await(stage);
  }
}
