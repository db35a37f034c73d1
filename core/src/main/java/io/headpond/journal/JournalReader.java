package io.headpond.journal;

import io.headpond.ConfigurationException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the segments of a journal and decides what of them counts.
 *
 * <p><b>Which files.</b> Those from the oldest that is needed up to the newest, without a gap. The oldest needed is the highest that the newest
 * header or an OLDEST record names. Files below are leftovers of a deletion that was cut short, and are not read.
 *
 * <p><b>What is damage.</b> A segment was forced before its successor was begun, and the successor's header says where it ends: anything unreadable before that
 * is damage. In the newest segment the groups end where the first one is invalid. If a valid group behind that place says that
 * the place had been forced, it is damage. Else those bytes were never known to be on the disk, so whoever asked for them to be there has not been answered: they are cut.
 * A byte that rots behind the last known force of the newest segment cannot be told from a torn write.
 *
 * <p>All damage goes to a consumer; if it returns, what can be read behind the damage is read too.
 */
final class JournalReader {
  private final Disk disk;
  private final Consumer<Damage> damages;
  private final List<ReadSegment> segments = new ArrayList<>();
  private long lastDamage = -1;
  private final List<Long> leftovers = new ArrayList<>();
  private long newest;
  private long oldestNeeded;
  private @Nullable UUID id;
  private int partitions;

  /**
   * A segment with the groups that count.
   *
   * @param groups offsets of the valid groups, in order
   * @param end where the last one ends
   */
  record ReadSegment(
      long number,
      Disk.SegmentFile file,
      ByteBuffer bytes,
      SegmentHeader header,
      int[] groups,
      int end) {
    void visit(RecordVisitor visitor) throws GroupReader.Malformed {
      GroupReader reader = reader();
      for (int at : groups) {
        reader.read(at, visitor);
      }
    }

    GroupReader reader() {
      return new GroupReader(bytes, header);
    }
  }

  /** Orders places of a journal. */
  static long position(long segment, long offset) {
    return segment << 32 | offset;
  }

  /** The segment of a {@link #position}. */
  static long segment(long position) {
    return position >>> 32;
  }

  private JournalReader(Disk disk, Consumer<Damage> damages) {
    this.disk = disk;
    this.damages = damages;
  }

  /**
   * Reads a journal; it is empty if there is none. The files stay open.
   *
   * @throws ConfigurationException if another release has written it in a format that this one does not know
   */
  static JournalReader read(Disk disk, Consumer<Damage> damages) throws IOException {
    JournalReader reader = new JournalReader(disk, damages);
    try {
      reader.readAll();
    } catch (IOException | RuntimeException | Error e) {
      reader.close();
      throw e;
    }
    return reader;
  }

  /** A consumer of damage with which the journal does not start. */
  static Consumer<Damage> strict(Disk disk) {
    return damage -> {
      throw new ConfigurationException(
          "the journal is damaged, so acknowledged writes may be missing: "
              + damage
              + ". Nothing was changed. See all of it with `headpond journal check "
              + disk
              + "`; write what can be read to a new folder with `headpond journal salvage "
              + disk
              + " NEW_DIR`; or restore the folder from a copy");
    };
  }

  /** The segments that count, oldest first. */
  List<ReadSegment> segments() {
    return segments;
  }

  /** Segment numbers below the oldest needed whose files are still there, ascending. */
  List<Long> leftovers() {
    return leftovers;
  }

  /** The {@link #position} of the last damage; -1 if there is none. */
  long lastDamage() {
    return lastDamage;
  }

  private void damage(long number, long from, long to, String what) {
    lastDamage = Math.max(lastDamage, position(number, from));
    damages.accept(new Damage(disk.location(Segment.name(number)), from, to, what));
  }

  /** The number of the newest file; 0 if there is none. */
  long newest() {
    return newest;
  }

  /** Whose journal it is; null if there is none or no header can be read. */
  @Nullable UUID id() {
    return id;
  }

  void close() {
    for (ReadSegment segment : segments) {
      segment.file.close();
    }
  }

  private void readAll() throws IOException {
    List<Long> numbers = new ArrayList<>();
    for (String name : disk.list()) {
      long number = Segment.number(name);
      if (number >= 0) {
        numbers.add(number);
      }
    }
    Collections.sort(numbers, Collections.reverseOrder());
    newest = numbers.isEmpty() ? 0 : numbers.get(0);
    @Nullable SegmentHeader successor = null;
    long expected = newest;
    for (long number : numbers) {
      if (number < oldestNeeded) {
        leftovers.add(0, number);
        continue;
      }
      if (number != expected) {
        missing(number + 1, expected);
        successor = null;
      }
      expected = number - 1;
      ReadSegment segment = read(number, number == newest, successor);
      if (segment == null) {
        successor = null;
        continue;
      }
      successor = segment.header;
      segments.add(0, segment);
      oldestNeeded = Math.max(oldestNeeded, segment.header.oldest);
      collectOldest(segment);
    }
    if (!numbers.isEmpty() && expected >= Math.max(1, oldestNeeded)) {
      missing(Math.max(1, oldestNeeded), expected);
    }
    segments.removeIf(segment -> segment.number < oldestNeeded && close(segment));
  }

