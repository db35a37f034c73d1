package io.headpond.journal;

import io.headpond.DatabaseError;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.spi.Mutation;
import io.headpond.spi.Remembered;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Records on their way into the journal: they are valid together or not at all. Reused; not
 * thread-safe.
 *
 * <pre>
 * group   begins at a multiple of 8
 *   at  bytes
 *    0      4  "HPGR"
 *    4      4  length of the records in bytes, at least 2
 *    8      4  CRC32C of: journal id (16), segment number (8), offset of the group in the file (8); then of the
 *              length (4), the forced offset (4) and the records
 *   12      4  forced offset: all bytes of this file before it were on the disk when the group was written
 *   16      .  records, one after another
 *    .      .  zeros up to a multiple of 8
 *
 * record  type (1), flags (1), and:
 * 1 PUT, 2 REMOVE
 *           key length (2), row length (4), version (8), write id (8), since (8), schema id (2), key, row;
 *           with flag 1 TROUBLE: trouble; with 16 USER: length (2), UTF-8; with 32 COMMENT: length (2), UTF-8
 * 3 SETTLE  key length (2), version (8), write id (8), key
 * 4 TROUBLE key length (2), version (8), write id (8), key, trouble
 * 5 OPEN    partition (2), epoch (8), clock (8), frontier (8)
 * 6 FRONTIER partition (2), frontier (8)
 * 7 SCHEMA  schema id (2), length (4), UTF-8: the encoding of the row type, for the rows from here to the next one
 * 8 OLDEST  zero (2), number of the oldest segment that is still needed (8)
 * 9 CLOSED  zero (2), microseconds since 1970-01-01T00:00:00Z (8)
 * 10 REQUEST key length (2), id length (2), fingerprint length (2), version (8), microseconds since 1970-01-01T00:00:00Z (8),
 *           key, id in UTF-8, fingerprint in UTF-8; since format version 2
 *
 * trouble   due (8), attempts (4), time of the last failure (8), message length (2), message in UTF-8;
 *           since format version 3 between time and length: time of the first failure (8), class of the error (1),
 *           SQLSTATE in ASCII (5), zeros if there is none
 *
 * class     0 unknown, 1 constraint, 2 foreign key, 3 value, 4 raised, 5 swallowed, 6 conflict, 7 locked, 8 timeout,
 *           9 connection, 10 simulated
 *
 * flags     1 TROUBLE   the record carries trouble
 *           2 PARKED    of the trouble: a dead letter
 *           4 CONFLICT  of the trouble, before format version 3: the database holds a newer version that is none of ours
 *           8 STAGED    the write was never pending: only its version counts, for the clock
 *          64 OVERTAKEN of the trouble, a dead letter's: a staged write of its key was offered to the database, which may have it
 *          16 USER, 32 COMMENT   reserved for who wrote and why; written by no release so far, skipped by this one
 * </pre>
 *
 * <p>Since the checksum knows where the group stands, bytes that an earlier life of the file left
 * behind, or a copy from elsewhere, are never taken for a group.
 */
final class Group {
  static final int MAGIC = 0x48504752;
  static final int HEADER = 16;
  static final byte PUT = 1;
  static final byte REMOVE = 2;
  static final byte SETTLE = 3;
  static final byte TROUBLE = 4;
  static final byte OPEN = 5;
  static final byte FRONTIER = 6;
  static final byte SCHEMA = 7;
  static final byte OLDEST = 8;
  static final byte CLOSED = 9;
  static final byte REQUEST = 10;
  static final int FLAG_TROUBLE = 1;
  static final int FLAG_PARKED = 2;
  static final int FLAG_CONFLICT = 4;
  static final int FLAG_STAGED = 8;
  static final int FLAG_USER = 16;
  static final int FLAG_COMMENT = 32;
  static final int FLAG_OVERTAKEN = 64;
  static final int PUT_FIXED = 34;
  static final int REQUEST_FIXED = 24;
  static final int TROUBLE_FIXED = 36;
  static final int STATE_LENGTH = 5;
  static final int SCHEMA_ID = 1;

  /** What a put adds to its key and row, with the group around it and trouble of the longest message. */
  static final int MAX_OVERHEAD = HEADER + PUT_FIXED + TROUBLE_FIXED + 3 * Trouble.MAX_MESSAGE + 9;

  private static final int KEPT_CAPACITY = 1 << 20;
  private static final byte[] NO_STATE = new byte[STATE_LENGTH];

  private byte[] bytes = new byte[512];
  private ByteBuffer out = ByteBuffer.wrap(bytes);
  private int live;

  /** Where the group was written; set by {@link Journal#append}. */
  @Nullable Segment segment;

  /** The position in the journal up to which it must be forced to keep the group. */
  long end;

  Group() {
    clear();
  }

  /** Forgets the records. */
  Group clear() {
    if (bytes.length > KEPT_CAPACITY) {
      bytes = new byte[512];
      out = ByteBuffer.wrap(bytes);
    }
    out.clear().position(HEADER);
    live = 0;
    segment = null;
    return this;
  }

  boolean isEmpty() {
    return out.position() == HEADER;
  }

  int length() {
    return out.position();
  }

  /** How many of the records are needed: writes that the database does not have, requests that are remembered. */
  int live() {
    return live;
  }

  byte[] bytes() {
    return bytes;
  }

  Group put(Mutation write, byte @Nullable [] row, long since, @Nullable Trouble trouble) {
    return put(write, row == null ? null : ByteBuffer.wrap(row), since, trouble, 0);
  }

  Group staged(Mutation write) {
    return put(write, null, write.version(), null, FLAG_STAGED);
  }

