package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.Mutation;
import io.headpond.spi.Taken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What becomes of the entries of a partition that the database does not take: they wait longer after each refusal, and after the
 * last one they are parked. Deferred entries take half of the limits at most: further ones are parked at once, lest those that might free them find no room. Letters have a limit of their own: at it an entry stays
 * deferred. What it does not take through no fault of theirs is not counted, and never parks them. All is durable before it is told. Thread-safe.
 *
 * <p>The entries of one batch that have been refused equally often, or failing for equally long, are due at the same time, so that they are tried again as one batch.
 */
final class Refusals {
  private static final Logger log = LoggerFactory.getLogger(Refusals.class);

  /** Of one batch; more of them would bury the others. */
  private static final int MOST_LINES = 5;

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final int partition;

  /**
   * Something that the database did not take.
   *
   * @param counted whether it counts against the entry: only then it may be parked for it
   * @param attempts how often the database has refused the entry, this time included if it counts
   * @param firstMicros when it was deferred for the first time, in microseconds since the epoch; 0 if it was not
   * @param error what it said
   */
  record Refusal(
      Mutation mutation, boolean counted, int attempts, long firstMicros, DatabaseError error) {
    /** It would refuse it again. */
    static Refusal rejected(Flight flight, Mutation mutation, DatabaseError error) {
      Taken.Tried before = flight.tried().get(mutation.key());
      return before == null
          ? new Refusal(mutation, true, 1, 0, error)
          : new Refusal(mutation, true, before.attempts() + 1, before.firstMicros(), error);
    }

    /** It is not the entry's fault. */
    static Refusal notNow(Flight flight, Mutation mutation, DatabaseError error) {
      Taken.Tried before = flight.tried().get(mutation.key());
      return before == null
          ? new Refusal(mutation, false, 0, 0, error)
          : new Refusal(mutation, false, before.attempts(), before.firstMicros(), error);
    }

    /** No further try could help. */
    boolean conflict() {
      return error.errorClass() == ErrorClass.CONFLICT;
    }

    /** It is not deferred yet, and is the database's word on the row, or waits for a row that may be kept out. */
    private boolean mayBeParkedEarly() {
      return firstMicros == 0 && (counted || error.errorClass() == ErrorClass.FOREIGN_KEY);
    }

    private Refusal because(DatabaseError said) {
      return new Refusal(mutation, counted, attempts, firstMicros, said);
    }
  }

  /** Those with the same one are due together. */
  private record Pause(boolean counted, long by) {}

  private enum Fate {
    DEFERRED,
    PARKED,
    /** It has been written again since, or is settled. */
    SUPERSEDED
  }

  private record Kept(Refusal refusal, Fate fate, long dueMicros) {}

