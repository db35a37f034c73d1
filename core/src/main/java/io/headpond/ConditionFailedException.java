package io.headpond;

/**
 * The entry is not as the write demands: its {@link Condition} does not hold, or an {@link Increment} would pass one of its
 * bounds. Nothing was done; read the entry and decide anew.
 */
public final class ConditionFailedException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  private final long currentVersion;

  /**
   * @param currentVersion the version of the entry as it is; 0 if there is no such entry
   */
  public ConditionFailedException(String message, long currentVersion) {
    super(message);
    this.currentVersion = currentVersion;
  }

  /** The version of the entry when the condition was checked; 0 if there was no such entry. */
  public long currentVersion() {
    return currentVersion;
  }
}
