package io.headpond.server.http;

import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterPage;
import io.headpond.Key;
import io.headpond.Row;
import java.time.Duration;
import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Dead letters as lines, no more than a page of them in memory. If it has to end early, the last line is the problem, so that nobody takes a part for the whole.
 * {@link #next} may wait for a page. Used by one thread.
 */
final class LetterLines implements Iterator<String> {
  /** Letters of a page. */
  static final int PAGE = 200;

  private final Dataset dataset;
  private final DeadLetterFilter filter;
  private final Duration patience;
  private final BooleanSupplier stopping;
  private Iterator<DeadLetter<Key, Row>> letters;
  private @Nullable String after;
  private @Nullable Problem problem;

  /**
   * @param patience how long it waits for a page
   * @param stopping whether it must end now
   */
  LetterLines(
      Dataset dataset,
      DeadLetterFilter filter,
      DeadLetterPage<Key, Row> first,
      Duration patience,
      BooleanSupplier stopping) {
    this.dataset = dataset;
    this.filter = filter;
    this.patience = patience;
    this.stopping = stopping;
    this.letters = first.letters().iterator();
    this.after = first.next();
  }

  @Override
  public boolean hasNext() {
    if (stopping.getAsBoolean() && problem == null && (letters.hasNext() || after != null)) {
      cut(Problem.later(Problem.Kind.UNAVAILABLE, "the server is stopping; this is not all", 1));
    }
    while (!letters.hasNext() && after != null && problem == null) {
      turn(after);
    }
    return letters.hasNext() || problem != null;
  }

  @Override
  public String next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    if (letters.hasNext()) {
      try {
        return DeadLetterRoutes.json(dataset, letters.next()) + "\n";
      } catch (RuntimeException e) {
        cut(Reply.problem("GET", e));
      }
    }
    Problem last = Objects.requireNonNull(problem);
    problem = null;
    return last.json() + "\n";
  }

  private void cut(Problem why) {
    letters = Collections.emptyIterator();
    after = null;
    problem = why;
  }

  private void turn(String to) {
    try {
      DeadLetterPage<Key, Row> page =
          dataset
              .cache()
              .deadLetters()
              .list(filter, to, PAGE)
              .get(patience.toNanos(), TimeUnit.NANOSECONDS);
      letters = page.letters().iterator();
      after = page.next();
    } catch (ExecutionException e) {
      cut(Reply.problem("GET", e));
    } catch (TimeoutException e) {
      cut(Reply.noAnswerInTime());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      cut(Problem.stopping());
    }
  }
}
