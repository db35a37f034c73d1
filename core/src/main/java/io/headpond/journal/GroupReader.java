package io.headpond.journal;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.spi.Failure;
import io.headpond.spi.Remembered;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Finds the groups of a segment and reads their records; the layout is in {@link Group}. Whatever the bytes are, it never reads outside of
 * them. Not thread-safe.
 */
final class GroupReader {
  private final ByteBuffer bytes;
  private final ByteBuffer place;
  private final int begin;
  private final int version;
  private final CRC32C crc = new CRC32C();

  GroupReader(ByteBuffer bytes, SegmentHeader header) {
    this(bytes, header.journal, header.number, header.length(), header.version);
  }

  GroupReader(ByteBuffer bytes, UUID journal, long segment, int begin, int version) {
    this.bytes = bytes;
    this.place = Group.place(journal, segment);
    this.begin = begin;
    this.version = version;
  }

  int begin() {
    return begin;
  }

  /** Where the group at this offset ends, before {@code limit}; -1 if there is no valid group. */
  int end(int at, int limit) {
    if (at < begin || limit - at < Group.HEADER || bytes.getInt(at) != Group.MAGIC) {
      return -1;
    }
    int records = bytes.getInt(at + 4);
    if (records < 2 || Group.paddedLength(records) > limit - at) {
      return -1;
    }
    place.putLong(Group.PLACE_OFFSET, at);
    crc.reset();
    crc.update(place.array(), 0, Group.PLACE);
    update(at + 4, 4);
    update(at + 12, 4 + records);
    return (int) crc.getValue() == bytes.getInt(at + 8)
        ? at + (int) Group.paddedLength(records)
        : -1;
  }

  private void update(int from, int length) {
    bytes.limit(from + length).position(from);
    crc.update(bytes);
    bytes.clear();
  }

  /** How much was on the disk when the valid group at this offset was written. */
  int forced(int at) {
    return bytes.getInt(at + 12);
  }

  /** The next valid group from this offset on; -1 if there is none before {@code limit}. */
  int next(int from, int limit) {
    for (int at = (from + 7) & ~7; at <= limit - Group.HEADER; at += 8) {
      if (bytes.getInt(at) == Group.MAGIC && end(at, limit) != -1) {
        return at;
      }
    }
    return -1;
  }

  /**
   * Tells a visitor of the records of the valid group at this offset.
   *
   * @throws Malformed if they are not what this release writes
   */
  void read(int at, RecordVisitor visitor) throws Malformed {
    int end = at + Group.HEADER + bytes.getInt(at + 4);
    ByteBuffer in = bytes;
    in.clear().limit(end).position(at + Group.HEADER);
    try {
      while (in.hasRemaining()) {
        int record = in.position();
        byte type = in.get();
        int flags = in.get();
        switch (type) {
          case Group.PUT, Group.REMOVE -> put(type, flags, in, visitor);
          case Group.SETTLE -> {
            int length = in.getShort() & 0xffff;
            long version = in.getLong();
            long writeId = in.getLong();
            visitor.settle(key(in, length), version, writeId);
          }
          case Group.TROUBLE -> {
            int length = in.getShort() & 0xffff;
            long version = in.getLong();
            long writeId = in.getLong();
            Key key = key(in, length);
            visitor.trouble(key, version, writeId, trouble(in, flags));
          }
          case Group.OPEN ->
              visitor.open(in.getShort() & 0xffff, in.getLong(), in.getLong(), in.getLong());
          case Group.FRONTIER -> visitor.frontier(in.getShort() & 0xffff, in.getLong());
          case Group.SCHEMA -> {
            in.getShort();
            visitor.schema(text(in, in.getInt()));
          }
          case Group.OLDEST -> {
            in.getShort();
            visitor.oldest(in.getLong());
          }
          case Group.CLOSED -> {
            in.getShort();
            visitor.closed(in.getLong());
          }
          case Group.REQUEST -> visitor.request(request(in));
          default -> throw new Malformed(record, "unknown record type " + type);
        }
      }
    } catch (BufferUnderflowException e) {
      throw new Malformed(at, "a record ends behind its group");
    } finally {
      in.clear();
    }
  }

