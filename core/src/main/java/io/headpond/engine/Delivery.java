package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.DatabaseError;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.OutcomeUnknownException;
import io.headpond.engine.FlushRequest.Result;
import io.headpond.engine.Refusals.Refusal;
import io.headpond.spi.Applied;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Taken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps that bring one batch to the database: lease (acquired anew after an unknown outcome), take, apply, settle; and what
 * each answer of the database means for the entries. When and how often is the {@link Flusher}'s. Used in steps only.
 *
 * <p>After an unknown outcome the lease that is acquired anew tells whether the batch was committed. If it was, it is applied again as it was, before
 * anything else of the partition, to learn what the database has of it; that this try is turned away changes nothing of what is committed. A batch
 * that was surely not committed is taken anew, with whatever has coalesced since, and without what the database refused of it.
 */
final class Delivery {
  private static final Logger log = LoggerFactory.getLogger(Delivery.class);
  private static final Duration SETTLE_AGAIN = Duration.ofMillis(200);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final Flusher flusher;
  private final Steps steps;
  private final Refusals refusals;
  private final StagedWrites stagedWrites;
  private final int partition;
  private final String name;

  private @Nullable Lease lease;
  private long epoch;
  private int max;

  /** The batch of this cycle, from the take to the end. Its size is asked for from elsewhere. */
  private volatile @Nullable Flight inFlight;

  /** A batch whose outcome nobody knows. No lease is held while there is one. */
  private @Nullable Flight unknown;

  /** A batch that the database has committed, until it is settled. */
  private @Nullable Flight committed;

  /** A take is under way: which staged writes it will return is not known. */
  private boolean taking;

