package io.headpond.journal;

import java.nio.ByteBuffer;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file of the journal while it is open. {@code end} is guarded by the journal's lock.
 */
final class Segment {
  final long number;
  final Disk.SegmentFile file;

  /** Position in the journal of the file's first byte. */
  final long base;

  /** What the checksum of its groups begins with. */
  final ByteBuffer place;

  /** What of it is needed: writes that are the newest of a key and that the database does not have, and remembered requests. */
  final AtomicInteger live = new AtomicInteger();

  /** Where the next group goes. */
  int end;

  Segment(UUID journal, long number, Disk.SegmentFile file, long base, int end) {
    this.number = number;
    this.file = file;
    this.base = base;
    this.end = end;
    this.place = Group.place(journal, number);
  }

  private static final String PREFIX = "journal-";
  private static final String SUFFIX = ".seg";
  private static final int DIGITS = 16;

  static String name(long number) {
    return String.format("%s%0" + DIGITS + "d%s", PREFIX, number, SUFFIX);
  }

  /** The number in a file name; -1 if it is not the name of a segment. */
  static long number(String name) {
    if (name.length() != PREFIX.length() + DIGITS + SUFFIX.length()
        || !name.startsWith(PREFIX)
        || !name.endsWith(SUFFIX)) {
      return -1;
    }
    long number = 0;
    for (int i = PREFIX.length(); i < PREFIX.length() + DIGITS; i++) {
      char c = name.charAt(i);
      if (c < '0' || c > '9') {
        return -1;
      }
      number = number * 10 + (c - '0');
    }
    return number;
  }
}
