package io.headpond.journal;

import io.headpond.OutcomeUnknownException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import io.headpond.spi.RowCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the journal short and the next segment ready, in the background.
 *
 * <p>Segments go oldest first. The oldest goes when it holds no write that is still owed. If the journal has grown beyond what the
 * pending entries and remembered requests need, those of the oldest segment are written again at the head, each entry under its partition's lock and only if it still stands there;
 * so one entry that nobody settles, or a request that is remembered for a day, does not keep all that came after it. The same is done where the
 * disk has no room for the next segment, so that what frees room is not kept by what does not.
 */
final class Compactor {
  private static final int MIN_SEGMENTS = 4;
  private static final int GROWTH = 3;
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final Logger log = LoggerFactory.getLogger(Compactor.class);

  private final StoreState store;
  private final AtomicBoolean scheduled = new AtomicBoolean();

  /** Held while files are made, renamed or deleted. */
  private final ReentrantLock working = new ReentrantLock();

  private boolean closed;
  private Environment.@Nullable Timer retry;

  Compactor(StoreState store) {
    this.store = store;
  }

  /** Looks after the segments soon. */
  void wake() {
    if (scheduled.compareAndSet(false, true)) {
      try {
        store.environment.executeBlocking(this::run);
      } catch (RejectedExecutionException e) {
        scheduled.set(false);
      }
    }
  }

  private void run() {
    scheduled.set(false);
    working.lock();
    try {
      if (closed || store.journal.failure() != null) {
        return;
      }
      store.requests.expire(store.environment.wallMicros(), store.environment.nanos());
      store.journal.dropEmpty();
      // The room first: what is written again needs it.
      while ((noRoom() || tooLong()) && rewriteOldest()) {
        store.journal.dropEmpty();
      }
      if (noRoom() && retry == null) {
        retry = store.environment.schedule(RETRY, this::retry);
      }
    } catch (UnavailableException | OutcomeUnknownException e) {
      log.debug(
          "the journal of {} could not be tidied up: {}", store.settings.dataset(), e.getMessage());
    } finally {
      working.unlock();
    }
  }

  private void retry() {
    working.lock();
    try {
      retry = null;
    } finally {
      working.unlock();
    }
    wake();
  }

  private boolean tooLong() {
    int segments = store.journal.segments().size();
    return segments > MIN_SEGMENTS
        && segments > GROWTH * (neededBytes() / store.journal.segmentSize() + 1);
  }

  /** At least what the records that are needed have: so the journal is not too long when it holds nothing else, and rewriting it ends. */
  private long neededBytes() {
    long bytes = store.requests.bytes();
    for (HotEntry entry : store.entries.values()) {
      bytes += entry.bytes + (entry.trouble == null ? 0 : Group.TROUBLE_FIXED);
    }
    return bytes;
  }

  private boolean noRoom() {
    return !store.journal.spare().prepare();
  }

  /** Writes again what the oldest segment still holds; false if that is not possible now. */
  private boolean rewriteOldest() {
    List<Segment> segments = store.journal.segments();
    Segment oldest = segments.get(0);
    if (segments.size() == 1) {
      return false;
    }
    List<Requests.Request> requests = store.requests.in(oldest);
    List<HotEntry> candidates = new ArrayList<>();
    long bytes = requests.stream().mapToLong(request -> request.recordLength).sum();
    for (HotEntry entry : store.entries.values()) {
      if (entry.segment == oldest) {
        candidates.add(entry);
        bytes += entry.bytes;
      }
    }
    if (!store.journal.spare().ready() && bytes > store.journal.segmentSize() / 8) {
      return false;
    }
    Group group = new Group();
    for (HotEntry entry : candidates) {
      Partition partition = store.partition(entry.key);
      partition.lock.lock();
      try {
        if (store.entries.get(entry.key) == entry && entry.segment == oldest) {
          Row row = HotEntry.row(entry.current);
          byte[] encoded = row == null ? null : RowCodec.encode(row);
          store.journal.append(
              group.clear().put(entry.current, encoded, entry.oldest(), entry.trouble),
              Journal.Use.FLUSH);
          entry.recordedIn(group);
        }
      } finally {
        partition.lock.unlock();
      }
    }
    store.requests.rewrite(requests, oldest, store.journal, Journal.Use.FLUSH);
    // Lives counted but not found here belong to entries that were written since the list was made,
    // and are gone by now.
    return oldest.live.get() == 0;
  }

  /** Waits for what is under way, and does nothing any more. */
  void close() {
    working.lock();
    try {
      closed = true;
      if (retry != null) {
        retry.cancel();
        retry = null;
      }
    } finally {
      working.unlock();
    }
  }
}
