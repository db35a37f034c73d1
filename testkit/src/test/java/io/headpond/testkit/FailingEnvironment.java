package io.headpond.testkit;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** An environment that fails on command: for want of randomness, threads or timers. */
final class FailingEnvironment implements Environment {
  private final Environment real;
  private @Nullable Throwable failure;
  private int executeIn;
  private int executeFailures;
  private int scheduleFailures;

  FailingEnvironment(Environment real) {
    this.real = real;
  }

  /** Unchecked. */
  void failNext(Throwable unchecked) {
    failure = unchecked;
  }

  /** The n-th thread that is asked for from now on cannot be had, nor can so many behind it. */
  void failExecute(int n, int more) {
    executeIn = n;
    executeFailures = 1 + more;
  }

  /** So many of the next timers cannot be had. */
  void failSchedules(int count) {
    scheduleFailures = count;
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
    if (executeFailures > 0 && --executeIn <= 0) {
      executeFailures--;
      throw new InternalError("unable to create native thread");
    }
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
    if (scheduleFailures > 0) {
      scheduleFailures--;
      throw new InternalError("no memory for a timer");
    }
    return real.schedule(delay, task);
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return real.await(stage);
  }
}