  Delivery(
      Core core,
      Engine engine,
      Flusher flusher,
      Steps steps,
      Refusals refusals,
      int partition,
      Lease lease) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.flusher = flusher;
    this.steps = steps;
    this.refusals = refusals;
    this.stagedWrites = new StagedWrites(core, engine, flusher, steps, partition);
    this.partition = partition;
    this.name = core.settings().name();
    this.lease = lease;
    this.epoch = lease.epoch();
  }

  /** Delivers the oldest entries, at most {@code max}. */
  void begin(int max) {
    this.max = max;
    Lease held = lease;
    if (held == null) {
      acquire();
    } else {
      proceed(held);
    }
  }

  /** Renews the lease without taking anything. */
  void renew() {
    Lease held = lease;
    if (held == null) {
      begin(1);
    } else {
      renew(held);
    }
  }

  /** How many entries are on their way to the database. */
  int inFlight() {
    Flight flight = inFlight;
    return flight == null ? 0 : flight.mutations().size();
  }

  /** Whether a batch must be applied again before anything else. */
  boolean owesAnAnswer() {
    return unknown != null || committed != null;
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void unstage(Mutation mutation) {
    if (carries(inFlight, mutation) || carries(unknown, mutation) || carries(committed, mutation)) {
      stagedWrites.tooLateToTakeBack(mutation);
    } else if (taking) {
      stagedWrites.decideLater(mutation);
    } else {
      stagedWrites.takeBack(mutation, epoch);
    }
  }

  /**
   * Gives up what is under way, for good.
   *
   * @return the lease that was held
   */
  @Nullable Lease halt(String reason) {
    Flight flight = inFlight;
    if (flight != null && flight.staged()) {
      stagedWrites.abandoned(flight, reason);
    }
    Lease held = lease;
    lease = null;
    nothingInFlight();
    return held;
  }

  /** A step threw: what was under way may or may not have happened. */
  void crashed() {
    Flight flight = inFlight;
    if (flight != null && committed == null) {
      unknown = flight;
    }
    lease = null;
    nothingInFlight();
  }

  private void nothingInFlight() {
    inFlight = null;
    taking = false;
    stagedWrites.decideNow().forEach(this::unstage);
  }

  private void acquire() {
    steps.then(
        core.systemOfRecord().acquire(store.id(), partition),
        acquired -> {
          if (acquired.frontier() < store.frontier(partition)) {
            engine.stopFlushing(
                Engine.wentBack(partition, store.frontier(partition), acquired.frontier()));
            return;
          }
          steps.then(
              store.open(partition, acquired.epoch(), acquired.highVersion(), true),
              opened -> {
                lease = acquired;
                epoch = acquired.epoch();
                log.info("{}: partition {} taken again with epoch {}", name, partition, epoch);
                decideUnknown(acquired);
              },
              this::failed);
        },
        this::failed);
  }

  /** Nothing of an earlier epoch can commit any more: what was committed last tells what became of a batch without an answer. */
  private void decideUnknown(Lease acquired) {
    Flight flight = unknown;
    unknown = null;
    if (flight == null) {
      proceed(acquired);
    } else if (acquired.lastBatch() == flight.batch().id()) {
      committed = flight;
      proceed(acquired);
    } else if (flight.staged()) {
      stagedWrites.notApplied(flight, epoch, () -> proceed(acquired), this::failed);
    } else {
      proceed(acquired);
    }
  }

  private void renew(Lease held) {
    // In this order: what is written after the time was read is either counted or has a later
    // version.
    long now = store.nowMicros(partition);
    PartitionStats stats = store.stats(partition);
    long frontier = stats.oldest() == 0 ? now : Math.min(now, stats.oldest());
    apply(Flight.empty(frontier, batchId(), core.environment().nanos()), held);
  }

  private void proceed(Lease held) {
    Flight again = committed;
    if (again != null) {
      apply(again, held);
      return;
    }
    taking = true;
    long lag = core.listeners().any() ? flusher.ageNanos(store.stats(partition)) : 0;
    steps.then(
        store.take(partition, held.epoch(), max), taken -> taken(taken, lag, held), this::failed);
  }

  private void taken(Taken taken, long lagNanos, Lease held) {
    taking = false;
    Flight flight = Flight.of(taken, batchId(), core.environment().nanos(), lagNanos);
    inFlight = flight;
    stagedWrites.decideNow().forEach(this::unstage);
    if (!flight.mutations().isEmpty()) {
      apply(flight, held);
    } else if (flusher.trouble() != null) {
      renew(held);
    } else {
      inFlight = null;
      flusher.tookNothing();
    }
  }

  private void apply(Flight flight, Lease held) {
    inFlight = flight;
    steps.then(
        core.systemOfRecord().apply(flight.batch(), held),
        applied -> {
          flusher.renewed();
          applied(flight, applied, held);
        },
        failure -> {
          if (Failures.cause(failure) instanceof OutcomeUnknownException) {
            unknown = flight;
            lease = null;
          }
          failed(failure);
        });
  }

  private void applied(Flight flight, Applied applied, Lease held) {
    Outcomes outcomes = Outcomes.of(flight.mutations(), applied);
    int statements = applied.statements();
    if (outcomes.applied()) {
      committed(flight, outcomes, statements, held);
    } else if (flight == committed) {
      readBack(flight, statements, held);
    } else if (!outcomes.refused().isEmpty()) {
      refused(flight, outcomes, statements, held);
    } else {
      String why = outcomes.retry();
      fail(why == null ? "" : why, new Result(0, 0, outcomes.retried(), 0, statements, why));
    }
  }

  /** From here until it is settled the batch is never said not to be done, whatever fails. */
  private void committed(Flight flight, Outcomes outcomes, int statements, Lease held) {
    committed = flight;
    if (outcomes.stale().isEmpty()) {
      settle(flight, outcomes, outcomes.done(), statements, held);
    } else if (outcomes.newest() == 0) {
      stale(flight, outcomes, statements, held);
    } else {
      raiseClock(outcomes.newest(), held, () -> stale(flight, outcomes, statements, held));
    }
  }

  /** A batch that is committed was turned away when it was applied again: the rows themselves tell what became of it. */
  private void readBack(Flight flight, int statements, Lease held) {
    steps.then(
        core.systemOfRecord().load(flight.mutations().stream().map(Mutation::key).toList()),
        rows ->
            committed(flight, Outcomes.ofCommitted(flight.mutations(), rows), statements + 1, held),
        this::failed);
  }

  /** Nothing of the batch was applied. Without the refused ones the others are tried again at once. */
  private void refused(Flight flight, Outcomes outcomes, int statements, Lease held) {
    int refused = outcomes.refused().size();
    String words = outcomes.firstRefusal();
    core.statistics().failedBatches.increment();
    tellFailure(
        flight,
        statements,
        refused + " of " + flight.mutations().size() + " entries were refused: " + words);
    if (flight.staged()) {
      core.statistics().rejected.add(refused);
      stagedWrites.refused(
          flight,
          outcomes.refused(),
          held.epoch(),
          () -> end(flight, new Result(0, 0, 0, refused, statements, words)),
          this::failed);
      return;
    }
    flusher.recovered();
    List<Refusal> all = new ArrayList<>(refused);
    outcomes
        .refused()
        .forEach(
            (mutation, why) ->
                all.add(new Refusal(mutation, flight.attempts(mutation.key()) + 1, why)));
    steps.then(
        refusals.keep(all, held.epoch()),
        kept -> end(flight, new Result(0, 0, 0, refused, statements, words)),
        this::failed);
  }

  /**
   * A row with a newer version is fine if that newer write is ours and still to come. Otherwise another program wrote
   * it: the entry is a conflict for a person, and reads show what the database has.
   */
  private void stale(Flight flight, Outcomes outcomes, int statements, Lease held) {
    if (flight.staged()) {
      stagedWrites.stale(
          outcomes.stale(),
          held.epoch(),
          () -> settle(flight, outcomes, outcomes.done(), statements, held),
          this::failed);
      return;
    }
    steps.then(
        store.getAll(outcomes.stale().stream().map(Mutation::key).toList()),
        found -> {
          List<Mutation> done = new ArrayList<>(outcomes.done());
          List<Refusal> conflicts = new ArrayList<>();
          for (int i = 0; i < found.size(); i++) {
            Mutation mutation = outcomes.stale().get(i);
            Lookup lookup = found.get(i);
            // What is clean is none of ours that is still to come.
            if (lookup.state() != EntryState.CLEAN && lookup.version() > mutation.version()) {
              done.add(mutation);
            } else {
              int attempts = flight.attempts(mutation.key()) + 1;
              conflicts.add(
                  new Refusal(
                      mutation,
                      attempts,
                      DatabaseError.of(ErrorClass.CONFLICT, "conflict: " + StagedWrites.CONFLICT)));
            }
          }
          steps.then(
              refusals.keep(conflicts, held.epoch()),
              kept -> settle(flight, outcomes, done, statements, held),
              this::failed);
        },
        this::failed);
  }

  /** So that the next write of a row that somebody else moved ahead is not stale again. */
  private void raiseClock(long version, Lease held, Runnable next) {
    steps.then(
        store.open(partition, held.epoch(), version, false), opened -> next.run(), this::failed);
  }

  /**
   * The database has committed the batch.
   *
   * @param done what it has, or had in a newer version of ours
   */
  private void settle(
      Flight flight, Outcomes outcomes, List<Mutation> done, int statements, Lease held) {
    steps.then(
        store.settle(partition, held.epoch(), done, flight.batch().frontier()),
        settled -> settled(flight, outcomes, done, statements),
        failure -> {
          if (Failures.cause(failure) instanceof FencedException || store.failure() != null) {
            failed(failure);
            return;
          }
          log.warn(
              "{}: partition {}: a batch is in the database but cannot be settled yet: {}",
              name,
              partition,
              Failures.message(failure));
          steps.after(SETTLE_AGAIN, () -> settle(flight, outcomes, done, statements, held));
        });
  }

  private void settled(Flight flight, Outcomes outcomes, List<Mutation> done, int statements) {
    committed = null;
    int applied = outcomes.done().size();
    int stale = outcomes.stale().size();
    if (!flight.mutations().isEmpty()) {
      core.statistics().batches.increment();
      core.statistics().applied.add(applied);
      core.statistics().stale.add(stale);
      core.statistics().flushRate.add(done.size());
      tellSettled(flight, done, stale, statements);
    }
    core.settlements().applied(done);
    if (flight.staged()) {
      stagedWrites.settled(outcomes.done());
    } else {
      flusher.recovered();
    }
    engine.released(done.stream().map(Mutation::key).toList());
    end(flight, new Result(applied, stale, 0, 0, statements, null));
  }

  private void tellSettled(Flight flight, List<Mutation> done, int stale, int statements) {
    if (core.listeners().any()) {
      List<CacheListener.Version> entries =
          done.stream()
              .map(mutation -> new CacheListener.Version(mutation.key(), mutation.version()))
              .toList();
      tell(flight, entries, stale, statements, null);
    }
  }

  private void tellFailure(@Nullable Flight flight, int statements, String why) {
    if (core.listeners().any()) {
      tell(flight, List.of(), 0, statements, why);
    }
  }

  private void tell(
      @Nullable Flight flight,
      List<CacheListener.Version> entries,
      int stale,
      int statements,
      @Nullable String failure) {
    Duration duration =
        flight == null
            ? Duration.ZERO
            : Duration.ofNanos(core.environment().nanos() - flight.beganNanos());
    long lag = flight == null ? flusher.ageNanos(store.stats(partition)) : flight.lagNanos();
    CacheListener.Flush event =
        new CacheListener.Flush(
            partition, entries, stale, statements, duration, Duration.ofNanos(lag), failure);
    core.listeners().tell(listener -> listener.flushed(event));
  }

  private void failed(Throwable failure) {
    Throwable cause = Failures.cause(failure);
    String message = Failures.message(failure);
    if (cause instanceof FencedException) {
      engine.stop("this store lost its lease to another and takes no more writes: " + message);
    } else if (cause instanceof DatabaseWentBackException) {
      engine.stopFlushing(message);
    } else if (store.failure() != null) {
      engine.storeFailed("the hot store failed: " + message);
    } else {
      fail(message, Result.failure(message));
    }
  }

  /** The batch was not applied, or nobody knows, and it is no entry's fault. */
  private void fail(String message, Result result) {
    Flight flight = inFlight;
    tellFailure(flight, result.statements(), message);
    if (flight != null && flight.staged() && unknown == null && committed == null) {
      stagedWrites.notApplied(flight, epoch);
    }
    nothingInFlight();
    flusher.notDelivered(message, result);
  }

  /** Only ready entries are what a flush is for: staged writes have callers of their own, deferred entries their own time. */
  private void end(Flight flight, Result result) {
    nothingInFlight();
    flusher.ended(
        flight.staged() || flight.deferred()
            ? new Result(0, 0, 0, 0, result.statements(), null)
            : result);
  }

  private long batchId() {
    return core.environment().random() | 1;
  }

  private static boolean carries(@Nullable Flight flight, Mutation mutation) {
    return flight != null && flight.carries(mutation);
  }
}