  private void put(byte type, int flags, ByteBuffer in, RecordVisitor visitor) throws Malformed {
    int keyLength = in.getShort() & 0xffff;
    int rowLength = in.getInt();
    long version = in.getLong();
    long writeId = in.getLong();
    long since = in.getLong();
    in.getShort();
    Key key = key(in, keyLength);
    int rowAt = in.position();
    skip(in, rowLength);
    Trouble trouble = (flags & Group.FLAG_TROUBLE) == 0 ? null : trouble(in, flags);
    if ((flags & Group.FLAG_USER) != 0) {
      skip(in, in.getShort() & 0xffff);
    }
    if ((flags & Group.FLAG_COMMENT) != 0) {
      skip(in, in.getShort() & 0xffff);
    }
    if ((flags & Group.FLAG_STAGED) != 0) {
      visitor.staged(key, version);
    } else {
      visitor.put(
          key, version, writeId, since, in, rowAt, type == Group.PUT ? rowLength : -1, trouble);
    }
  }

  private static Remembered request(ByteBuffer in) throws Malformed {
    int at = in.position();
    int keyLength = in.getShort() & 0xffff;
    int idLength = in.getShort() & 0xffff;
    int fingerprintLength = in.getShort() & 0xffff;
    long version = in.getLong();
    long micros = in.getLong();
    Key key = key(in, keyLength);
    try {
      RequestId id = new RequestId(text(in, idLength), text(in, fingerprintLength));
      return new Remembered(id, key, version, micros);
    } catch (InvalidValueException e) {
      throw new Malformed(at, "no request id: " + e.rule());
    }
  }

  private Trouble trouble(ByteBuffer in, int flags) throws Malformed {
    long due = in.getLong();
    int attempts = in.getInt();
    long micros = in.getLong();
    long first = micros;
    ErrorClass errorClass =
        (flags & Group.FLAG_CONFLICT) != 0 ? ErrorClass.CONFLICT : ErrorClass.UNKNOWN;
    String code = null;
    if (version >= SegmentHeader.WITH_ERROR_CLASS) {
      first = in.getLong();
      errorClass = Trouble.errorClass(in.get());
      String state = text(in, Group.STATE_LENGTH);
      code = state.charAt(0) == 0 ? null : state;
    }
    String message = text(in, in.getShort() & 0xffff);
    return new Trouble(
        due,
        attempts,
        (flags & Group.FLAG_PARKED) != 0,
        (flags & Group.FLAG_OVERTAKEN) != 0,
        first,
        new Failure(new DatabaseError(errorClass, code, message), micros));
  }

  private static Key key(ByteBuffer in, int length) throws Malformed {
    byte[] key = new byte[checked(in, length)];
    in.get(key);
    return Key.ofCanonical(key);
  }

  private static String text(ByteBuffer in, int length) throws Malformed {
    byte[] text = new byte[checked(in, length)];
    in.get(text);
    return new String(text, StandardCharsets.UTF_8);
  }

  private static void skip(ByteBuffer in, int length) throws Malformed {
    in.position(in.position() + checked(in, length));
  }

  private static int checked(ByteBuffer in, int length) throws Malformed {
    if (length < 0 || length > in.remaining()) {
      throw new Malformed(in.position(), "a length of " + length + " reaches out of its group");
    }
    return length;
  }

  /** A valid group with records that cannot be read. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    final int offset;

    Malformed(int offset, String reason) {
      super(reason);
      this.offset = offset;
    }

    String reason() {
      return String.valueOf(getMessage());
    }
  }

  /** Where the row of a write stands, as a buffer of its own. */
  static @Nullable ByteBuffer row(ByteBuffer bytes, int at, int length) {
    return length < 0 ? null : bytes.slice(at, length);
  }
}
