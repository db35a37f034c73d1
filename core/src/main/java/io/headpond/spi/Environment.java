package io.headpond.spi;

import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Time, threads and randomness, so that all of the engine runs the same under a manual clock and a
 * single thread. Thread-safe.
 */
public interface Environment {
  /** The wall clock in microseconds since the epoch; may jump. */
  long wallMicros();

  /** A clock that never goes back, in nanoseconds from an arbitrary start. */
  long nanos();

  /** 64 random bits. */
  long random();

  /** Runs a task soon, on another thread. Tasks do not block for long. */
  void execute(Runnable task);

  /** Runs a task that blocks on input or output soon, on a thread that is there for that. */
  void executeBlocking(Runnable task);

  /**
   * Runs a task that completes futures of users, soon. What they have attached may block, also on this engine; so
   * such a task holds no thread that the engine needs.
   */
  void executeCallback(Runnable task);

  /** Runs a task after a delay, as {@link #execute} does. After a close nothing is run any more. */
  Timer schedule(Duration delay, Runnable task);

  /**
   * Waits for a stage: blocks the thread, or, where time is manual, runs what is due until the stage completes.
   *
   * @return the stage's value
   * @throws RuntimeException what the stage failed with, if that is unchecked; else it is wrapped in {@link io.headpond.HeadpondException}
   */
  <T extends @Nullable Object> T await(CompletionStage<T> stage);

  /** A task that has been scheduled. */
  interface Timer {
    /** Makes the task not run, if it has not begun. */
    void cancel();
  }
}
