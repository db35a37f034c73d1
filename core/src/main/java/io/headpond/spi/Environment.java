package io.headpond.spi;

import java.time.Duration;

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

  /** Runs a task after a delay. */
  Timer schedule(Duration delay, Runnable task);

  /** A task that has been scheduled. */
  interface Timer {
    /** Makes the task not run, if it has not begun. */
    void cancel();
  }
}
