package io.headpond.engine;

import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.WriteOptions;
import io.headpond.spi.Expected;
import io.headpond.spi.Loaded;
import io.headpond.spi.Lookup;
import io.headpond.spi.Write;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Writes that depend on what is there. Thread-safe.
 *
 * <p>The entry is read, the new value made of it, and written with what was read as its expectation, which the store checks in
 * the same step; if somebody else was faster, it begins anew with what the store holds then. So no lock is held while the value is made, and one of several who
 * write at once always gets through. A value that is evicted as soon as it was loaded is loaded again and written under its fill token.
 */
final class Updates {
  /** More tries than that means that something is wrong with the entry's other writers, or with this one. */
  private static final int MAX_TRIES = 10_000;

  /**
   * What an update made.
   *
   * @param row the new value; null if it was removed or the request is a repeated one
   */
  record Done(@Nullable Row row, Receipt receipt) {}

  private final Core core;
  private final Engine engine;

  Updates(Core core, Engine engine) {
    this.core = core;
    this.engine = engine;
  }

  /**
   * Writes what {@code change} makes of the entry; what it throws is the result.
   *
   * @param options their durability is not looked at
   */
  CompletableFuture<Done> update(
      Key key,
      WriteOptions options,
      Durability durability,
      Function<Lookup, @Nullable Row> change) {
    Attempt attempt = new Attempt(key, options, durability, change);
    if (options.request() == null) {
      attempt.follow(engine.readToChange(key).thenApply(Reads.Found::lookup), 0);
      return attempt.result;
    }
    // A repeated request must not be judged by what the first has made of the entry.
    engine
        .repeated(options.request(), durability)
        .whenComplete(
            (receipt, failure) -> {
              if (failure != null) {
                attempt.result.completeExceptionally(Failures.cause(failure));
              } else if (receipt != null) {
                attempt.result.complete(new Done(null, receipt));
              } else {
                attempt.follow(engine.readToChange(key).thenApply(Reads.Found::lookup), 0);
              }
            });
    return attempt.result;
  }

  private final class Attempt {
    private final Key key;
    private final WriteOptions options;
    private final Durability durability;
    private final Function<Lookup, @Nullable Row> change;
    private final CompletableFuture<Done> result = new CompletableFuture<>();
    private int tries;

    private Attempt(
        Key key,
        WriteOptions options,
        Durability durability,
        Function<Lookup, @Nullable Row> change) {
      this.key = key;
      this.options = options;
      this.durability = durability;
      this.change = change;
    }

    /** Goes on when what is there is known; {@code token} is that of the miss under which it was loaded, or 0. */
    private void follow(CompletableFuture<Lookup> reading, long token) {
      if (reading.isDone() && !reading.isCompletedExceptionally()) {
        run(reading.join(), token);
        return;
      }
      reading.whenComplete(
          (lookup, failure) -> {
            if (failure == null) {
              // The change is a user's code: not on a thread of the engine.
              core.environment().executeCallback(() -> run(lookup, token));
            } else {
              result.completeExceptionally(Failures.cause(failure));
            }
          });
    }

    /** Tries until the write is taken, refused, or has to be waited for. */
    private void run(Lookup first, long firstToken) {
      Lookup now = first;
      long token = firstToken;
      while (true) {
        CompletableFuture<Done> written;
        try {
          written = write(now, token);
        } catch (RuntimeException | Error e) {
          refused(e);
          return;
        }
        if (!written.isDone()) {
          written.whenComplete(this::written);
          return;
        }
        Lookup other = mismatch(written);
        if (other == null) {
          Failures.pass(written, result);
          return;
        }
        if (other.miss()) {
          load(other.fillToken());
          return;
        }
        now = other;
        token = 0;
      }
    }

    /** What is there now does not allow it; or the same request, sent twice, has been faster and made it so. */
    private void refused(Throwable reason) {
      RequestId request = options.request();
      if (request == null) {
        result.completeExceptionally(reason);
        return;
      }
      engine
          .repeated(request, durability)
          .whenComplete(
              (receipt, failure) -> {
                if (receipt != null) {
                  result.complete(new Done(null, receipt));
                } else {
                  result.completeExceptionally(reason);
                }
              });
    }

    private void written(@Nullable Done done, @Nullable Throwable failure) {
      if (failure == null) {
        result.complete(done);
      } else if (Failures.cause(failure) instanceof MismatchException mismatch) {
        Lookup now = mismatch.now();
        if (now.miss()) {
          load(now.fillToken());
        } else {
          core.environment().executeCallback(() -> run(now, 0));
        }
      } else {
        result.completeExceptionally(Failures.cause(failure));
      }
    }

    /** Makes the new value of what is there, and writes it if that is still there. */
    private CompletableFuture<Done> write(Lookup now, long token) {
      if (++tries > MAX_TRIES) {
        throw new OverloadedException(
            "the entry was written by others between each of " + MAX_TRIES + " tries",
            Duration.ofSeconds(1));
      }
      Condition condition = options.condition();
      boolean exists = now.row() != null;
      if (condition != null && !condition.holds(exists, now.version())) {
        throw new ConditionFailedException(
            condition
                + (exists ? ", it has version " + now.version() : ", there is no such entry now"),
            exists ? now.version() : 0);
      }
      Row row = change.apply(now);
      return engine
          .write(
              new Write(
                  key,
                  row,
                  durability,
                  false,
                  new Expected(now.version(), token),
                  options.request()))
          .thenApply(receipt -> new Done(receipt.repeated() ? null : row, receipt));
    }

    /** The value is not kept long enough to be compared: the row is read, and the token of the miss stands for it. */
    private void load(long token) {
      follow(engine.load(key).thenApply(this::lookup), token);
    }

    private Lookup lookup(Loaded loaded) {
      return new Lookup(key, EntryState.CLEAN, loaded.row(), loaded.version(), 0);
    }
  }

  private static @Nullable Lookup mismatch(CompletableFuture<Done> written) {
    if (!written.isCompletedExceptionally()) {
      return null;
    }
    return written
        .handle(
            (done, failure) ->
                Failures.cause(failure) instanceof MismatchException e ? e.now() : null)
        .join();
  }
}
