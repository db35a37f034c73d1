package io.headpond;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which dead letters are meant: those for which all that is given holds. Immutable.
 *
 * @param prefix what the key's text begins with; empty for all
 * @param errorClass of the last error; null for any
 * @param code its SQLSTATE, or the beginning of it, so {@code 23} is a whole class; null for any
 * @param since refused for the last time at this time or later; null for any
 * @param before refused for the last time before this time; null for any
 */
public record DeadLetterFilter(
    String prefix,
    @Nullable ErrorClass errorClass,
    @Nullable String code,
    @Nullable Instant since,
    @Nullable Instant before) {
  private static final DeadLetterFilter ALL = new DeadLetterFilter("", null, null, null, null);

  /** All dead letters. */
  public static DeadLetterFilter all() {
    return ALL;
  }

  /** Those of a class. */
  public static DeadLetterFilter of(ErrorClass errorClass) {
    return new DeadLetterFilter("", errorClass, null, null, null);
  }

  /** Whether a letter is meant. */
  public boolean test(String keyText, DatabaseError error, Instant last) {
    return keyText.startsWith(prefix)
        && (errorClass == null || errorClass == error.errorClass())
        && (code == null || (error.code() != null && error.code().startsWith(code)))
        && (since == null || !last.isBefore(since))
        && (before == null || last.isBefore(before));
  }
}