  Refusals(Core core, Engine engine, int partition) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.partition = partition;
  }

  /**
   * Defers or parks the entries.
   *
   * @return fails if that failed for one of them; the others are kept all the same
   */
  CompletableFuture<@Nullable Void> keep(List<Refusal> refusals, long epoch) {
    long now = core.environment().wallMicros();
    Map<Pause, Long> due = new HashMap<>();
    List<CompletableFuture<Kept>> all = new ArrayList<>(refusals.size());
    for (Refusal refusal : refusals) {
      Pause pause =
          new Pause(refusal.counted, refusal.counted ? refusal.attempts : refusal.firstMicros);
      long at = due.computeIfAbsent(pause, p -> now + pauseNanos(refusal, now) / 1_000);
      all.add(tryToKeep(refusal, epoch, now, at));
    }
    return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
        .whenComplete(
            (done, failure) ->
                tell(
                    all.stream()
                        .filter(kept -> !kept.isCompletedExceptionally())
                        .map(CompletableFuture::join)
                        .toList(),
                    now))
        .thenApply(done -> null);
  }

  /** What is thrown for one must not hide what has become of those before it. */
  private CompletableFuture<Kept> tryToKeep(Refusal refusal, long epoch, long now, long due) {
    try {
      return keep(refusal, epoch, now, due);
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private CompletableFuture<Kept> keep(Refusal refusal, long epoch, long now, long due) {
    boolean triesLeft =
        !refusal.counted
            || (!refusal.conflict() && refusal.attempts <= core.settings().maxRetries());
    boolean early = triesLeft && refusal.mayBeParkedEarly() && store.deferredFull(partition);
    Failure failure = new Failure(early ? parkedEarly(refusal.error) : refusal.error, now);
    if (triesLeft && !early) {
      return defer(refusal, epoch, due, refusal.attempts, failure);
    }
    if (store.lettersFull(partition)) {
      long last = now + TimeUnit.NANOSECONDS.toMicros(Backoff.LONGEST.toNanos());
      return defer(refusal, epoch, last, refusal.attempts, new Failure(refusal.error, now));
    }
    return store
        .park(partition, epoch, refusal.mutation, refusal.attempts, failure)
        .thenCompose(
            parked -> {
              if (parked || refusal.conflict()) {
                return CompletableFuture.completedFuture(
                    new Kept(
                        refusal.because(failure.error()),
                        parked ? Fate.PARKED : Fate.SUPERSEDED,
                        0));
              }
              // A newer value came meanwhile: it has the last try, but not at once, lest an entry
              // that
              // is always rewritten is tried in a loop.
              int attempts = Math.min(refusal.attempts, core.settings().maxRetries());
              return defer(refusal, epoch, due, attempts, new Failure(refusal.error, now));
            })
        .toCompletableFuture();
  }

  private static DatabaseError parkedEarly(DatabaseError error) {
    return new DatabaseError(
        error.errorClass(),
        error.code(),
        error.message() + "; parked early: deferred entries take half of the limit");
  }

  private CompletableFuture<Kept> defer(
      Refusal refusal, long epoch, long due, int attempts, Failure failure) {
    return store
        .defer(partition, epoch, refusal.mutation, due, attempts, failure)
        .thenApply(done -> new Kept(refusal, done ? Fate.DEFERRED : Fate.SUPERSEDED, due))
        .toCompletableFuture();
  }

  /**
   * At least half of the longest pause, at most all of it. That is {@code retryDelay * 2^(attempts - 1)}; where nothing is counted, as long as the entry has been failing, so that pauses
   * double without a counter.
   */
  private long pauseNanos(Refusal refusal, long now) {
    Duration base = core.settings().retryDelay();
    long longest = Backoff.longestNanos(base, refusal.counted ? refusal.attempts : 1);
    if (!refusal.counted && refusal.firstMicros != 0) {
      long failing = TimeUnit.MICROSECONDS.toNanos(Math.max(0, now - refusal.firstMicros));
      longest = Math.max(longest, Math.min(failing, Backoff.LONGEST.toNanos()));
    }
    long half = longest / 2;
    return longest - Long.remainderUnsigned(core.environment().random(), half + 1);
  }

  private void tell(List<Kept> all, long now) {
    List<Key> parked = new ArrayList<>();
    for (Kept kept : all) {
      Refusal refusal = kept.refusal;
      if (refusal.counted && !refusal.conflict()) {
        core.statistics().rejected.increment();
      }
      if (!refusal.conflict()) {
        core.statistics().lastRefusal = refusal.error.toString();
      }
      if (kept.fate == Fate.PARKED) {
        parked.add(refusal.mutation.key());
        core.settlements()
            .parked(refusal.mutation.key(), refusal.mutation.version(), refusal.error.toString());
      }
      tellListeners(kept);
    }
    log(all, now);
    if (!parked.isEmpty()) {
      engine.released(parked);
    }
  }

  private void tellListeners(Kept kept) {
    if (!core.listeners().any() || kept.fate == Fate.SUPERSEDED) {
      return;
    }
    Refusal refusal = kept.refusal;
    CacheListener.Refusal event =
        new CacheListener.Refusal(
            refusal.mutation.key(), refusal.mutation.version(), refusal.attempts, refusal.error);
    core.listeners()
        .tell(
            listener -> {
              if (kept.fate == Fate.PARKED) {
                listener.parked(event);
              } else {
                listener.deferred(event);
              }
            });
  }

  private record Cause(
      String message, boolean conflict, boolean counted, int attempts, Fate fate) {}

  /** One line for those to whom the same happened for the same reason; without their values. */
  private void log(List<Kept> all, long now) {
    Map<Cause, List<Kept>> byCause = new LinkedHashMap<>();
    for (Kept kept : all) {
      Refusal refusal = kept.refusal;
      byCause
          .computeIfAbsent(
              new Cause(
                  refusal.error.toString(),
                  refusal.conflict(),
                  refusal.counted,
                  refusal.attempts,
                  kept.fate),
              cause -> new ArrayList<>())
          .add(kept);
    }
    int lines = 0;
    int left = all.size();
    for (Map.Entry<Cause, List<Kept>> of : byCause.entrySet()) {
      if (++lines > MOST_LINES) {
        log.warn(
            "{}: partition {}: {} entries more were refused, for {} other reasons",
            core.settings().name(),
            partition,
            left,
            byCause.size() - MOST_LINES);
        return;
      }
      left -= of.getValue().size();
      log(of.getKey(), of.getValue(), now);
    }
  }

  private void log(Cause cause, List<Kept> entries, long now) {
    Kept first = Objects.requireNonNull(entries.get(0));
    String which =
        (entries.size() == 1 ? "entry " : entries.size() + " entries, the first of them ")
            + first.refusal.mutation.key().hashText();
    String attempt =
        cause.conflict
            ? ""
            : !cause.counted
                ? " not taken through no fault of its own,"
                : " refused, attempt "
                    + cause.attempts
                    + " of "
                    + (core.settings().maxRetries() + 1L)
                    + ",";
    String fate =
        switch (cause.fate) {
          case PARKED -> " parked";
          case SUPERSEDED -> " written again meanwhile";
          case DEFERRED ->
              " next try in "
                  + Duration.ofNanos((first.dueMicros - now) * 1_000).toMillis()
                  + " ms";
        };
    log.warn(
        "{}: partition {}: {}{}{}: {}",
        core.settings().name(),
        partition,
        which,
        attempt,
        fate,
        cause.message);
  }
}
