package io.headpond.spi;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Interval;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of keys and rows, as hot stores keep them. All numbers are big-endian.
 *
 * <pre>
 * row     one bit for each value column, set if it is null, in whole bytes (bit 0 = lowest bit of the
 *         first byte = first column); then, for each column that is not null, its cell: a cell of
 *         fixed size as it is, another one behind its length as a varint
 * text, json, jsonb, enum, inet   UTF-8
 * smallint      2 bytes           integer 4 bytes          bigint  8 bytes
 * real          4 bytes, IEEE 754                          double  8 bytes, IEEE 754
 * boolean       1 byte, 0 or 1    uuid    16 bytes         date    4 bytes, days since 1970-01-01
 * time          8 bytes, microseconds since midnight
 * timestamp     8 bytes, microseconds since 1970-01-01T00:00:00
 * timestamptz   8 bytes, microseconds since 1970-01-01T00:00:00Z
 * interval      4 bytes months, 4 bytes days, 8 bytes microseconds
 * numeric       2 bytes scale, then the unscaled number in two's complement
 * bytea         as it is
 * array         how many elements as a varint, then these as the columns of a row
 * key     one column: its cell; several: each cell behind its length as a varint
 * varint  7 bits a byte, lowest first, the high bit set in all but the last byte
 * </pre>
 *
 * <p>The key's form also decides the partition, see {@link Key#HASH_VERSION}. Stateless.
 */
public final class RowCodec {
  private static final int VARIABLE = -1;

  private RowCodec() {}

  /** How many bytes {@link #encode} makes of a row, counted anew; {@link Row#encodedSize} remembers it. */
  public static int sizeOf(Row row) {
    List<Column> columns = row.type().valueColumns();
    int size = bitmapSize(columns.size());
    for (int i = 0; i < columns.size(); i++) {
      size += sizeWithLength(columns.get(i).type(), row.cell(i));
    }
    return size;
  }

  /** The bytes of a row. */
  public static byte[] encode(Row row) {
    List<Column> columns = row.type().valueColumns();
    byte[][] cells = new byte[columns.size()][];
    int bitmap = bitmapSize(cells.length);
    int size = bitmap;
    for (int i = 0; i < cells.length; i++) {
      Object cell = row.cell(i);
      if (cell != null) {
        byte[] bytes = encodeCell(columns.get(i).type(), cell);
        cells[i] = bytes;
        size += bytes.length;
        size += fixedSize(columns.get(i).type()) == VARIABLE ? varintSize(bytes.length) : 0;
      }
    }
    ByteBuffer out = ByteBuffer.allocate(size).position(bitmap);
    for (int i = 0; i < cells.length; i++) {
      putCell(out, 0, i, columns.get(i).type(), cells[i]);
    }
    return out.array();
  }

  /**
   * The row of these bytes.
   *
   * @throws IllegalArgumentException if they are no row of this type
   */
  public static Row decode(RowType type, ByteBuffer in) {
    List<Column> columns = type.valueColumns();
    @Nullable Object[] cells = new Object[columns.size()];
    try {
      byte[] nulls = new byte[bitmapSize(columns.size())];
      in.get(nulls);
      for (int i = 0; i < cells.length; i++) {
        cells[i] = getCell(in, nulls, i, columns.get(i).type());
      }
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("the row ends early", e);
    }
    return type.rowOfCanonical(cells);
  }

