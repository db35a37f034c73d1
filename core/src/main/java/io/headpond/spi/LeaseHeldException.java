package io.headpond.spi;

import io.headpond.UnavailableException;

/** Another process holds the lease of a partition of a shared store, and has renewed it in time. Nothing was done. */
public final class LeaseHeldException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  public LeaseHeldException(String message) {
    super(message);
  }
}
