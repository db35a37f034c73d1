package io.headpond;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The dead letters of a cache: to be looked at, tried again, put right or given up by a person. Got from {@link WriteBehindCache#deadLetters}.
 *
 * <p>A letter is named by its key and version. Where {@code version} is 0 the letter that is there is meant. What is asked of a letter that is not there (any more) fails
 * with {@link DeadLetterGoneException}, which says what became of it; nothing is done then.
 *
 * <p>Thread-safe. No method blocks.
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public interface DeadLetters<K, V> {
  /**
   * Those of the letters that are meant, ordered by the text of their key.
   *
   * @param after {@link DeadLetterPage#next()} of the page before; null to start
   * @param limit the most letters of a page, at least 1
   */
  CompletableFuture<DeadLetterPage<K, V>> list(
      DeadLetterFilter filter, @Nullable String after, int limit);

  /** The letter of a key. */
  CompletableFuture<DeadLetter<K, V>> get(K key);

  /**
   * Tries a letter again, at once and from then on with all its tries, as if it had never been refused. One of class {@link
   * ErrorClass#CONFLICT} is written again with a new version, over the newer one that the database holds. A retry is never refused for lack of room.
   */
  CompletableFuture<Void> retry(K key, long version);

  /**
   * Tries all letters again that are meant; gives how many. Those that go away meanwhile are left out, and so are those that cannot be tried again, for whatever reason: they
   * stay letters, the log tells how many, and the others are tried all the same.
   */
  CompletableFuture<Integer> retryAll(DeadLetterFilter filter);

  /**
   * Writes another value in a letter's place: a conditional write, checked as any other, which takes effect only if the letter is still there.
   *
   * @param value null removes the entry
   */
  CompletableFuture<Receipt> edit(K key, long version, @Nullable V value);

  /**
   * Gives a letter up: its value is not written any more, and reads give what the database has. An earlier value that it had coalesced with does not
   * come back.
   *
   * @param archive is given the letter first, and must have kept it durably when it returns; it may block. What it throws keeps the letter
   */
  CompletableFuture<Void> discard(K key, long version, Archive<K, V> archive);

  /** Where discarded letters are kept. */
  @FunctionalInterface
  interface Archive<K, V> {
    /** Keeps a letter; when this returns it is as durable as the archive can make it. */
    void keep(DeadLetter<K, V> letter) throws IOException;
  }
}
