package io.headpond.journal;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Mutation;
import io.headpond.spi.RowCodec;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens a journal: reads what is there, writes what is pending to a new segment, and only then deletes the old ones.
 *
 * <p>What was read may be in the operating system's memory alone. So nothing is built on it before it has been written again and
 * forced; and since it never appends to a segment that it has read, bytes behind a cut can never become records.
 * A crash at any point leaves a journal that is recovered to the same.
 */
final class Recovery {
  static final String LOCK = "journal.lock";
  private static final int GROUP_BYTES = 256 << 10;
  private static final Logger log = LoggerFactory.getLogger(Recovery.class);

  private final Disk disk;
  private final int segmentSize;
  private final HotStoreFactory.Settings settings;

  Recovery(Disk disk, int segmentSize, HotStoreFactory.Settings settings) {
    this.disk = disk;
    this.segmentSize = segmentSize;
    this.settings = settings;
  }

  JournalStore open() {
    Closeable lock = null;
    try {
      lock = disk.lock(LOCK);
      JournalStore store = recover(lock);
      lock = null;
      return store;
    } catch (ConfigurationException e) {
      throw e;
    } catch (IOException | HeadpondException | InternalError e) {
      // An InternalError is how a mapped page that cannot be read shows itself.
      throw new ConfigurationException(
          "the journal at " + disk + " cannot be opened: " + e.getMessage() + ". Nothing was lost",
          e);
    } finally {
      release(lock);
    }
  }

  private void release(@Nullable Closeable lock) {
    if (lock != null) {
      try {
        lock.close();
      } catch (IOException e) {
        log.warn("the lock of the journal at {} could not be released", disk, e);
      }
    }
  }

  private JournalStore recover(Closeable lock) throws IOException {
    long begin = settings.environment().nanos();
    JournalReader reader = JournalReader.read(disk, JournalReader.strict(disk));
    try {
      JournalState state = read(reader);
      UUID id = reader.id() == null ? newId() : reader.id();
      StoreState store = start(reader, state, id);
      try {
        int pending = rewrite(store, state);
        if (!reader.segments().isEmpty()) {
          log.info(
              "{}: recovered {} entries from {} records of the journal at {} in {} ms",
              settings.dataset(),
              pending,
              state.records,
              disk,
              (settings.environment().nanos() - begin) / 1_000_000);
        }
        return new JournalStore(store, disk, lock);
      } catch (RuntimeException | Error e) {
        store.journal.abandon();
        throw e;
      }
    } finally {
      reader.close();
    }
  }

  private UUID newId() {
    return new UUID(
        settings.environment().random() & ~0xf000L | 0x4000L,
        settings.environment().random() & ~(3L << 62) | 1L << 63);
  }

  private JournalState read(JournalReader reader) {
    JournalState state = new JournalState(settings.partitions());
    for (JournalReader.ReadSegment segment : reader.segments()) {
      checkHeader(segment);
      state.position = JournalReader.position(segment.number(), 0);
      state.header(segment.header());
      try {
        segment.visit(state);
      } catch (GroupReader.Malformed e) {
        JournalReader.strict(disk)
            .accept(
                new Damage(
                    disk.location(Segment.name(segment.number())),
                    e.offset,
                    segment.end(),
                    e.reason()));
      }
    }
    if (state.schema != null
        && !state.schema.equals(settings.rowType().encoding())
        && state.keys.values().stream().anyMatch(JournalState.Found::pending)) {
      throw new ConfigurationException(
          "the columns of "
              + settings.dataset()
              + " have changed while entries are pending in the journal at "
              + disk
              + ". They were:\n"
              + state.schema
              + "and are now:\n"
              + settings.rowType().encoding()
              + "Start with the old columns, drain, then change them");
    }
    return state;
  }

  private void checkHeader(JournalReader.ReadSegment segment) {
    SegmentHeader header = segment.header();
    if (header.partitions() != settings.partitions()) {
      throw new ConfigurationException(
          "partitions: "
              + settings.partitions()
              + ": "
              + disk.location(Segment.name(header.number))
              + " has "
              + header.partitions()
              + "; the number cannot change once a dataset has been used");
    }
    if (!header.sameHash()) {
      throw new ConfigurationException(
          disk.location(Segment.name(header.number))
              + " has keys of version "
              + header.hashVersion
              + ", this release reads version "
              + Key.HASH_VERSION
              + ": start the release that wrote it, drain, then change");
    }
  }

