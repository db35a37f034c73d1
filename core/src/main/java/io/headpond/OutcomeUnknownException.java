package io.headpond;

/**
 * The write may or may not have happened: a reply was lost, a force failed, or a deadline passed
 * while it was under way. Neither a success nor a failure; read the entry to learn which.
 */
public final class OutcomeUnknownException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  public OutcomeUnknownException(String message) {
    super(message);
  }

  public OutcomeUnknownException(String message, Throwable cause) {
    super(message, cause);
  }
}
