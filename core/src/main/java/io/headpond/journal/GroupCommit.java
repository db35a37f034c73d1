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
  private List<Waiter> waiters = new ArrayList<>();
  private boolean running;
  private @Nullable Throwable failure;

  private record Waiter(long position, CompletableFuture<@Nullable Void> done) {}

  GroupCommit(Environment environment, LongSupplier force) {
    this.environment = environment;
    this.force = force;
  }

  /** Completes when all before the position has been forced. */
  CompletableFuture<@Nullable Void> await(long position) {
    Waiter waiter = new Waiter(position, new CompletableFuture<>());
    boolean start;
    synchronized (lock) {
      if (failure != null) {
        waiter.done.completeExceptionally(unknown(failure));
        return waiter.done;
      }
      waiters.add(waiter);
      start = !running;
      running = true;
    }
    if (start) {
      start();
    }
    return waiter.done;
  }

  /**
   * Forces, then lets others go on forcing before it completes who waited: what they have attached may block, also on the next
   * force.
   */
  private void run() {
    long position;
    try {
      position = force.getAsLong();
    } catch (RuntimeException | Error e) {
      fail(e);
      return;
    }
    List<Waiter> reached = new ArrayList<>();
    boolean more;
    synchronized (lock) {
      List<Waiter> later = new ArrayList<>();
      for (Waiter waiter : waiters) {
        (waiter.position <= position ? reached : later).add(waiter);
      }
      waiters = later;
      more = !later.isEmpty();
      running = more;
    }
    if (more) {
      start();
    }
    for (Waiter waiter : reached) {
      waiter.done.complete(null);
    }
  }

  private void start() {
    try {
      environment.executeBlocking(this::run);
    } catch (RejectedExecutionException e) {
      run();
    }
  }

  /** Nobody will ever learn whether what they wait for is on the disk. */
  void fail(Throwable cause) {
    List<Waiter> left;
    synchronized (lock) {
      failure = cause;
      left = waiters;
      waiters = new ArrayList<>();
      running = false;
    }
    for (Waiter waiter : left) {
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
