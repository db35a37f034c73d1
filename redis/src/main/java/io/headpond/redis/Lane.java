package io.headpond.redis;

import io.headpond.OutcomeUnknownException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The scripts for one slot, one after the other: the next is sent when the one before it was answered, so that their order holds whatever is tried again. Waiting for replicas
 * does not keep the next one waiting. Who has many writes for a slot puts them into one script. Thread-safe.
 */
final class Lane {
  private final Function<Call, CompletableFuture<Call.Done>> carry;
  private final Deque<Call> waiting = new ArrayDeque<>();
  private boolean busy;

  /**
   * Empty.
   *
   * @param carry carries a call out, and tries again where that helps
   */
  Lane(Function<Call, CompletableFuture<Call.Done>> carry) {
    this.carry = carry;
  }

  void add(Call call) {
    synchronized (this) {
      if (busy) {
        waiting.add(call);
        return;
      }
      busy = true;
    }
    begin(call);
  }

  /** A loop, not a recursion: many may fail at once. */
  private void begin(Call first) {
    for (Call call = first; call != null; ) {
      CompletableFuture<Call.Done> carried = carried(call);
      Call current = call;
      if (!carried.isDone()) {
        carried.whenComplete(
            (done, failure) -> {
              Call next = next();
              if (next != null) {
                begin(next);
              }
              finish(current, done, failure);
            });
        return;
      }
      call = next();
      carried.whenComplete((done, failure) -> finish(current, done, failure));
    }
  }

  /** Whatever happens, those that wait behind it have their turn. */
  private CompletableFuture<Call.Done> carried(Call call) {
    try {
      return carry.apply(call);
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(
          new OutcomeUnknownException("it is not known whether the command was sent: " + e, e));
    }
  }

  private synchronized @Nullable Call next() {
    Call next = waiting.poll();
    busy = next != null;
    return next;
  }

  /** Gives the caller what became of its call. */
  static void finish(Call call, Call.@Nullable Done done, @Nullable Throwable failure) {
    if (failure != null || done == null) {
      call.result()
          .completeExceptionally(
              failure == null ? new IllegalStateException() : Problems.unwrap(failure));
      return;
    }
    CompletableFuture<?> replicas = done.replicas();
    if (replicas == null) {
      call.result().complete(done.answer());
      return;
    }
    replicas.whenComplete(
        (acknowledged, unknown) -> {
          if (unknown == null) {
            call.result().complete(done.answer());
          } else {
            call.result().completeExceptionally(Problems.unwrap(unknown));
          }
        });
  }
}
