package io.headpond.redis;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.spi.Failure;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a script's answer holds behind the status, one after the other. Not thread-safe. */
final class Items {
  private final List<?> all;
  private final Status status;
  private int at = Status.LENGTH;

  Items(List<?> all, Status status) {
    this.all = all;
    this.status = status;
  }

  /** The status that the answer began with. */
  Status status() {
    return status;
  }

  boolean more() {
    return at < all.size();
  }

  Object next() {
    return Objects.requireNonNull(all.get(at++));
  }

  long number() {
    return (Long) next();
  }

  byte[] bytes() {
    return (byte[]) next();
  }

  String text() {
    return Keys.text(bytes());
  }

  /** What the database has had against an entry. */
  Refused refused() {
    int attempts = (int) number();
    long first = number();
    long last = number();
    String errorClass = text();
    String code = text();
    String message = text();
    DatabaseError error =
        new DatabaseError(classOf(errorClass), code.isEmpty() ? null : code, message);
    return new Refused(attempts, first, new Failure(error, last));
  }

  /** Attempts, first and last refusal. */
  record Refused(int attempts, long firstMicros, Failure failure) {}

  /** What is known of an entry that is owed; {@code value} is null if nothing is. */
  Described described() {
    byte[] value = bytes();
    long since = number();
    long due = number();
    return new Described(value.length == 0 ? null : value, since, due, refused());
  }

  /** An entry that is owed, see {@code describe.lua}. */
  @SuppressWarnings("ArrayRecordComponent") // only handed on
  record Described(byte @Nullable [] value, long since, long due, Refused refused) {}

  private static ErrorClass classOf(String name) {
    for (ErrorClass errorClass : ErrorClass.values()) {
      if (errorClass.name().equals(name)) {
        return errorClass;
      }
    }
    // Of a later release.
    return ErrorClass.UNKNOWN;
  }
}