  /** The bytes of one canonical value. */
  public static byte[] encodeCell(ColumnType type, Object cell) {
    return switch (type.kind()) {
      case TEXT, JSON, JSONB, ENUM, INET -> ((String) cell).getBytes(StandardCharsets.UTF_8);
      case SMALLINT -> ByteBuffer.allocate(2).putShort((Short) cell).array();
      case INTEGER -> ByteBuffer.allocate(4).putInt((Integer) cell).array();
      case BIGINT -> ByteBuffer.allocate(8).putLong((Long) cell).array();
      case REAL -> ByteBuffer.allocate(4).putFloat((Float) cell).array();
      case DOUBLE -> ByteBuffer.allocate(8).putDouble((Double) cell).array();
      case BOOLEAN -> new byte[] {(byte) ((Boolean) cell ? 1 : 0)};
      case UUID ->
          ByteBuffer.allocate(16)
              .putLong(((UUID) cell).getMostSignificantBits())
              .putLong(((UUID) cell).getLeastSignificantBits())
              .array();
      case DATE -> ByteBuffer.allocate(4).putInt((int) ((LocalDate) cell).toEpochDay()).array();
      case TIME -> ByteBuffer.allocate(8).putLong(((LocalTime) cell).toNanoOfDay() / 1_000).array();
      case TIMESTAMP ->
          ByteBuffer.allocate(8)
              .putLong(micros(((LocalDateTime) cell).toInstant(ZoneOffset.UTC)))
              .array();
      case TIMESTAMPTZ -> ByteBuffer.allocate(8).putLong(micros((Instant) cell)).array();
      case INTERVAL -> {
        Interval interval = (Interval) cell;
        yield ByteBuffer.allocate(16)
            .putInt(interval.months())
            .putInt(interval.days())
            .putLong(interval.micros())
            .array();
      }
      case NUMERIC -> {
        byte[] unscaled = ((BigDecimal) cell).unscaledValue().toByteArray();
        yield ByteBuffer.allocate(2 + unscaled.length)
            .putShort((short) ((BigDecimal) cell).scale())
            .put(unscaled)
            .array();
      }
      case BYTEA -> (byte[]) cell;
      case ARRAY -> encodeArray(elementOf(type), (List<?>) cell);
    };
  }

  /**
   * The value of these bytes.
   *
   * @throws IllegalArgumentException if they are no value of this type
   */
  public static Object decodeCell(ColumnType type, byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    try {
      return switch (type.kind()) {
        case TEXT, JSON, JSONB, ENUM, INET -> new String(bytes, StandardCharsets.UTF_8);
        case SMALLINT -> in.getShort();
        case INTEGER -> in.getInt();
        case BIGINT -> in.getLong();
        case REAL -> in.getFloat();
        case DOUBLE -> in.getDouble();
        case BOOLEAN -> in.get() != 0;
        case UUID -> new UUID(in.getLong(), in.getLong());
        case DATE -> LocalDate.ofEpochDay(in.getInt());
        case TIME -> LocalTime.ofNanoOfDay(Math.multiplyExact(in.getLong(), 1_000L));
        case TIMESTAMP -> LocalDateTime.ofInstant(instant(in.getLong()), ZoneOffset.UTC);
        case TIMESTAMPTZ -> instant(in.getLong());
        case INTERVAL -> new Interval(in.getInt(), in.getInt(), in.getLong());
        case NUMERIC -> {
          int scale = in.getShort();
          yield new BigDecimal(new BigInteger(Arrays.copyOfRange(bytes, 2, bytes.length)), scale);
        }
        case BYTEA -> bytes;
        case ARRAY -> decodeArray(elementOf(type), in);
      };
    } catch (BufferUnderflowException
        | NumberFormatException
        | IndexOutOfBoundsException
        | ArithmeticException
        | DateTimeException e) {
      throw new IllegalArgumentException("not a value of type " + type, e);
    }
  }

  /** The bytes of a key from those of its components. */
  public static byte[] joinKey(byte[][] parts) {
    if (parts.length == 1) {
      return parts[0];
    }
    int size = 0;
    for (byte[] part : parts) {
      size += varintSize(part.length) + part.length;
    }
    ByteBuffer out = ByteBuffer.allocate(size);
    for (byte[] part : parts) {
      putVarint(out, part.length);
      out.put(part);
    }
    return out.array();
  }

  /**
   * The bytes of a key's components.
   *
   * @throws IllegalArgumentException if it has not {@code columns} components
   */
  public static List<byte[]> splitKey(Key key, int columns) {
    if (columns == 1) {
      return List.of(key.toBytes());
    }
    List<byte[]> parts = new ArrayList<>(columns);
    ByteBuffer in = ByteBuffer.wrap(key.toBytes());
    try {
      for (int i = 0; i < columns; i++) {
        byte[] part = new byte[checkedLength(getVarint(in), in)];
        in.get(part);
        parts.add(part);
      }
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("the key ends early", e);
    }
    return parts;
  }

  /** Microseconds since the epoch. */
  public static long micros(Instant time) {
    return Math.addExact(
        Math.multiplyExact(time.getEpochSecond(), 1_000_000L), time.getNano() / 1_000);
  }

  /** The instant of microseconds since the epoch. */
  public static Instant instant(long micros) {
    return Instant.ofEpochSecond(
        Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1_000L);
  }

