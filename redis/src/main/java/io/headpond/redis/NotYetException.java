package io.headpond.redis;

/** Nothing was sent, since the connection is being made for the first time: a moment later it can be. */
final class NotYetException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NotYetException(String message) {
    super(message, null, false, false);
  }
}