  private static boolean close(ReadSegment segment) {
    segment.file.close();
    return true;
  }

  private void missing(long from, long to) {
    lastDamage = Math.max(lastDamage, position(to, 0));
    damages.accept(
        new Damage(
            disk.location(Segment.name(from)),
            0,
            0,
            from == to
                ? "the file is missing"
                : "this file and those up to number " + to + " are missing"));
  }

  private void collectOldest(ReadSegment segment) {
    try {
      segment.visit(
          new RecordVisitor() {
            @Override
            public void oldest(long number) {
              oldestNeeded = Math.max(oldestNeeded, number);
            }
          });
    } catch (GroupReader.Malformed e) {
      // Told by whoever reads the records for their own sake.
    }
  }

  private @Nullable ReadSegment read(long number, boolean last, @Nullable SegmentHeader successor)
      throws IOException {
    String name = Segment.name(number);
    Disk.SegmentFile file = disk.read(name);
    boolean kept = false;
    try {
      ByteBuffer bytes = file.bytes();
      SegmentHeader header;
      try {
        header = SegmentHeader.decode(bytes);
      } catch (SegmentHeader.Unreadable e) {
        if (e.otherVersion) {
          throw new ConfigurationException(
              "the journal at "
                  + disk
                  + " cannot be read by this release ("
                  + name
                  + ": "
                  + e.reason()
                  + "). Nothing was changed");
        }
        damage(number, e.offset, file.size(), e.reason());
        return null;
      }
      if (header.number != number || header.oldest > number || header.oldest < 1) {
        damage(
            number,
            32,
            file.size(),
            "its header says number " + header.number + ", oldest needed " + header.oldest);
        return null;
      }
      if (id == null) {
        id = header.journal;
      } else if (!id.equals(header.journal)) {
        damage(
            number,
            16,
            file.size(),
            "it belongs to journal " + header.journal + ", the newest segment to " + id);
        return null;
      }
      if (partitions == 0) {
        partitions = header.partitions();
      } else if (partitions != header.partitions()) {
        damage(
            number,
            48,
            file.size(),
            "it has " + header.partitions() + " partitions, the newest segment " + partitions);
        return null;
      }
      ReadSegment segment =
          groups(number, file, bytes, header, last, successor == null ? -1 : successor.previousEnd);
      kept = true;
      return segment;
    } finally {
      if (!kept) {
        file.close();
      }
    }
  }

  private ReadSegment groups(
      long number,
      Disk.SegmentFile file,
      ByteBuffer bytes,
      SegmentHeader header,
      boolean last,
      long knownEnd) {
    GroupReader reader = new GroupReader(bytes, header);
    boolean ends = knownEnd >= header.length() && knownEnd <= file.size();
    if (knownEnd >= 0 && !ends) {
      damage(number, 0, file.size(), "its successor says that it ends at " + knownEnd);
    }
    int limit = ends ? (int) knownEnd : file.size();
    Offsets groups = new Offsets();
    int at = header.length();
    while (at < limit) {
      int end = reader.end(at, limit);
      if (end != -1) {
        groups.add(at);
        at = end;
        continue;
      }
      int next = reader.next(at + 8, limit);
      boolean wasForced = last ? forcedLater(reader, next, at, limit) : ends;
      if (!wasForced) {
        break;
      }
      damage(
          number,
          at,
          next == -1 ? limit : next,
          "these bytes had been forced to the disk and are not a valid group of records");
      if (next == -1) {
        break;
      }
      at = next;
    }
    return new ReadSegment(number, file, bytes, header, groups.toArray(), at);
  }

  /** Whether a valid group from {@code next} on says that more than {@code at} bytes had been forced. */
  private static boolean forcedLater(GroupReader reader, int next, int at, int limit) {
    for (int group = next; group != -1; group = reader.next(reader.end(group, limit), limit)) {
      if (reader.forced(group) > at) {
        return true;
      }
    }
    return false;
  }

  /** A growing array of offsets. */
  private static final class Offsets {
    private int[] offsets = new int[64];
    private int count;

    void add(int offset) {
      if (count == offsets.length) {
        offsets = Arrays.copyOf(offsets, count * 2);
      }
      offsets[count++] = offset;
    }

    int[] toArray() {
      return Arrays.copyOf(offsets, count);
    }
  }
}
