package io.headpond.journal;

import io.headpond.DatabaseError;
import io.headpond.spi.Failure;
import java.nio.charset.StandardCharsets;

/**
 * What the database has had against an entry. Immutable.
 *
 * @param dueMicros before then it is not offered; 0 if it is parked
 * @param attempts how often it was refused
 * @param parked whether it is a dead letter
 * @param failure the last failure
 */
record Trouble(long dueMicros, int attempts, boolean parked, Failure failure) {
  /** A longer message is cut, so that a record stays small. */
  private static final int MAX_MESSAGE = 2_000;

  Trouble {
    DatabaseError error = failure.error();
    if (error.message().length() > MAX_MESSAGE) {
      int end = MAX_MESSAGE - 3;
      if (Character.isHighSurrogate(error.message().charAt(end - 1))) {
        end--;
      }
      failure =
          new Failure(
              new DatabaseError(
                  error.errorClass(), error.code(), error.message().substring(0, end) + "..."),
              failure.micros());
    }
  }

  /** What its text counts against the limit on bytes. */
  int bytes() {
    return failure.error().message().getBytes(StandardCharsets.UTF_8).length;
  }

  /** Parked because the database holds a newer version that is none of ours: its value is not served. */
  boolean conflict() {
    return parked && failure.conflict();
  }
}
