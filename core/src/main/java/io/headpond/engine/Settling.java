package io.headpond.engine;

import io.headpond.DatabaseError;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.UnavailableException;
import io.headpond.UnreadableRowException;
import io.headpond.engine.FlushRequest.Result;
import io.headpond.engine.Refusals.Refusal;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What follows when the database has answered to a batch. Used in steps only.
 *
 * <p>A batch is committed without the rows that the database does not take. First it is settled: what is there becomes clean, and what another program has
 * moved ahead is a conflict. Only then are those that were left out deferred, parked or answered, since that may fail and must not hold up the others. If it does, or the
 * process dies between the two, they are pending as before, and only that try of theirs is forgotten. The frontier of a batch that is not whole has not
 * moved in the database, so neither does the store's.
 *
 * <p>A batch whose reply was lost is applied again when it is known to be committed. What is left out now may have been committed then: it counts as left out only if
 * its row is not there. With a version column that is exact. Without one an equal row is taken for ours, which is harmless: then the database has the value.
 */
final class Settling {
  private static final Logger log = LoggerFactory.getLogger(Settling.class);
  private static final Duration SETTLE_AGAIN = Duration.ofMillis(200);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final Delivery delivery;
  private final Steps steps;
  private final Refusals refusals;
  private final StagedWrites stagedWrites;
  private final FlushEvents events;
  private final int partition;

