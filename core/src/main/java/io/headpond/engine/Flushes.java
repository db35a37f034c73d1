package io.headpond.engine;

import io.headpond.FlushReport;
import io.headpond.InvalidValueException;
import io.headpond.engine.FlushRequest.Result;
import io.headpond.spi.Environment;
import io.headpond.spi.PartitionStats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Flushes and drains that somebody asked for, over all partitions, and their reports. Thread-safe. */
final class Flushes {
  private final Core core;
  private final Flusher[] flushers;
  private final List<Drain> drains = new CopyOnWriteArrayList<>();

  /** Somebody who waits until nothing is pending. */
  private record Drain(
      long applied, long stale, long rejected, CompletableFuture<FlushReport> result) {}

  /** A drain has ended, with success or at its deadline. */
  private volatile boolean drained;

  Flushes(Core core, Flusher[] flushers) {
    this.core = core;
    this.flushers = flushers;
  }

  /** Whether a drain has ended, with success or at its deadline. */
  boolean drained() {
    return drained;
  }

  /** What is pending now; all partitions at once. */
  CompletableFuture<FlushReport> flush() {
    List<CompletableFuture<Result>> parts = new ArrayList<>(flushers.length);
    for (Flusher flusher : flushers) {
      FlushRequest request = new FlushRequest(Integer.MAX_VALUE);
      parts.add(request.done());
      flusher.flush(request);
    }
    return forUser(
        CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))
            .thenApply(
                all ->
                    parts.stream()
                        .map(CompletableFuture::join)
                        .reduce(Result.NOTHING, Result::plus)));
  }

  /** As {@link #flush}, but no longer than this; what is not written by then stays in the store. */
  CompletableFuture<FlushReport> flushWithin(Duration deadline) {
    CompletableFuture<FlushReport> result = new CompletableFuture<>();
    Environment.Timer timer =
        core.environment()
            .schedule(
                deadline,
                () ->
                    complete(
                        result, () -> Result.failure("not all was written within " + deadline)));
    flush()
        .whenComplete(
            (report, failure) -> {
              timer.cancel();
              if (failure == null) {
                result.complete(report);
              } else {
                result.completeExceptionally(Failures.cause(failure));
              }
            });
    return result.whenComplete((report, failure) -> drained = true);
  }

  /** At most so many entries; one partition after the other, the one with the oldest entry first. */
  CompletableFuture<FlushReport> flush(int maxEntries) {
    if (maxEntries < 1) {
      return CompletableFuture.failedFuture(
          new InvalidValueException(
              "maxEntries", Integer.toString(maxEntries), "must be at least 1"));
    }
    record Part(int partition, PartitionStats stats) {}
    List<Part> oldestFirst =
        IntStream.range(0, flushers.length)
            .mapToObj(p -> new Part(p, core.store().stats(p)))
            .filter(part -> part.stats.ready() > 0)
            .sorted(Comparator.comparingLong(part -> part.stats.oldestReady()))
            .toList();
    CompletableFuture<Result> chain = CompletableFuture.completedFuture(Result.NOTHING);
    for (Part part : oldestFirst) {
      chain =
          chain.thenCompose(
              sum -> {
                int left = maxEntries - sum.applied() - sum.stale();
                if (left <= 0) {
                  return CompletableFuture.completedFuture(sum);
                }
                FlushRequest request = new FlushRequest(left);
                flushers[part.partition].flush(request);
                return request.done().thenApply(sum::plus);
              });
    }
    return forUser(chain);
  }

  /** Until nothing is pending, or the deadline has passed. Writes must not be taken any more. */
  CompletableFuture<FlushReport> drain(Duration deadline) {
    CompletableFuture<FlushReport> result = new CompletableFuture<>();
    Drain drain =
        new Drain(
            core.statistics().applied.sum(),
            core.statistics().stale.sum(),
            core.statistics().rejected.sum(),
            new CompletableFuture<>());
    drains.add(drain);
    for (Flusher flusher : flushers) {
      flusher.drain();
    }
    Environment.Timer timer = core.environment().schedule(deadline, () -> finish(drain));
    drain.result.whenComplete(
        (report, failure) -> {
          timer.cancel();
          core.environment().executeCallback(() -> result.complete(report));
        });
    checkDrained();
    return result;
  }

  /** Ends the drains if nothing is pending any more that could be written. */
  void checkDrained() {
    if (drains.isEmpty()) {
      return;
    }
    boolean more = false;
    for (int i = 0; i < flushers.length; i++) {
      PartitionStats stats = core.store().stats(i);
      more |= stats.pending() + stats.staged() > 0 && !flushers[i].stopped();
    }
    if (!more) {
      drains.forEach(this::finish);
    }
  }

  private void finish(Drain drain) {
    drained = true;
    complete(drain.result, () -> result(drain));
    drains.remove(drain);
  }

  private Result result(Drain drain) {
    int rejected = (int) (core.statistics().rejected.sum() - drain.rejected);
    Trouble why = firstTrouble();
    return new Result(
        (int) (core.statistics().applied.sum() - drain.applied),
        (int) (core.statistics().stale.sum() - drain.stale),
        0,
        rejected,
        0,
        why != null ? why.message() : rejected > 0 ? core.statistics().lastRefusal : null);
  }

  /** Whatever fails here, who waits is answered. */
  private void complete(CompletableFuture<FlushReport> report, Supplier<Result> result) {
    try {
      report.complete(report(result.get()));
    } catch (RuntimeException | Error e) {
      report.completeExceptionally(e);
    }
  }

  /** The report of a flush, completed where what users have attached may block. */
  private CompletableFuture<FlushReport> forUser(CompletableFuture<Result> result) {
    CompletableFuture<FlushReport> report = new CompletableFuture<>();
    result.whenComplete(
        (sum, failure) ->
            core.environment()
                .executeCallback(
                    () -> {
                      if (failure == null) {
                        complete(report, () -> sum);
                      } else {
                        report.completeExceptionally(Failures.cause(failure));
                      }
                    }));
    return report;
  }

  /** How many entries are pending or staged now. */
  int pending() {
    int pending = 0;
    for (int i = 0; i < flushers.length; i++) {
      PartitionStats stats = core.store().stats(i);
      pending += stats.pending() + stats.staged();
    }
    return pending;
  }

  private FlushReport report(Result sum) {
    return new FlushReport(
        sum.applied(),
        sum.stale(),
        sum.retried(),
        sum.rejected(),
        sum.statements(),
        pending(),
        sum.error());
  }

  private @Nullable Trouble firstTrouble() {
    for (Flusher flusher : flushers) {
      Trouble trouble = flusher.trouble();
      if (trouble != null) {
        return trouble;
      }
    }
    return null;
  }
}
