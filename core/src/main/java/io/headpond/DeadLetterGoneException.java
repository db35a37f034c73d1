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
  private final long currentVersion;

  /**
   * With what became of it.
   *
   * @param currentVersion that of the letter or the pending write that is there instead; 0 if there is none, or it is not known
   */
  public DeadLetterGoneException(Reason reason, String message, long currentVersion) {
    super(message);
    this.reason = reason;
    this.currentVersion = currentVersion;
  }

  /** The version of the letter or the pending write that is there instead; 0 if there is none, or it is not known. */
  public long currentVersion() {
    return currentVersion;
  }

  /** What became of it. */
  public Reason reason() {
    return reason;
  }
}
