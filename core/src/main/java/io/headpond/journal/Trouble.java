package io.headpond.journal;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.spi.Failure;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What the database has had against an entry. Immutable.
 *
 * @param dueMicros before then it is not offered; 0 if it is parked
 * @param attempts how often it was refused
 * @param parked whether it is a dead letter
 * @param overtaken of a letter: a later write of its key at {@link io.headpond.Durability#DATABASE} has been offered to the database, which may have it
 * @param firstMicros when the first failure was, in microseconds since the epoch
 * @param failure the last failure
 */
record Trouble(
    long dueMicros,
    int attempts,
    boolean parked,
    boolean overtaken,
    long firstMicros,
    Failure failure) {
  /** A longer message is cut, so that a record stays small: the longest row of a journal of any format still fits with its trouble. */
  static final int MAX_MESSAGE = 1_995;

  Trouble {
    DatabaseError error = failure.error();
    String code = error.code();
    String message = error.message();
    if (message.length() > MAX_MESSAGE) {
      int end = MAX_MESSAGE - 3;
      if (Character.isHighSurrogate(message.charAt(end - 1))) {
        end--;
      }
      message = message.substring(0, end) + "...";
    }
    if (code != null && !isState(code)) {
      code = null;
    }
    failure = new Failure(new DatabaseError(error.errorClass(), code, message), failure.micros());
  }

  /** A first failure, or one of an entry that had trouble before. */
  static Trouble of(
      @Nullable Trouble before, long dueMicros, int attempts, boolean parked, Failure failure) {
    long first = before == null ? failure.micros() : before.firstMicros;
    return new Trouble(dueMicros, attempts, parked, false, first, failure);
  }

  /** Pending again at a person's request: due whatever the clock, and nothing counted. */
  Trouble retried(long micros) {
    return new Trouble(failure.micros(), 0, false, false, micros, failure);
  }

  /** Class and SQLSTATE alone, where there is no room for the text. */
  Trouble cut() {
    DatabaseError error = failure.error();
    DatabaseError without = new DatabaseError(error.errorClass(), error.code(), "...");
    return new Trouble(
        dueMicros,
        attempts,
        parked,
        overtaken,
        firstMicros,
        new Failure(without, failure.micros()));
  }

  /** A later write of the key is offered to the database. */
  Trouble overtake() {
    return new Trouble(dueMicros, attempts, parked, true, firstMicros, failure);
  }

  /** What its text counts against the limit on bytes. */
  int bytes() {
    return failure.error().message().getBytes(StandardCharsets.UTF_8).length;
  }

  /** Parked because the database holds a newer version that is none of ours: its value is not served. */
  boolean conflict() {
    return parked && failure.conflict();
  }

  /** Whether it is a SQLSTATE: five ASCII letters or digits. */
  private static boolean isState(String code) {
    return code.length() == 5
        && code.chars().allMatch(c -> c < 0x80 && Character.isLetterOrDigit(c));
  }

  /** How a class stands in a record; never changes. */
  static byte code(ErrorClass errorClass) {
    return switch (errorClass) {
      case UNKNOWN -> 0;
      case CONSTRAINT -> 1;
      case FOREIGN_KEY -> 2;
      case VALUE -> 3;
      case RAISED -> 4;
      case SWALLOWED -> 5;
      case CONFLICT -> 6;
      case LOCKED -> 7;
      case TIMEOUT -> 8;
      case CONNECTION -> 9;
      case SIMULATED -> 10;
    };
  }

  /** The class of a record; unknown if no release so far has written the code. */
  static ErrorClass errorClass(byte code) {
    for (ErrorClass errorClass : ErrorClass.values()) {
      if (code(errorClass) == code) {
        return errorClass;
      }
    }
    return ErrorClass.UNKNOWN;
  }
}
