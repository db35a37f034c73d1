package io.headpond.server;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import sun.misc.Signal;

/**
 * Turns Ctrl-C, SIGTERM and a closed terminal into an orderly end with an exit code of our own. A JVM's shutdown hooks cannot do
 * that: they run side by side, the exit code is fixed before they start, and a second Ctrl-C does nothing.
 *
 * <p>The first signal lets {@link #await} return, and interrupts what is done {@link #interrupting}. The second ends the process
 * at once. Thread-safe.
 */
final class StopSignals {
  private static final String[] SIGNALS = {"INT", "TERM", "HUP"};

  /** Of who ended before it could write what is pending. */
  static final int ENDED = 130;

  private final CountDownLatch stop = new CountDownLatch(1);
  private final AtomicBoolean stopping = new AtomicBoolean();
  private volatile String lastWords =
      "ended at once; what is pending is written at the next start, which also takes over an embedded"
          + " PostgreSQL that still runs";
  private volatile int exit = ENDED;
  private @Nullable Thread starting;

  /** Listens from now on. */
  static StopSignals install() {
    StopSignals signals = new StopSignals();
    for (String name : SIGNALS) {
      try {
        Signal.handle(new Signal(name), signal -> signals.received());
      } catch (IllegalArgumentException e) {
        // Not known on this system, or kept by the JVM (-Xrs): then it ends us without a word.
      }
    }
    return signals;
  }

  /** Waits for the first signal. */
  void await() {
    try {
      stop.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Does something that the first signal interrupts.
   *
   * @throws Ended if the signal came and it failed then
   */
  <T> T interrupting(Supplier<T> start) {
    synchronized (this) {
      if (stopping.get()) {
        throw new Ended();
      }
      starting = Thread.currentThread();
    }
    try {
      return start.get();
    } catch (RuntimeException e) {
      if (stopping.get()) {
        throw new Ended();
      }
      throw e;
    } finally {
      synchronized (this) {
        starting = null;
        // It may have come too late for anything to be interrupted.
        boolean unused = Thread.interrupted();
      }
    }
  }

  /** From now on the second signal ends the process with this exit code: all is said. */
  void decided(int code) {
    exit = code;
    lastWords = "ended at once; not all was closed";
  }

  /** A signal came before it was ready. */
  static final class Ended extends RuntimeException {
    private static final long serialVersionUID = 1;

    Ended() {
      super("stopped by a signal", null, false, false);
    }
  }

  private void received() {
    if (!stopping.compareAndSet(false, true)) {
      System.err.println("headpond: " + lastWords);
      Runtime.getRuntime().halt(exit);
    }
    synchronized (this) {
      if (starting != null) {
        starting.interrupt();
      }
    }
    stop.countDown();
  }
}
