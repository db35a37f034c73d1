package io.headpond.spi;

import io.headpond.DatabaseError;
import io.headpond.UnavailableException;

/**
 * The database answered to the lease, but the batch as a whole did not go through, and no row could be named: the connection was lost over it, or it
 * took too long. Nothing was committed. A smaller batch may do; if it is one row alone, that row is at fault.
 */
public final class BatchFailedException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  private final transient DatabaseError error;

  public BatchFailedException(DatabaseError error, Throwable cause) {
    super(error.toString(), cause);
    this.error = error;
  }

  /**
   * Of class {@link io.headpond.ErrorClass#CONNECTION} or {@link io.headpond.ErrorClass#TIMEOUT}; of another if the database found fault with the rows at the
   * commit only.
   */
  public DatabaseError error() {
    return error;
  }
}
