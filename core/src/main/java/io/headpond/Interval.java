package io.headpond;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Period;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A length of time as SQL has it: months, days and microseconds, which are not converted into each other, since
 * neither a month nor a day has a fixed length. Two intervals are equal if all three are: {@code P1M} is not {@code
 * P30D}, although PostgreSQL's {@code =} takes them for equal. Each part has a sign of its own. Immutable.
 *
 * @param months whole months; 12 are a year
 * @param days whole days
 * @param micros microseconds; less than 2^31 hours in both directions, which every version of PostgreSQL reads back exactly
 */
public record Interval(int months, int days, long micros) {
  private static final long MICROS_PER_SECOND = 1_000_000;
  private static final long MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND;
  private static final long MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE;
  private static final long MAX_MICROS = (1L << 31) * MICROS_PER_HOUR - 1;

  private static final String WHOLE = "([+-]?[0-9]{1,18})";
  private static final Pattern ISO =
      Pattern.compile(
          "P(?:%1$sY)?(?:%1$sM)?(?:%1$sW)?(?:%1$sD)?(T(?:%1$sH)?(?:%1$sM)?(?:([+-]?)([0-9]{1,18})(?:\\.([0-9]{1,6}))?S)?)?"
              .formatted(WHOLE));

  /**
   * @throws DateTimeException if {@code micros} has 2^31 hours or more
   */
  public Interval {
    if (micros > MAX_MICROS || micros < -MAX_MICROS) {
      throw new DateTimeException("an interval of 2^31 hours or more");
    }
  }

  /**
   * The interval of a period: its years and months, and its days.
   *
   * @throws ArithmeticException if the months are more than an int holds
   */
  public static Interval of(Period period) {
    return new Interval(Math.toIntExact(period.toTotalMonths()), period.getDays(), 0);
  }

  /**
   * The interval of a duration, all of it in microseconds: a day of 24 hours stays 24 hours.
   *
   * @throws DateTimeException if it is finer than a microsecond, or has 2^31 hours or more
   */
  public static Interval of(Duration duration) {
    if (duration.getNano() % 1_000 != 0) {
      throw new DateTimeException("a duration finer than a microsecond");
    }
    try {
      long micros = Math.multiplyExact(duration.getSeconds(), MICROS_PER_SECOND);
      return new Interval(0, 0, Math.addExact(micros, duration.getNano() / 1_000));
    } catch (ArithmeticException e) {
      throw new DateTimeException("a duration of 2^31 hours or more", e);
    }
  }

  /**
   * Reads ISO-8601 text such as {@code P1Y2M3DT4H5M6.000007S}: years, months, weeks, days, hours, minutes, seconds in
   * this order, each with a sign of its own or left out, at least one of them, a fraction for seconds only.
   *
   * @throws DateTimeException if the text is no interval
   */
  public static Interval parse(String text) {
    Matcher iso = ISO.matcher(text);
    if (!iso.matches() || text.endsWith("P") || text.endsWith("T")) {
      throw new DateTimeException("no interval in ISO-8601 form");
    }
    try {
      long months =
          Math.addExact(Math.multiplyExact(whole(iso.group(1)), 12L), whole(iso.group(2)));
      long days = Math.addExact(Math.multiplyExact(whole(iso.group(3)), 7L), whole(iso.group(4)));
      long micros = Math.multiplyExact(whole(iso.group(6)), MICROS_PER_HOUR);
      micros = Math.addExact(micros, Math.multiplyExact(whole(iso.group(7)), MICROS_PER_MINUTE));
      micros = Math.addExact(micros, seconds(iso.group(8), iso.group(9), iso.group(10)));
      return new Interval(Math.toIntExact(months), Math.toIntExact(days), micros);
    } catch (ArithmeticException e) {
      throw new DateTimeException("an interval out of range", e);
    }
  }

  private static long whole(@Nullable String digits) {
    return digits == null ? 0 : Long.parseLong(digits);
  }

  private static long seconds(
      @Nullable String sign, @Nullable String digits, @Nullable String fraction) {
    if (digits == null) {
      return 0;
    }
    long micros = Math.multiplyExact(Long.parseLong(digits), MICROS_PER_SECOND);
    if (fraction != null) {
      micros = Math.addExact(micros, Long.parseLong((fraction + "00000").substring(0, 6)));
    }
    return "-".equals(sign) ? -micros : micros;
  }

  /** The interval in ISO-8601 form, without parts that are zero; {@code PT0S} if all are. */
  @Override
  public String toString() {
    if (months == 0 && days == 0 && micros == 0) {
      return "PT0S";
    }
    StringBuilder text = new StringBuilder("P");
    part(text, months / 12, 'Y');
    part(text, months % 12, 'M');
    part(text, days, 'D');
    if (micros != 0) {
      text.append('T');
      part(text, micros / MICROS_PER_HOUR, 'H');
      part(text, micros % MICROS_PER_HOUR / MICROS_PER_MINUTE, 'M');
      seconds(text, micros % MICROS_PER_MINUTE);
    }
    return text.toString();
  }

  private static void part(StringBuilder text, long number, char unit) {
    if (number != 0) {
      text.append(number).append(unit);
    }
  }

  private static void seconds(StringBuilder text, long micros) {
    if (micros == 0) {
      return;
    }
    long size = Math.abs(micros);
    text.append(micros < 0 ? "-" : "").append(size / MICROS_PER_SECOND);
    if (size % MICROS_PER_SECOND != 0) {
      String fraction = Long.toString(MICROS_PER_SECOND + size % MICROS_PER_SECOND).substring(1);
      text.append('.').append(fraction.replaceFirst("0+$", ""));
    }
    text.append('S');
  }
}
