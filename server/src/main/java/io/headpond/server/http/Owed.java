package io.headpond.server.http;

import io.headpond.DeadLetter;
import io.headpond.DeadLetterGoneException;
import io.headpond.Entry;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * An entry that is pending or parked, whole, as it was at one moment. Immutable.
 *
 * @param text of the key
 * @param row null if the entry is removed
 */
record Owed(Key key, String text, long version, EntryState state, @Nullable Row row) {
  /** So often an entry may change while it is looked at. */
  private static final int LOOKS = 10;

  /**
   * Some of a dataset, ordered by the text of their key. What is written while they are looked at is among them as it is then, what is settled meanwhile is not.
   *
   * @param next for {@code after}; null on the last page
   */
  record Page(List<Owed> entries, @Nullable String next) {}

  static CompletableFuture<Page> page(Dataset dataset, @Nullable String after, int limit) {
    return dataset
        .cache()
        .pendingAsync("", after, limit)
        .thenCompose(
            page -> {
              List<CompletableFuture<@Nullable Owed>> all = new ArrayList<>();
              page.entries().forEach(entry -> all.add(of(dataset, entry, LOOKS)));
              return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
                  .thenApply(
                      done ->
                          new Page(
                              all.stream()
                                  .map(CompletableFuture::join)
                                  .filter(Objects::nonNull)
                                  .map(Objects::requireNonNull)
                                  .toList(),
                              page.next()));
            });
  }

  /** Null if the database has it by now, or it was given up. */
  private static CompletableFuture<@Nullable Owed> of(
      Dataset dataset, PendingEntry seen, int looks) {
    Key key = dataset.keyOfText(seen.key());
    CompletableFuture<@Nullable Owed> found =
        seen.state() == EntryState.PARKED
            ? dataset.cache().deadLetters().get(key).<@Nullable Owed>thenApply(Owed::of)
            : dataset.cache().entryAsync(key).<@Nullable Owed>thenApply(now -> of(key, seen, now));
    return found
        .handle(
            (owed, failure) -> {
              if (owed != null) {
                return CompletableFuture.<@Nullable Owed>completedFuture(owed);
              }
              boolean again = looks > 1 || failure == null || isGone(failure);
              return again
                  ? again(dataset, seen.key(), looks - 1)
                  : CompletableFuture.<@Nullable Owed>failedFuture(failure);
            })
        .thenCompose(owed -> owed);
  }

  private static boolean isGone(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof DeadLetterGoneException;
  }

  private static CompletableFuture<@Nullable Owed> again(Dataset dataset, String text, int looks) {
    if (looks == 0) {
      return CompletableFuture.failedFuture(
          Problem.later(Problem.Kind.UNAVAILABLE, "an entry changes faster than it is read", 1));
    }
    return dataset
        .cache()
        .pendingAsync(text, null, 1)
        .thenCompose(
            page ->
                page.entries().isEmpty() || !page.entries().get(0).key().equals(text)
                    ? CompletableFuture.<@Nullable Owed>completedFuture(null)
                    : of(dataset, page.entries().get(0), looks));
  }

  private static Owed of(DeadLetter<Key, Row> letter) {
    return new Owed(
        letter.key(), letter.keyText(), letter.version(), EntryState.PARKED, letter.value());
  }

  /** Null if what is read is something else than what was seen. */
  private static @Nullable Owed of(Key key, PendingEntry seen, Entry<Row> now) {
    Row row = now.value();
    boolean same =
        now.state() == seen.state()
            && (row == null ? seen.remove() : !seen.remove() || now.version() > seen.version());
    return same
        ? new Owed(key, seen.key(), row == null ? seen.version() : now.version(), now.state(), row)
        : null;
  }

  /** As a line of a backup. */
  Json json(Dataset dataset) {
    Json json =
        new Json()
            .beginObject()
            .member("key", text)
            .member("operation", row == null ? "remove" : "put")
            .member("version", version)
            .member("state", state.name().toLowerCase(java.util.Locale.ROOT))
            .name("value");
    if (row == null) {
      json.raw("null");
    } else {
      dataset.rows().write(json, row);
    }
    return json.endObject();
  }
}
