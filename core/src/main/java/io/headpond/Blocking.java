package io.headpond;

import io.headpond.engine.Failures;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Waits for futures and throws what they fail with. */
final class Blocking {
  private Blocking() {}

  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new OutcomeUnknownException(
          "interrupted while waiting; it may still be carried out", e);
    } catch (ExecutionException | CancellationException e) {
      throw Failures.unchecked(e);
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
}
