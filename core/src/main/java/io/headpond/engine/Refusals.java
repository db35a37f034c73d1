package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What becomes of the entries of a partition that the database does not take: they wait longer after each refusal, and after the
 * last one they are parked. Both is durable before it is told. Thread-safe.
 *
 * <p>The entries of one batch that have been refused equally often are due at the same time, so that they are tried again as one batch.
 */
final class Refusals {
  private static final Logger log = LoggerFactory.getLogger(Refusals.class);

  /** Of one batch; more of them would bury the others. */
  private static final int MOST_LINES = 5;

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final int partition;
  private volatile @Nullable String last;

  /**
   * Something that the database did not take.
   *
   * @param attempts how often it has refused the entry, this time included
   * @param error what it said
   */
  record Refusal(Mutation mutation, int attempts, DatabaseError error) {
    /** No further try could help. */
    boolean conflict() {
      return error.errorClass() == ErrorClass.CONFLICT;
    }
  }

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

  /** What the database said the last time that it refused an entry; null if it has not since the start. */
  @Nullable String last() {
    return last;
  }

  /**
   * Defers or parks the entries.
   *
   * @return fails if that failed for one of them; the others are kept all the same
   */
  CompletableFuture<@Nullable Void> keep(List<Refusal> refusals, long epoch) {
    long now = core.environment().wallMicros();
    Map<Integer, Long> due = new HashMap<>();
    List<CompletableFuture<Kept>> all = new ArrayList<>(refusals.size());
    for (Refusal refusal : refusals) {
      long at = due.computeIfAbsent(refusal.attempts, n -> now + pauseNanos(n) / 1_000);
      all.add(keep(refusal, epoch, now, at));
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

  private CompletableFuture<Kept> keep(Refusal refusal, long epoch, long now, long due) {
    Failure failure = new Failure(refusal.error, now);
    if (!refusal.conflict() && refusal.attempts <= core.settings().maxRetries()) {
      return defer(refusal, epoch, due, refusal.attempts, failure);
    }
    return store
        .park(partition, epoch, refusal.mutation, refusal.attempts, failure)
        .thenCompose(
            parked -> {
              if (parked || refusal.conflict()) {
                return CompletableFuture.completedFuture(
                    new Kept(refusal, parked ? Fate.PARKED : Fate.SUPERSEDED, 0));
              }
              // A newer value came meanwhile: it has the last try, but not at once, lest an entry
              // that
              // is always rewritten is tried in a loop.
              return defer(refusal, epoch, due, core.settings().maxRetries(), failure);
            })
        .toCompletableFuture();
  }

  private CompletableFuture<Kept> defer(
      Refusal refusal, long epoch, long due, int attempts, Failure failure) {
    return store
        .defer(partition, epoch, refusal.mutation, due, attempts, failure)
        .thenApply(done -> new Kept(refusal, done ? Fate.DEFERRED : Fate.SUPERSEDED, due))
        .toCompletableFuture();
  }

  /** At least half of {@code retryDelay * 2^(attempts - 1)}, at most all of it. */
  private long pauseNanos(int attempts) {
    long longest = Backoff.longestNanos(core.settings().retryDelay(), attempts);
    long half = longest / 2;
    return longest - Long.remainderUnsigned(core.environment().random(), half + 1);
  }

  private void tell(List<Kept> all, long now) {
    List<Key> parked = new ArrayList<>();
    for (Kept kept : all) {
      Refusal refusal = kept.refusal;
      if (!refusal.conflict()) {
        core.statistics().rejected.increment();
        last = refusal.error.toString();
      }
      if (kept.fate == Fate.PARKED) {
        parked.add(refusal.mutation.key());
        core.settlements().parked(refusal.mutation, refusal.error.toString());
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

  private record Cause(String message, boolean conflict, int attempts, Fate fate) {}

  /** One line for those to whom the same happened for the same reason; without their values. */
  private void log(List<Kept> all, long now) {
    Map<Cause, List<Kept>> byCause = new LinkedHashMap<>();
    for (Kept kept : all) {
      Refusal refusal = kept.refusal;
      byCause
          .computeIfAbsent(
              new Cause(refusal.error.toString(), refusal.conflict(), refusal.attempts, kept.fate),
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
