package io.headpond.journal;

import io.headpond.Key;
import java.util.Collection;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The dead letters of all partitions, ordered by the text of their key, so that a page of them costs no more than the page. What is not parked is never here and
 * costs nothing. Each entry is added and removed under the lock of its partition; looking needs none. Thread-safe.
 */
final class LetterIndex {
  private final ConcurrentSkipListMap<String, HotEntry> byText = new ConcurrentSkipListMap<>();
  private final Function<Key, String> text;

  /**
   * @param text the text of a key, different for each
   */
  LetterIndex(Function<Key, String> text) {
    this.text = text;
  }

  void add(HotEntry letter) {
    byText.put(text.apply(letter.key), letter);
  }

  void remove(HotEntry letter) {
    byText.remove(text.apply(letter.key));
  }

  /** Those whose text is not before {@code prefix}, and is behind {@code after} if that is given, in their order; as they come and go. */
  Collection<HotEntry> from(String prefix, @Nullable String after) {
    return after == null || after.compareTo(prefix) < 0
        ? byText.tailMap(prefix, true).values()
        : byText.tailMap(after, false).values();
  }
}
