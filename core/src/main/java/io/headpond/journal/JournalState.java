package io.headpond.journal;

import io.headpond.Key;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the records of a journal amount to. It goes by version, not by position: a key is pending if its highest write is above its
 * highest settlement, wherever these stand, since a write may be written again behind its settlement's place when an old segment is given up. Not
 * thread-safe.
 */
final class JournalState implements RecordVisitor {
  final SegmentHeader.Marks marks;
  final Map<Key, Found> keys = new HashMap<>();
  @Nullable String schema;
  long records;
  boolean clean;

  /** Where the reader is, as {@link JournalReader#position}; kept up to date by whoever feeds the records. */
  long position;

  JournalState(int partitions) {
    this.marks = SegmentHeader.Marks.none(partitions);
  }

  /** The newest write of a key. */
  static final class Found {
    long version;
    long writeId;
    long settled;

    /** As its record says: the first write that a batch under way does not carry. */
    private long ownSince;

    /** The first write that is not known to be settled. */
    long since;

    @Nullable ByteBuffer bytes;
    int rowAt;
    int rowLength;
    @Nullable Trouble trouble;

    /** Where that write stands. */
    long putPosition;

    /** Where the last record of the key stands. */
    long lastPosition;

    boolean pending() {
      return version > settled;
    }

    @Nullable ByteBuffer row() {
      ByteBuffer in = bytes;
      return in == null ? null : GroupReader.row(in, rowAt, rowLength);
    }
  }

  void header(SegmentHeader header) {
    for (int i = 0; i < marks.partitions(); i++) {
      marks.clock(i, Math.max(header.clocks[i], header.frontiers[i]));
      marks.frontier(i, header.frontiers[i]);
      marks.epoch(i, header.epochs[i]);
    }
  }

  private Found found(Key key, long version) {
    records++;
    clean = false;
    marks.clock(key.partition(marks.partitions()), version);
    Found found = keys.get(key);
    if (found == null) {
      found = new Found();
      keys.put(key, found);
    }
    found.lastPosition = position;
    return found;
  }

  @Override
  public void put(
      Key key,
      long version,
      long writeId,
      long since,
      ByteBuffer bytes,
      int rowAt,
      int rowLength,
      @Nullable Trouble trouble) {
    Found found = found(key, version);
    if (version < found.version || version <= found.settled) {
      return;
    }
    found.since = found.pending() ? Math.min(found.since, since) : since;
    found.ownSince = since;
    found.version = version;
    found.writeId = writeId;
    found.bytes = bytes;
    found.rowAt = rowAt;
    found.rowLength = rowLength;
    found.trouble = trouble;
    found.putPosition = position;
  }

  @Override
  public void staged(Key key, long version) {
    records++;
    clean = false;
    marks.clock(key.partition(marks.partitions()), version);
  }

  @Override
  public void settle(Key key, long version, long writeId) {
    Found found = found(key, version);
    found.settled = Math.max(found.settled, version);
    if (found.pending()) {
      found.since = found.ownSince;
      if (found.trouble != null && !found.trouble.parked()) {
        // The database took the value that it had refused: nothing is known against the newer one.
        found.trouble = null;
      }
    } else {
      found.bytes = null;
      found.trouble = null;
    }
  }

  @Override
  public void trouble(Key key, long version, long writeId, Trouble trouble) {
    Found found = found(key, version);
    if (found.pending() && found.version == version) {
      found.trouble = trouble;
    }
  }

  @Override
  public void open(int partition, long epoch, long clock, long frontier) {
    records++;
    clean = false;
    if (partition < marks.partitions()) {
      marks.epoch(partition, epoch);
      marks.clock(partition, Math.max(clock, frontier));
      marks.frontier(partition, frontier);
    }
  }

  @Override
  public void frontier(int partition, long frontier) {
    records++;
    clean = false;
    if (partition < marks.partitions()) {
      marks.frontier(partition, frontier);
      marks.clock(partition, frontier);
    }
  }

  @Override
  public void schema(String encoding) {
    schema = encoding;
    clean = false;
  }

  @Override
  public void closed(long micros) {
    clean = true;
  }
}
