package io.headpond.engine;

import io.headpond.spi.Environment;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs tasks one after the other in the order in which they came, on the environment's threads. What
 * one task writes the next one sees. A task that throws does not stop the ones behind it, nor does a thread that cannot be had: the next task tries again.
 */
final class SerialExecutor implements Executor {
  private static final Logger log = LoggerFactory.getLogger(SerialExecutor.class);

  private final Executor threads;
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean running = new AtomicBoolean();

  SerialExecutor(Environment environment) {
    this(environment::execute);
  }

  /**
   * @param threads on which the tasks run, one at a time
   */
  SerialExecutor(Executor threads) {
    this.threads = threads;
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    if (running.compareAndSet(false, true)) {
      try {
        threads.execute(this::drain);
      } catch (RuntimeException | Error e) {
        running.set(false);
        throw e;
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
