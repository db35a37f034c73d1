package io.headpond.server.http;

import io.headpond.DeadLetterFilter;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The exports of dead letters and of queues. Each holds a thread for as long as its client reads, so there are only a few at once. Thread-safe.
 */
final class Exports {
  /** The most at once, of all datasets. */
  static final int MAX_AT_ONCE = 4;

  private static final Duration LAST_LINE = Duration.ofSeconds(2);
  private static final int RETRY_AFTER_SECONDS = 5;

  private final Semaphore places = new Semaphore(MAX_AT_ONCE);
  private volatile boolean closed;

  void serve(Call call) {
    DeadLetterFilter filter = LetterFilter.of(call);
    Dataset dataset = call.dataset();
    answer(
        call,
        () ->
            call.cache()
                .deadLetters()
                .list(filter, null, LetterLines.PAGE)
                .thenApply(
                    page -> new LetterLines(dataset, filter, page, call.patience(), () -> closed)));
  }

  /**
   * Answers with lines of another kind.
   *
   * @param lines is given whether they must end now
   */
  void serve(Call call, Function<BooleanSupplier, Iterator<String>> lines) {
    // Later, so that it is on a thread that may be held.
    answer(call, () -> CompletableFuture.supplyAsync(() -> lines.apply(() -> closed)));
  }

  private void answer(Call call, Supplier<CompletableFuture<? extends Iterator<String>>> lines) {
    if (!places.tryAcquire()) {
      throw Problem.later(
          Problem.Kind.OVERLOADED,
          MAX_AT_ONCE + " exports are under way already; try again when one has ended",
          RETRY_AFTER_SECONDS);
    }
    CompletableFuture<Void> ended;
    try {
      ended = call.answerInPieces(Body.LINES.get(0), lines.get());
    } catch (RuntimeException e) {
      places.release();
      throw e;
    }
    var unused = ended.whenComplete((nothing, failure) -> places.release());
  }

  /** Cuts those under way with a last line that says so, and waits a little for it. */
  void close() {
    closed = true;
    try {
      if (places.tryAcquire(MAX_AT_ONCE, LAST_LINE.toMillis(), TimeUnit.MILLISECONDS)) {
        places.release(MAX_AT_ONCE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