  Settling(
      Core core,
      Engine engine,
      Delivery delivery,
      Steps steps,
      Refusals refusals,
      StagedWrites stagedWrites,
      FlushEvents events,
      int partition) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.delivery = delivery;
    this.steps = steps;
    this.refusals = refusals;
    this.stagedWrites = stagedWrites;
    this.events = events;
    this.partition = partition;
  }

  /**
   * The database's answer to one batch.
   *
   * @param again whether the batch was committed before, and this is the answer to another try
   * @param whole whether the database has moved its frontier with it: nothing was left out, whatever is learnt of the rows afterwards
   */
  private record Answer(
      Flight flight, Outcomes outcomes, int statements, Lease held, boolean again, boolean whole) {
    private long epoch() {
      return held.epoch();
    }

    private Answer with(Outcomes proven) {
      return new Answer(flight, proven, statements + 1, held, again, whole);
    }
  }

  /** It has applied the batch for the first time. */
  void applied(Flight flight, Outcomes outcomes, int statements, Lease held) {
    begin(new Answer(flight, outcomes, statements, held, false, outcomes.whole()));
  }

  /**
   * It has applied a batch again that was committed before, or may have been.
   *
   * @param committed whether that is known
   */
  void appliedAgain(
      Flight flight, Outcomes outcomes, int statements, Lease held, boolean committed) {
    boolean whole = outcomes.whole() || held.frontier() >= flight.batch().frontier();
    Answer answer = new Answer(flight, outcomes, statements, held, true, whole);
    if (outcomes.whole()) {
      begin(answer);
    } else {
      List<Key> keys = outcomes.leftOut().stream().map(Mutation::key).toList();
      steps.then(
          rows(keys), rows -> begin(answer.with(outcomes.with(rows, committed))), delivery::failed);
    }
  }

  /** A row that cannot be read is none of ours, and must not hide the others. */
  private CompletionStage<Map<Key, Loaded>> rows(List<Key> keys) {
    return core.systemOfRecord()
        .load(keys)
        .thenApply(
            rows -> {
              Map<Key, Loaded> byKey = new HashMap<>();
              rows.forEach(row -> byKey.put(row.key(), row));
              return byKey;
            })
        .exceptionallyCompose(
            failure -> {
              if (!(Failures.cause(failure) instanceof UnreadableRowException)) {
                return CompletableFuture.failedFuture(failure);
              }
              if (keys.size() == 1) {
                return CompletableFuture.completedFuture(Map.of());
              }
              int middle = keys.size() / 2;
              return rows(keys.subList(0, middle))
                  .thenCombine(
                      rows(keys.subList(middle, keys.size())),
                      (first, second) -> {
                        Map<Key, Loaded> all = new HashMap<>(first);
                        all.putAll(second);
                        return all;
                      });
            });
  }

  private void begin(Answer answer) {
    Outcomes outcomes = answer.outcomes;
    if (outcomes.overtaken().isEmpty()) {
      settle(answer, outcomes.done(), List.of());
    } else if (outcomes.newest() == 0) {
      stale(answer, Opened.WHOLE);
    } else {
      // So that the next write of a row that somebody else moved ahead is not stale again.
      steps.then(
          store.open(partition, answer.epoch(), outcomes.newest(), false),
          opened -> stale(answer, opened),
          delivery::storeFailed);
    }
  }

  /**
   * A row with a newer version is fine if that newer write is ours and still to come. Otherwise another program wrote
   * it: the entry is a conflict for a person, and reads show what the database has. Unless the store has forgotten that it gave that version: then the newer one was ours too.
   */
  private void stale(Answer answer, Opened opened) {
    Outcomes outcomes = answer.outcomes;
    List<Mutation> forgotten = new ArrayList<>();
    List<Mutation> stale = new ArrayList<>();
    outcomes.overtaken().forEach((m, version) -> (opened.lost(version) ? forgotten : stale).add(m));
    List<Mutation> done = new ArrayList<>(outcomes.done());
    done.addAll(forgotten);
    if (stale.isEmpty()) {
      settle(answer, done, forgotten);
      return;
    }
    if (answer.flight.staged()) {
      stagedWrites.stale(
          stale,
          answer.again,
          answer.epoch(),
          () -> settle(answer, done, forgotten),
          delivery::failed);
      return;
    }
    steps.then(
        store.getAll(stale.stream().map(Mutation::key).toList()),
        found -> {
          List<Refusal> conflicts = new ArrayList<>();
          for (int i = 0; i < found.size(); i++) {
            Mutation mutation = stale.get(i);
            Lookup lookup = found.get(i);
            // What is clean is none of ours that is still to come. Where one is, this one is not
            // settled for its sake: the newer may not survive a crash that this one has to.
            if (lookup.state() == EntryState.CLEAN || lookup.version() <= mutation.version()) {
              conflicts.add(
                  Refusal.rejected(
                      answer.flight,
                      mutation,
                      DatabaseError.of(ErrorClass.CONFLICT, "conflict: " + StagedWrites.CONFLICT)));
            }
          }
          steps.then(
              refusals.keep(conflicts, answer.epoch()),
              kept -> settle(answer, done, forgotten),
              delivery::storeFailed);
        },
        delivery::storeFailed);
  }

  /**
   * The database has committed the batch.
   *
   * @param done what it has, or had in a newer version of ours
   * @param forgotten those of them of which the store does not have the newer version: what it makes clean by that is older than the row, and not to be read
   */
  private void settle(Answer answer, List<Mutation> done, List<Mutation> forgotten) {
    long frontier = answer.whole ? answer.flight.batch().frontier() : store.frontier(partition);
    CompletionStage<@Nullable Void> settled =
        store.settle(partition, answer.epoch(), done, frontier);
    steps.then(
        forgotten.isEmpty() ? settled : settled.thenCompose(v -> drop(forgotten)),
        v -> settled(answer, done),
        failure -> {
          if (Failures.cause(failure) instanceof FencedException || store.failure() != null) {
            delivery.failed(failure);
            return;
          }
          log.warn(
              "{}: partition {}: a batch is in the database but cannot be settled yet: {}",
              core.settings().name(),
              partition,
              Failures.message(failure));
          steps.after(SETTLE_AGAIN, () -> settle(answer, done, forgotten));
        });
  }

  private CompletionStage<@Nullable Void> drop(List<Mutation> mutations) {
    return CompletableFuture.allOf(
            mutations.stream()
                .map(mutation -> store.invalidate(mutation.key()).toCompletableFuture())
                .toArray(CompletableFuture<?>[]::new))
        .thenApply(v -> null);
  }

  private void settled(Answer answer, List<Mutation> done) {
    Flight flight = answer.flight;
    Outcomes outcomes = answer.outcomes;
    delivery.settled();
    events.answered(flight, outcomes, done, answer.statements);
    engine.settled(done);
    if (flight.staged()) {
      stagedWrites.settled(done);
    }
    engine.released(done.stream().map(Mutation::key).toList());
    if (outcomes.whole()) {
      end(answer);
    } else if (outcomes.idle()) {
      delivery.failed(new UnavailableException(outcomes.words()));
    } else if (flight.staged()) {
      core.statistics().rejected.add(outcomes.rejected().size());
      stagedWrites.leftOut(outcomes, answer.epoch(), () -> end(answer), delivery::failed);
    } else {
      List<Refusal> all = new ArrayList<>();
      outcomes.rejected().forEach((m, error) -> all.add(Refusal.rejected(flight, m, error)));
      outcomes.retried().forEach((m, error) -> all.add(Refusal.notNow(flight, m, error)));
      steps.then(refusals.keep(all, answer.epoch()), kept -> end(answer), delivery::storeFailed);
    }
  }

  private void end(Answer answer) {
    Outcomes outcomes = answer.outcomes;
    boolean against = !outcomes.rejected().isEmpty() || !outcomes.retried().isEmpty();
    @Nullable String words = against ? outcomes.words() : null;
    delivery.end(
        answer.flight,
        new Result(
            outcomes.done().size(),
            outcomes.stale().size(),
            outcomes.retried().size(),
            outcomes.rejected().size(),
            answer.statements,
            words));
  }
}
