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
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes at {@link Durability#DATABASE}: the same queue, with a caller who waits. Thread-safe.
 *
 * <p>Those of one key stand in line in the order in which they came. The first is staged in the store, invisible, as soon as nothing is
 * pending for its key; the partition's flusher applies it alone, and says here what the database answered. When
 * the deadline passes first, a write that is not under way is taken back and surely not done; one that is under
 * way has an unknown outcome. A write at a lower durability that comes meanwhile does not wait here: it is acknowledged first.
 */
final class WriteThrough {
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** The most writes that wait; they hold memory that the limit on pending bytes does not count. */
  private static final int MAX_WAITING = 10_000;

  private final Core core;
  private final Flusher[] flushers;

  /** Guards {@link #lines} and {@link #waiting}. */
  private final Object lock = new Object();

  private final Map<Key, ArrayDeque<Attempt>> lines = new HashMap<>();
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
  }

  CompletableFuture<Receipt> write(Write write) {
    Key key = write.key();
    Flusher flusher = flushers[key.partition(flushers.length)];
    HeadpondException reason = closed;
    Trouble trouble = flusher.trouble();
    if (reason == null && trouble != null && trouble.kind() == Trouble.Kind.STOPPED) {
      reason = new UnavailableException(trouble.message());
    }
    Attempt attempt = new Attempt(write, flusher);
    boolean first = false;
    synchronized (lock) {
      if (reason == null && waiting >= MAX_WAITING) {
        reason =
            new OverloadedException(
                MAX_WAITING + " writes wait for the database already", RETRY_AFTER);
      }
      if (reason == null) {
        ArrayDeque<Attempt> line = lines.computeIfAbsent(key, k -> new ArrayDeque<>(1));
        line.add(attempt);
        waiting++;
        first = line.size() == 1;
      }
    }
    if (reason != null) {
      core.statistics().refused.increment();
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
    DONE
  }

  private final class Attempt {
    private final Write write;
    private final Flusher flusher;
    private final CompletableFuture<Receipt> result = new CompletableFuture<>();
    private Environment.@Nullable Timer timer;

    // Guarded by this attempt.
    private State state = State.WAITING;
    private @Nullable Mutation staged;

    /** Something was released while the store was asked: ask again. */
    private boolean again;

    /** The deadline passed while the store was asked. */
    private boolean late;

    /** The store had no room the last time. */
    private volatile boolean full;

    private Attempt(Write write, Flusher flusher) {
      this.write = write;
      this.flusher = flusher;
    }

    /** Asks the store, unless that is under way or over. */
    private void stage() {
      HeadpondException reason = closed;
      synchronized (this) {
        if (state != State.WAITING) {
          again |= state == State.ASKING;
          return;
        }
        if (reason == null) {
          state = State.ASKING;
          again = false;
        }
      }
      if (reason != null) {
        finish(null, reason);
        return;
      }
      core.store()
          .put(write)
          .whenComplete(
              (outcome, failure) -> {
                if (failure != null) {
                  finish(null, Failures.cause(failure));
                } else if (outcome instanceof Written written) {
                  staged(written.mutation());
                } else {
                  notStaged(outcome);
                }
              });
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
                finish(mutation, failure == null ? null : Failures.cause(failure));
              });
      if (gaveUp) {
        giveUp(new UnavailableException("closed"));
      } else if (tooLate) {
        flusher.unstage(mutation);
      } else {
        flusher.staged();
      }
    }

    private void notStaged(WriteOutcome outcome) {
      boolean tooLate;
      boolean retry;
      synchronized (this) {
        state = State.WAITING;
        full = outcome instanceof Full;
        tooLate = late;
        retry = again;
      }
      if (tooLate) {
        deadlinePassed();
      } else if (full && core.settings().overload().deadline().isZero()) {
        finish(null, new OverloadedException("as much is pending as may be", RETRY_AFTER));
      } else if (retry) {
        core.environment().execute(this::stage);
      } else if (!full) {
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
        mutation = state == State.STAGED ? staged : null;
      }
      if (mutation != null) {
        flusher.unstage(mutation);
        return;
      }
      Trouble trouble = flusher.trouble();
      finish(
          null,
          new UnavailableException(
              "not written within "
                  + DEADLINE.toSeconds()
                  + " s, and not done: "
                  + (full
                      ? "as much is pending as may be"
                      : "an earlier write of the key is still pending")
                  + (trouble == null ? "" : "; " + trouble.message())));
    }

    private void giveUp(HeadpondException reason) {
      boolean underWay;
      synchronized (this) {
        underWay = state == State.STAGED || state == State.ASKING;
      }
      finish(
          null,
          underWay ? new OutcomeUnknownException("closed while the write was under way") : reason);
    }

    private void finish(@Nullable Mutation done, @Nullable Throwable failure) {
      synchronized (this) {
        if (state == State.DONE) {
          return;
        }
        state = State.DONE;
      }
      Environment.Timer running = timer;
      if (running != null) {
        running.cancel();
      }
      leave();
      if (done != null && failure == null) {
        core.statistics().writes.increment();
        Receipt receipt =
            new WriteReceipt(
                core.settlements(), write.key(), done.version(), write.durability(), false);
        core.environment().executeCallback(() -> result.complete(receipt));
      } else {
        core.statistics().refused.increment();
        Throwable why = failure == null ? new IllegalStateException("no answer") : failure;
        core.environment().executeCallback(() -> result.completeExceptionally(why));
      }
    }

    /** Out of the line; the next one of the key may try. */
    private void leave() {
      Attempt next = null;
      synchronized (lock) {
        ArrayDeque<Attempt> line = lines.get(write.key());
        if (line != null && line.remove(this)) {
          waiting--;
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