  private StoreState start(JournalReader reader, JournalState state, UUID id) throws IOException {
    Partition[] partitions = new Partition[settings.partitions()];
    for (int i = 0; i < partitions.length; i++) {
      partitions[i] = new Partition(i, settings.environment().random());
      partitions[i].clock = state.marks.clocks()[i];
      partitions[i].recoveredClock = state.marks.clocks()[i];
      partitions[i].frontier = state.marks.frontiers()[i];
      partitions[i].epoch = state.marks.epochs()[i];
    }
    Journal journal =
        new Journal(
            disk,
            settings.environment(),
            id,
            segmentSize,
            settings.rowType().encoding(),
            partitions.length,
            () -> marks(partitions));
    List<Segment> old = new ArrayList<>();
    for (long leftover : reader.leftovers()) {
      old.add(new Segment(id, leftover, disk.open(Segment.name(leftover)), 0, 0));
    }
    long end = 0;
    for (JournalReader.ReadSegment segment : reader.segments()) {
      old.add(new Segment(id, segment.number(), disk.open(Segment.name(segment.number())), 0, 0));
      end = segment.end();
    }
    if (!reader.segments().isEmpty()) {
      // The next header says where this one ends, and from then on it must be whole up to there.
      old.get(old.size() - 1).file.force(0, (int) end);
    }
    journal.start(old, reader.newest() + 1, end);
    return new StoreState(settings, partitions, journal);
  }

  private static SegmentHeader.Marks marks(Partition[] partitions) {
    SegmentHeader.Marks marks = SegmentHeader.Marks.none(partitions.length);
    for (int i = 0; i < partitions.length; i++) {
      marks.clock(i, partitions[i].clock);
      marks.frontier(i, partitions[i].frontier);
      marks.epoch(i, partitions[i].epoch);
    }
    return marks;
  }

  /**
   * Makes entries of what is pending and writes them to new segments, in the order of the old ones, each of which is given up
   * as soon as nothing of it is left: so the room of one segment more is enough.
   */
  private int rewrite(StoreState store, JournalState state) {
    Map<Long, Segment> old = new HashMap<>();
    store.journal.segments().forEach(segment -> old.put(segment.number, segment));
    List<Map.Entry<Key, JournalState.Found>> pending = new ArrayList<>();
    for (Map.Entry<Key, JournalState.Found> of : state.keys.entrySet()) {
      if (of.getValue().pending()) {
        pending.add(of);
        segment(old, of.getValue()).live.incrementAndGet();
      }
    }
    pending.sort(Comparator.comparingLong(of -> of.getValue().putPosition));
    List<HotEntry> entries = new ArrayList<>(pending.size());
    List<HotEntry> inGroup = new ArrayList<>();
    Group group = new Group();
    int limit = Math.min(store.journal.maxGroup(), GROUP_BYTES);
    Segment last = null;
    for (Map.Entry<Key, JournalState.Found> of : pending) {
      Segment segment = segment(old, of.getValue());
      if (last != null && segment != last) {
        append(store, group, inGroup);
        store.journal.dropEmpty();
      }
      last = segment;
      ByteBuffer row = of.getValue().row();
      HotEntry entry = entry(of.getKey(), of.getValue(), row);
      if (entry.bytes + Group.MAX_OVERHEAD > store.journal.maxGroup() + HotEntry.OVERHEAD) {
        throw new ConfigurationException(
            "segmentSize: "
                + segmentSize
                + ": too small for what is pending in the journal at "
                + disk
                + "; it was written with a larger one");
      }
      entry.segment = segment;
      entries.add(entry);
      if (!inGroup.isEmpty() && group.length() + entry.bytes + Group.MAX_OVERHEAD > limit) {
        append(store, group, inGroup);
      }
      group.put(entry.current, row, entry.since, entry.trouble, 0);
      inGroup.add(entry);
    }
    append(store, group, inGroup);
    store.journal.dropEmpty();
    entries.sort(Comparator.comparingLong(entry -> entry.since));
    for (HotEntry entry : entries) {
      store.limits.add(entry.parked() ? 0 : 1, entry.bytes);
      store.entries.put(entry.key, entry);
      store.partition(entry.key).add(entry);
    }
    return entries.size();
  }

  private static Segment segment(Map<Long, Segment> old, JournalState.Found found) {
    return Objects.requireNonNull(old.get(JournalReader.segment(found.putPosition)));
  }

  private static void append(StoreState store, Group group, List<HotEntry> entries) {
    if (!entries.isEmpty()) {
      store.journal.append(group, Journal.Use.RELEASE);
      entries.forEach(entry -> entry.recordedIn(group));
      entries.clear();
      group.clear();
    }
  }

  private HotEntry entry(Key key, JournalState.Found found, @Nullable ByteBuffer row) {
    Mutation mutation;
    if (row == null) {
      mutation = new Mutation.Remove(key, found.version, found.writeId);
    } else {
      Row decoded;
      try {
        decoded = RowCodec.decode(settings.rowType(), row.duplicate());
      } catch (IllegalArgumentException e) {
        throw new ConfigurationException(
            "the journal at "
                + disk
                + " holds a row that these columns cannot read (key "
                + key.hashText()
                + "): "
                + e.getMessage(),
            e);
      }
      mutation = new Mutation.Put(key, decoded, found.version, found.writeId);
    }
    HotEntry entry = new HotEntry(key, mutation);
    entry.since = found.since;
    entry.trouble = found.trouble;
    entry.bytes = key.length() + (row == null ? 0 : row.remaining()) + HotEntry.OVERHEAD;
    return entry;
  }
}
