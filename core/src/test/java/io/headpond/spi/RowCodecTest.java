package io.headpond.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.Interval;
import io.headpond.Row;
import io.headpond.RowType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RowCodecTest {
  private static final RowType ALL = all();

  private static RowType all() {
    RowType.Builder builder = RowType.builder().key("k", ColumnType.TEXT);
    for (ColumnType.Kind kind : ColumnType.Kind.values()) {
      builder.column(kind.name(), typeOf(kind));
    }
    return builder.build();
  }

  private static ColumnType typeOf(ColumnType.Kind kind) {
    return kind == ColumnType.Kind.ARRAY
        ? ColumnType.array(ColumnType.NUMERIC)
        : new ColumnType(kind, 0, 0, 0);
  }

  private static RowType of(ColumnType... types) {
    RowType.Builder builder = RowType.builder().key("k", ColumnType.TEXT);
    int columns = 0;
    for (ColumnType type : types) {
      builder.column("v" + columns++, type);
    }
    return builder.build();
  }

  /** The bytes stand in journals: they may never change. */
  @Test
  void theEncodingIsPinned() {
    RowType type =
        of(
            ColumnType.TEXT,
            ColumnType.INTEGER,
            ColumnType.BIGINT,
            ColumnType.NUMERIC,
            ColumnType.BOOLEAN,
            ColumnType.DOUBLE,
            ColumnType.DATE,
            ColumnType.TIMESTAMPTZ,
            ColumnType.UUID,
            ColumnType.JSONB,
            ColumnType.BYTEA);
    Row row =
        type.rowOf(
            "aä",
            -2,
            1L << 40,
            new BigDecimal("-12.50"),
            true,
            1.5,
            LocalDate.of(1969, 12, 31),
            Instant.parse("2026-01-31T10:15:30.123456Z"),
            new UUID(1, 2),
            "{\"a\":1}",
            new byte[] {0, (byte) 0xff});
    assertThat(HexFormat.of().formatHex(RowCodec.encode(row)))
        .isEqualTo(
            "0000"
                + "0361c3a4"
                + "fffffffe"
                + "0000010000000000"
                + "040002fb1e"
                + "01"
                + "3ff8000000000000"
                + "ffffffff"
                + "000649ac5e9276c0"
                + "00000000000000010000000000000002"
                + "077b2261223a317d"
                + "0200ff");
  }

  @Test
  void theEncodingOfTheOtherTypesIsPinnedToo() {
    RowType type =
        of(
            ColumnType.SMALLINT,
            ColumnType.REAL,
            ColumnType.TIME,
            ColumnType.TIMESTAMP,
            ColumnType.INTERVAL,
            ColumnType.enumOf(List.of("new", "paid")),
            ColumnType.JSON,
            ColumnType.INET);
    Row row =
        type.rowOf(
            -2,
            1.5f,
            LocalTime.of(0, 0, 1, 2_000),
            LocalDateTime.of(1970, 1, 1, 0, 0, 0, 3_000),
            new Interval(-1, 2, -3),
            "paid",
            "{ }",
            "::FFFF:192.0.2.1");
    assertThat(HexFormat.of().formatHex(RowCodec.encode(row)))
        .isEqualTo(
            "00"
                + "fffe"
                + "3fc00000"
                + "00000000000f4242"
                + "0000000000000003"
                + "ffffffff00000002fffffffffffffffd"
                + "0470616964"
                + "037b207d"
                + "10"
                + HexFormat.of().formatHex("::ffff:192.0.2.1".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void theEncodingOfArraysIsPinned() {
    RowType type =
        of(
            ColumnType.array(ColumnType.TEXT),
            ColumnType.array(ColumnType.INTEGER),
            ColumnType.array(ColumnType.BOOLEAN));
    Row row =
        type.rowOf(
            Arrays.asList("a", null, ""),
            List.of(),
            Arrays.asList(null, null, null, null, null, null, null, null, null, true));
    assertThat(HexFormat.of().formatHex(RowCodec.encode(row)))
        .isEqualTo(
            "00" + "05" + "03" + "02" + "0161" + "00" + "01" + "00" + "04" + "0a" + "ff01" + "01");
  }

  @Test
  void elementsOfEveryTypeComeBackAsTheyWere() {
    Random random = new Random(4);
    for (int i = 0; i < 2_000; i++) {
      int column = random.nextInt(ALL.valueColumns().size());
      ColumnType element = ALL.valueColumns().get(column).type();
      if (element.kind() == ColumnType.Kind.ARRAY || element.kind() == ColumnType.Kind.BYTEA) {
        continue;
      }
      RowType type = of(ColumnType.array(element), ColumnType.TEXT);
      List<Object> cells = new ArrayList<>();
      for (int n = random.nextInt(20); n > 0; n--) {
        cells.add(randomRow(random).cell(column));
      }
      Row row = type.rowOf(cells, "after");
      byte[] bytes = RowCodec.encode(row);
      assertThat(bytes).hasSize(row.encodedSize());
      assertThat(RowCodec.decode(type, ByteBuffer.wrap(bytes))).isEqualTo(row);
      assertThat(row.cell(0)).isEqualTo(cells);
    }
  }

  @Test
  void aLengthOfAnArrayThatIsNotThereIsRefusedAtOnce() {
    RowType type = of(ColumnType.array(ColumnType.BOOLEAN));
    for (String array :
        new String[] {"ffffffff07", "ffffffff0f", "f9ffffff0f", "80808080", "09ff"}) {
      byte[] bytes = HexFormat.of().parseHex("00" + "0" + array.length() / 2 + array);
      assertThatThrownBy(() -> RowCodec.decode(type, ByteBuffer.wrap(bytes)))
          .as(array)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void rowsComeBackAsTheyWere() {
    Random random = new Random(42);
    for (int i = 0; i < 5_000; i++) {
      Row row = randomRow(random);
      byte[] bytes = RowCodec.encode(row);
      assertThat(bytes).hasSize(row.encodedSize());
      assertThat(RowCodec.decode(ALL, ByteBuffer.wrap(bytes))).isEqualTo(row);
    }
  }

  @Test
  void damagedBytesAreAnIllegalArgumentAndNothingElse() {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = RowCodec.encode(randomRow(random));
      byte[] damaged = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
      if (damaged.length > 0) {
        damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      }
      try {
        RowCodec.decode(ALL, ByteBuffer.wrap(damaged));
      } catch (IllegalArgumentException e) {
        assertThat(e.getMessage()).isNotBlank();
      }
    }
  }

  @Test
  void aRowThatEndsEarlyIsRefused() {
    byte[] bytes = RowCodec.encode(randomRow(new Random(1)));
    for (int length = 0; length < bytes.length; length++) {
      ByteBuffer cut = ByteBuffer.wrap(Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> RowCodec.decode(ALL, cut))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static Row randomRow(Random random) {
    Object[] cells = {
      randomText(random),
      random.nextInt(),
      random.nextLong(),
      new BigDecimal(new BigInteger(random.nextInt(200), random), random.nextInt(30)),
      random.nextBoolean(),
      random.nextDouble() * 1e9,
      LocalDate.ofEpochDay(random.nextInt(2_000_000) - 500_000),
      RowCodec.instant(random.nextLong() >> 14),
      new UUID(random.nextLong(), random.nextLong()),
      "[" + random.nextInt() + "]",
      randomBytes(random),
      (short) random.nextInt(),
      random.nextFloat() * 1e9f,
      LocalTime.ofNanoOfDay(random.nextLong(86_400_000_000L) * 1_000),
      LocalDateTime.ofEpochSecond(
          random.nextLong(-60_000_000_000L, 250_000_000_000L),
          random.nextInt(1_000_000) * 1_000,
          ZoneOffset.UTC),
      new Interval(random.nextInt(), random.nextInt(), random.nextLong() >> 2),
      randomText(random),
      "[ " + random.nextInt() + "]",
      random.nextInt(256) + "." + random.nextInt(256) + ".0.1",
      randomNumbers(random)
    };
    for (int i = 0; i < cells.length; i++) {
      if (random.nextInt(5) == 0) {
        cells[i] = null;
      }
    }
    return ALL.rowOf(cells);
  }

  private static List<Object> randomNumbers(Random random) {
    List<Object> numbers = new ArrayList<>();
    for (int i = random.nextInt(20); i > 0; i--) {
      numbers.add(random.nextInt(4) == 0 ? null : BigDecimal.valueOf(random.nextLong(), 3));
    }
    return numbers;
  }

  private static String randomText(Random random) {
    StringBuilder text = new StringBuilder();
    random
        .ints(random.nextInt(200), 1, 0x11000)
        .filter(c -> c < 0xd800 || c > 0xdfff)
        .forEach(text::appendCodePoint);
    return text.toString();
  }

  private static byte[] randomBytes(Random random) {
    byte[] bytes = new byte[random.nextInt(300)];
    random.nextBytes(bytes);
    return bytes;
  }
}
