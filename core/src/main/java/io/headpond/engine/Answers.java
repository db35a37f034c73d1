package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.spi.Mutation;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What the database answered to staged writes, for those who wait for it. An answer may come before the writer has learnt its write id; so while any writer is being staged, answers
 * that nobody waits for are kept. Thread-safe.
 */
final class Answers {
  /** More of them would be those of other processes. */
  private static final int MOST_EARLY = 10_000;

  private final Map<Long, CompletableFuture<Void>> waiting = new HashMap<>();
  private final LinkedHashMap<Long, Optional<HeadpondException>> early = new LinkedHashMap<>();
  private int staging;

  /** A write is about to be staged. */
  synchronized void staging() {
    staging++;
  }

  /** A write that was about to be staged was, and {@linkplain #expect waits}, or was not. */
  synchronized void staged() {
    if (--staging == 0) {
      early.clear();
    }
  }

  /** The answer to a staged write, once. */
  CompletableFuture<Void> expect(Mutation mutation) {
    CompletableFuture<Void> answer = new CompletableFuture<>();
    Optional<HeadpondException> known;
    synchronized (this) {
      known = early.remove(mutation.writeId());
      if (known == null) {
        waiting.put(mutation.writeId(), answer);
      }
    }
    if (known != null) {
      complete(answer, known.orElse(null));
    }
    return answer;
  }

  /**
   * An answer has come.
   *
   * @return whether somebody waits for it
   */
  boolean answer(long writeId, @Nullable HeadpondException failure) {
    CompletableFuture<Void> answer;
    synchronized (this) {
      answer = waiting.remove(writeId);
      if (answer == null && staging > 0) {
        early.put(writeId, Optional.ofNullable(failure));
        if (early.size() > MOST_EARLY) {
          early.remove(early.keySet().iterator().next());
        }
      }
    }
    if (answer != null) {
      complete(answer, failure);
    }
    return answer != null;
  }

  private static void complete(
      CompletableFuture<Void> answer, @Nullable HeadpondException failure) {
    if (failure == null) {
      answer.complete(null);
    } else {
      answer.completeExceptionally(failure);
    }
  }
}
