package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.Remembered;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import io.headpond.spi.WriteOutcome.Mismatch;
import io.headpond.spi.WriteOutcome.Repeated;
import io.headpond.spi.WriteOutcome.Written;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The way of a write into the hot store, and the line where writes wait for room. Thread-safe.
 *
 * <p>While the store has room a write goes straight in. When it is full, writes wait in the order in which they
 * came, each until its deadline; as long as any waits, later ones line up behind it, so that two writes of a key by
 * one caller cannot overtake each other. A write to an entry that is pending already needs no room and
 * passes, unless an earlier write of its key waits: that is how a value that the database refuses is put
 * right while the limit is reached.
 */
final class Writes {
  /** The most writes that wait; they hold memory that the limit on pending bytes does not count. */
  private static final int MAX_WAITING = 10_000;

  /** When to try again while the database takes nothing. */
  private static final Duration NO_PROGRESS = Duration.ofSeconds(10);

  private static final double MIN_RETRY_SECONDS = 1;
  private static final double MAX_RETRY_SECONDS = 60;

  /** The share of the limit that is to be free again before who was refused comes back. */
  private static final double ROOM = 0.05;

  private final class Waiting {
    private final Write write;
    private final CompletableFuture<Receipt> result = new CompletableFuture<>();
    private Environment.@Nullable Timer deadline;

    /** The store has been asked: the write can no longer be said to have failed. Used in {@link #retries}. */
    private boolean busy;

    /** Why it fails if the store says that there is no room. Used in {@link #retries}. */
    private @Nullable HeadpondException late;

    private Waiting(Write write) {
      this.write = write;
    }
  }

  private final Core core;
  private final HotStore store;
  private final Environment environment;
  private final Duration patience;
  private final String limit;
  private final Statistics statistics;
  private final Settlements settlements;
  private final Flusher[] flushers;
  private final Throttle throttle;
  private final WriteThrough writeThrough;
  private final int maxPendingEntries;
  private final SerialExecutor retries;

  /** Guards the line and {@link #keys}. */
  private final Object lock = new Object();

  private final ArrayDeque<Waiting> line = new ArrayDeque<>();
  private final Map<Key, Integer> keys = new HashMap<>();

  /** How many wait; read without the lock. */
  private volatile int waiting;

  /** Room was freed while the store was asked. Used in {@link #retries}. */
  private boolean again;

  private volatile @Nullable HeadpondException closed;

  Writes(Core core, Flusher[] flushers, Throttle throttle, WriteThrough writeThrough) {
    this.core = core;
    this.store = core.store();
    this.environment = core.environment();
    this.patience = core.settings().overload().deadline();
    this.limit =
        core.settings().maxPendingEntries()
            + " entries (maxPendingEntries) or "
            + core.settings().maxPendingBytes()
            + " bytes (maxPendingBytes)";
    this.statistics = core.statistics();
    this.settlements = core.settlements();
    this.flushers = flushers;
    this.throttle = throttle;
    this.writeThrough = writeThrough;
    this.maxPendingEntries = core.settings().maxPendingEntries();
    this.retries = new SerialExecutor(core.environment());
  }

