package io.headpond;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;

/** The canonical forms of dates and times: whole microseconds, years 1 to 9999. Stateless. */
final class Times {
  private static final Instant YEAR_1 = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant YEAR_10000 = Instant.parse("+10000-01-01T00:00:00Z");

  private Times() {}

  static LocalDate date(Object value, String path) {
    LocalDate date;
    try {
      date = value instanceof LocalDate local ? local : LocalDate.parse(text(value, path));
    } catch (DateTimeException e) {
      throw ColumnType.invalid(path, value, "must be a date such as 2026-01-31");
    }
    checkYear(date.getYear(), value, path);
    return date;
  }

  static LocalTime time(Object value, String path) {
    LocalTime time;
    try {
      time = value instanceof LocalTime local ? local : LocalTime.parse(text(value, path));
    } catch (DateTimeException e) {
      throw ColumnType.invalid(
          path, value, "must be a time from 00:00:00 to 23:59:59.999999 without offset");
    }
    checkMicros(time.getNano(), value, path);
    return time;
  }

  static LocalDateTime timestamp(Object value, String path) {
    LocalDateTime time;
    try {
      time = value instanceof LocalDateTime local ? local : LocalDateTime.parse(text(value, path));
    } catch (DateTimeException e) {
      throw ColumnType.invalid(
          path, value, "must be a time without offset such as 2026-01-31T10:15:30");
    }
    checkYear(time.getYear(), value, path);
    checkMicros(time.getNano(), value, path);
    return time;
  }

  static Instant timestamptz(Object value, String path) {
    Instant time;
    try {
      if (value instanceof Instant instant) {
        time = instant;
      } else if (value instanceof OffsetDateTime offset) {
        time = offset.toInstant();
      } else {
        time = OffsetDateTime.parse(text(value, path)).toInstant();
      }
    } catch (DateTimeException e) {
      throw ColumnType.invalid(
          path, value, "must be a time with offset such as 2026-01-31T10:15:30Z");
    }
    if (time.isBefore(YEAR_1) || !time.isBefore(YEAR_10000)) {
      throw ColumnType.invalid(path, value, "must be in the years 1 to 9999");
    }
    checkMicros(time.getNano(), value, path);
    return time;
  }

  private static void checkYear(int year, Object value, String path) {
    if (year < 1 || year > 9999) {
      throw ColumnType.invalid(path, value, "must be in the years 1 to 9999");
    }
  }

  private static void checkMicros(int nano, Object value, String path) {
    if (nano % 1_000 != 0) {
      throw ColumnType.invalid(path, value, "must not be finer than a microsecond");
    }
  }

  private static String text(Object value, String path) {
    if (value instanceof String text) {
      return text;
    }
    throw ColumnType.invalid(path, value, "must be text in ISO-8601 form");
  }
}
