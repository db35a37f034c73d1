package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Period;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ColumnTypeTest {
  @Test
  void aNumberTakesTheScaleOfItsColumn() {
    assertThat(ColumnType.numeric(10, 2).canonical(new BigDecimal("1"), "p"))
        .isEqualTo(new BigDecimal("1.00"));
    assertThat(ColumnType.numeric(10, 2).canonical(5, "p")).isEqualTo(new BigDecimal("5.00"));
    assertThat(ColumnType.NUMERIC.canonical(new BigDecimal("1.50"), "p"))
        .isEqualTo(new BigDecimal("1.50"));
    assertThat(ColumnType.NUMERIC.canonical(new BigDecimal("1E+3"), "p"))
        .isEqualTo(new BigDecimal("1000"));
  }

  @Test
  void digitsThatTheColumnWouldDropAreRefused() {
    refused(ColumnType.numeric(10, 2), new BigDecimal("1.005"), "digits after the point");
    refused(ColumnType.numeric(4, 2), new BigDecimal("100"), "digits before the point");
    refused(ColumnType.NUMERIC, new BigDecimal("1E+1001"), "at most 1000 digits");
    refused(ColumnType.NUMERIC, new BigDecimal("1E-1001"), "at most 1000 digits");
    refused(ColumnType.NUMERIC, new BigDecimal("1E+2000000000"), "at most 1000 digits");
  }

  @Test
  void zeroFitsEveryNumeric() {
    assertThat(ColumnType.numeric(2, 2).canonical(BigDecimal.ZERO, "p"))
        .isEqualTo(new BigDecimal("0.00"));
  }

  @Test
  void wholeNumbersStayInTheirRange() {
    assertThat(ColumnType.INTEGER.canonical(new BigDecimal("2147483647"), "n"))
        .isEqualTo(Integer.MAX_VALUE);
    assertThat(ColumnType.BIGINT.canonical(new BigInteger("-9223372036854775808"), "n"))
        .isEqualTo(Long.MIN_VALUE);
    assertThat(ColumnType.INTEGER.canonical(new BigDecimal("1.0"), "n")).isEqualTo(1);
    refused(ColumnType.INTEGER, 2147483648L, "from -2147483648 to 2147483647");
    refused(ColumnType.BIGINT, new BigInteger("9223372036854775808"), "from -9223372036854775808");
    refused(ColumnType.INTEGER, new BigDecimal("1.5"), "whole number");
    refused(ColumnType.INTEGER, new BigDecimal("1E+999999999"), "whole number");
    refused(ColumnType.INTEGER, "1", "whole number");
    refused(ColumnType.INTEGER, 1.0, "whole number");
  }

  @Test
  void textIsCountedInCodePoints() {
    assertThat(ColumnType.text(2).canonical("ä😀", "t")).isEqualTo("ä😀");
    refused(ColumnType.text(2), "abc", "at most 2 characters, has 3");
    refused(ColumnType.TEXT, "a\0b", "NUL (at character 1)");
    refused(ColumnType.TEXT, "a\ud800b", "lone surrogate at character 1");
    refused(ColumnType.TEXT, "\udc00", "lone surrogate");
    refused(ColumnType.TEXT, 5, "must be text");
  }

  @Test
  void timesAreInMicroseconds() {
    Instant time = Instant.parse("2026-01-31T10:15:30.123456Z");
    assertThat(ColumnType.TIMESTAMPTZ.canonical(time, "t")).isEqualTo(time);
    assertThat(ColumnType.TIMESTAMPTZ.canonical("2026-01-31T11:15:30.123456+01:00", "t"))
        .isEqualTo(time);
    assertThat(
            ColumnType.TIMESTAMPTZ.canonical(
                OffsetDateTime.parse("2026-01-31T11:15:30.123456+01:00"), "t"))
        .isEqualTo(time);
    refused(ColumnType.TIMESTAMPTZ, time.plusNanos(1), "finer than a microsecond");
    refused(ColumnType.TIMESTAMPTZ, Instant.MAX, "years 1 to 9999");
    refused(ColumnType.TIMESTAMPTZ, "2026-01-31T10:15:30", "a time with offset");
    refused(ColumnType.TIMESTAMPTZ, 5, "ISO-8601");
  }

  @Test
  void datesAreInTheYears1To9999() {
    assertThat(ColumnType.DATE.canonical("2024-02-29", "d")).isEqualTo(LocalDate.of(2024, 2, 29));
    refused(ColumnType.DATE, "2023-02-29", "a date such as");
    refused(ColumnType.DATE, LocalDate.of(10_000, 1, 1), "years 1 to 9999");
    refused(ColumnType.DATE, LocalDate.of(0, 1, 1), "years 1 to 9999");
  }

  @Test
  void doublesAreTakenWithSeventeenDigits() {
    assertThat(ColumnType.DOUBLE.canonical(new BigDecimal("0.1"), "d")).isEqualTo(0.1);
    assertThat(ColumnType.DOUBLE.canonical(-0.0, "d")).isEqualTo(0.0);
    assertThat(ColumnType.DOUBLE.canonical(7, "d")).isEqualTo(7.0);
    assertThat(ColumnType.DOUBLE.canonical(Double.NaN, "d")).isEqualTo(Double.NaN);
    refused(ColumnType.DOUBLE, new BigDecimal("0.123456789012345678"), "17 significant digits");
    refused(ColumnType.DOUBLE, 9_007_199_254_740_993L, "a double holds exactly");
    assertThat(ColumnType.DOUBLE.canonical(new BigDecimal("1e300"), "d")).isEqualTo(1e300);
    refused(ColumnType.DOUBLE, new BigDecimal("1e400"), "range of a double");
    refused(ColumnType.DOUBLE, new BigDecimal("1e-400"), "range of a double");
    refused(ColumnType.DOUBLE, true, "must be a number");
  }

  @Test
  void realsAreTakenWithNineDigits() {
    assertThat(ColumnType.REAL.canonical(new BigDecimal("0.1"), "r")).isEqualTo(0.1f);
    assertThat(ColumnType.REAL.canonical(-0.0f, "r")).isEqualTo(0.0f);
    assertThat(ColumnType.REAL.canonical(0.5, "r")).isEqualTo(0.5f);
    assertThat(ColumnType.REAL.canonical(Double.NaN, "r")).isEqualTo(Float.NaN);
    assertThat(ColumnType.REAL.canonical(Double.NEGATIVE_INFINITY, "r"))
        .isEqualTo(Float.NEGATIVE_INFINITY);
    refused(ColumnType.REAL, 0.1, "24 bits");
    refused(ColumnType.REAL, 1e39, "24 bits");
    refused(ColumnType.REAL, new BigDecimal("0.1234567891"), "9 significant digits");
    refused(ColumnType.REAL, 16_777_217, "a real holds exactly");
    refused(ColumnType.REAL, new BigDecimal("1e39"), "range of a real");
    refused(ColumnType.REAL, new BigDecimal("1e-46"), "range of a real");
    refused(ColumnType.REAL, "1", "must be a number");
  }

  @Test
  void smallintsStayInTheirRange() {
    assertThat(ColumnType.SMALLINT.canonical(-32_768, "s")).isEqualTo(Short.MIN_VALUE);
    assertThat(ColumnType.SMALLINT.canonical(new BigDecimal("3.2767E+4"), "s"))
        .isEqualTo(Short.MAX_VALUE);
    refused(ColumnType.SMALLINT, 32_768, "from -32768 to 32767");
    refused(ColumnType.SMALLINT, -32_769L, "from -32768 to 32767");
  }

  @Test
  void timesOfDayEndBefore24() {
    assertThat(ColumnType.TIME.canonical("23:59:59.999999", "t"))
        .isEqualTo(LocalTime.of(23, 59, 59, 999_999_000));
    refused(ColumnType.TIME, "24:00:00", "from 00:00:00 to 23:59:59.999999");
    refused(ColumnType.TIME, "10:15:30Z", "without offset");
    refused(ColumnType.TIME, LocalTime.MAX, "finer than a microsecond");
  }

  @Test
  void timesWithoutZone() {
    LocalDateTime time = LocalDateTime.parse("2026-01-31T10:15:30.123456");
    assertThat(ColumnType.TIMESTAMP.canonical("2026-01-31T10:15:30.123456", "t")).isEqualTo(time);
    refused(ColumnType.TIMESTAMP, "2026-01-31T10:15:30Z", "without offset");
    refused(ColumnType.TIMESTAMP, "2026-01-31", "without offset");
    refused(ColumnType.TIMESTAMP, Instant.EPOCH, "ISO-8601");
    refused(ColumnType.TIMESTAMP, time.plusNanos(1), "finer than a microsecond");
    refused(ColumnType.TIMESTAMP, LocalDateTime.MAX, "years 1 to 9999");
  }

  @Test
  void intervals() {
    assertThat(ColumnType.INTERVAL.canonical("P1M", "i")).isEqualTo(new Interval(1, 0, 0));
    assertThat(ColumnType.INTERVAL.canonical(Period.of(1, -2, 3), "i"))
        .isEqualTo(new Interval(10, 3, 0));
    assertThat(ColumnType.INTERVAL.canonical(Duration.ofHours(25), "i"))
        .isEqualTo(Interval.parse("PT25H"));
    refused(ColumnType.INTERVAL, "P1.5D", "must be an interval such as");
    refused(ColumnType.INTERVAL, Duration.ofNanos(1), "not finer than a microsecond");
    refused(ColumnType.INTERVAL, Duration.ofSeconds(Long.MAX_VALUE), "must be an interval");
    refused(ColumnType.INTERVAL, Period.ofYears(Integer.MAX_VALUE), "must be an interval");
    refused(ColumnType.INTERVAL, 5, "must be an interval");
  }

  @Test
  void labels() {
    ColumnType type = ColumnType.enumOf(List.of("new", "it's"));
    assertThat(type.canonical("it's", "e")).isEqualTo("it's");
    assertThat(type).hasToString("enum('new','it''s')");
    assertThat(ColumnType.ENUM.canonical("whatever", "e")).isEqualTo("whatever");
    refused(type, "New", "must be one of new, it's");
    refused(type, 1, "must be text");
    assertThatThrownBy(() -> ColumnType.enumOf(List.of("a", "a")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("twice");
  }

  @Test
  void arrays() {
    ColumnType type = ColumnType.array(ColumnType.numeric(5, 2));
    assertThat(type).hasToString("numeric(5,2)[]");
    assertThat(type.canonical(Arrays.asList(1, null, new BigDecimal("2.5")), "a"))
        .isEqualTo(Arrays.asList(new BigDecimal("1.00"), null, new BigDecimal("2.50")));
    assertThat(type.canonical(List.of(), "a")).isEqualTo(List.of());
    assertThatThrownBy(() -> type.canonical(List.of(1, 1000), "a"))
        .isInstanceOf(InvalidValueException.class)
        .hasMessage("a[1]: 1000: must have at most 3 digits before the point");
    refused(type, "{1}", "must be a list");
    assertThatThrownBy(() -> type.canonical(List.of(List.of(1)), "a"))
        .hasMessage("a[0]: [1]: must be a decimal number");
    assertThatThrownBy(() -> ColumnType.array(type))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("must not have elements of type numeric(5,2)[]");
    assertThatThrownBy(() -> new ColumnType(ColumnType.Kind.ARRAY, 0, 0, 0))
        .isInstanceOf(ConfigurationException.class);
    assertThatThrownBy(() -> type.format(List.of()))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> type.parse("{}", "a")).isInstanceOf(InvalidValueException.class);
  }

  @Test
  void addressesOfJava() throws Exception {
    assertThat(ColumnType.INET.canonical(InetAddress.getByName("2001:db8:0:0:1:0:0:1"), "a"))
        .isEqualTo("2001:db8::1:0:0:1");
    refused(ColumnType.INET, Inet6Address.getByAddress(null, new byte[16], 3), "must be an IP");
    refused(ColumnType.INET, 1, "must be an IP address");
  }

  @Test
  void jsonIsKeptAsItIs() {
    assertThat(ColumnType.JSON.canonical(" {\"b\":1, \"a\":1.0}\n", "j"))
        .isEqualTo(" {\"b\":1, \"a\":1.0}\n");
    refused(ColumnType.JSON, "\"\ud800\"", "lone surrogate");
    refused(ColumnType.JSON, "{", "JSON document");
    refused(ColumnType.JSON, 1, "JSON document");
  }

  @Test
  void bytesAreCopied() {
    byte[] bytes = {1, 2};
    byte[] kept = (byte[]) ColumnType.BYTEA.canonical(bytes, "b");
    bytes[0] = 9;
    assertThat(kept).containsExactly(1, 2);
  }

  @ParameterizedTest
  @CsvSource({
    "TEXT, hello, hello",
    "INTEGER, -12, -12",
    "BIGINT, 9223372036854775807, 9223372036854775807",
    "NUMERIC, 12.50, 12.50",
    "NUMERIC, 1e3, 1000",
    "BOOLEAN, true, true",
    "DOUBLE, 1.5, 1.5",
    "DATE, 2026-01-31, 2026-01-31",
    "TIMESTAMPTZ, 2026-01-31T10:15:30.5Z, 2026-01-31T10:15:30.500Z",
    "UUID, 6F9619FF-8B86-D011-B42D-00CF4FC964FF, 6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "BYTEA, 00ff, 00ff",
    "SMALLINT, -12, -12",
    "REAL, 1.5, 1.5",
    "TIME, 10:15, 10:15:00",
    "TIME, 10:15:30.000001, 10:15:30.000001",
    "TIMESTAMP, 2026-01-31T10:15, 2026-01-31T10:15:00",
    "TIMESTAMP, 0001-01-01T00:00:00.5, 0001-01-01T00:00:00.5",
    "INTERVAL, P0Y14MT-0.5S, P1Y2MT-0.5S",
    "ENUM, new, new",
    "INET, 2001:DB8::/32, 2001:db8::/32",
    "JSON, '[ 1 ]', '[ 1 ]'"
  })
  void textBecomesAValueAndBack(ColumnType.Kind kind, String text, String back) {
    ColumnType type = new ColumnType(kind, 0, 0, 0);
    assertThat(type.format(type.parse(text, "x"))).isEqualTo(back);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "+1", "1.5", "0x1", "１", "1e2", "9999999999999999999999999999999999"})
  void textThatIsNoWholeNumberIsRefused(String text) {
    assertThatThrownBy(() -> ColumnType.BIGINT.parse(text, "n"))
        .isInstanceOf(InvalidValueException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"1", "6f9619ff-8b86-d011-b42d-00cf4fc964f", "6f9619ff8b86d011b42d00cf4fc964ff"})
  void textThatIsNoUuidIsRefused(String text) {
    refused(ColumnType.UUID, text, "UUID of 36 characters");
    assertThat(ColumnType.UUID.canonical(new UUID(1, 2), "u")).isEqualTo(new UUID(1, 2));
  }

  @Test
  void anErrorCutsTheValueShortAndEscapesIt() {
    assertThatThrownBy(() -> ColumnType.text(3).canonical("x".repeat(200), "name"))
        .isInstanceOfSatisfying(
            InvalidValueException.class,
            e -> {
              assertThat(e.path()).isEqualTo("name");
              assertThat(e.value()).hasSize(83).endsWith("...");
              assertThat(e.getMessage()).startsWith("name: \"xxx");
            });
    assertThatThrownBy(() -> ColumnType.TEXT.canonical("\0", "name"))
        .hasMessageContaining("\\u0000");
  }

  private static void refused(ColumnType type, Object value, String rule) {
    assertThatThrownBy(() -> type.canonical(value, "column"))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageStartingWith("column: ")
        .hasMessageContaining(rule);
  }
}
