package io.headpond.engine;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs tasks one after the other in the order in which they came, on the environment's threads. What
 * one task writes the next one sees. A task that throws does not stop the ones behind it. Nor does a thread that cannot be had: it is asked for again after a while, and with the next task.
 */
final class SerialExecutor implements Executor {
  private static final Logger log = LoggerFactory.getLogger(SerialExecutor.class);

  private static final Duration AGAIN = Duration.ofMillis(100);

  private final Environment environment;
  private final Executor threads;
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean running = new AtomicBoolean();

  SerialExecutor(Environment environment) {
    this(environment, environment::execute);
  }

  /**
   * @param threads on which the tasks run, one at a time
   */
  SerialExecutor(Environment environment, Executor threads) {
    this.environment = environment;
    this.threads = threads;
  }

  /** Throws what the threads throw where they have been closed, and what the timers throw where neither a thread nor a timer can be had. */
  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    start();
  }

  private void start() {
    if (running.compareAndSet(false, true)) {
      try {
        threads.execute(this::drain);
      } catch (RejectedExecutionException closed) {
        running.set(false);
        throw closed;
      } catch (RuntimeException | Error e) {
        running.set(false);
        environment.schedule(AGAIN, this::start);
        log.error("no thread for a task of the engine; it waits", e);
      }
    }
  }

  private void drain() {
    do {
      for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
        try {
          task.run();
        } catch (RuntimeException | Error e) {
          log.error("a task of the engine failed; the others go on", e);
        }
      }
      running.set(false);
      // A task that came before the line above saw that somebody was running.
    } while (!tasks.isEmpty() && running.compareAndSet(false, true));
  }
}
