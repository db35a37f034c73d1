package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.UnavailableException;
import io.headpond.engine.WriteThrough.Conclusion;
import io.headpond.spi.Environment;
import io.headpond.spi.Mutation;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import io.headpond.spi.WriteOutcome.KeyPending;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * One write on its way through {@link WriteThrough}: first in the line of its key it is staged in the store, and waits for the database's answer or its deadline. Thread-safe.
 */
final class WriteAttempt {
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  /** After how long an answer that another process was to give may have been missed. */
  private static final long PATIENCE_NANOS = Duration.ofSeconds(1).toNanos();

  private enum State {
    WAITING,
    ASKING,
    STAGED,
    /** The database did not take it, through no fault of its own. */
    PAUSING,
    DONE
  }

  private final Core core;
  private final WriteThrough through;
  private final Answers answers;
  private final Write write;
  private final Flusher flusher;
  private final Conclusion conclusion;
  private final CompletableFuture<Receipt> result = new CompletableFuture<>();
  private Environment.@Nullable Timer timer;

  // Guarded by this attempt.
  private State state = State.WAITING;
  private @Nullable Mutation staged;
  private long stagedNanos;

  /** Something was released while the store was asked: ask again. */
  private boolean again;

  /** The deadline has passed, while the store was asked or while it was staged. */
  private boolean late;

  /** Why the database did not take it the last time; null if it was not asked. */
  private @Nullable NotNowException notNow;

  private final Backoff backoff;

  /** The store had no room the last time. */
  private volatile boolean full;

  WriteAttempt(
      Core core,
      WriteThrough through,
      Answers answers,
      Flusher flusher,
      Write write,
      Conclusion conclusion) {
    this.core = core;
    this.through = through;
    this.answers = answers;
    this.flusher = flusher;
    this.write = write;
    this.conclusion = conclusion;
    this.backoff = new Backoff(core.environment(), core.settings().retryDelay());
  }

  /** Acknowledged when it completes. */
  CompletableFuture<Receipt> result() {
    return result;
  }

  /** Whether the store had no room for it the last time. */
  boolean full() {
    return full;
  }

  /** From now on it has so much time. */
  void begin() {
    timer = core.environment().schedule(DEADLINE, this::deadlinePassed);
  }

  private boolean toDatabase() {
    return write.durability() == Durability.DATABASE;
  }

  /** Asks the store, unless that is under way or over. */
  void stage() {
    HeadpondException reason = through.closed();
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
    answers.staging();
    put()
        .whenComplete(
            (outcome, failure) -> {
              try {
                asked(outcome, failure);
              } finally {
                answers.staged();
              }
            });
  }

  private void asked(@Nullable WriteOutcome outcome, @Nullable Throwable failure) {
    if (outcome == null) {
      fail(failure == null ? new IllegalStateException("no outcome") : Failures.cause(failure));
    } else if (toDatabase() && outcome instanceof Written written) {
      staged(written.mutation());
    } else if (outcome instanceof KeyPending || (toDatabase() && outcome instanceof Full)) {
      notStaged(outcome);
    } else {
      conclude(outcome);
    }
  }

  private CompletionStage<WriteOutcome> put() {
    try {
      return core.store().put(write);
    } catch (RuntimeException | Error e) {
      // Lest the line behind it waits for ever.
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Another process may have answered without being heard, or not have heard of it. */
  void lookAgain() {
    Mutation mutation;
    synchronized (this) {
      boolean late = core.environment().nanos() - stagedNanos >= PATIENCE_NANOS;
      if (state != State.WAITING && (state != State.STAGED || !late)) {
        return;
      }
      mutation = staged;
    }
    if (mutation == null) {
      stage();
      return;
    }
    flusher
        .committed(mutation)
        .whenComplete(
            (there, failure) -> {
              if (there != null && there) {
                answers.answer(mutation.writeId(), null);
              } else {
                flusher.notice();
              }
            });
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
        stagedNanos = core.environment().nanos();
      }
    }
    if (abandoned) {
      flusher.unstage(mutation);
      return;
    }
    answers
        .expect(mutation)
        .whenComplete(
            (done, failure) -> {
              if (failure == null) {
                succeed(mutation);
              } else if (Failures.cause(failure) instanceof NotNowException notNow) {
                tryAgain(notNow, false);
              } else {
                fail(Failures.cause(failure));
              }
            });
    if (through.gaveUp()) {
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
      refuse(new OverloadedException("as much is pending as may be", WriteThrough.RETRY_AFTER));
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

  void giveUp(HeadpondException reason) {
    boolean underWay;
    synchronized (this) {
      if (state == State.DONE) {
        return;
      }
      underWay = state == State.ASKING || state == State.STAGED;
      state = State.DONE;
    }
    over();
    refuse(underWay ? new OutcomeUnknownException("closed while the write was under way") : reason);
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
    WriteAttempt next = through.leave(this, write.key());
    if (next != null) {
      core.environment().execute(next::stage);
    }
  }
}
