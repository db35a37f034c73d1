package io.headpond.server.http;

import io.headpond.CompletedRequest;
import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** Writes a new entry under a key that no other has. Stateless. */
final class Creation {
  /**
   * A new entry.
   *
   * @param repeated whether the request had been carried out before
   */
  record Created(Key key, long version, Durability durability, boolean repeated) {}

  private Creation() {}

  /**
   * Writes a new entry. A request that was carried out before gets the key that it was given then.
   *
   * @param options without a condition
   */
  static CompletableFuture<Created> create(
      WriteBehindCache<Key, Row> cache, Row row, WriteOptions options) {
    RequestId request = options.request();
    if (request == null) {
      return write(cache, row, options);
    }
    // Before it is looked up: what is remembered is as durable as that, and not more.
    RequestId.requireKept(options.durabilityOr(cache.durability()));
    // Asked first, so that a repeated request takes no key.
    return earlier(cache, request, options)
        .thenCompose(
            earlier ->
                earlier == null
                    ? write(cache, row, options)
                    : CompletableFuture.completedFuture(earlier));
  }

  private static CompletableFuture<Created> write(
      WriteBehindCache<Key, Row> cache, Row row, WriteOptions options) {
    WriteOptions onlyNew = isNumber(cache) ? options.condition(Condition.absent()) : options;
    return cache
        .newKeyAsync()
        .thenCompose(
            key ->
                cache
                    .putAsync(key, row, onlyNew)
                    .handle(
                        (receipt, failure) -> {
                          if (failure == null) {
                            return new Created(
                                key, receipt.version(), receipt.durability(), receipt.repeated());
                          }
                          throw taken(cache, key, failure);
                        }))
        .thenCompose(
            created -> created.repeated() ? again(cache, created, options) : done(created));
  }

  /**
   * Whether the key comes from a sequence, which may be behind rows that somebody gave numbers of their own: that has to be looked up. A
   * UUID is new by itself.
   */
  private static boolean isNumber(WriteBehindCache<Key, Row> cache) {
    return cache.rowType().keyColumns().get(0).type().isWholeNumber();
  }

  /** Somebody was faster with the same request: its key counts, not the one that was made here. */
  private static CompletableFuture<Created> again(
      WriteBehindCache<Key, Row> cache, Created created, WriteOptions options) {
    RequestId request = options.request();
    return request == null
        ? done(created)
        : earlier(cache, request, options)
            .thenApply(
                earlier -> {
                  if (earlier == null) {
                    throw new RequestConflictException(
                        "the request was carried out before, but is no longer remembered", true);
                  }
                  return earlier;
                });
  }

  private static CompletableFuture<Created> done(Created created) {
    return CompletableFuture.completedFuture(created);
  }

  private static CompletableFuture<@Nullable Created> earlier(
      WriteBehindCache<Key, Row> cache, RequestId request, WriteOptions options) {
    return cache
        .requestAsync(request.id())
        .<@Nullable Created>thenApply(
            earlier -> earlier == null ? null : repeat(earlier, request, cache, options));
  }

  private static Created repeat(
      CompletedRequest<Key> earlier,
      RequestId request,
      WriteBehindCache<Key, Row> cache,
      WriteOptions options) {
    request.requireSame(earlier.fingerprint());
    return new Created(
        earlier.key(), earlier.version(), options.durabilityOr(cache.durability()), true);
  }

  private static RuntimeException taken(
      WriteBehindCache<Key, Row> cache, Key key, Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause instanceof ConditionFailedException) {
      return Problem.of(
          Problem.Kind.KEY_TAKEN,
          "there is an entry "
              + cache.rowType().keyText(key)
              + " already: the table's sequence is behind its rows. Nothing was done; another try takes the next number");
    }
    return failure instanceof RuntimeException e ? e : new CompletionException(failure);
  }
}
