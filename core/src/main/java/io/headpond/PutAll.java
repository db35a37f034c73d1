package io.headpond;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Waits for several writes. */
final class PutAll {
  private PutAll() {}

  static <K> Map<K, Receipt> await(
      WriteBehindCache<?, ?> cache, Map<K, CompletableFuture<Receipt>> futures) {
    Map<K, Receipt> receipts = new LinkedHashMap<>();
    Map<K, HeadpondException> failures = new HashMap<>();
    futures.forEach(
        (key, future) -> {
          try {
            receipts.put(key, cache.await(future));
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
