package io.headpond.journal;

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
    if (failure.message().length() > MAX_MESSAGE) {
      int end = MAX_MESSAGE - 3;
      if (Character.isHighSurrogate(failure.message().charAt(end - 1))) {
        end--;
      }
      failure =
          new Failure(
              failure.message().substring(0, end) + "...", failure.conflict(), failure.micros());
    }
  }

  /** What its text counts against the limit on bytes. */
  int bytes() {
    return failure.message().getBytes(StandardCharsets.UTF_8).length;
  }

  /** Parked because the database holds a newer version that is none of ours: its value is not served. */
  boolean conflict() {
    return parked && failure.conflict();
  }
}
