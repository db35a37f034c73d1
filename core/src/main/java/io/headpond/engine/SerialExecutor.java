package io.headpond.engine;

import io.headpond.spi.Environment;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs tasks one after the other in the order in which they came, on the environment's threads. What
 * one task writes the next one sees. A task that throws does not stop the ones behind it.
 */
final class SerialExecutor implements Executor {
  private static final Logger log = LoggerFactory.getLogger(SerialExecutor.class);

  private final Executor threads;
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();

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
    if (waiting.getAndIncrement() == 0) {
      threads.execute(this::drain);
    }
  }

  private void drain() {
    int left = waiting.get();
    while (left > 0) {
      for (int i = 0; i < left; i++) {
        Runnable task = tasks.poll();
        try {
          if (task != null) {
            task.run();
          }
        } catch (RuntimeException | Error e) {
          log.error("a task of the engine failed; the others go on", e);
        }
      }
      left = waiting.addAndGet(-left);
    }
  }
}
