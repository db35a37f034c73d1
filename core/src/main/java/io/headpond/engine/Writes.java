package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.spi.Expected;
import io.headpond.spi.HotStore;
import io.headpond.spi.Remembered;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import io.headpond.spi.WriteOutcome.Mismatch;
import io.headpond.spi.WriteOutcome.Repeated;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The way of a write into the hot store. Thread-safe.
 *
 * <p>While the store has room a write goes straight in. When it is full, writes {@linkplain WaitingLines wait}; as long as any waits, later ones of the same
 * tenant line up behind it, so that two writes of a key by one caller cannot overtake each other. A write to an entry that is pending already needs no room and
 * passes, unless an earlier write of its key waits: that is how a value that the database refuses is put
 * right while the limit is reached.
 */
final class Writes {
  /** When to try again while the database takes nothing. */
  private static final Duration NO_PROGRESS = Duration.ofSeconds(10);

  private static final double MIN_RETRY_SECONDS = 1;
  private static final double MAX_RETRY_SECONDS = 60;

  /** The share of the limit that is to be free again before who was refused comes back. */
  private static final double ROOM = 0.05;

  private final Core core;
  private final HotStore store;
  private final String limit;
  private final Statistics statistics;
  private final Settlements settlements;
  private final Flusher[] flushers;
  private final Throttle throttle;
  private final WriteThrough writeThrough;
  private final int maxPendingEntries;
  private final WaitingLines lines;
  private volatile @Nullable HeadpondException closed;

  Writes(Core core, Flusher[] flushers, Throttle throttle, WriteThrough writeThrough) {
    this.core = core;
    this.store = core.store();
    this.limit =
        core.settings().maxPendingEntries()
            + " entries (maxPendingEntries) or "
            + core.settings().maxPendingBytes()
            + " bytes (maxPendingBytes)"
            + (core.settings().tenant() == null
                ? ""
                : ", of which each "
                    + core.settings().tenant()
                    + " may have as much as all leave free");
    this.statistics = core.statistics();
    this.settlements = core.settlements();
    this.flushers = flushers;
    this.throttle = throttle;
    this.writeThrough = writeThrough;
    this.maxPendingEntries = core.settings().maxPendingEntries();
    this.lines = new WaitingLines(core, this::full, this::admitted);
  }

  /** Acknowledged when the future completes. */
  CompletableFuture<Receipt> write(Write write) {
    HeadpondException reason = closed;
    if (reason != null) {
      return refuse(reason);
    }
    return lines.size() > 0 && !retry(write) && lines.blocks(write.key(), false)
        ? behindOthers(write)
        : put(write);
  }

  /** Others wait for room: so does this one, unless it needs none. */
  private CompletableFuture<Receipt> behindOthers(Write write) {
    if (lines.blocks(write.key(), true)) {
      return lines.join(write);
    }
    CompletableFuture<Boolean> pending =
        store
            .get(write.key())
            .handle((now, failure) -> failure == null && now.state() == EntryState.PENDING)
            .toCompletableFuture();
    if (pending.isDone()) {
      return pending.join() ? put(write) : lines.join(write);
    }
    CompletableFuture<Receipt> result = new CompletableFuture<>();
    pending.thenAccept(
        needsNone -> Failures.pass(needsNone ? put(write) : lines.join(write), result));
    return result;
  }

  private CompletableFuture<Receipt> put(Write write) {
    CompletableFuture<WriteOutcome> outcome = store.put(write).toCompletableFuture();
    if (outcome.isDone() && !outcome.isCompletedExceptionally()) {
      return conclude(write, outcome.join());
    }
    CompletableFuture<Receipt> result = new CompletableFuture<>();
    outcome.whenComplete(
        (o, failure) -> {
          if (o instanceof Written written) {
            Receipt receipt = acknowledge(write, written);
            long pause = throttle.pauseNanos(written);
            if (pause == 0) {
              result.complete(receipt);
            } else {
              throttle.hold(result, receipt, pause);
            }
          } else {
            Failures.pass(failure == null ? conclude(write, o) : refuse(failure), result);
          }
        });
    return result;
  }

  /** Whether it tries a dead letter again, which needs no room. */
  private static boolean retry(Write write) {
    Expected expected = write.expected();
    return expected != null && expected.retried();
  }

  /** Something was settled or parked: who waits may find room. */
  void roomFreed() {
    lines.roomFreed();
  }

  /** Refuses writes from now on, and those that wait. */
  void close(HeadpondException reason) {
    if (closed == null) {
      closed = reason;
    }
    lines.close(reason);
  }

  int waiting() {
    return lines.size();
  }

  /**
   * The receipt of a request that was carried out before.
   *
   * @throws RequestConflictException if it was another one
   */
  Receipt repeated(Remembered earlier, RequestId request, Durability durability) {
    request.requireSame(earlier.request().fingerprint());
    return new WriteReceipt(settlements, earlier.key(), earlier.version(), durability, true);
  }

  /** What follows from what the store said to a write below {@link Durability#DATABASE}, or to one at it that was not staged. */
  CompletableFuture<Receipt> conclude(Write write, WriteOutcome outcome) {
    if (outcome instanceof Written written) {
      Receipt receipt = acknowledge(write, written);
      long pause = throttle.pauseNanos(written);
      return pause == 0
          ? CompletableFuture.completedFuture(receipt)
          : throttle.hold(new CompletableFuture<>(), receipt, pause);
    }
    if (outcome instanceof Full) {
      return lines.join(write);
    }
    if (outcome instanceof Mismatch mismatch) {
      return CompletableFuture.failedFuture(new MismatchException(mismatch.now()));
    }
    if (outcome instanceof Repeated repeated) {
      return repeated(write, repeated.earlier());
    }
    // What is staged for the key decides whether the expectation holds.
    return writeThrough.write(write, this::conclude);
  }

  private CompletableFuture<Receipt> repeated(Write write, Remembered earlier) {
    try {
      return CompletableFuture.completedFuture(
          repeated(earlier, Objects.requireNonNull(write.request()), write.durability()));
    } catch (RequestConflictException e) {
      return refuse(e);
    }
  }

  /** A write is in the store. */
  Receipt acknowledge(Write write, Written written) {
    long version = written.mutation().version();
    core.written(write, version, written.coalesced());
    flushers[write.key().partition(flushers.length)].written(written.ready());
    return new WriteReceipt(settlements, write.key(), version, write.durability(), false);
  }

  /** What follows for a write that has waited: no pause on top of that. */
  private CompletableFuture<Receipt> admitted(Write write, WriteOutcome outcome) {
    return outcome instanceof Written written
        ? CompletableFuture.completedFuture(acknowledge(write, written))
        : conclude(write, outcome);
  }

  private OverloadedException full(String what) {
    return new OverloadedException(what + limit, retryAfter());
  }

  /** When there will be room, at the rate at which the database takes entries. */
  private Duration retryAfter() {
    double rate = statistics.flushRate.perSecond();
    if (rate == 0) {
      return NO_PROGRESS;
    }
    double seconds = (lines.size() + 1 + maxPendingEntries * ROOM) / rate;
    return Duration.ofMillis(
        (long) (1_000 * Math.min(MAX_RETRY_SECONDS, Math.max(MIN_RETRY_SECONDS, seconds))));
  }

  private CompletableFuture<Receipt> refuse(Throwable failure) {
    Throwable cause = Failures.cause(failure);
    core.refused(cause);
    return CompletableFuture.failedFuture(cause);
  }
}
