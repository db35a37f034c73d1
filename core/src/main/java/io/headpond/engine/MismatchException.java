package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.spi.Lookup;

/** A write found something else than it expected; {@link Updates} looks again. Never reaches a user, so it has no stack trace. */
final class MismatchException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  private final transient Lookup now;

  MismatchException(Lookup now) {
    super("the entry has been written meanwhile");
    this.now = now;
  }

  /** What the store holds. */
  Lookup now() {
    return now;
  }

  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
