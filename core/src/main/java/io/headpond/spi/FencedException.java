package io.headpond.spi;

import io.headpond.UnavailableException;

/** A newer epoch of the partition has been seen: who carries the old one must stop. Nothing was done. */
public final class FencedException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  public FencedException(String message) {
    super(message);
  }
}
