package io.headpond.spi;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;

/**
 * Why an entry was deferred or parked.
 *
 * @param error what the database said
 * @param micros when, in microseconds since the epoch
 */
public record Failure(DatabaseError error, long micros) {

  /**
   * Whether the database holds a newer version that is none of ours. If the entry is parked for that, the store serves what the database
   * has, not the parked value.
   */
  public boolean conflict() {
    return error.errorClass() == ErrorClass.CONFLICT;
  }
}
