package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.spi.Environment;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the listeners, one event after the other, on threads that the engine does not need. Costs a look at a list while there
 * are none. Thread-safe.
 */
final class Listeners {
  private static final Logger log = LoggerFactory.getLogger(Listeners.class);

  private final List<CacheListener> listeners;
  private final SerialExecutor events;
  private final Statistics statistics;
  private final AtomicInteger behind = new AtomicInteger();

  Listeners(List<CacheListener> listeners, Environment environment, Statistics statistics) {
    this.listeners = List.copyOf(listeners);
    this.events = new SerialExecutor(environment, environment::executeBlocking);
    this.statistics = statistics;
  }

  /** Whether anybody listens: if not, an event need not be made. */
  boolean any() {
    return !listeners.isEmpty();
  }

  void tell(Consumer<CacheListener> event) {
    if (listeners.isEmpty()) {
      return;
    }
    if (behind.incrementAndGet() > CacheListener.MAX_BEHIND) {
      behind.decrementAndGet();
      statistics.lostEvents.increment();
      return;
    }
    try {
      events.execute(() -> tellAll(event));
    } catch (RejectedExecutionException closed) {
      log.debug("an event came after the close; nobody is told", closed);
    }
  }

  private void tellAll(Consumer<CacheListener> event) {
    behind.decrementAndGet();
    for (CacheListener listener : listeners) {
      try {
        event.accept(listener);
      } catch (RuntimeException | Error e) {
        log.error("a listener failed; it is told of what follows all the same", e);
      }
    }
  }
}
