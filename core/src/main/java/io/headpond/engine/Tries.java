package io.headpond.engine;

import io.headpond.engine.Trouble.Kind;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How the tries of one partition go: what is in the way, since when, and when the next one is due. Used in steps only, but for what tells of the trouble. */
final class Tries {
  private static final Logger log = LoggerFactory.getLogger(Tries.class);

  private final Core core;
  private final int partition;
  private final String name;
  private final Backoff backoff;

  /** Why nothing gets through; null while all is well. */
  private volatile @Nullable Trouble trouble;

  Tries(Core core, int partition) {
    this.core = core;
    this.partition = partition;
    this.name = core.settings().name();
    this.backoff = new Backoff(core.environment(), core.settings().retryDelay());
  }

  /** Called from anywhere. */
  @Nullable Trouble trouble() {
    return trouble;
  }

  /** Whether nothing is tried any more. Called from anywhere. */
  boolean stopped() {
    Trouble current = trouble;
    return current != null && current.kind() == Kind.STOPPED;
  }

  /** Whether the next try has to wait. */
  boolean pausing() {
    return trouble != null && !backoff.over();
  }

  long pauseNanos() {
    return backoff.remainingNanos();
  }

  void skipPause() {
    backoff.skip();
  }

  /**
   * One more has failed.
   *
   * @param forced it was made during a pause, which is not made longer by it
   * @param haste somebody waits for all to be written
   */
  void failed(Kind kind, String message, boolean forced, boolean haste) {
    if (!forced || backoff.failures() == 0) {
      backoff.failed(haste);
    }
    Trouble before = trouble;
    long since = before == null ? core.environment().wallMicros() : before.sinceMicros();
    trouble = new Trouble(kind, message, backoff.failures(), since);
    if (before == null || !before.message().equals(message)) {
      log.warn(
          kind == Kind.STORE
              ? "{}: partition {} does not reach the hot store (attempt {}, next in {} ms): {}"
              : "{}: partition {} does not reach the database (attempt {}, next in {} ms): {}",
          name,
          partition,
          backoff.failures(),
          backoff.remainingNanos() / 1_000_000,
          message);
    }
  }

  /**
   * One has gone all the way.
   *
   * @return whether that ends a trouble
   */
  boolean passed() {
    Trouble before = trouble;
    if (before == null) {
      return false;
    }
    log.info(
        before.kind() == Kind.STORE
            ? "{}: partition {} reaches the hot store again after {} failed attempts"
            : "{}: partition {} reaches the database again after {} failed attempts",
        name,
        partition,
        before.attempts());
    trouble = null;
    backoff.reset();
    return true;
  }

  /** They are another process's now. */
  void forget() {
    trouble = null;
    backoff.reset();
  }

  /** There are none any more. */
  void stop(String reason) {
    trouble = new Trouble(Kind.STOPPED, reason, 0, core.environment().wallMicros());
  }
}
