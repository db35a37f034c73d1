package io.headpond.spi;

import io.headpond.DatabaseError;
import io.headpond.UnavailableException;

/**
 * The database answered to the lease, but the batch as a whole did not go through, and no row could be named: the connection was lost over it, it
 * took too long, or the error is one of the server and not of a row. Nothing was committed. A smaller batch may do; if it is one row alone, that row is at fault.
 */
public final class BatchFailedException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  private final transient DatabaseError error;

  public BatchFailedException(DatabaseError error, Throwable cause) {
    super(error.toString(), cause);
    this.error = error;
  }

  /**
   * Of class {@link io.headpond.ErrorClass#CONNECTION} only if the connection was lost, of {@link io.headpond.ErrorClass#TIMEOUT} if it took too long; of another if the
   * database found fault with the rows at the commit only, or said of them what it says in an outage.
   */
  public DatabaseError error() {
    return error;
  }
}
