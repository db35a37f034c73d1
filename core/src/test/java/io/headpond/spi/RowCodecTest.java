package io.headpond.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.Row;
import io.headpond.RowType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RowCodecTest {
  private static final RowType ALL = all();

  private static RowType all() {
    RowType.Builder builder = RowType.builder().key("k", ColumnType.TEXT);
    for (ColumnType.Kind kind : ColumnType.Kind.values()) {
      builder.column(kind.name(), new ColumnType(kind, 0, 0, 0));
    }
    return builder.build();
  }

  /** The bytes stand in journals: they may never change. */
  @Test
  void theEncodingIsPinned() {
    Row row =
        ALL.rowOf(
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
      randomBytes(random)
    };
    for (int i = 0; i < cells.length; i++) {
      if (random.nextInt(5) == 0) {
        cells[i] = null;
      }
    }
    return ALL.rowOf(cells);
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
