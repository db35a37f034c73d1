package io.headpond.journal;

import io.headpond.Key;
import io.headpond.OverloadedException;
import io.headpond.RequestId;
import io.headpond.spi.Remembered;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The requests of the last day by their ids, for all partitions, so that none is carried out twice. Bounded: at the limit a new one is refused, never
 * an old one forgotten early.
 *
 * <p>A request is claimed before its write is looked at, and then either written, with the place of its record in the journal, or released. So
 * of several with one id exactly one gets through, whatever their partitions.
 *
 * <p><b>Time.</b> The wall clock's, since it has to go on while no process runs. As it may jump ahead and be put right again, a request is forgotten
 * only when a day has passed by the monotonic clock as well; one of an earlier process has by that clock the age that the wall clock gave it
 * when this process began. The oldest by the wall clock goes first, so if that was set back others may stay longer, never
 * shorter.
 *
 * <p>Thread-safe. Its lock is the last to be taken, and nothing is waited for under it.
 */
final class Requests {
  static final long KEPT_MICROS = TimeUnit.HOURS.toMicros(RequestId.KEPT_HOURS);
  private static final long KEPT_NANOS = TimeUnit.HOURS.toNanos(RequestId.KEPT_HOURS);

  /** What a request costs beside the bytes of its record, as counted against the limit. */
  static final int OVERHEAD = 256;

  private static final int GROUP_BYTES = 64 << 10;
  private static final Duration SOON = Duration.ofSeconds(1);

  /** A request that is under way or was carried out. All but what never changes is guarded by the lock. */
  static final class Request {
    final RequestId id;
    final Key key;

    /** When it came, by the wall clock. */
    final long micros;

    /** The same by the monotonic clock. */
    final long nanos;

    final int recordLength;

    /** Whether its record may be in the journal, so that nobody else may have the id. Only who has claimed it looks at this. */
    boolean mayBeWritten;

    /** The version that its write was given; 0 while it is under way. */
    private long version;

    /** Where its record stands. */
    private @Nullable Segment segment;

    /** Up to where the journal must be forced for it to be on the disk. A record written again is forced before the first one goes. */
    private long end;

    Request(RequestId id, Key key, long micros, long nanos) {
      this.id = id;
      this.key = key;
      this.micros = micros;
      this.nanos = nanos;
      this.recordLength = Group.requestLength(id, key);
    }

    private int bytes() {
      return recordLength + OVERHEAD;
    }

    /** How long it is remembered from then on; not positive if its day is over. */
    private long remainingNanos(long nowMicros, long nowNanos) {
      return Math.max(
          TimeUnit.MICROSECONDS.toNanos(micros + KEPT_MICROS - nowMicros),
          nanos + KEPT_NANOS - nowNanos);
    }

    private Remembered remembered() {
      return new Remembered(id, key, version, micros);
    }
  }

  /**
   * A request that was carried out.
   *
   * @param end up to where the journal must be forced for it to be on the disk
   */
  record Found(Remembered remembered, long end) {}

  private final long maxBytes;
  private final Map<String, Request> byId = new HashMap<>();

  /** Those that were carried out, by time: the clock may have jumped, so that is not the order in which they came. */
  private final PriorityQueue<Request> byTime =
      new PriorityQueue<>(Comparator.comparingLong((Request request) -> request.micros));

  private long bytes;

