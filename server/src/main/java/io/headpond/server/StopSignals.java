package io.headpond.server;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import sun.misc.Signal;

/**
 * Turns Ctrl-C, SIGTERM and a closed terminal into an orderly end with an exit code of our own. A JVM's shutdown hooks cannot do
 * that: they run side by side, the exit code is fixed before they start, and a second Ctrl-C does nothing.
 *
 * <p>The first signal lets {@link #await} return. The second ends the process at once.
 */
final class StopSignals {
  private static final String[] SIGNALS = {"INT", "TERM", "HUP"};
  private static final int KILLED = 130;

  private final CountDownLatch stop = new CountDownLatch(1);
  private final AtomicBoolean stopping = new AtomicBoolean();

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

  private void received() {
    if (!stopping.compareAndSet(false, true)) {
      System.err.println("headpond: ended at once; what is pending is written at the next start");
      Runtime.getRuntime().halt(KILLED);
    }
    stop.countDown();
  }
}
