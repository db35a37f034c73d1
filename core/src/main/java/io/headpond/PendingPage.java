package io.headpond;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of what is pending, ordered by the key's text.
 *
 * @param entries the entries of this page
 * @param next what to give as {@code after} for the next page; null if this is the last
 */
public record PendingPage(List<PendingEntry> entries, @Nullable String next) {
  public PendingPage {
    entries = List.copyOf(entries);
  }
}
