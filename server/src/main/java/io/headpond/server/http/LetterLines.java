package io.headpond.server.http;

import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterPage;
import io.headpond.Key;
import io.headpond.Row;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Dead letters as lines, no more than a page of them in memory. If a page cannot be had, the last line is the problem, so that nobody takes a part for the whole.
 * {@link #next} may wait for a page. Used by one thread.
 */
final class LetterLines implements Iterator<String> {
  /** Letters of a page. */
  static final int PAGE = 200;

  private final Dataset dataset;
  private final DeadLetterFilter filter;
  private Iterator<DeadLetter<Key, Row>> letters;
  private @Nullable String after;
  private @Nullable Problem problem;

  LetterLines(Dataset dataset, DeadLetterFilter filter, DeadLetterPage<Key, Row> first) {
    this.dataset = dataset;
    this.filter = filter;
    this.letters = first.letters().iterator();
    this.after = first.next();
  }

  @Override
  public boolean hasNext() {
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
      return DeadLetterRoutes.json(dataset, letters.next()) + "\n";
    }
    Problem last = java.util.Objects.requireNonNull(problem);
    problem = null;
    after = null;
    return last.json() + "\n";
  }

  private void turn(String to) {
    try {
      DeadLetterPage<Key, Row> page =
          dataset
              .cache()
              .deadLetters()
              .list(filter, to, PAGE)
              .get(Call.TIMEOUT.toSeconds(), TimeUnit.SECONDS);
      letters = page.letters().iterator();
      after = page.next();
    } catch (ExecutionException e) {
      problem = Reply.problem("GET", e);
    } catch (TimeoutException e) {
      problem = Reply.noAnswerInTime();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      problem = Problem.stopping();
    }
  }
}
