package io.headpond.server.http;

import io.headpond.DeadLetterFilter;
import io.headpond.ErrorClass;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which dead letters a request means, from its parameters. Stateless. */
final class LetterFilter {
  private static final Pattern SQLSTATE = Pattern.compile("[0-9A-Z]{1,5}");

  private LetterFilter() {}

  /** Those parameters. */
  static Parameter[] parameters() {
    return new Parameter[] {
      Parameter.ERROR_CLASS, Parameter.SQLSTATE, Parameter.PREFIX, Parameter.SINCE, Parameter.BEFORE
    };
  }

  /**
   * The filter; that of all letters if there is no such parameter.
   *
   * @throws Problem if one of them is malformed
   */
  static DeadLetterFilter of(Call call) {
    String prefix = call.parameter(Parameter.PREFIX);
    Instant since = time(call, Parameter.SINCE);
    Instant before = time(call, Parameter.BEFORE);
    if (since != null && before != null && !since.isBefore(before)) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST, "before", before.toString(), "must be later than since");
    }
    return new DeadLetterFilter(
        prefix == null ? "" : prefix, errorClass(call), sqlstate(call), since, before);
  }

  private static @Nullable ErrorClass errorClass(Call call) {
    String text = call.parameter(Parameter.ERROR_CLASS);
    if (text == null) {
      return null;
    }
    for (ErrorClass each : ErrorClass.values()) {
      if (each.text().equals(text)) {
        return each;
      }
    }
    throw Problem.of(
        Problem.Kind.BAD_REQUEST,
        "class",
        text,
        "must be one of "
            + Arrays.stream(ErrorClass.values())
                .map(ErrorClass::text)
                .collect(Collectors.joining(", ")));
  }

  private static @Nullable String sqlstate(Call call) {
    String text = call.parameter(Parameter.SQLSTATE);
    if (text != null && !SQLSTATE.matcher(text).matches()) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "sqlstate",
          text,
          "must be a SQLSTATE such as 23505, or its beginning such as 23");
    }
    return text;
  }

  private static @Nullable Instant time(Call call, Parameter parameter) {
    String text = call.parameter(parameter);
    try {
      return text == null ? null : OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeParseException e) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          parameter.name(),
          text,
          "must be a time such as 2026-01-31T10:15:30Z, with a + written %2B");
    }
  }
}
