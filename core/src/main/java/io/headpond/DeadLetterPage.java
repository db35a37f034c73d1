package io.headpond;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of dead letters, ordered by the key's text.
 *
 * @param letters the letters of this page
 * @param next what to give as {@code after} for the next page; null if this is the last
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public record DeadLetterPage<K, V>(List<DeadLetter<K, V>> letters, @Nullable String next) {
  public DeadLetterPage {
    letters = List.copyOf(letters);
  }
}
