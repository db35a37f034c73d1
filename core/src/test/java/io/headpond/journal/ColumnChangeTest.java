package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Interval;
import io.headpond.RowType;
import io.headpond.spi.RowCodec;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ColumnChangeTest {
  private static RowType one(ColumnType type) {
    return RowType.builder().key("id", ColumnType.BIGINT).column("c", type).build();
  }

  private static Object carried(ColumnType from, Object value, ColumnType to) throws Exception {
    ByteBuffer bytes = ByteBuffer.wrap(RowCodec.encode(one(from).rowOf(value)));
    return new ColumnChange(one(from).encoding(), one(to)).read(bytes).cell(0);
  }

  private static void carries(ColumnType from, Object value, ColumnType to, Object expected)
      throws Exception {
    assertThat(carried(from, value, to))
        .as("%s from %s to %s", value, from, to)
        .isEqualTo(expected);
  }

  private static void stops(ColumnType from, Object value, ColumnType to, String reason) {
    assertThatThrownBy(() -> carried(from, value, to))
        .as("%s from %s to %s", value, from, to)
        .isInstanceOf(ColumnChange.Inexact.class)
        .hasMessageStartingWith("c")
        .hasMessageContaining(reason);
  }

  @Test
  void aWidenedColumnTakesTheSameValue() throws Exception {
    carries(ColumnType.SMALLINT, 7, ColumnType.INTEGER, 7);
    carries(ColumnType.INTEGER, Integer.MIN_VALUE, ColumnType.BIGINT, (long) Integer.MIN_VALUE);
    carries(ColumnType.BIGINT, Long.MAX_VALUE, ColumnType.NUMERIC, new BigDecimal(Long.MAX_VALUE));
    carries(ColumnType.INTEGER, 7, ColumnType.numeric(10, 2), new BigDecimal("7.00"));
    carries(ColumnType.INTEGER, 7, ColumnType.DOUBLE, 7.0);
    carries(ColumnType.REAL, 0.1f, ColumnType.DOUBLE, (double) 0.1f);
    carries(
        ColumnType.numeric(10, 2),
        new BigDecimal("1.50"),
        ColumnType.numeric(12, 4),
        new BigDecimal("1.5000"));
    carries(ColumnType.text(5), "abcde", ColumnType.text(6), "abcde");
    carries(ColumnType.text(5), "abcde", ColumnType.TEXT, "abcde");
    carries(
        ColumnType.array(ColumnType.INTEGER),
        Arrays.asList(1, null, 3),
        ColumnType.array(ColumnType.BIGINT),
        Arrays.asList(1L, null, 3L));
  }

  @Test
  void aNarrowedColumnTakesWhatFits() throws Exception {
    carries(ColumnType.BIGINT, 7L, ColumnType.INTEGER, 7);
    carries(ColumnType.TEXT, "abcde", ColumnType.text(5), "abcde");
    carries(ColumnType.NUMERIC, new BigDecimal("7"), ColumnType.INTEGER, 7);
    carries(ColumnType.NUMERIC, new BigDecimal("7.000"), ColumnType.BIGINT, 7L);
    carries(ColumnType.NUMERIC, new BigDecimal("0.1"), ColumnType.DOUBLE, 0.1);
    carries(ColumnType.DOUBLE, Double.POSITIVE_INFINITY, ColumnType.REAL, Float.POSITIVE_INFINITY);
    stops(ColumnType.BIGINT, 1L << 40, ColumnType.INTEGER, "must be from -2147483648");
    stops(ColumnType.TEXT, "abcdef", ColumnType.text(5), "must have at most 5 characters");
    stops(ColumnType.NUMERIC, new BigDecimal("7.5"), ColumnType.INTEGER, "must be a whole number");
    stops(
        ColumnType.numeric(10, 2),
        new BigDecimal("1.55"),
        ColumnType.numeric(10, 1),
        "must have at most 1 digits after the point");
    stops(
        ColumnType.array(ColumnType.BIGINT),
        List.of(1L << 40),
        ColumnType.array(ColumnType.INTEGER),
        "must be from");
  }

  @Test
  void alsoTheElementsOfAnArrayHaveTheirLimits() throws Exception {
    ColumnType two = ColumnType.array(ColumnType.text(2));
    carries(ColumnType.array(ColumnType.TEXT), List.of("ab"), two, List.of("ab"));
    stops(ColumnType.array(ColumnType.TEXT), List.of("abc"), two, "must have at most 2 characters");
    stops(
        ColumnType.array(ColumnType.TEXT),
        List.of("x"),
        ColumnType.array(ColumnType.enumOf(List.of("open"))),
        "must be one of open");
  }

  @Test
  void whatTheColumnWouldRoundIsNotCarriedOver() {
    stops(ColumnType.BIGINT, (1L << 53) + 1, ColumnType.DOUBLE, "that a double holds exactly");
    stops(
        ColumnType.NUMERIC,
        new BigDecimal("0.12345678901234567"),
        ColumnType.DOUBLE,
        "is not exactly the same as double");
    stops(ColumnType.DOUBLE, 0.1, ColumnType.REAL, "c");
    stops(
        ColumnType.array(ColumnType.BIGINT),
        List.of((1L << 53) + 1),
        ColumnType.array(ColumnType.DOUBLE),
        "that a double holds exactly");
  }

  @Test
  void textAndWhatIsWrittenAlikeBecomeEachOther() throws Exception {
    carries(ColumnType.INTEGER, -7, ColumnType.TEXT, "-7");
    carries(ColumnType.TEXT, "-7", ColumnType.INTEGER, -7);
    carries(ColumnType.NUMERIC, new BigDecimal("1.50"), ColumnType.TEXT, "1.50");
    carries(ColumnType.BOOLEAN, true, ColumnType.TEXT, "true");
    carries(ColumnType.TEXT, "false", ColumnType.BOOLEAN, false);
    carries(ColumnType.DATE, "2026-01-31", ColumnType.TEXT, "2026-01-31");
    carries(ColumnType.TEXT, "2026-01-31", ColumnType.DATE, LocalDate.of(2026, 1, 31));
    carries(ColumnType.TEXT, "open", ColumnType.enumOf(List.of("open", "done")), "open");
    carries(ColumnType.enumOf(List.of("open", "done")), "done", ColumnType.TEXT, "done");
    stops(ColumnType.TEXT, "07", ColumnType.INTEGER, "is not exactly the same as integer");
    stops(ColumnType.TEXT, "seven", ColumnType.INTEGER, "must be a whole number");
    stops(ColumnType.TEXT, "no", ColumnType.enumOf(List.of("open")), "must be one of open");
    stops(ColumnType.INTEGER, 1234567, ColumnType.text(3), "must have at most 3 characters");
  }

  /** How a database writes these differs from how we do, so rows of before would not look like those carried over. */
  @Test
  void whatIsWrittenInSeveralWaysDoesNotBecomeText() {
    stops(ColumnType.DOUBLE, 1.0, ColumnType.TEXT, "must be text");
    stops(ColumnType.BYTEA, new byte[] {1}, ColumnType.TEXT, "must be text");
    stops(ColumnType.TEXT, "01", ColumnType.BYTEA, "must be bytes");
    stops(ColumnType.TIMESTAMPTZ, "2026-01-31T00:00:00Z", ColumnType.TEXT, "must be text");
    stops(ColumnType.TIMESTAMPTZ, "2026-01-31T00:00:00Z", ColumnType.DATE, "c");
    stops(ColumnType.BOOLEAN, true, ColumnType.INTEGER, "must be a whole number");
    stops(ColumnType.array(ColumnType.TEXT), List.of("a"), ColumnType.TEXT, "must be text");
    stops(ColumnType.TEXT, "a", ColumnType.array(ColumnType.TEXT), "must be");
  }

  @Test
  void everyTypeStaysItself() throws Exception {
    carries(ColumnType.DOUBLE, Double.NaN, ColumnType.DOUBLE, Double.NaN);
    carries(ColumnType.BYTEA, new byte[] {1, 2}, ColumnType.BYTEA, new byte[] {1, 2});
    carries(ColumnType.JSON, "{ \"b\": 1.0 }", ColumnType.JSON, "{ \"b\": 1.0 }");
    carries(ColumnType.REAL, 0.1f, ColumnType.REAL, 0.1f);
    carries(ColumnType.TIME, "10:15:30", ColumnType.TIME, LocalTime.of(10, 15, 30));
    carries(
        ColumnType.TIMESTAMP,
        "2026-01-31T10:15:30.000001",
        ColumnType.TIMESTAMP,
        LocalDateTime.parse("2026-01-31T10:15:30.000001"));
    carries(
        ColumnType.TIMESTAMPTZ,
        "2026-01-31T10:15:30+01:00",
        ColumnType.TIMESTAMPTZ,
        Instant.parse("2026-01-31T09:15:30Z"));
    carries(ColumnType.INTERVAL, "P1M2DT3S", ColumnType.INTERVAL, Interval.parse("P1M2DT3S"));
    carries(ColumnType.INET, "2001:db8:0::1/64", ColumnType.INET, "2001:db8::1/64");
    carries(ColumnType.JSONB, "{\"a\": [1]}", ColumnType.JSONB, "{\"a\":[1]}");
    carries(
        ColumnType.array(ColumnType.TEXT),
        List.of("a"),
        ColumnType.array(ColumnType.TEXT),
        List.of("a"));
  }

  @Test
  void noReasonNamesAValue() {
    for (ColumnType to :
        List.of(ColumnType.INTEGER, ColumnType.text(3), ColumnType.UUID, ColumnType.DATE)) {
      assertThatThrownBy(() -> carried(ColumnType.TEXT, "secret", to))
          .hasMessageNotContaining("secret");
    }
  }

  @Test
  void columnsAreFoundByTheirNames() throws Exception {
    RowType before =
        RowType.builder()
            .key("id", ColumnType.BIGINT)
            .column("a", ColumnType.TEXT)
            .column("b", ColumnType.TEXT)
            .column("gone", ColumnType.TEXT)
            .build();
    RowType now =
        RowType.builder()
            .key("id", ColumnType.BIGINT)
            .column("b", ColumnType.TEXT)
            .column("new", ColumnType.INTEGER)
            .column("a", ColumnType.TEXT)
            .build();
    ColumnChange change = new ColumnChange(before.encoding(), now);
    ByteBuffer good = ByteBuffer.wrap(RowCodec.encode(before.rowOf("x", "y", null)));
    assertThat(change.read(good)).isEqualTo(now.rowOf("y", null, "x"));
    assertThat(good.position()).isZero();
    ByteBuffer bad = ByteBuffer.wrap(RowCodec.encode(before.rowOf("x", "y", "z")));
    assertThatThrownBy(() -> change.read(bad))
        .hasMessage(
            "gone: is not among the columns any more (dropped, or renamed) and is not null");
  }

  @Test
  void aColumnThatMustNotBeNullNeedsAValue() throws Exception {
    RowType before =
        RowType.builder().key("id", ColumnType.BIGINT).column("a", ColumnType.TEXT).build();
    RowType strict =
        RowType.builder()
            .key("id", ColumnType.BIGINT)
            .column(new Column("a", ColumnType.TEXT, false))
            .build();
    RowType more =
        RowType.builder()
            .key("id", ColumnType.BIGINT)
            .column("a", ColumnType.TEXT)
            .column(new Column("b", ColumnType.TEXT, false))
            .build();
    ByteBuffer full = ByteBuffer.wrap(RowCodec.encode(before.rowOf("x")));
    ByteBuffer empty = ByteBuffer.wrap(RowCodec.encode(before.rowOf((Object) null)));
    ColumnChange change = new ColumnChange(before.encoding(), strict);
    assertThat(change.sameEncoding()).isTrue();
    assertThat(change.read(full)).isEqualTo(strict.rowOf("x"));
    assertThatThrownBy(() -> change.read(empty)).hasMessage("a: must not be null");
    assertThatThrownBy(() -> new ColumnChange(before.encoding(), more).read(full))
        .hasMessage("b: is new and must not be null, and there is no value for it");
  }

  @Test
  void keysAreTheSameOrNotAtAll() {
    RowType two = RowType.builder().key("a", ColumnType.TEXT).key("b", ColumnType.BIGINT).build();
    assertThat(new ColumnChange(two.encoding(), two).sameKeys()).isTrue();
    for (RowType other :
        List.of(
            RowType.builder().key("a", ColumnType.TEXT).build(),
            RowType.builder().key("b", ColumnType.BIGINT).key("a", ColumnType.TEXT).build(),
            RowType.builder().key("a", ColumnType.TEXT).key("b", ColumnType.INTEGER).build(),
            RowType.builder().key("a", ColumnType.TEXT).key("renamed", ColumnType.BIGINT).build(),
            RowType.builder()
                .key("a", ColumnType.TEXT)
                .key("b", ColumnType.BIGINT)
                .key("c", ColumnType.TEXT)
                .build())) {
      assertThat(new ColumnChange(two.encoding(), other).sameKeys()).isFalse();
    }
    RowType wider =
        RowType.builder()
            .key("a", ColumnType.TEXT)
            .key("b", ColumnType.BIGINT)
            .column("c", ColumnType.TEXT)
            .build();
    assertThat(new ColumnChange(two.encoding(), wider).sameKeys()).isTrue();
  }

  @Test
  void aKeyThatWouldBeWrittenInAnotherFormIsTold() throws Exception {
    RowType before = RowType.builder().key("p", ColumnType.numeric(10, 2)).build();
    RowType now = RowType.builder().key("p", ColumnType.numeric(10, 4)).build();
    ColumnChange change = new ColumnChange(before.encoding(), now);
    assertThat(change.sameEncoding()).isTrue();
    assertThatThrownBy(() -> change.check(before.key(new BigDecimal("1.50"))))
        .hasMessage("the key: its values are written in another form now");
    change.check(now.key(new BigDecimal("1.50")));
    RowType free = RowType.builder().key("p", ColumnType.NUMERIC).build();
    assertThatThrownBy(
            () ->
                new ColumnChange(before.encoding(), free).check(before.key(new BigDecimal("1.50"))))
        .isInstanceOf(ColumnChange.Inexact.class);
    RowType text = RowType.builder().key("p", ColumnType.text(3)).build();
    ColumnChange shorter =
        new ColumnChange(text.encoding(), RowType.builder().key("p", ColumnType.text(2)).build());
    assertThatThrownBy(() -> shorter.check(text.key("abc")))
        .hasMessageContaining("must have at most 2 characters");
  }
}
