package io.headpond.journal;

import io.headpond.OutcomeUnknownException;
import io.headpond.spi.Environment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One force for all who wait for one. While a force runs, the next ones gather; at most one task is under way. Thread-safe.
 */
final class GroupCommit {
  private final Environment environment;

  /** Forces all that has been appended and gives the position up to which that was. */
  private final LongSupplier force;

  private final Object lock = new Object();
  private List<Waiter<?>> waiters = new ArrayList<>();
  private boolean running;
  private volatile int waiting;
  private @Nullable Throwable failure;

  /** Somebody who waits for a position, for a future of this value. */
  private record Waiter<T>(long position, CompletableFuture<T> done, T value, boolean onlyWakes) {
    void reached() {
      done.complete(value);
    }
  }

  GroupCommit(Environment environment, LongSupplier force) {
    this.environment = environment;
    this.force = force;
  }

  /**
   * Completes with {@code value} when all before the position has been forced.
   *
   * @param callerWaits the caller is about to block on the future and attaches nothing to it: if nobody forces
   *     now, this thread does it, which saves waking another one
   */
  <T> CompletableFuture<T> await(long position, T value, boolean callerWaits) {
    CompletableFuture<T> done = new CompletableFuture<>();
    boolean start;
    synchronized (lock) {
      if (failure != null) {
        done.completeExceptionally(unknown(failure));
        return done;
      }
      waiters.add(new Waiter<>(position, done, value, callerWaits));
      waiting = waiters.size();
      start = !running;
      running = true;
    }
    if (start && callerWaits) {
      if (forceOnce()) {
        start();
      }
    } else if (start) {
      start();
    }
    return done;
  }

  /** About how many wait. */
  int waiting() {
    return waiting;
  }

  private void start() {
    try {
      environment.executeBlocking(this::run);
    } catch (RejectedExecutionException e) {
      run();
    }
  }

  private void run() {
    while (forceOnce()) {
      // Others have come meanwhile.
    }
  }

  /**
   * Forces and completes who is reached by it. A future that only wakes a thread is completed here; what is attached to the
   * others may block, also on the next force, so they are completed elsewhere while others wait.
   *
   * @return whether somebody waits for another force; then the caller sees to it
   */
  private boolean forceOnce() {
    long position;
    try {
      position = force.getAsLong();
    } catch (RuntimeException | Error e) {
      fail(e);
      return false;
    }
    List<Waiter<?>> wakes = new ArrayList<>();
    List<Waiter<?>> others = new ArrayList<>();
    boolean more;
    synchronized (lock) {
      List<Waiter<?>> later = new ArrayList<>();
      for (Waiter<?> waiter : waiters) {
        (waiter.position > position ? later : waiter.onlyWakes ? wakes : others).add(waiter);
      }
      waiters = later;
      waiting = later.size();
      more = !later.isEmpty();
      running = more;
    }
    wakes.forEach(Waiter::reached);
    if (!others.isEmpty()) {
      try {
        environment.executeBlocking(() -> others.forEach(Waiter::reached));
      } catch (RejectedExecutionException e) {
        others.forEach(Waiter::reached);
      }
    }
    return more;
  }

  /** Nobody will ever learn whether what they wait for is on the disk. */
  void fail(Throwable cause) {
    List<Waiter<?>> left;
    synchronized (lock) {
      failure = cause;
      left = waiters;
      waiters = new ArrayList<>();
      running = false;
    }
    for (Waiter<?> waiter : left) {
      waiter.done.completeExceptionally(unknown(cause));
    }
  }

  private static OutcomeUnknownException unknown(Throwable cause) {
    return new OutcomeUnknownException(
        "the journal could not be forced to the disk, so the write may or may not survive a restart: "
            + cause.getMessage(),
        cause);
  }
}