  /** Acknowledged when the future completes. */
  CompletableFuture<Receipt> write(Write write) {
    HeadpondException reason = closed;
    if (reason != null) {
      return refuse(reason);
    }
    if (waiting > 0 && !passes(write.key())) {
      return lineUp(write);
    }
    CompletableFuture<WriteOutcome> outcome = store.put(write).toCompletableFuture();
    if (outcome.isDone() && !outcome.isCompletedExceptionally()) {
      return conclude(write, outcome.join());
    }
    CompletableFuture<Receipt> result = new CompletableFuture<>();
    outcome.whenComplete(
        (o, failure) -> {
          if (o instanceof Written written) {
            Receipt receipt = acknowledge(write, written);
            long pause = throttle.pauseNanos(written.usage());
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

  /** Something was settled or parked: who waits may find room. */
  void roomFreed() {
    if (waiting > 0) {
      retries.execute(
          () -> {
            again = true;
            admit();
          });
    }
  }

  /** Refuses writes from now on, and those that wait. */
  void close(HeadpondException reason) {
    synchronized (lock) {
      if (closed == null) {
        closed = reason;
      }
    }
    retries.execute(
        () -> {
          List<Waiting> all;
          synchronized (lock) {
            all = List.copyOf(line);
          }
          all.forEach(entry -> fail(entry, reason));
        });
  }

  int waiting() {
    return waiting;
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
      long pause = throttle.pauseNanos(written.usage());
      return pause == 0
          ? CompletableFuture.completedFuture(receipt)
          : throttle.hold(new CompletableFuture<>(), receipt, pause);
    }
    if (outcome instanceof Full) {
      return lineUp(write);
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

  /** Whether the entry is pending, so that the write needs no room, and none of its key waits. */
  private boolean passes(Key key) {
    synchronized (lock) {
      if (keys.containsKey(key)) {
        return false;
      }
    }
    var lookup = store.get(key).toCompletableFuture();
    return lookup.isDone()
        && !lookup.isCompletedExceptionally()
        && lookup.join().state() == EntryState.PENDING;
  }

  private CompletableFuture<Receipt> lineUp(Write write) {
    Waiting entry = new Waiting(write);
    synchronized (lock) {
      HeadpondException reason = closed;
      if (reason != null) {
        return refuse(reason);
      }
      if (patience.isZero() || line.size() >= MAX_WAITING) {
        return refuse(full("as much is pending as may be: "));
      }
      line.add(entry);
      keys.merge(write.key(), 1, Integer::sum);
      waiting = line.size();
    }
    entry.deadline =
        environment.schedule(
            patience,
            () ->
                retries.execute(
                    () -> {
                      fail(
                          entry,
                          full(
                              "no room within "
                                  + patience.toMillis()
                                  + " ms; as much is pending as may be: "));
                      // What stands behind it may be smaller.
                      admit();
                    }));
    // What freed room before this one stood in line has not seen it.
    retries.execute(this::admit);
    return entry.result;
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
    double seconds = (waiting + 1 + maxPendingEntries * ROOM) / rate;
    return Duration.ofMillis(
        (long) (1_000 * Math.min(MAX_RETRY_SECONDS, Math.max(MIN_RETRY_SECONDS, seconds))));
  }

  /** Lets in from the head of the line until the store is full again. Runs in {@link #retries}. */
  private void admit() {
    Waiting head;
    synchronized (lock) {
      head = line.peek();
    }
    if (head == null || head.busy) {
      return;
    }
    head.busy = true;
    again = false;
    store
        .put(head.write)
        .whenComplete(
            (outcome, failure) -> retries.execute(() -> answered(head, outcome, failure)));
  }

  private void answered(Waiting head, @Nullable WriteOutcome outcome, @Nullable Throwable failure) {
    head.busy = false;
    if (failure != null) {
      leave(head);
      Throwable cause = Failures.cause(failure);
      core.refused(cause);
      environment.executeCallback(() -> head.result.completeExceptionally(cause));
    } else if (outcome instanceof Written written) {
      leave(head);
      Receipt receipt = acknowledge(head.write, written);
      environment.executeCallback(() -> head.result.complete(receipt));
    } else if (outcome != null && !(outcome instanceof Full)) {
      leave(head);
      CompletableFuture<Receipt> otherwise = conclude(head.write, outcome);
      environment.executeCallback(() -> Failures.pass(otherwise, head.result));
    } else if (head.late != null) {
      fail(head, head.late);
    } else if (!again) {
      return;
    }
    admit();
  }

  /** Ends a wait without success, unless the store has been asked and may yet say yes. */
  private void fail(Waiting entry, HeadpondException reason) {
    if (entry.busy) {
      entry.late = reason;
    } else if (leave(entry)) {
      core.refused(reason);
      environment.executeCallback(() -> entry.result.completeExceptionally(reason));
    }
  }

  private boolean leave(Waiting entry) {
    Environment.Timer deadline = entry.deadline;
    if (deadline != null) {
      deadline.cancel();
    }
    synchronized (lock) {
      if (!line.remove(entry)) {
        return false;
      }
      keys.computeIfPresent(entry.write.key(), (key, count) -> count == 1 ? null : count - 1);
      waiting = line.size();
      return true;
    }
  }

  private CompletableFuture<Receipt> refuse(Throwable failure) {
    Throwable cause = Failures.cause(failure);
    core.refused(cause);
    return CompletableFuture.failedFuture(cause);
  }
}
