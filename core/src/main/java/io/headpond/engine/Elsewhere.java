package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.headpond.engine.FlushRequest.Result;
import io.headpond.spi.Loaded;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.SharedStore;
import io.headpond.spi.SharedStore.Withdrawal;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a shared store that another process brings to the database, or none at the moment: what this process can ask, and how it finds out what became of it. Thread-safe.
 *
 * <p>Nobody answers: what was asked may not have been heard. So the store is looked at, and it is asked again.
 */
final class Elsewhere {
  private static final Duration LOOK = Duration.ofMillis(100);
  private static final Duration ASK_AGAIN = Duration.ofSeconds(1);

  /** How long a flush waits while nothing moves. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Core core;
  private final SharedStore store;
  private final Engine engine;
  private final Flusher flusher;
  private final int partition;

  /** Somebody is being asked already. */
  private final AtomicBoolean asking = new AtomicBoolean();

  private volatile boolean askAgain;

  Elsewhere(Core core, SharedStore store, Engine engine, Flusher flusher, int partition) {
    this.core = core;
    this.store = store;
    this.engine = engine;
    this.flusher = flusher;
    this.partition = partition;
  }

  /** Asks that what is pending now be written. */
  void ask() {
    askAgain = true;
    if (asking.compareAndSet(false, true)) {
      askAgain = false;
      store
          .askToFlush(partition)
          .whenComplete(
              (done, failure) -> {
                asking.set(false);
                if (failure == null && askAgain) {
                  ask();
                }
              });
    }
  }

  /** Asks for a flush and waits until what was ready then is not any more, or nothing moves. */
  void flush(FlushRequest request) {
    new Flush(request).look(request.arrival());
  }

  private final class Flush {
    private final FlushRequest request;
    private PartitionStats last;
    private long movedNanos = core.environment().nanos();
    private long askedNanos = movedNanos - ASK_AGAIN.toNanos();

    private Flush(FlushRequest request) {
      this.request = request;
      this.last = request.arrival();
    }

    private void look(PartitionStats now) {
      long nanos = core.environment().nanos();
      if (now.oldestReady() != last.oldestReady() || now.ready() < last.ready()) {
        movedNanos = nanos;
      }
      last = now;
      if (request.nothingLeft(now)) {
        request.conclude(result(now));
      } else if (flusher.owned()) {
        flusher.take(request);
      } else if (engine.over()) {
        request.abandon("closed");
      } else if (nanos - movedNanos >= PATIENCE.toNanos()) {
        request.abandon(
            "partition "
                + partition
                + ": no worker has written anything for "
                + PATIENCE.toSeconds()
                + " s");
      } else {
        if (nanos - askedNanos >= ASK_AGAIN.toNanos()) {
          askedNanos = nanos;
          ask();
        }
        core.environment().schedule(LOOK, this::look);
      }
    }

    private void look() {
      store
          .horizon(partition)
          .whenComplete(
              (horizon, failure) -> {
                if (failure == null) {
                  look(horizon.stats());
                } else {
                  request.abandon(Failures.message(failure));
                }
              });
    }

    /** What was ready and is not any more is there, but for as many as were refused meanwhile. */
    private Result result(PartitionStats now) {
      PartitionStats then = request.arrival();
      int before = then.deferred() + then.parked();
      int refused = Math.min(then.ready(), Math.max(0, now.deferred() + now.parked() - before));
      return new Result(then.ready() - refused, 0, 0, refused, 0, null);
    }
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void withdraw(Mutation mutation) {
    withdrawal(mutation)
        .whenComplete(
            (fate, failure) -> {
              if (failure != null) {
                answer(mutation, new OutcomeUnknownException(Failures.message(failure)));
                return;
              }
              switch (fate) {
                case WITHDRAWN ->
                    answer(
                        mutation, new UnavailableException("not written in time and taken back"));
                case UNDER_WAY ->
                    answer(
                        mutation,
                        new OutcomeUnknownException(
                            "no answer from the database yet; the write is under way"));
                case GONE -> committed(mutation).whenComplete((there, e) -> gone(mutation, there));
              }
            });
  }

  /** Whatever fails: the deadline is over, and nobody comes back to this write. */
  private CompletionStage<Withdrawal> withdrawal(Mutation mutation) {
    try {
      return store.withdraw(mutation);
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private void gone(Mutation mutation, @Nullable Boolean there) {
    answer(
        mutation,
        there != null && there
            ? null
            : new OutcomeUnknownException(
                "the write was answered and nobody heard it, or the hot store has forgotten it"));
  }

  private void answer(Mutation mutation, @Nullable HeadpondException failure) {
    engine.answered(mutation.writeId(), failure);
  }

  /** Whether it can be seen that the database has this very write; if not, nobody knows. */
  CompletionStage<Boolean> committed(Mutation mutation) {
    return store
        .get(mutation.key())
        .thenCompose(
            lookup ->
                lookup.miss()
                    ? core.systemOfRecord()
                        .load(List.of(mutation.key()))
                        .thenCompose(rows -> isThere(mutation, rows))
                    : CompletableFuture.completedFuture(isThere(mutation, lookup)));
  }

  private static boolean isThere(Mutation mutation, Lookup lookup) {
    return lookup.version() == mutation.version();
  }

  /** If it is, but is not settled yet, a load that began before it could still be cached. */
  private CompletionStage<Boolean> isThere(Mutation mutation, List<Loaded> rows) {
    boolean there = mutation instanceof Mutation.Put && rows.get(0).version() == mutation.version();
    return there
        ? store.invalidate(mutation.key()).thenApply(state -> true)
        : CompletableFuture.completedFuture(false);
  }
}
