package io.headpond;

/** There is no such dead letter, or not any more. Nothing was done. */
public final class DeadLetterGoneException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  /** What became of it. */
  public enum Reason {
    /** There is none of this key and version, and nothing is known of one: never parked, discarded, or in the database by now. */
    NONE,
    /** It has been retried, and has not been refused for the last time since. */
    RETRIED,
    /** A later write has taken its place. */
    SUPERSEDED
  }

  private final Reason reason;

  public DeadLetterGoneException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** What became of it. */
  public Reason reason() {
    return reason;
  }
}
