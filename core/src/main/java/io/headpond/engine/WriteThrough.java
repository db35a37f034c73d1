package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import io.headpond.spi.Mutation;
import io.headpond.spi.TenantColumn;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import io.headpond.spi.WriteOutcome.KeyPending;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
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
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** What follows from an outcome that is not for this class to deal with. */
  interface Conclusion {
    CompletableFuture<Receipt> conclude(Write write, WriteOutcome outcome);
  }

  private final Core core;
  private final Flusher[] flushers;

  /** Guards {@link #lines} and {@link #room}. */
  private final Object lock = new Object();

  private final Map<Key, ArrayDeque<Attempt>> lines = new HashMap<>();
  private final WaitingRoom room;

  /** How many wait; read without the lock. */
  private volatile int waiting;

  /**
   * By write id, the answers for staged writes. The flusher may answer before the writer has learnt its write id, so
   * whoever comes first makes the future.
   */
  private final ConcurrentHashMap<Long, CompletableFuture<Void>> answers =
      new ConcurrentHashMap<>();

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
    Attempt attempt = new Attempt(write, flusher, conclusion);
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
        ArrayDeque<Attempt> line = lines.computeIfAbsent(key, k -> new ArrayDeque<>(1));
        line.add(attempt);
        waiting = room.size();
        first = line.size() == 1;
      }
    }
    if (reason != null) {
      core.refused(reason);
      return CompletableFuture.failedFuture(reason);
    }
    attempt.timer = core.environment().schedule(DEADLINE, attempt::deadlinePassed);
    if (first) {
      attempt.stage();
    }
    return attempt.result;
  }

  /** What the database answered to a staged write. */
  void answer(Mutation mutation, @Nullable HeadpondException failure) {
    CompletableFuture<Void> answer = answerTo(mutation);
    if (failure == null) {
      answer.complete(null);
    } else {
      answer.completeExceptionally(failure);
    }
  }

  /** Something of these keys was settled, parked or taken back: who waits for that, or for room, may try. */
  void released(Collection<Key> keys) {
    if (waiting == 0) {
      return;
    }
    List<Attempt> heads = new ArrayList<>();
    synchronized (lock) {
      for (Key key : keys) {
        ArrayDeque<Attempt> line = lines.get(key);
        if (line != null) {
          heads.add(line.element());
        }
      }
      for (ArrayDeque<Attempt> line : lines.values()) {
        if (line.element().full) {
          heads.add(line.element());
        }
      }
    }
    heads.forEach(head -> core.environment().execute(head::released));
  }

  /** Takes no new writes; what is staged goes on. */
  void refuse(HeadpondException reason) {
    closed = reason;
  }

  /** Takes no new writes, and gives up on those that wait. */
  void close(HeadpondException reason) {
    refuse(reason);
    gaveUp = true;
    List<Attempt> all = new ArrayList<>();
    synchronized (lock) {
      lines.values().forEach(all::addAll);
    }
    all.forEach(attempt -> attempt.giveUp(reason));
  }

  private CompletableFuture<Void> answerTo(Mutation mutation) {
    return answers.computeIfAbsent(mutation.writeId(), id -> new CompletableFuture<>());
  }

  private enum State {
    WAITING,
    ASKING,
    STAGED,
    /** The database did not take it, through no fault of its own. */
    PAUSING,
    DONE
  }

  private final class Attempt {
    private final Write write;
    private final Flusher flusher;
    private final Conclusion conclusion;
    private final CompletableFuture<Receipt> result = new CompletableFuture<>();
    private Environment.@Nullable Timer timer;

    // Guarded by this attempt.
    private State state = State.WAITING;
    private @Nullable Mutation staged;

    /** Something was released while the store was asked: ask again. */
    private boolean again;

    /** The deadline has passed, while the store was asked or while it was staged. */
    private boolean late;

    /** Why the database did not take it the last time; null if it was not asked. */
    private @Nullable NotNowException notNow;

    private final Backoff backoff = new Backoff(core.environment(), core.settings().retryDelay());

    /** The store had no room the last time. */
    private volatile boolean full;

    private Attempt(Write write, Flusher flusher, Conclusion conclusion) {
      this.write = write;
      this.flusher = flusher;
      this.conclusion = conclusion;
    }

    private boolean toDatabase() {
      return write.durability() == Durability.DATABASE;
    }

    /** Asks the store, unless that is under way or over. */
    private void stage() {
      HeadpondException reason = closed;
      synchronized (this) {
        if (state != State.WAITING) {
          again |= state == State.ASKING;
          return;
        }
        state = reason == null ? State.ASKING : State.DONE;
        again = false;
      }
      if (reason != null) {
        over();
        refuse(reason);
        return;
      }
      if (toDatabase() && !flusher.opened()) {
        Trouble trouble = flusher.trouble();
        tryAgain(
            new NotNowException(
                "the database has not answered since the start"
                    + (trouble == null ? "" : ": " + trouble.message())),
            true);
        return;
      }
      put()
          .whenComplete(
              (outcome, failure) -> {
                if (failure != null) {
                  fail(Failures.cause(failure));
                } else if (toDatabase() && outcome instanceof Written written) {
                  staged(written.mutation());
                } else if (outcome instanceof KeyPending
                    || (toDatabase() && outcome instanceof Full)) {
                  notStaged(outcome);
                } else {
                  conclude(outcome);
                }
              });
    }

    private CompletionStage<WriteOutcome> put() {
      try {
        return core.store().put(write);
      } catch (RuntimeException | Error e) {
        // Lest the line behind it waits for ever.
        return CompletableFuture.failedFuture(e);
      }
    }

    private void released() {
      stage();
    }

    private void staged(Mutation mutation) {
      boolean tooLate;
      boolean abandoned;
      synchronized (this) {
        abandoned = state == State.DONE;
        tooLate = late;
        if (!abandoned) {
          state = State.STAGED;
          staged = mutation;
        }
      }
      if (abandoned) {
        flusher.unstage(mutation);
        return;
      }
      answerTo(mutation)
          .whenComplete(
              (done, failure) -> {
                answers.remove(mutation.writeId());
                if (failure == null) {
                  succeed(mutation);
                } else if (Failures.cause(failure) instanceof NotNowException notNow) {
                  tryAgain(notNow, false);
                } else {
                  fail(Failures.cause(failure));
                }
              });
      if (gaveUp) {
        giveUp(new UnavailableException("closed"));
      } else if (tooLate) {
        flusher.unstage(mutation);
      } else {
        flusher.notice();
      }
    }

    /** It is not staged, or no longer, and the database may take it a little later. */
    private void tryAgain(NotNowException why, boolean soon) {
      boolean tooLate;
      synchronized (this) {
        if (state == State.DONE) {
          return;
        }
        staged = null;
        notNow = why;
        tooLate = late;
        state = tooLate ? State.DONE : State.PAUSING;
      }
      if (tooLate) {
        over();
        refuse(notInTime());
      } else {
        backoff.failed(soon);
        core.environment().schedule(Duration.ofNanos(backoff.remainingNanos()), this::pauseIsOver);
      }
    }

    private void pauseIsOver() {
      synchronized (this) {
        if (state != State.PAUSING) {
          return;
        }
        state = State.WAITING;
      }
      stage();
    }

    private void notStaged(WriteOutcome outcome) {
      boolean tooLate;
      boolean refused;
      boolean retry;
      synchronized (this) {
        if (state == State.DONE) {
          return;
        }
        full = outcome instanceof Full;
        tooLate = late;
        refused = full && core.settings().overload().deadline().isZero();
        retry = again;
        state = tooLate || refused ? State.DONE : State.WAITING;
      }
      if (tooLate) {
        over();
        refuse(notInTime());
      } else if (refused) {
        over();
        refuse(new OverloadedException("as much is pending as may be", RETRY_AFTER));
      } else if (retry) {
        core.environment().execute(this::stage);
      } else if (!(outcome instanceof Full)) {
        flusher.flush(new FlushRequest(Integer.MAX_VALUE));
      }
    }

    private void deadlinePassed() {
      Mutation mutation;
      synchronized (this) {
        if (state == State.ASKING) {
          late = true;
          return;
        }
        if (state == State.DONE) {
          return;
        }
        late = true;
        mutation = staged;
        if (mutation == null) {
          // In the same step, lest the store is asked after the caller was told.
          state = State.DONE;
        }
      }
      if (mutation != null) {
        flusher.unstage(mutation);
      } else {
        over();
        refuse(notInTime());
      }
    }

    private UnavailableException notInTime() {
      Trouble trouble = flusher.trouble();
      return new UnavailableException(
          "not written within "
              + DEADLINE.toSeconds()
              + " s, and not done: "
              + (full
                  ? "as much is pending as may be"
                  : notNow != null
                      ? notNow.getMessage()
                      : toDatabase()
                          ? "an earlier write of the key is still pending"
                          : "a write of the key waits for the database, and what it becomes decides")
              + (trouble == null ? "" : "; " + trouble.message()));
    }

    private void giveUp(HeadpondException reason) {
      boolean underWay;
      synchronized (this) {
        if (state == State.DONE) {
          return;
        }
        underWay = state == State.ASKING || state == State.STAGED;
        state = State.DONE;
      }
      over();
      refuse(
          underWay ? new OutcomeUnknownException("closed while the write was under way") : reason);
    }

    private void succeed(Mutation done) {
      if (!finish()) {
        return;
      }
      core.written(write, done.version(), false);
      Receipt receipt =
          new WriteReceipt(
              core.settlements(), write.key(), done.version(), write.durability(), false);
      core.environment().executeCallback(() -> result.complete(receipt));
    }

    private void fail(Throwable why) {
      if (finish()) {
        refuse(why);
      }
    }

    /** Tells the caller; it is over. */
    private void refuse(Throwable why) {
      core.refused(why);
      core.environment().executeCallback(() -> result.completeExceptionally(why));
    }

    /** It was not for the database to say. */
    private void conclude(WriteOutcome outcome) {
      boolean first;
      boolean tooLate;
      synchronized (this) {
        first = state != State.DONE;
        full = outcome instanceof Full;
        tooLate = late && full;
        state = State.DONE;
      }
      if (first) {
        over();
      }
      if (first && tooLate) {
        refuse(notInTime());
      } else if (first || outcome instanceof Written) {
        // If the caller has gone, it was told while the store was asked, that the outcome is
        // unknown.
        CompletableFuture<Receipt> concluded = conclusion.conclude(write, outcome);
        core.environment().executeCallback(() -> Failures.pass(concluded, result));
      }
    }

    /** Whether it was not over before. */
    private boolean finish() {
      synchronized (this) {
        if (state == State.DONE) {
          return false;
        }
        state = State.DONE;
      }
      over();
      return true;
    }

    /** What follows when it is done. */
    private void over() {
      Environment.Timer running = timer;
      if (running != null) {
        running.cancel();
      }
      leave();
    }

    /** Out of the line; the next one of the key may try. */
    private void leave() {
      Attempt next = null;
      synchronized (lock) {
        ArrayDeque<Attempt> line = lines.get(write.key());
        if (line != null && line.remove(this)) {
          room.leave(write.key());
          waiting = room.size();
          if (line.isEmpty()) {
            lines.remove(write.key());
          } else {
            next = line.element();
          }
        }
      }
      if (next != null) {
        core.environment().execute(next::stage);
      }
    }
  }
}
