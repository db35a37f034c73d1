package io.headpond;

/**
 * The database refused this write, in the database's own words. For a write at {@link
 * Durability#DATABASE} nothing is left of it; otherwise the entry is parked with this error.
 */
public final class RejectedException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  public RejectedException(String message) {
    super(message);
  }

  public RejectedException(String message, Throwable cause) {
    super(message, cause);
  }
}
