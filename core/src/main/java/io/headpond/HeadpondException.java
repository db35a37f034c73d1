package io.headpond;

/**
 * Root of what Headpond throws. A subclass stands for a decision that a caller can take; the
 * message says what happened, what was expected, and what to do.
 */
public class HeadpondException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public HeadpondException(String message) {
    super(message);
  }

  public HeadpondException(String message, Throwable cause) {
    super(message, cause);
  }
}
