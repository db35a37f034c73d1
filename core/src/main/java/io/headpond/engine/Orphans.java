package io.headpond.engine;

import io.headpond.DeadLetterFilter;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Environment;
import io.headpond.spi.Letter;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tries dead letters again that were refused for want of the row that they refer to, when rows have arrived there. Not more often than after a pause that
 * doubles from 1 s to 5 min while none of them is written, so that letters whose parent never comes cost little. A round ends where deferred entries take half of the limits, and the next one goes on there, so
 * that letters keep no writer out. Thread-safe.
 */
final class Orphans {
  private static final Logger log = LoggerFactory.getLogger(Orphans.class);
  private static final DeadLetterFilter WANTED = DeadLetterFilter.of(ErrorClass.FOREIGN_KEY);
  private static final Duration SHORTEST = Duration.ofSeconds(1);
  private static final Duration LONGEST = Duration.ofMinutes(5);
  private static final int PAGE = 500;

  /** More are tried again, but not watched. */
  private static final int MAX_WATCHED = 10_000;

  private final Core core;
  private final Consumer<Key> retried;
  private final SerialExecutor steps;

  /** Those that were tried again in the last round; of them each that is settled shows that trying helps. */
  private final Set<Key> watched = ConcurrentHashMap.newKeySet();

  // Used in steps.
  private Duration pause = SHORTEST;
  private long notBeforeNanos;
  private Environment.@Nullable Timer timer;
  private boolean busy;
  private boolean again;

  /** Where the last round ended for want of room; null if it came to the end, or had not begun. */
  private @Nullable String goOnAfter;

  /**
   * How a round went.
   *
   * @param count how many letters are tried again
   * @param full whether it ended for want of room
   * @param after the key text of the last letter before that; null if there was none
   */
  private record Round(int count, boolean full, @Nullable String after) {}

  /**
   * @param retried told of each letter that is pending again
   */
  Orphans(Core core, Consumer<Key> retried) {
    this.core = core;
    this.retried = retried;
    this.steps = new SerialExecutor(core.environment());
    this.notBeforeNanos = core.environment().nanos();
  }

  void start() {
    core.systemOfRecord().whenParentsArrive(() -> steps.execute(this::arrived));
  }

  /** The database has these. */
  void settled(List<Mutation> mutations) {
    if (!watched.isEmpty() && mutations.stream().anyMatch(m -> watched.remove(m.key()))) {
      steps.execute(this::helped);
    }
  }

  private void helped() {
    pause = SHORTEST;
    notBeforeNanos = Math.min(notBeforeNanos, core.environment().nanos() + pause.toNanos());
    Environment.Timer waiting = timer;
    if (waiting != null) {
      waiting.cancel();
      timer = null;
      busy = false;
      arrived();
    }
  }

  private void arrived() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    long wait = notBeforeNanos - core.environment().nanos();
    if (wait > 0) {
      timer =
          core.environment()
              .schedule(Duration.ofNanos(wait), () -> steps.execute(this::pauseIsOver));
    } else {
      round();
    }
  }

  private void pauseIsOver() {
    if (timer != null) {
      timer = null;
      round();
    }
  }

  private void round() {
    if (goOnAfter == null) {
      again = false;
    }
    watched.clear();
    notBeforeNanos = core.environment().nanos() + pause.toNanos();
    CompletionStage<Round> round;
    try {
      round = page(goOnAfter, 0);
    } catch (RuntimeException | Error e) {
      round = CompletableFuture.failedFuture(e);
    }
    round.whenComplete((how, failure) -> steps.execute(() -> ended(how, failure)));
  }

  private void ended(@Nullable Round round, @Nullable Throwable failure) {
    busy = false;
    boolean full = round != null && round.full;
    goOnAfter = round != null && round.full ? round.after : null;
    if (failure != null) {
      log.warn(
          "{}: dead letters could not be tried again though rows that they refer to have arrived: {}",
          core.settings().name(),
          Failures.message(failure));
    } else if (round != null && round.count > 0) {
      log.info(
          "{}: {} dead letters are tried again, since rows that they may refer to have arrived",
          core.settings().name(),
          round.count);
      Duration twice = pause.multipliedBy(2);
      pause = twice.compareTo(LONGEST) > 0 ? LONGEST : twice;
    }
    if (again || full) {
      arrived();
    }
  }

  /** Where too many wait already, others are not retried either: the next round takes them. */
  private boolean deferredFull() {
    return IntStream.range(0, core.settings().partitions()).anyMatch(core.store()::deferredFull);
  }

  private CompletionStage<Round> page(@Nullable String after, int before) {
    if (deferredFull()) {
      return CompletableFuture.completedFuture(new Round(before, true, after));
    }
    return core.store()
        .letters(WANTED, after, PAGE)
        .thenCompose(
            letters -> {
              List<CompletableFuture<Integer>> tries = new ArrayList<>(letters.size());
              String last = after;
              for (Letter letter : letters) {
                if (deferredFull()) {
                  break;
                }
                tries.add(retry(letter));
                last = letter.keyText();
              }
              String end = last;
              return CompletableFuture.allOf(tries.toArray(CompletableFuture<?>[]::new))
                  .thenCompose(
                      all -> {
                        int sum = before + tries.stream().mapToInt(CompletableFuture::join).sum();
                        boolean more = letters.size() == PAGE || tries.size() < letters.size();
                        return more
                            ? page(end, sum)
                            : CompletableFuture.completedFuture(new Round(sum, false, null));
                      });
            });
  }

  private CompletableFuture<Integer> retry(Letter letter) {
    Key key = letter.mutation().key();
    return core.store()
        .retry(key, letter.mutation().version())
        .thenApply(
            fate -> {
              if (fate != Letter.Fate.DONE) {
                return 0;
              }
              if (watched.size() < MAX_WATCHED) {
                watched.add(key);
              }
              retried.accept(key);
              return 1;
            })
        .toCompletableFuture();
  }
}