  Requests(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * Claims the id of a request. It must then be {@link #written} or {@link #release}d.
   *
   * @return null if the caller has it; else the one that has it, which may be under way
   * @throws OverloadedException if there is no room for another one
   */
  synchronized @Nullable Request claim(Request request) {
    expire(request.micros, request.nanos);
    Request earlier = byId.get(request.id.id());
    if (earlier != null) {
      return earlier;
    }
    if (bytes + request.bytes() > maxBytes) {
      throw full(request.micros, request.nanos);
    }
    bytes += request.bytes();
    byId.put(request.id.id(), request);
    return null;
  }

  private OverloadedException full(long nowMicros, long nowNanos) {
    Request oldest = byTime.peek();
    Duration wait =
        oldest == null ? SOON : Duration.ofNanos(oldest.remainingNanos(nowMicros, nowNanos));
    return new OverloadedException(
        "no more requests can be remembered: the last "
            + RequestId.KEPT_HOURS
            + " hours had "
            + byId.size()
            + ", which is all that fits into "
            + maxBytes
            + " bytes (maxRequestBytes); the oldest is forgotten in "
            + Math.max(1, wait.toSeconds())
            + " s. Writes without a request id are taken",
        wait.compareTo(SOON) < 0 ? SOON : wait);
  }

  /** Its write was not carried out. */
  synchronized void release(Request request) {
    if (byId.remove(request.id.id(), request)) {
      bytes -= request.bytes();
    }
  }

  /** The journal has it and its write, in this group. */
  synchronized void written(Request request, long version, Group group) {
    request.version = version;
    request.segment = group.segment;
    request.end = group.end;
    byTime.add(request);
  }

  /** What a journal remembers at this time, whatever the limit. Its record stands in an old segment, which counts it. */
  synchronized Request recovered(
      Remembered remembered, Segment segment, long nowMicros, long nowNanos) {
    long age = Math.max(0, Math.min(nowMicros - remembered.micros(), KEPT_MICROS));
    Request request =
        new Request(
            remembered.request(),
            remembered.key(),
            remembered.micros(),
            nowNanos - TimeUnit.MICROSECONDS.toNanos(age));
    request.version = remembered.version();
    request.segment = segment;
    byId.put(request.id.id(), request);
    byTime.add(request);
    bytes += request.bytes();
    return request;
  }

  /** The request under this id; null if there is none. */
  synchronized @Nullable Request get(String id, long nowMicros, long nowNanos) {
    expire(nowMicros, nowNanos);
    return byId.get(id);
  }

  /** What is remembered of a request; null while it is under way. */
  synchronized @Nullable Found found(Request request) {
    return request.version == 0 ? null : new Found(request.remembered(), request.end);
  }

  /** Forgets those whose day is over. */
  synchronized void expire(long nowMicros, long nowNanos) {
    for (Request oldest = byTime.peek();
        oldest != null && oldest.remainingNanos(nowMicros, nowNanos) <= 0;
        oldest = byTime.peek()) {
      byTime.remove();
      byId.remove(oldest.id.id());
      bytes -= oldest.bytes();
      release(oldest.segment);
      oldest.segment = null;
    }
  }

  /** Those whose records stand in a segment. */
  synchronized List<Request> in(Segment segment) {
    List<Request> found = new ArrayList<>();
    for (Request request : byTime) {
      if (request.segment == segment) {
        found.add(request);
      }
    }
    return found;
  }

  /**
   * Writes the records of these again at the head of the journal, many in a group, and only there they stand then. They are neither forced nor is {@code from} let go.
   * One caller at a time.
   *
   * @param from where they stand
   * @param use whose room they may take
   */
  void rewrite(List<Request> requests, Segment from, Journal journal, Journal.Use use) {
    Group group = new Group();
    List<Request> inGroup = new ArrayList<>();
    int limit = Math.min(journal.maxGroup(), GROUP_BYTES);
    for (Request request : requests) {
      if (!inGroup.isEmpty() && group.length() + request.recordLength > limit) {
        append(group, inGroup, from, journal, use);
      }
      synchronized (this) {
        group.request(request.remembered());
      }
      inGroup.add(request);
    }
    if (!inGroup.isEmpty()) {
      append(group, inGroup, from, journal, use);
    }
  }

  private void append(
      Group group, List<Request> requests, Segment from, Journal journal, Journal.Use use) {
    journal.append(group, use);
    rewritten(requests, from, group);
    requests.clear();
    group.clear();
  }

  private synchronized void rewritten(List<Request> requests, Segment from, Group group) {
    for (Request request : requests) {
      if (request.segment == from) {
        release(from);
        request.segment = group.segment;
      } else {
        // Forgotten meanwhile.
        release(group.segment);
      }
    }
  }

  private static void release(@Nullable Segment segment) {
    if (segment != null) {
      segment.live.decrementAndGet();
    }
  }

  /** What they count against the limit: more than their records have. */
  synchronized long bytes() {
    return bytes;
  }
}
