package io.headpond.redis;

import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.RowCodec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The value of an entry's key: 53 characters that a person can read, and then the row as {@link RowCodec} has it.
 *
 * <pre>
 * R V 1800000000000001 00f3a2b4c5d6e7f8 1800000000000001 row
 * | | version          write id         since when it is owed; of what is clean the partition's life, of a token its lease
 * | V a value, N none
 * R ready, D deferred, L letter, C clean, T a fill token, which stands in the place of the write id; S staged, U under way
 * </pre>
 *
 * (without the first blank). Immutable.
 */
record Stored(char state, boolean present, long version, long id, long time, byte[] bytes) {
  private static final int HEADER = 53;

  /**
   * The value of a key.
   *
   * @throws UnavailableException if it is none of ours
   */
  static Stored parse(byte[] bytes, String keyText) {
    try {
      String head = new String(bytes, 0, HEADER, StandardCharsets.US_ASCII);
      char state = head.charAt(0);
      char kind = head.charAt(1);
      if ("RDLCTSU".indexOf(state) < 0 || "VN".indexOf(kind) < 0) {
        throw foreign(keyText, null);
      }
      return new Stored(
          state,
          kind == 'V',
          Long.parseLong(head, 3, 19, 10),
          HexFormat.fromHexDigitsToLong(head, 20, 36),
          Long.parseLong(head, 37, 53, 10),
          bytes);
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      throw foreign(keyText, e);
    }
  }

  private static UnavailableException foreign(String keyText, @Nullable Exception cause) {
    String message = "the hot store has something for the key " + keyText + " that is none of ours";
    return cause == null
        ? new UnavailableException(message)
        : new UnavailableException(message, cause);
  }

  @Nullable Row row(RowType type) {
    return present
        ? RowCodec.decode(type, ByteBuffer.wrap(bytes, HEADER, bytes.length - HEADER))
        : null;
  }

  Mutation mutation(Key key, RowType type) {
    Row row = row(type);
    return row == null
        ? new Mutation.Remove(key, version, id)
        : new Mutation.Put(key, row, version, id);
  }

  /** What readers are given; of a token, the miss. */
  Lookup lookup(Key key, RowType type) {
    return state == 'T'
        ? new Lookup(key, null, null, 0, id)
        : new Lookup(key, entryState(), row(type), version, 0);
  }

  private EntryState entryState() {
    return switch (state) {
      case 'C' -> EntryState.CLEAN;
      case 'L' -> EntryState.PARKED;
      default -> EntryState.PENDING;
    };
  }

  /** Sixteen hexadecimal digits. */
  static byte[] hex(long id) {
    return Keys.bytes(HexFormat.of().toHexDigits(id));
  }

  static byte[] kind(@Nullable Row row) {
    return Keys.bytes(row == null ? "N" : "V");
  }

  static byte[] encode(@Nullable Row row) {
    return row == null ? new byte[0] : RowCodec.encode(row);
  }

  /** What a row counts against the limit on bytes, with the text of its key. */
  static long size(byte[] keyText, byte[] row) {
    return keyText.length + row.length + 64L;
  }
}
