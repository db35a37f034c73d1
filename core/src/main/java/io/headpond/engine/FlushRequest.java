package io.headpond.engine;

import io.headpond.spi.Horizon;
import io.headpond.spi.PartitionStats;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The part of one partition in a flush: what is ready when it arrives there, within a budget of entries. It is over when that
 * is written or refused, the budget is used, or a cycle that it caused has failed; it does not wait for deferred entries. Used by one flusher only.
 */
final class FlushRequest {
  /** What a cycle, or all of a part, did; {@code error} is null if nothing failed and nothing was refused. */
  record Result(
      int applied, int stale, int retried, int rejected, int statements, @Nullable String error) {
    static final Result NOTHING = new Result(0, 0, 0, 0, 0, null);

    static Result failure(String message) {
      return new Result(0, 0, 0, 0, 0, message);
    }

    Result plus(Result more) {
      return new Result(
          applied + more.applied,
          stale + more.stale,
          retried + more.retried,
          rejected + more.rejected,
          statements + more.statements,
          error == null ? more.error : error);
    }
  }

  private final CompletableFuture<Result> done = new CompletableFuture<>();
  private Result sum = Result.NOTHING;
  private long untilMicros;
  private @Nullable PartitionStats arrival;
  private int budget;
  private boolean begun;

  /**
   * @param budget the most entries
   */
  FlushRequest(int budget) {
    this.budget = budget;
  }

  CompletableFuture<Result> done() {
    return done;
  }

  int budget() {
    return budget;
  }

  /** It has reached the flusher, when the partition was like this. */
  void arrived(Horizon horizon) {
    untilMicros = horizon.micros();
    arrival = horizon.stats();
  }

  /** What there was when it arrived. */
  PartitionStats arrival() {
    return Objects.requireNonNull(arrival, "arrival");
  }

  /** Whether a cycle has begun of which it is a reason, or it is over. */
  boolean begun() {
    return begun || done.isDone();
  }

  /** Whether nothing is ready that was there when it arrived. */
  boolean nothingLeft(PartitionStats now) {
    return now.ready() == 0 || now.oldestReady() > untilMicros;
  }

  /** A cycle begins of which this request is a reason. */
  void begin() {
    begun = true;
  }

  /**
   * A cycle has ended. One that was under way when the request came counts for what it wrote, not for its failure.
   *
   * @param failed whether nothing gets through; a refusal is no failure, what is left can be tried
   * @return whether the request is over
   */
  boolean add(Result result, boolean failed, PartitionStats now) {
    if (!failed || begun) {
      sum = sum.plus(result);
      budget -= result.applied() + result.stale();
    }
    if (budget <= 0 || nothingLeft(now) || (begun && failed)) {
      conclude();
      return true;
    }
    return false;
  }

  /** Another process did this. */
  void conclude(Result elsewhere) {
    done.complete(sum.plus(elsewhere));
  }

  /** Nothing more can be done. */
  void conclude() {
    done.complete(sum);
  }

  /** The flusher has stopped. */
  void abandon(String reason) {
    done.complete(sum.plus(Result.failure(reason)));
  }
}
