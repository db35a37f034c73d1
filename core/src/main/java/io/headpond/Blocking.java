package io.headpond;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Waits for futures and throws what they fail with. */
final class Blocking {
  private Blocking() {}

  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new OutcomeUnknownException("interrupted while waiting; it may still be carried out", e);
    } catch (ExecutionException | CancellationException e) {
      throw asHeadpond(e);
    }
  }

  static <K> Map<K, Receipt> awaitAll(Map<K, CompletableFuture<Receipt>> futures) {
    Map<K, Receipt> receipts = new LinkedHashMap<>();
    Map<K, HeadpondException> failures = new HashMap<>();
    futures.forEach(
        (key, future) -> {
          try {
            receipts.put(key, await(future));
          } catch (HeadpondException e) {
            failures.put(key, e);
          }
        });
    if (!failures.isEmpty()) {
      throw new PartialWriteException(receipts, failures);
    }
    return receipts;
  }

  /** What a caller is to see of a failure: ours as it is, with this stack as suppressed context. */
  private static HeadpondException asHeadpond(Exception failure) {
    Throwable cause = failure;
    while ((cause instanceof ExecutionException || cause instanceof CompletionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof HeadpondException ours
        ? ours
        : new HeadpondException("failed unexpectedly: " + cause, cause);
  }
}
