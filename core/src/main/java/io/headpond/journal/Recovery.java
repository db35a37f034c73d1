package io.headpond.journal;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.TenantColumn;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
  private static final Logger log = LoggerFactory.getLogger(Recovery.class);

  private final Disk disk;
  private final int segmentSize;
  private final long maxRequestBytes;
  private final HotStoreFactory.Settings settings;

  Recovery(Disk disk, int segmentSize, long maxRequestBytes, HotStoreFactory.Settings settings) {
    this.disk = disk;
    this.segmentSize = segmentSize;
    this.maxRequestBytes = maxRequestBytes;
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
      Recovered recovered = new Recovered(state, settings, disk);
      checkSizes(recovered);
      UUID id = reader.id() == null ? newId() : reader.id();
      StoreState store = start(reader, state, id);
      try {
        int pending = new Rewrite(store, recovered).run();
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

  private void checkSizes(Recovered recovered) {
    int most = Journal.maxGroup(segmentSize) - Group.MAX_OVERHEAD + HotEntry.OVERHEAD;
    if (recovered.largest() > most) {
      throw new ConfigurationException(
          "segmentSize: "
              + segmentSize
              + ": too small for what is pending in the journal at "
              + disk
              + "; it was written with a larger one");
    }
  }

  private StoreState start(JournalReader reader, JournalState state, UUID id) throws IOException {
    Limits limits =
        new Limits(
            settings.maxPendingEntries(),
            settings.maxPendingBytes(),
            TenantColumn.of(settings.rowType(), settings.tenant()));
    LetterIndex letters = new LetterIndex(settings.rowType()::keyText);
    Partition[] partitions = new Partition[settings.partitions()];
    for (int i = 0; i < partitions.length; i++) {
      partitions[i] = new Partition(i, settings.environment().random(), limits, letters);
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
    return new StoreState(
        settings, partitions, limits, letters, journal, new Requests(maxRequestBytes));
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
}
