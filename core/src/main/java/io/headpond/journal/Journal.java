package io.headpond.journal;

import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The append-only journal of an embedded hot store: a run of segments without gaps, the newest of which is written.
 *
 * <p><b>Durability.</b> What {@link #append} has returned from survives the death of the process; what {@link #forced(long)} has completed for survives
 * the loss of power. A segment is forced before its successor is begun, so only the newest can be torn.
 *
 * <p><b>Failure.</b> The first write or force that fails is the last: nobody can know what of it is on the disk, and asking again may
 * be answered with a false success, since the operating system forgets the error and the pages with it. {@link #failure()} says so,
 * and every later append is refused.
 *
 * <p><b>Disk full.</b> A segment has all its space before it is written. A {@link Use#WRITE} goes into the first half of a segment, and into the second
 * half only while the next segment stands ready; so at least half a segment is there for settlements, which
 * free the oldest segments, of which the next one is made. Without room for the next segment, writes are refused and room is looked for
 * each second and whenever a segment becomes free.
 *
 * <p>Thread-safe. An append waits for other appends and, once for each segment, for the change to the next one; never
 * for a force. Lock order: a partition's lock, then this one's.
 */
final class Journal {
  /** What an append is for: who may use the room that is kept for others. */
  enum Use {
    /** A write: more to keep. */
    WRITE,
    /** Values that were not journalled when they were written and are about to be flushed. */
    FLUSH,
    /** Whatever leads to something being released: settlements, deferrals, leases. */
    RELEASE,
    /** What makes it possible to delete a segment, or to close: there is always room for it. */
    LAST
  }

  private static final int KEPT_FOR_LAST = 1_024;

  /** Below so many who wait for a force, its time counts more than that of the writes before it. */
  private static final int FEW_WAIT = 16;

  private static final Logger log = LoggerFactory.getLogger(Journal.class);

  private final Disk disk;
  private final Environment environment;
  private final Spare spare;
  private final UUID id;
  private final int segmentSize;
  private final byte[] schema;
  private final int headerLength;
  private final Supplier<SegmentHeader.Marks> marks;
  private final GroupCommit commits;
  private final ReentrantLock lock = new ReentrantLock();
  private final CRC32C crc = new CRC32C();
  private final Deque<Segment> segments = new ArrayDeque<>();
  private final AtomicLong forced = new AtomicLong();

  private @Nullable Segment current;
  private volatile long appended;
  private volatile @Nullable Throwable failure;
  private boolean closed;
  private volatile Runnable onRoll = () -> {};
  private boolean rolled;

  /**
   * @param marks gives clock, frontier and epoch of each partition, at least as high as in all that has been appended
   */
  Journal(
      Disk disk,
      Environment environment,
      UUID id,
      int segmentSize,
      String schema,
      int partitions,
      Supplier<SegmentHeader.Marks> marks) {
    this.disk = disk;
    this.environment = environment;
    this.spare = new Spare(disk, environment, segmentSize);
    this.id = id;
    this.segmentSize = segmentSize;
    this.schema = schema.getBytes(StandardCharsets.UTF_8);
    this.headerLength = SegmentHeader.length(partitions);
    this.marks = marks;
    this.commits = new GroupCommit(environment, this::force);
  }

  UUID id() {
    return id;
  }

  Spare spare() {
    return spare;
  }

  int segmentSize() {
    return segmentSize;
  }

  /** The most bytes of a group, so that several fit into what is kept for settlements. */
  int maxGroup() {
    return maxGroup(segmentSize);
  }

  static int maxGroup(int segmentSize) {
    return segmentSize / 4;
  }

  /** Called after each change to a new segment, on the thread of an append, without locks of the journal. */
  void onRoll(Runnable listener) {
    onRoll = listener;
  }

  /**
   * Begins a new segment behind those that are there.
   *
   * @param old the segments that are there, oldest first; forced
   */
  void start(List<Segment> old, long nextNumber, long previousEnd) throws IOException {
    lock.lock();
    try {
      spare.adopt();
      segments.addAll(old);
      if (!spare.prepare()) {
        throw new IOException(
            "no room for a segment of " + segmentSize + " bytes", spare.refusal());
      }
      begin(nextNumber, previousEnd, 0);
      rolled = false;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Appends a group; sets where it went.
   *
   * @throws UnavailableException if the journal has failed, is closed or has no room: nothing was written
   * @throws OutcomeUnknownException if this very write failed
   */
  void append(Group group, Use use) {
    append(group, use, false);
  }

  /**
   * As {@link #append(Group, Use)}.
   *
   * @param toForce whether somebody is going to wait for the group to be forced
   */
  void append(Group group, Use use, boolean toForce) {
    int length = group.seal();
    boolean changed;
    lock.lock();
    try {
      if (failure != null || closed) {
        throw refused();
      }
      Segment segment = room(length, use);
      write(segment, group, length, toForce && commits.waiting() < FEW_WAIT);
      changed = rolled;
      rolled = false;
    } finally {
      lock.unlock();
    }
    if (changed) {
      onRoll.run();
    }
  }

  private void write(Segment segment, Group group, int length, boolean toForce) {
    int at = segment.end;
    segment.place.putLong(Group.PLACE_OFFSET, at);
    group.stamp(crc, segment.place, forcedIn(segment));
    try {
      if (toForce) {
        segment.file.writeToForce(at, group.bytes(), 0, length);
      } else {
        segment.file.write(at, group.bytes(), 0, length);
      }
    } catch (IOException | RuntimeException | Error e) {
      fail(e);
      throw new OutcomeUnknownException(
          "the journal could not be written, so the write may or may not be found after a restart: "
              + e.getMessage(),
          e);
    }
    segment.end = at + length;
    segment.live.addAndGet(group.live());
    group.segment = segment;
    group.end = segment.base + segment.end;
    appended = group.end;
  }

  private int forcedIn(Segment segment) {
    return (int) Math.max(headerLength, Math.min(segment.end, forced.get() - segment.base));
  }

  private Segment room(int length, Use use) {
    Segment segment = writable();
    if (segment.end + length <= limit(use)) {
      return segment;
    }
    if ((use == Use.WRITE || use == Use.FLUSH)
        && (spare.ready() || spare.prepare())
        && segment.end + length <= limit(Use.RELEASE)) {
      return segment;
    }
    if (!spare.prepare()) {
      throw noRoom();
    }
    try {
      forceAll(segment);
      begin(segment.number + 1, segment.end, segment.base + segment.end);
    } catch (IOException | RuntimeException | Error e) {
      fail(e);
      throw refused();
    }
    return writable();
  }

  private UnavailableException noRoom() {
    IOException refusal = spare.refusal();
    String needed =
        "the disk is full: the journal needs "
            + segmentSize
            + " bytes for its next segment at "
            + disk.location(Spare.NAME)
            + "; make room, it goes on by itself";
    return refusal == null
        ? new UnavailableException(needed)
        : new UnavailableException(needed + " (" + refusal.getMessage() + ")", refusal);
  }

  private int limit(Use use) {
    return switch (use) {
      case WRITE -> segmentSize / 2;
      case FLUSH -> segmentSize / 4 * 3;
      case RELEASE -> segmentSize - KEPT_FOR_LAST;
      case LAST -> segmentSize;
    };
  }

  private void begin(long number, long previousEnd, long base) throws IOException {
    Segment first = segments.peekFirst();
    SegmentHeader header =
        new SegmentHeader(
            id,
            number,
            segmentSize,
            Key.HASH_VERSION,
            first == null ? number : first.number,
            previousEnd,
            environment.wallMicros(),
            marks.get());
    byte[] bytes = header.encode();
    Disk.SegmentFile file = spare.activate(Segment.name(number), bytes);
    Segment segment = new Segment(id, number, file, base, bytes.length);
    segments.addLast(segment);
    current = segment;
    appended = base + bytes.length;
    forced.accumulateAndGet(appended, Math::max);
    Group group = new Group().schema(schema);
    write(segment, group, group.seal(), false);
    rolled = true;
  }

  private Segment writable() {
    Segment segment = current;
    if (segment == null) {
      throw new IllegalStateException("the journal has not been started");
    }
    return segment;
  }

  /** Forces all that has been appended. */
  long force() {
    Segment segment;
    int end;
    lock.lock();
    try {
      if (failure != null) {
        throw refused();
      }
      segment = writable();
      end = segment.end;
    } finally {
      lock.unlock();
    }
    long position = segment.base + end;
    if (position > forced.get()) {
      try {
        force(segment, end);
      } catch (IOException | RuntimeException | Error e) {
        fail(e);
        throw refused();
      }
    }
    return position;
  }

  private void forceAll(Segment segment) throws IOException {
    if (segment.base + segment.end > forced.get()) {
      force(segment, segment.end);
    }
  }

  private void force(Segment segment, int end) throws IOException {
    int from = (int) Math.max(0, forced.get() - segment.base);
    if (from < end) {
      segment.file.force(from, end);
    }
    forced.accumulateAndGet(segment.base + end, Math::max);
  }

  /** Completes when all before the position has been forced; fails with an unknown outcome if it could not be. */
  CompletableFuture<@Nullable Void> forced(long position) {
    return forced(position, Boolean.TRUE, false).thenApply(done -> null);
  }

  /** As {@link #forced(long)}, for a value and a caller as in {@link GroupCommit#await}. */
  <T> CompletableFuture<T> forced(long position, T value, boolean callerWaits) {
    return position <= forced.get()
        ? CompletableFuture.completedFuture(value)
        : commits.await(position, value, callerWaits);
  }

  boolean isForced(long position) {
    return position <= forced.get();
  }

  /** The end of what has been appended. */
  long appended() {
    return appended;
  }

  @Nullable Throwable failure() {
    return failure;
  }

  /** No further write is taken, for good. */
  void fail(Throwable cause) {
    boolean first;
    lock.lock();
    try {
      first = failure == null;
      if (first) {
        failure = cause;
      }
    } finally {
      lock.unlock();
    }
    if (first) {
      log.error("the journal at {} has failed and takes no more writes", disk, cause);
      // Waiters run code of others, which must not happen under whatever lock the caller holds.
      try {
        environment.executeCallback(() -> commits.fail(cause));
      } catch (RejectedExecutionException e) {
        commits.fail(cause);
      }
    }
  }

  UnavailableException refused() {
    Throwable cause = failure;
    return cause == null
        ? new UnavailableException("the journal at " + disk + " is closed")
        : new UnavailableException(
            "the journal at "
                + disk
                + " has failed and takes no more writes ("
                + cause.getMessage()
                + "); check the disk, then restart",
            cause);
  }

  /** The segments there are, oldest first; the last is the one that is written. */
  List<Segment> segments() {
    lock.lock();
    try {
      return new ArrayList<>(segments);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Deletes the oldest segments that hold nothing live. That they are not needed is forced to the disk first.
   *
   * @return how many
   */
  int dropEmpty() {
    List<Segment> empty = new ArrayList<>();
    List<Segment> all = segments();
    for (Segment segment : all.subList(0, all.size() - 1)) {
      if (segment.live.get() > 0) {
        break;
      }
      empty.add(segment);
    }
    if (empty.isEmpty()) {
      return 0;
    }
    append(new Group().oldest(empty.get(empty.size() - 1).number + 1), Use.LAST);
    force();
    for (Segment segment : empty) {
      lock.lock();
      try {
        segments.remove(segment);
      } finally {
        lock.unlock();
      }
      try {
        spare.recycle(Segment.name(segment.number), segment.file);
      } catch (IOException | RuntimeException e) {
        fail(e);
        throw refused();
      }
    }
    return empty.size();
  }

  /** Lets go of the files as they are. */
  void abandon() {
    lock.lock();
    try {
      closed = true;
      segments.forEach(segment -> segment.file.close());
      spare.close();
    } finally {
      lock.unlock();
    }
  }

  /** Marks the end, forces it and lets go of the files. */
  void close() {
    try {
      if (failure == null) {
        force();
        append(new Group().closed(environment.wallMicros()), Use.LAST);
        force();
      }
    } catch (UnavailableException | OutcomeUnknownException e) {
      log.warn("the journal at {} could not be closed properly: {}", disk, e.getMessage());
    } finally {
      abandon();
    }
  }
}
