package io.headpond.journal;

import io.headpond.Key;
import io.headpond.spi.Remembered;
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

  /** The newest of each id, expired ones too. */
  final Map<String, FoundRequest> requests = new HashMap<>();

  /** The columns of the rows and keys that are read now. */
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

    /** What its key and row are encoded by; null if that was lost. */
    @Nullable String schema;

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

    boolean parked() {
      Trouble had = trouble;
      return had != null && had.parked();
    }

    @Nullable ByteBuffer row() {
      ByteBuffer in = bytes;
      return in == null ? null : GroupReader.row(in, rowAt, rowLength);
    }
  }

  /**
   * A remembered request.
   *
   * @param position where its newest record stands
   * @param schema what its key is encoded by; null if that was lost
   */
  record FoundRequest(Remembered remembered, long position, @Nullable String schema) {
    /** Whether its day is not over. */
    boolean living(long now) {
      return remembered.micros() + Requests.KEPT_MICROS > now;
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
    // Nobody owed a letter while it was parked.
    boolean owed = found.pending() && (version == found.version || !found.parked());
    found.since = owed ? Math.min(found.since, since) : since;
    found.ownSince = since;
    found.version = version;
    found.writeId = writeId;
    found.bytes = bytes;
    found.schema = schema;
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
      // What it was owed for before is in the database.
      found.since = Math.max(found.ownSince, version + 1);
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

  /** By time, not by position, as an old record may be written again behind a new one; an id is given anew only after a day. */
  @Override
  public void request(Remembered remembered) {
    records++;
    clean = false;
    marks.clock(remembered.key().partition(marks.partitions()), remembered.version());
    FoundRequest known = requests.get(remembered.request().id());
    if (known == null || known.remembered.micros() <= remembered.micros()) {
      requests.put(remembered.request().id(), new FoundRequest(remembered, position, schema));
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
    if (!encoding.equals(schema)) {
      schema = encoding;
    }
    clean = false;
  }

  @Override
  public void closed(long micros) {
    clean = true;
  }
}