  private static byte[] encodeArray(ColumnType element, List<?> cells) {
    ByteBuffer out = ByteBuffer.allocate(arraySize(element, cells));
    putVarint(out, cells.size());
    int bitmap = out.position();
    out.position(bitmap + bitmapSize(cells.size()));
    for (int i = 0; i < cells.size(); i++) {
      Object cell = cells.get(i);
      putCell(out, bitmap, i, element, cell == null ? null : encodeCell(element, cell));
    }
    return out.array();
  }

  private static List<@Nullable Object> decodeArray(ColumnType element, ByteBuffer in) {
    int count = getVarint(in);
    byte[] nulls = new byte[checkedLength(bitmapSize(count), in)];
    in.get(nulls);
    List<@Nullable Object> cells = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      cells.add(getCell(in, nulls, i, element));
    }
    return Collections.unmodifiableList(cells);
  }

  private static int arraySize(ColumnType element, List<?> cells) {
    int size = varintSize(cells.size()) + bitmapSize(cells.size());
    for (Object cell : cells) {
      size += sizeWithLength(element, cell);
    }
    return size;
  }

  private static ColumnType elementOf(ColumnType array) {
    return Objects.requireNonNull(array.element());
  }

  /** One bit for each cell, in whole bytes; negative for a negative count. */
  private static int bitmapSize(int cells) {
    return cells / 8 + (cells % 8 == 0 ? 0 : Integer.signum(cells));
  }

  /** Puts a cell, or the bit that says that it is null into the bitmap that begins at {@code bitmap}. */
  private static void putCell(
      ByteBuffer out, int bitmap, int index, ColumnType type, byte @Nullable [] bytes) {
    if (bytes == null) {
      int at = bitmap + index / 8;
      out.put(at, (byte) (out.get(at) | 1 << index % 8));
      return;
    }
    if (fixedSize(type) == VARIABLE) {
      putVarint(out, bytes.length);
    }
    out.put(bytes);
  }

  private static @Nullable Object getCell(ByteBuffer in, byte[] nulls, int index, ColumnType type) {
    if ((nulls[index / 8] >> index % 8 & 1) != 0) {
      return null;
    }
    int fixed = fixedSize(type);
    byte[] bytes = new byte[checkedLength(fixed == VARIABLE ? getVarint(in) : fixed, in)];
    in.get(bytes);
    return decodeCell(type, bytes);
  }

  /** Of a cell and the length before it, if it has one; 0 for null. */
  private static int sizeWithLength(ColumnType type, @Nullable Object cell) {
    if (cell == null) {
      return 0;
    }
    int fixed = fixedSize(type);
    if (fixed != VARIABLE) {
      return fixed;
    }
    int length = variableSize(type, cell);
    return length + varintSize(length);
  }

  private static int variableSize(ColumnType type, Object cell) {
    return switch (type.kind()) {
      case TEXT, JSON, JSONB, ENUM, INET -> utf8Size((String) cell);
      case NUMERIC -> 2 + ((BigDecimal) cell).unscaledValue().bitLength() / 8 + 1;
      case ARRAY -> arraySize(elementOf(type), (List<?>) cell);
      default -> ((byte[]) cell).length;
    };
  }

  private static int fixedSize(ColumnType type) {
    return switch (type.kind()) {
      case SMALLINT -> 2;
      case INTEGER, DATE, REAL -> 4;
      case BIGINT, DOUBLE, TIME, TIMESTAMP, TIMESTAMPTZ -> 8;
      case BOOLEAN -> 1;
      case UUID, INTERVAL -> 16;
      case TEXT, JSON, JSONB, ENUM, INET, NUMERIC, BYTEA, ARRAY -> VARIABLE;
    };
  }

  private static int utf8Size(String text) {
    int size = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      // Each half of a surrogate pair counts 2 of the pair's 4 bytes.
      size += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return size;
  }

  private static int checkedLength(int length, ByteBuffer in) {
    if (length < 0 || length > in.remaining()) {
      throw new IllegalArgumentException(
          "a length of " + length + " with " + in.remaining() + " left");
    }
    return length;
  }

  private static int varintSize(int value) {
    return (38 - Integer.numberOfLeadingZeros(value | 1)) / 7;
  }

  private static void putVarint(ByteBuffer out, int value) {
    int rest = value;
    while (rest > 0x7f) {
      out.put((byte) (rest | 0x80));
      rest >>>= 7;
    }
    out.put((byte) rest);
  }

  private static int getVarint(ByteBuffer in) {
    int value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      byte b = in.get();
      value |= (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a varint of more than five bytes");
  }
}
