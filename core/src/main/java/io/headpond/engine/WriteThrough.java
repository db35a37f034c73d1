package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import io.headpond.spi.Mutation;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes at {@link Durability#DATABASE}: the same queue, with a caller who waits. Thread-safe.
 *
 * <p>The write is staged in the store, invisible, as soon as nothing is pending for its key; the partition's flusher
 * applies it alone, and says here what the database answered. When the deadline passes first, a write that is not under way
 * is taken back and surely not done; one that is under way has an unknown outcome.
 */
final class WriteThrough {
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  private final Core core;
  private final Flusher[] flushers;

  /**
   * By write id, the answers for staged writes. The flusher may answer before the writer has learnt its write id, so
   * whoever comes first makes the future.
   */
  private final ConcurrentHashMap<Long, CompletableFuture<Void>> answers =
      new ConcurrentHashMap<>();

  private volatile @Nullable HeadpondException closed;

  WriteThrough(Core core, Flusher[] flushers) {
    this.core = core;
    this.flushers = flushers;
  }

  CompletableFuture<Receipt> write(Key key, @Nullable Row row) {
    CompletableFuture<Receipt> result = new CompletableFuture<>();
    Attempt attempt = new Attempt(new Write(key, row, Durability.DATABASE), result);
    Environment.Timer timer = core.environment().schedule(DEADLINE, attempt::deadlinePassed);
    result.whenComplete(
        (receipt, failure) -> {
          timer.cancel();
          (failure == null ? core.statistics().writes : core.statistics().refused).increment();
        });
    attempt.stage();
    return result;
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

  /** Takes no new writes; what is staged goes on. */
  void refuse(HeadpondException reason) {
    closed = reason;
  }

  /** Takes no new writes, and gives up on what is staged. */
  void close(HeadpondException reason) {
    refuse(reason);
    answers.forEach(
        (id, answer) ->
            answer.completeExceptionally(
                new OutcomeUnknownException("closed while the write was under way")));
  }

  private CompletableFuture<Void> answerTo(Mutation mutation) {
    return answers.computeIfAbsent(mutation.writeId(), id -> new CompletableFuture<>());
  }

  private final class Attempt {
    private final Write write;
    private final CompletableFuture<Receipt> result;
    private final Flusher flusher;

    /** The store has been asked to stage it and has not answered. */
    private volatile boolean asking;

    /** The staged write, once there is one. */
    private volatile @Nullable Mutation staged;

    private Attempt(Write write, CompletableFuture<Receipt> result) {
      this.write = write;
      this.result = result;
      this.flusher = flushers[write.key().partition(flushers.length)];
    }

    private void stage() {
      HeadpondException reason = closed;
      if (reason != null) {
        result.completeExceptionally(reason);
      }
      if (result.isDone()) {
        return;
      }
      // Registered before the store is asked, so that a settlement in between is not missed.
      CompletableFuture<Void> turn = core.settlements().next(write.key());
      asking = true;
      core.store()
          .put(write)
          .whenComplete(
              (outcome, failure) -> {
                asking = outcome instanceof Written;
                if (failure != null) {
                  result.completeExceptionally(Failures.cause(failure));
                } else {
                  staged(outcome, turn);
                }
                if (!(outcome instanceof WriteOutcome.KeyPending)) {
                  turn.cancel(false);
                }
              });
    }

    private void staged(WriteOutcome outcome, CompletableFuture<Void> turn) {
      if (outcome instanceof Written written) {
        Mutation mutation = written.mutation();
        staged = mutation;
        answerTo(mutation)
            .whenComplete(
                (done, failure) -> {
                  answers.remove(mutation.writeId());
                  if (failure == null) {
                    result.complete(
                        new WriteReceipt(
                            core.settlements(),
                            write.key(),
                            mutation.version(),
                            write.durability()));
                  } else {
                    result.completeExceptionally(Failures.cause(failure));
                  }
                });
        flusher.staged();
      } else if (outcome instanceof Full) {
        result.completeExceptionally(
            new OverloadedException("as much is pending as may be", Duration.ofSeconds(1)));
      } else {
        flusher.flush(new FlushRequest(core.store().nowMicros(), Integer.MAX_VALUE));
        turn.whenComplete((done, failure) -> core.environment().execute(this::stage));
      }
    }

    private void deadlinePassed() {
      Mutation mutation = staged;
      if (mutation == null && asking) {
        result.completeExceptionally(
            new OutcomeUnknownException("no answer from the hot store within " + DEADLINE));
      } else if (mutation == null) {
        result.completeExceptionally(
            new UnavailableException(
                "not written within "
                    + DEADLINE
                    + ": an earlier write of the key is still pending"));
      } else {
        flusher.unstage(mutation);
      }
    }
  }
}
