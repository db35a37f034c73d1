package io.headpond;

import java.time.Duration;

/**
 * The write was not taken: as much is pending as the dataset allows. Nothing was done; try again
 * after {@link #retryAfter()}.
 */
public final class OverloadedException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  private final Duration retryAfter;

  public OverloadedException(String message, Duration retryAfter) {
    super(message);
    this.retryAfter = retryAfter;
  }

  /** How long to wait before the next try. */
  public Duration retryAfter() {
    return retryAfter;
  }
}