  /** A write of this key, version and write id; {@code row} alone says whether it is a removal. */
  Group put(
      Mutation write,
      @Nullable ByteBuffer row,
      long since,
      @Nullable Trouble trouble,
      int moreFlags) {
    Key key = write.key();
    int rowLength = row == null ? 0 : row.remaining();
    room(PUT_FIXED + key.length() + rowLength);
    out.put(row == null ? REMOVE : PUT).put((byte) (moreFlags | flags(trouble)));
    out.putShort((short) key.length()).putInt(rowLength);
    out.putLong(write.version()).putLong(write.writeId()).putLong(since);
    out.putShort((short) SCHEMA_ID).put(key.toBytes());
    if (row != null) {
      out.put(row);
    }
    trouble(trouble);
    if ((moreFlags & FLAG_STAGED) == 0) {
      live++;
    }
    return this;
  }

  Group settle(Mutation write) {
    named(SETTLE, write, null);
    return this;
  }

  Group trouble(Mutation write, Trouble trouble) {
    named(TROUBLE, write, trouble);
    trouble(trouble);
    return this;
  }

  Group open(int partition, long epoch, long clock, long frontier) {
    room(28);
    out.put(OPEN).put((byte) 0).putShort((short) partition);
    out.putLong(epoch).putLong(clock).putLong(frontier);
    return this;
  }

  Group frontier(int partition, long frontier) {
    room(12);
    out.put(FRONTIER).put((byte) 0).putShort((short) partition).putLong(frontier);
    return this;
  }

  Group schema(byte[] encoding) {
    room(8 + encoding.length);
    out.put(SCHEMA).put((byte) 0).putShort((short) SCHEMA_ID);
    out.putInt(encoding.length).put(encoding);
    return this;
  }

  Group oldest(long number) {
    return number(OLDEST, number);
  }

  Group closed(long micros) {
    return number(CLOSED, micros);
  }

  Group request(Remembered remembered) {
    byte[] id = remembered.request().id().getBytes(StandardCharsets.UTF_8);
    byte[] fingerprint = remembered.request().fingerprint().getBytes(StandardCharsets.UTF_8);
    Key key = remembered.key();
    room(REQUEST_FIXED + key.length() + id.length + fingerprint.length);
    out.put(REQUEST).put((byte) 0).putShort((short) key.length());
    out.putShort((short) id.length).putShort((short) fingerprint.length);
    out.putLong(remembered.version()).putLong(remembered.micros());
    out.put(key.toBytes()).put(id).put(fingerprint);
    live++;
    return this;
  }

  /** The length of the record of a request. */
  static int requestLength(RequestId request, Key key) {
    return REQUEST_FIXED
        + key.length()
        + request.id().getBytes(StandardCharsets.UTF_8).length
        + request.fingerprint().getBytes(StandardCharsets.UTF_8).length;
  }

  private Group number(byte type, long number) {
    room(12);
    out.put(type).put((byte) 0).putShort((short) 0).putLong(number);
    return this;
  }

  private void named(byte type, Mutation write, @Nullable Trouble trouble) {
    Key key = write.key();
    room(20 + key.length());
    out.put(type).put((byte) flags(trouble)).putShort((short) key.length());
    out.putLong(write.version()).putLong(write.writeId()).put(key.toBytes());
  }

  private static int flags(@Nullable Trouble trouble) {
    if (trouble == null) {
      return 0;
    }
    return FLAG_TROUBLE
        | (trouble.parked() ? FLAG_PARKED : 0)
        | (trouble.overtaken() ? FLAG_OVERTAKEN : 0);
  }

  private void trouble(@Nullable Trouble trouble) {
    if (trouble == null) {
      return;
    }
    DatabaseError error = trouble.failure().error();
    byte[] message = error.message().getBytes(StandardCharsets.UTF_8);
    String code = error.code();
    room(TROUBLE_FIXED + message.length);
    out.putLong(trouble.dueMicros()).putInt(trouble.attempts());
    out.putLong(trouble.failure().micros()).putLong(trouble.firstMicros());
    out.put(Trouble.code(error.errorClass()));
    out.put(code == null ? NO_STATE : code.getBytes(StandardCharsets.US_ASCII));
    out.putShort((short) message.length).put(message);
  }

  /** Pads the group and gives the length that it takes in the file. */
  int seal() {
    int records = out.position() - HEADER;
    room(8);
    while (out.position() % 8 != 0) {
      out.put((byte) 0);
    }
    out.putInt(0, MAGIC).putInt(4, records);
    return out.position();
  }

  /** Writes the checksum of a sealed group for the place where it is going to stand. */
  void stamp(CRC32C crc, ByteBuffer place, int forced) {
    out.putInt(12, forced);
    crc.reset();
    crc.update(place.array(), 0, PLACE);
    crc.update(bytes, 4, 4);
    crc.update(bytes, 12, 4 + out.getInt(4));
    out.putInt(8, (int) crc.getValue());
  }

  /** Length of {@link #place}. */
  static final int PLACE = 32;

  /** Where the offset stands in {@link #place}. */
  static final int PLACE_OFFSET = 24;

  /** What the checksum of a group begins with; the offset is still to be set. */
  static ByteBuffer place(UUID journal, long segment) {
    return ByteBuffer.allocate(PLACE)
        .putLong(journal.getMostSignificantBits())
        .putLong(journal.getLeastSignificantBits())
        .putLong(segment)
        .putLong(0);
  }

  /** The length in the file of a group with so many bytes of records. */
  static long paddedLength(int records) {
    return ((long) HEADER + records + 7) & ~7L;
  }

  private void room(int more) {
    int needed = out.position() + more;
    if (needed > bytes.length) {
      int position = out.position();
      bytes = Arrays.copyOf(bytes, Math.max(needed + 16, bytes.length * 2));
      out = ByteBuffer.wrap(bytes).position(position);
    }
  }
}
