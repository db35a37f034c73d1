package io.headpond;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the database had against an entry.
 *
 * @param errorClass of which kind it is
 * @param code the SQLSTATE; null if the database gave none
 * @param message in the database's own words, one line, without the detail that quotes values
 */
public record DatabaseError(ErrorClass errorClass, @Nullable String code, String message) {
  public DatabaseError {
    Objects.requireNonNull(errorClass, "errorClass");
    Objects.requireNonNull(message, "message");
  }

  /** An error without a SQLSTATE. */
  public static DatabaseError of(ErrorClass errorClass, String message) {
    return new DatabaseError(errorClass, null, message);
  }

  /** For people: the message, with the SQLSTATE if there is one. */
  @Override
  public String toString() {
    return code == null ? message : message + " (SQLSTATE " + code + ")";
  }
}
