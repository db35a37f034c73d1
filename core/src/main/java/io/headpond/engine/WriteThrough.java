package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.UnavailableException;
import io.headpond.spi.TenantColumn;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Writes at {@link Durability#DATABASE}: the same queue, with a caller who waits. Thread-safe.
 *
 * <p>Those of one key stand in line in the order in which they came. The first is staged in the store, invisible, as soon as nothing is
 * pending for its key; the partition's flusher applies all that are staged by then as one batch, and says here what the database answered to each. When
 * the deadline passes first, a write that is not under way is taken back and surely not done; one that is under
 * way has an unknown outcome. A write at a lower durability that comes meanwhile does not wait here: it is acknowledged first. Only if it expects something of the
 * entry does it stand in line too, since what is staged decides whether that holds.
 *
 * <p>One that the database does not take through no fault of its own, such as a row that is locked, leaves the store for a pause and is staged anew, with a later version: it keeps its place
 * in the line, and disturbs nobody meanwhile.
 */
final class WriteThrough {
  static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** What follows from an outcome that is not for this class to deal with. */
  interface Conclusion {
    CompletableFuture<Receipt> conclude(Write write, WriteOutcome outcome);
  }

  private final Core core;
  private final Flusher[] flushers;

  /** Guards {@link #lines} and {@link #room}. */
  private final Object lock = new Object();

  private final Map<Key, ArrayDeque<WriteAttempt>> lines = new HashMap<>();
  private final WaitingRoom room;

  /** How many wait; read without the lock. */
  private volatile int waiting;

  private final Answers answers = new Answers();

  private volatile @Nullable HeadpondException closed;
  private volatile boolean gaveUp;

  WriteThrough(Core core, Flusher[] flushers) {
    this.core = core;
    this.flushers = flushers;
    this.room =
        new WaitingRoom(TenantColumn.of(core.systemOfRecord().rowType(), core.settings().tenant()));
  }

  /**
   * Acknowledged when the database has it; below {@link Durability#DATABASE} when it is stored.
   *
   * @param conclusion for writes below it, and for those at it that the store did not stage
   */
  CompletableFuture<Receipt> write(Write write, Conclusion conclusion) {
    Key key = write.key();
    Flusher flusher = flushers[key.partition(flushers.length)];
    HeadpondException reason = closed;
    Trouble trouble = flusher.trouble();
    if (reason == null && trouble != null && trouble.kind() == Trouble.Kind.STOPPED) {
      reason = new UnavailableException(trouble.message());
    }
    WriteAttempt attempt = new WriteAttempt(core, this, answers, flusher, write, conclusion);
    boolean first = false;
    synchronized (lock) {
      if (reason == null && !room.enter(key)) {
        reason =
            new OverloadedException(
                room.size()
                    + " writes wait for the database already, as many as may at the most"
                    + (core.settings().tenant() == null
                        ? ""
                        : " with so many of one " + core.settings().tenant()),
                RETRY_AFTER);
      }
      if (reason == null) {
        ArrayDeque<WriteAttempt> line = lines.computeIfAbsent(key, k -> new ArrayDeque<>(1));
        line.add(attempt);
        waiting = room.size();
        first = line.size() == 1;
      }
    }
    if (reason != null) {
      core.refused(reason);
      return CompletableFuture.failedFuture(reason);
    }
    attempt.begin();
    if (first) {
      attempt.stage();
    }
    return attempt.result();
  }

  /**
   * What the database answered to a staged write.
   *
   * @return whether its caller is here
   */
  boolean answer(long writeId, @Nullable HeadpondException failure) {
    return answers.answer(writeId, failure);
  }

  /** Something of these keys was settled, parked or taken back: who waits for that, or for room, may try. */
  void released(Collection<Key> keys) {
    if (waiting == 0) {
      return;
    }
    List<WriteAttempt> heads = new ArrayList<>();
    synchronized (lock) {
      for (Key key : keys) {
        ArrayDeque<WriteAttempt> line = lines.get(key);
        if (line != null) {
          heads.add(line.element());
        }
      }
      for (ArrayDeque<WriteAttempt> line : lines.values()) {
        if (line.element().full()) {
          heads.add(line.element());
        }
      }
    }
    heads.forEach(head -> core.environment().execute(head::stage));
  }

  /** Who waits for another process may have missed what it did. */
  void lookAgain() {
    if (waiting == 0) {
      return;
    }
    List<WriteAttempt> heads = new ArrayList<>();
    synchronized (lock) {
      lines.values().forEach(line -> heads.add(line.element()));
    }
    heads.forEach(head -> core.environment().execute(head::lookAgain));
  }

  /** Takes no new writes; what is staged goes on. */
  void refuse(HeadpondException reason) {
    closed = reason;
  }

  /** Takes no new writes, and gives up on those that wait. */
  void close(HeadpondException reason) {
    refuse(reason);
    gaveUp = true;
    List<WriteAttempt> all = new ArrayList<>();
    synchronized (lock) {
      lines.values().forEach(all::addAll);
    }
    all.forEach(attempt -> attempt.giveUp(reason));
  }

  /** Why no new writes are taken; null while they are. */
  @Nullable HeadpondException closed() {
    return closed;
  }

  /** Whether nobody waits any more. */
  boolean gaveUp() {
    return gaveUp;
  }

  /**
   * Out of the line.
   *
   * @return the next one of the key; null if there is none
   */
  @Nullable WriteAttempt leave(WriteAttempt attempt, Key key) {
    synchronized (lock) {
      ArrayDeque<WriteAttempt> line = lines.get(key);
      if (line == null || !line.remove(attempt)) {
        return null;
      }
      room.leave(key);
      waiting = room.size();
      if (line.isEmpty()) {
        lines.remove(key);
        return null;
      }
      return line.element();
    }
  }
}
