package io.headpond.engine;

import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterGoneException;
import io.headpond.DeadLetterGoneException.Reason;
import io.headpond.DeadLetterPage;
import io.headpond.DeadLetters;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.spi.Expected;
import io.headpond.spi.HotStore;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.RowCodec;
import io.headpond.spi.Write;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The dead letters of a cache. The store retries and discards; where a letter has to be written again (an edit, or a retry while a write of its
 * key is staged) that is a write like any other, under the condition that the letter is still there. Thread-safe.
 */
final class Letters<K, V> implements DeadLetters<K, V> {
  private static final Logger log = LoggerFactory.getLogger(Letters.class);

  /** How many are retried together. */
  private static final int PAGE = 1_000;

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final EntryMapping<K, V> mapping;
  private final Durability durability;

  /**
   * @param durability of edits
   */
  Letters(Core core, Engine engine, EntryMapping<K, V> mapping, Durability durability) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.mapping = mapping;
    this.durability = durability;
  }

  @Override
  public CompletableFuture<DeadLetterPage<K, V>> list(
      DeadLetterFilter filter, @Nullable String after, int limit) {
    if (limit < 1) {
      return CompletableFuture.failedFuture(
          new InvalidValueException("limit", Integer.toString(limit), "must be at least 1"));
    }
    int more = limit == Integer.MAX_VALUE ? limit : limit + 1;
    return store
        .letters(filter, after, more)
        .thenApply(
            found -> {
              List<Letter> page = found.subList(0, Math.min(limit, found.size()));
              String next = found.size() > limit ? page.get(limit - 1).keyText() : null;
              return new DeadLetterPage<>(page.stream().map(this::shown).toList(), next);
            })
        .toCompletableFuture();
  }

  @Override
  public CompletableFuture<DeadLetter<K, V>> get(K key) {
    return with(() -> letter(mapping.key(key), 0).thenApply(this::shown));
  }

  @Override
  public CompletableFuture<Void> retry(K key, long version) {
    return with(
        () -> {
          requireWritable();
          return letter(mapping.key(key), version).thenCompose(this::retry);
        });
  }

  @Override
  public CompletableFuture<Integer> retryAll(DeadLetterFilter filter) {
    return with(
        () -> {
          requireWritable();
          Failed failed = new Failed();
          return retryAll(filter, null, 0, failed)
              .thenApply(
                  count -> {
                    failed.log(core.settings().name());
                    return count;
                  });
        });
  }

  /** Letters that could not be retried together with others. Thread-safe. */
  private static final class Failed {
    private int count;
    private @Nullable Throwable first;

    synchronized void add(Throwable failure) {
      count++;
      first = first == null ? failure : first;
    }

    synchronized void log(String name) {
      if (first != null) {
        log.warn(
            "{}: {} dead letters could not be tried again and stay; the first: {}",
            name,
            count,
            Failures.message(first));
      }
    }
  }

  private CompletableFuture<Integer> retryAll(
      DeadLetterFilter filter, @Nullable String after, int before, Failed failed) {
    return store
        .letters(filter, after, PAGE)
        .thenCompose(
            page -> {
              if (page.isEmpty()) {
                return CompletableFuture.completedFuture(before);
              }
              List<CompletableFuture<Integer>> all = new ArrayList<>(page.size());
              page.forEach(letter -> all.add(counted(with(() -> retry(letter)), failed)));
              String last = page.get(page.size() - 1).keyText();
              return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
                  .thenCompose(
                      done -> {
                        int sum = before + all.stream().mapToInt(CompletableFuture::join).sum();
                        return page.size() < PAGE
                            ? CompletableFuture.completedFuture(sum)
                            : retryAll(filter, last, sum, failed);
                      });
            })
        .toCompletableFuture();
  }

  /** 1, or 0 if the letter was gone or could not be retried. */
  private static CompletableFuture<Integer> counted(
      CompletableFuture<Void> retried, Failed failed) {
    return retried.handle(
        (done, failure) -> {
          if (failure == null) {
            return 1;
          }
          if (!(Failures.cause(failure) instanceof DeadLetterGoneException)) {
            failed.add(failure);
          }
          return 0;
        });
  }

  private CompletableFuture<Void> retry(Letter letter) {
    Mutation mutation = letter.mutation();
    return store
        .retry(mutation.key(), mutation.version())
        .thenCompose(
            fate -> {
              switch (fate) {
                case DONE -> {
                  engine.retried(mutation.key());
                  return CompletableFuture.<Void>completedFuture(null);
                }
                case UNDECIDED -> {
                  return again(letter);
                }
                default -> throw gone(letter.keyText(), mutation.version(), reason(fate));
              }
            })
        .toCompletableFuture();
  }

  /** Writes the letter's value once more, with a new version, as durably as any retry; waits until it is known that the letter stays. */
  private CompletableFuture<Void> again(Letter letter) {
    Mutation mutation = letter.mutation();
    Expected expected = Expected.retried(mutation.version());
    return write(new Write(mutation.key(), row(mutation), store.strongest(), false, expected, null))
        .thenApply(receipt -> null);
  }

  @Override
  public CompletableFuture<Receipt> edit(K key, long version, @Nullable V value) {
    return with(
        () -> {
          Key canonical = mapping.key(key);
          Row row = value == null ? null : mapping.row(canonical, value);
          return letter(canonical, version).thenCompose(letter -> write(edit(letter, row)));
        });
  }

  private Write edit(Letter letter, @Nullable Row row) {
    Mutation mutation = letter.mutation();
    Expected expected = Expected.letter(mutation.version());
    return new Write(mutation.key(), row, durability, false, expected, null);
  }

  private CompletableFuture<Receipt> write(Write write) {
    long version = Objects.requireNonNull(write.expected()).version();
    return engine
        .write(write)
        .exceptionallyCompose(
            failure ->
                Failures.cause(failure) instanceof MismatchException
                    ? this.<Receipt>gone(write.key(), version)
                    : CompletableFuture.failedFuture(Failures.cause(failure)));
  }

  @Override
  public CompletableFuture<Void> discard(K key, long version, Archive<K, V> archive) {
    return with(
        () -> {
          requireWritable();
          return letter(mapping.key(key), version)
              .thenCompose(letter -> keep(letter, archive).thenCompose(kept -> discard(letter)));
        });
  }

  /** Completes when the archive has the letter. */
  private CompletableFuture<Void> keep(Letter letter, Archive<K, V> archive) {
    DeadLetter<K, V> shown = shown(letter);
    CompletableFuture<Void> kept = new CompletableFuture<>();
    Runnable task =
        () -> {
          try {
            archive.keep(shown);
          } catch (Exception | Error e) {
            kept.completeExceptionally(e);
            return;
          }
          kept.complete(null);
        };
    try {
      core.environment().executeBlocking(task);
    } catch (RejectedExecutionException e) {
      kept.completeExceptionally(e);
    }
    return kept;
  }

  private CompletionStage<Void> discard(Letter letter) {
    Mutation mutation = letter.mutation();
    return store
        .discard(mutation.key(), mutation.version())
        .thenAccept(
            fate -> {
              if (fate != Letter.Fate.DONE) {
                throw gone(letter.keyText(), mutation.version(), reason(fate));
              }
            });
  }

  /** The letter of this version, or of any if that is 0; fails with what became of it if there is none. */
  private CompletableFuture<Letter> letter(Key key, long version) {
    return store
        .letter(key)
        .thenCompose(
            letter ->
                letter != null && (version == 0 || version == letter.mutation().version())
                    ? CompletableFuture.completedFuture(letter)
                    : this.<Letter>gone(key, version))
        .toCompletableFuture();
  }

  /** Fails with what became of the letter of this version. */
  private <T> CompletableFuture<T> gone(Key key, long version) {
    String text = core.systemOfRecord().rowType().keyText(key);
    return store
        .letter(key)
        .thenCombine(store.get(key), Letters::there)
        .<T>thenCompose(
            there ->
                CompletableFuture.failedFuture(gone(text, version, reason(there, version), there)))
        .toCompletableFuture();
  }

  /** The version of the letter, or of the pending write; 0 for neither. */
  private static long there(@Nullable Letter letter, Lookup now) {
    boolean pending = now.state() == EntryState.PENDING;
    return letter != null ? letter.mutation().version() : pending ? now.version() : 0;
  }

  private static Reason reason(long there, long version) {
    if (version == 0 || there < version) {
      return Reason.NONE;
    }
    return there == version ? Reason.RETRIED : Reason.SUPERSEDED;
  }

  private static Reason reason(Letter.Fate fate) {
    return switch (fate) {
      case RETRIED -> Reason.RETRIED;
      case SUPERSEDED -> Reason.SUPERSEDED;
      case NONE, DONE, UNDECIDED -> Reason.NONE;
    };
  }

  private static DeadLetterGoneException gone(String key, long version, Reason reason) {
    return gone(key, version, reason, 0);
  }

  private static DeadLetterGoneException gone(String key, long version, Reason reason, long there) {
    String named = version == 0 ? "" : " and version " + version;
    return new DeadLetterGoneException(
        reason,
        switch (reason) {
          case NONE -> "there is no dead letter of key " + key + named;
          case RETRIED ->
              "the dead letter of key " + key + named + " has been retried and is pending";
          case SUPERSEDED ->
              "a later write has taken the place of the dead letter of key "
                  + key
                  + named
                  + (there == 0 ? "" : "; version " + there + " is there");
        },
        reason == Reason.SUPERSEDED ? there : 0);
  }

  private DeadLetter<K, V> shown(Letter letter) {
    Mutation mutation = letter.mutation();
    Row row = row(mutation);
    return new DeadLetter<>(
        mapping.keyOf(mutation.key()),
        letter.keyText(),
        row == null ? null : mapping.value(mutation.key(), row),
        mutation.version(),
        letter.attempts(),
        RowCodec.instant(letter.firstMicros()),
        RowCodec.instant(letter.failure().micros()),
        letter.failure().error());
  }

  private void requireWritable() {
    HeadpondException reason = engine.refusing();
    if (reason != null) {
      throw reason;
    }
  }

  private static @Nullable Row row(Mutation mutation) {
    return mutation instanceof Mutation.Put put ? put.row() : null;
  }

  /** What is asked, completed where what users have attached may block. */
  private <T> CompletableFuture<T> with(Supplier<CompletableFuture<T>> asked) {
    CompletableFuture<T> result;
    try {
      result = asked.get();
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
    if (result.isDone()) {
      return result;
    }
    CompletableFuture<T> forUser = new CompletableFuture<>();
    result.whenComplete(
        (value, failure) ->
            core.environment().executeCallback(() -> Failures.pass(result, forUser)));
    return forUser;
  }
}
