package io.headpond.journal;

import io.headpond.spi.Environment;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The preallocated segment that stands ready to be the next one. So a full disk strikes here, before anything that would need the
 * room has been accepted. Thread-safe.
 */
final class Spare {
  static final String NAME = "spare.seg";
  static final String UNFINISHED = "spare.tmp";
  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final Logger log = LoggerFactory.getLogger(Spare.class);

  private final Disk disk;
  private final Environment environment;
  private final int size;
  private Disk.@Nullable SegmentFile file;
  private @Nullable IOException refusal;
  private long refusedNanos;
  private volatile boolean ready;
  private boolean closed;

  Spare(Disk disk, Environment environment, int size) {
    this.disk = disk;
    this.environment = environment;
    this.size = size;
  }

  /** Takes over the spare that an earlier process left; removes what it left unfinished. */
  synchronized void adopt() throws IOException {
    disk.delete(UNFINISHED);
    if (disk.list().contains(NAME)) {
      Disk.SegmentFile found = disk.open(NAME);
      if (found.size() == size) {
        have(found);
      } else {
        found.close();
        disk.delete(NAME);
      }
    }
  }

  boolean ready() {
    return ready;
  }

  /** Why there was no room at the last attempt; null if there was. */
  synchronized @Nullable IOException refusal() {
    return ready ? null : refusal;
  }

  /**
   * Creates the spare if there is none. After a refusal nothing is tried for a second.
   *
   * @return whether it stands ready
   */
  synchronized boolean prepare() {
    if (ready) {
      return true;
    }
    if (closed) {
      return false;
    }
    if (refusal != null && environment.nanos() - refusedNanos < RETRY_NANOS) {
      return false;
    }
    try {
      Disk.SegmentFile created = disk.create(UNFINISHED, size);
      disk.rename(UNFINISHED, NAME);
      disk.forceDirectory();
      have(created);
      return true;
    } catch (IOException e) {
      if (refusal == null) {
        log.warn(
            "no room for the next journal segment of {} bytes at {}: {}",
            size,
            disk.location(NAME),
            e.toString());
      }
      refusal = e;
      refusedNanos = environment.nanos();
      return false;
    }
  }

  /** Makes the spare the segment of that name: header, name and directory are forced. */
  synchronized Disk.SegmentFile activate(String name, byte[] header) throws IOException {
    Disk.SegmentFile next = file;
    if (next == null) {
      throw new IOException("there is no spare segment");
    }
    file = null;
    ready = false;
    next.write(0, header, 0, header.length);
    next.force(0, header.length);
    disk.rename(NAME, name);
    disk.forceDirectory();
    return next;
  }

  /** Does away with a segment that is not needed any more: it becomes the spare, or is deleted. */
  synchronized void recycle(String name, Disk.SegmentFile old) throws IOException {
    if (ready || old.size() != size) {
      old.close();
      disk.delete(name);
      disk.forceDirectory();
    } else {
      disk.rename(name, NAME);
      disk.forceDirectory();
      have(old);
    }
  }

  synchronized void close() {
    closed = true;
    if (file != null) {
      file.close();
      file = null;
      ready = false;
    }
  }

  private void have(Disk.SegmentFile spare) {
    if (refusal != null) {
      log.info("there is room for journal segments again at {}", disk.location(NAME));
    }
    file = spare;
    refusal = null;
    ready = true;
  }
}
