package io.headpond.engine;

import io.headpond.UnavailableException;

/** The database did not take a staged write through no fault of its own; nothing is left of it. It may go through a little later. */
final class NotNowException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  NotNowException(String message) {
    super(message);
  }
}
