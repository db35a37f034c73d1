package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Period;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IntervalTest {
  private static final long HOURS = 2_147_483_647L;

  @ParameterizedTest
  @CsvSource({
    "P1Y2M3DT4H5M6.000007S, 14, 3, 14706000007, P1Y2M3DT4H5M6.000007S",
    "P12M, 12, 0, 0, P1Y",
    "P1M, 1, 0, 0, P1M",
    "P30D, 0, 30, 0, P30D",
    "P2W1D, 0, 15, 0, P15D",
    "PT24H, 0, 0, 86400000000, PT24H",
    "PT90M, 0, 0, 5400000000, PT1H30M",
    "P-1Y-2M+3DT-4H, -14, 3, -14400000000, P-1Y-2M3DT-4H",
    "P1Y-13M, -1, 0, 0, P-1M",
    "PT-0.5S, 0, 0, -500000, PT-0.5S",
    "PT+1.000001S, 0, 0, 1000001, PT1.000001S",
    "PT1M-0.000001S, 0, 0, 59999999, PT59.999999S",
    "P0D, 0, 0, 0, PT0S",
    "PT0S, 0, 0, 0, PT0S",
    "P2147483647M, 2147483647, 0, 0, P178956970Y7M",
    "P-178956970Y-8M, -2147483648, 0, 0, P-178956970Y-8M",
    "P-2147483648D, 0, -2147483648, 0, P-2147483648D",
    "PT2147483647H59M59.999999S, 0, 0, 7730941132799999999, PT2147483647H59M59.999999S"
  })
  void textIsReadAndWritten(String text, int months, int days, long micros, String canonical) {
    Interval interval = Interval.parse(text);
    assertThat(interval).isEqualTo(new Interval(months, days, micros));
    assertThat(interval).hasToString(canonical);
    assertThat(Interval.parse(canonical)).isEqualTo(interval);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "P",
        "PT",
        "P1DT",
        "1D",
        "p1d",
        "-P1D",
        "P1.5D",
        "P1.5Y",
        "PT1.0000001S",
        "PT1.S",
        "PT.5S",
        "P1D2M",
        "P--1D",
        "P 1D",
        "P1D ",
        "infinity",
        "1 day",
        "P2147483648M",
        "P-2147483649D",
        "P306783379W",
        "PT2147483648H",
        "PT-2147483648H",
        "P999999999999999999Y",
        "PT999999999999999999S",
        "P9999999999999999999D"
      })
  void whatIsNoIntervalIsRefused(String text) {
    assertThatThrownBy(() -> Interval.parse(text)).isInstanceOf(DateTimeException.class);
  }

  @Test
  void intervalsAreWhatTheirPartsAre() {
    assertThat(Interval.parse("P1M")).isNotEqualTo(Interval.parse("P30D"));
    assertThat(Interval.parse("P1D")).isNotEqualTo(Interval.parse("PT24H"));
    assertThat(Interval.of(Period.of(1, 2, 3))).isEqualTo(Interval.parse("P1Y2M3D"));
    assertThat(Interval.of(Duration.ofMillis(-1_500))).isEqualTo(Interval.parse("PT-1.5S"));
    assertThat(Interval.of(Duration.ofDays(2))).isEqualTo(Interval.parse("PT48H"));
  }

  @Test
  void everyIntervalIsReadBackFromItsText() {
    Random random = new Random(11);
    for (int i = 0; i < 20_000; i++) {
      long micros = random.nextLong(-HOURS * 3_600_000_000L, HOURS * 3_600_000_000L);
      Interval interval =
          new Interval(
              random.nextInt() >> random.nextInt(32),
              random.nextInt() >> random.nextInt(32),
              micros >> random.nextInt(64));
      assertThat(Interval.parse(interval.toString())).isEqualTo(interval);
    }
  }
}
