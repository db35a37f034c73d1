package io.headpond.spi;

import io.headpond.UnavailableException;

/**
 * The database has lost what it once confirmed: a failover without its last commits, a restored
 * backup. Settled writes are missing; flushing stops until a person decides.
 */
public final class DatabaseWentBackException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  public DatabaseWentBackException(String message) {
    super(message);
  }
}
