package io.headpond;

/**
 * The request was not carried out and had no effect, for a reason that is not in the request: the
 * cache is closed or draining, the journal failed, the database cannot be reached, or this store
 * lost its lease to another.
 */
public class UnavailableException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  public UnavailableException(String message) {
    super(message);
  }

  public UnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
