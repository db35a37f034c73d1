package io.headpond.journal;

import io.headpond.Key;
import java.nio.ByteBuffer;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The first bytes of a segment. Immutable. All numbers are big-endian.
 *
 * <pre>
 *   at  bytes
 *    0      8  "HEADPOND"
 *    8      4  format version: 3; 2, whose trouble has no class, SQLSTATE and time of the first failure, and 1, which has
 *              no REQUEST records either, are read
 *   12      4  length of this header, padding included: a multiple of 4,096
 *   16     16  journal id
 *   32      8  segment number, from 1
 *   40      8  segment size in bytes: the size of the file
 *   48      4  partition count
 *   52      4  version of key encoding and hash
 *   56      8  number of the oldest segment that was needed when this one was begun
 *   64      8  where the previous segment ends; 0 if there is none
 *   72      8  when it was begun, in microseconds since 1970-01-01T00:00:00Z
 *   80     24  for each partition: clock (the highest version given), frontier, epoch
 *    .      4  CRC32C of all bytes before
 *    .      .  zeros
 * </pre>
 *
 * <p>Clock, frontier and epoch stand here so that older segments can be deleted without forgetting
 * them.
 */
final class SegmentHeader {
  /** What is written. */
  static final int FORMAT_VERSION = 3;

  /** What is read, from here on. */
  static final int OLDEST_VERSION = 1;

  /** From here on trouble has the class of the error, its SQLSTATE and the time of the first failure. */
  static final int WITH_ERROR_CLASS = 3;

  private static final long MAGIC = 0x4845414450_4f4e44L;
  private static final int FIXED = 80;
  private static final int PER_PARTITION = 24;
  private static final int PAGE = 4_096;
  private static final int MAX_PARTITIONS = 1_024;

  /** The format version of what stands in the segment. */
  final int version;

  final UUID journal;
  final long number;
  final long size;
  final int hashVersion;
  final long oldest;
  final long previousEnd;
  final long createdMicros;
  final long[] clocks;
  final long[] frontiers;
  final long[] epochs;

  /** The header of a segment that is going to be written. */
  SegmentHeader(
      UUID journal,
      long number,
      long size,
      int hashVersion,
      long oldest,
      long previousEnd,
      long createdMicros,
      Marks marks) {
    this(
        FORMAT_VERSION,
        journal,
        number,
        size,
        hashVersion,
        oldest,
        previousEnd,
        createdMicros,
        marks);
  }

  private SegmentHeader(
      int version,
      UUID journal,
      long number,
      long size,
      int hashVersion,
      long oldest,
      long previousEnd,
      long createdMicros,
      Marks marks) {
    this.version = version;
    this.journal = journal;
    this.number = number;
    this.size = size;
    this.hashVersion = hashVersion;
    this.oldest = oldest;
    this.previousEnd = previousEnd;
    this.createdMicros = createdMicros;
    this.clocks = marks.clocks();
    this.frontiers = marks.frontiers();
    this.epochs = marks.epochs();
  }

  /** What is remembered of each partition beside its entries. */
  record Marks(long[] clocks, long[] frontiers, long[] epochs) {
    static Marks none(int partitions) {
      return new Marks(new long[partitions], new long[partitions], new long[partitions]);
    }

    int partitions() {
      return clocks.length;
    }

    void clock(int partition, long clock) {
      clocks[partition] = Math.max(clocks[partition], clock);
    }

    void frontier(int partition, long frontier) {
      frontiers[partition] = frontier;
    }

    void epoch(int partition, long epoch) {
      epochs[partition] = Math.max(epochs[partition], epoch);
    }
  }

  int partitions() {
    return clocks.length;
  }

  int length() {
    return length(partitions());
  }

  /** The length of the header of a journal with so many partitions. */
  static int length(int partitions) {
    return (FIXED + PER_PARTITION * partitions + 4 + PAGE - 1) / PAGE * PAGE;
  }

  byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(length());
    out.putLong(MAGIC).putInt(version).putInt(length());
    out.putLong(journal.getMostSignificantBits()).putLong(journal.getLeastSignificantBits());
    out.putLong(number).putLong(size).putInt(partitions()).putInt(hashVersion);
    out.putLong(oldest).putLong(previousEnd).putLong(createdMicros);
    for (int i = 0; i < partitions(); i++) {
      out.putLong(clocks[i]).putLong(frontiers[i]).putLong(epochs[i]);
    }
    CRC32C crc = new CRC32C();
    crc.update(out.array(), 0, out.position());
    out.putInt((int) crc.getValue());
    return out.array();
  }

  /**
   * The header of a file.
   *
   * @throws Unreadable if it is none, with the offset and the reason
   */
  static SegmentHeader decode(ByteBuffer file) throws Unreadable {
    ByteBuffer in = file.duplicate();
    in.clear();
    if (in.remaining() < PAGE) {
      throw new Unreadable(
          0, "the file has " + in.remaining() + " bytes, not even the " + PAGE + " of a header");
    }
    if (in.getLong() != MAGIC) {
      throw new Unreadable(0, "the file does not begin with HEADPOND");
    }
    int version = in.getInt();
    int length = in.getInt();
    long high = in.getLong();
    long low = in.getLong();
    long number = in.getLong();
    long size = in.getLong();
    int partitions = in.getInt();
    int hashVersion = in.getInt();
    long oldest = in.getLong();
    long previousEnd = in.getLong();
    long created = in.getLong();
    boolean laidOut =
        partitions >= 1
            && partitions <= MAX_PARTITIONS
            && length == length(partitions)
            && length <= in.capacity();
    boolean intact = laidOut && checksum(in, partitions);
    if (version < OLDEST_VERSION || version > FORMAT_VERSION) {
      throw new Unreadable(8, otherVersion(version, intact), intact);
    }
    if (!laidOut) {
      throw new Unreadable(12, "the header is damaged (length or partition count)");
    }
    if (!intact) {
      throw new Unreadable(end(partitions), "the header is damaged (checksum)");
    }
    SegmentHeader.Marks marks = Marks.none(partitions);
    for (int i = 0; i < partitions; i++) {
      marks.clocks[i] = in.getLong();
      marks.frontiers[i] = in.getLong();
      marks.epochs[i] = in.getLong();
    }
    if (size != file.capacity()) {
      throw new Unreadable(
          40, "the file has " + file.capacity() + " bytes, its header says " + size);
    }
    return new SegmentHeader(
        version,
        new UUID(high, low),
        number,
        size,
        hashVersion,
        oldest,
        previousEnd,
        created,
        marks);
  }

  private static int end(int partitions) {
    return FIXED + PER_PARTITION * partitions;
  }

  private static boolean checksum(ByteBuffer file, int partitions) {
    ByteBuffer covered = file.duplicate();
    covered.position(0).limit(end(partitions));
    CRC32C crc = new CRC32C();
    crc.update(covered);
    return (int) crc.getValue() == file.getInt(end(partitions));
  }

  private static String otherVersion(int version, boolean intact) {
    String known =
        "format version "
            + version
            + " is not known here, only those from "
            + OLDEST_VERSION
            + " to "
            + FORMAT_VERSION;
    if (!intact) {
      return known + "; it was written by another release of Headpond, or is damaged";
    }
    return known
        + (version > FORMAT_VERSION
            ? ": a newer release of Headpond has written it, and only that or a later one reads it"
            : ": no release of Headpond writes such a version");
  }

  /** Whether keys and partitions mean what they mean here. */
  boolean sameHash() {
    return hashVersion == Key.HASH_VERSION;
  }

  /** Bytes that are no header. */
  static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    final long offset;

    /** It is whole, but in a format that this release does not read. */
    final boolean otherVersion;

    Unreadable(long offset, String reason) {
      this(offset, reason, false);
    }

    Unreadable(long offset, String reason, boolean otherVersion) {
      super(reason);
      this.offset = offset;
      this.otherVersion = otherVersion;
    }

    String reason() {
      return String.valueOf(getMessage());
    }
  }
}
