package io.headpond.engine;

import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.engine.FlushRequest.Result;
import io.headpond.engine.Trouble.Kind;
import io.headpond.spi.Applied;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.LeaseHeldException;
import io.headpond.spi.Mutation;
import io.headpond.spi.Taken;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps that bring one batch to the database: lease (acquired anew after an unknown outcome), take, apply, settle; and what
 * each answer of the database means for the entries. When and how often is the {@link Flusher}'s. Used in steps only.
 *
 * <p>After an unknown outcome the lease that is acquired anew tells whether the batch was committed. If it was, it is applied again as it was, before
 * anything else of the partition, to learn what the database has of it: it may have been committed without some of its rows. A batch
 * that was surely not committed is taken anew, with whatever has coalesced since. So the rows of a batch are never written again after a later batch; and that nothing that
 * is committed is said to be refused is seen to by {@link Settling}.
 */
final class Delivery {
  private static final Logger log = LoggerFactory.getLogger(Delivery.class);

  /** So many rows in a row that do not go through, each of them alone and through no fault of its own that is known, are an outage. */
  private static final int FRUITLESS = 3;

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final Flusher flusher;
  private final Steps steps;
  private final StagedWrites stagedWrites;
  private final FlushEvents events;
  private final Settling settling;
  private final BatchLimits limits;
  private final int partition;
  private final String name;

  private final Acquisition acquisition;

  private @Nullable Lease lease;
  private long epoch;

  /** What has a higher version was written since the lease was taken. */
  private long acquiredMicros;

  private int max;

  /** The batch of this cycle, from the take to the end. Its size is asked for from elsewhere. */
  private volatile @Nullable Flight inFlight;

  /** A batch whose outcome nobody knows. No lease is held while there is one. */
  private @Nullable Flight unknown;

  /** A batch that the database has committed, until it is settled. */
  private @Nullable Flight committed;

  /** What became of the batch of this cycle is known: it is settled, or nothing of it is there. */
  private boolean answered;

  /** How many rows in a row, each of them alone, took too long or did not go through for a reason that is not counted. */
  private int fruitless;

  /** How many of the last of them had been deferred before: they are no evidence against fresh entries. */
  private int fruitlessDeferred;

  /** A take is under way: which staged writes it will return is not known. */
  private boolean taking;

  Delivery(
      Core core,
      Engine engine,
      Flusher flusher,
      Steps steps,
      Refusals refusals,
      int partition,
      @Nullable Lease lease,
      LateStart lateStart) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.flusher = flusher;
    this.steps = steps;
    this.stagedWrites = new StagedWrites(core, engine, flusher, steps, partition, this::underWay);
    this.events = new FlushEvents(core, flusher, partition);
    this.settling =
        new Settling(core, engine, this, steps, refusals, stagedWrites, events, partition);
    this.limits = new BatchLimits(core.environment(), core.settings().maxBatchSize());
    this.partition = partition;
    this.name = core.settings().name();
    this.lease = lease;
    this.epoch = lease == null ? 0 : lease.epoch();
    this.acquisition = new Acquisition(core, engine, steps, lateStart, partition, lease != null);
    this.acquiredMicros = lease == null ? 0 : store.nowMicros(partition);
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

  /** Whether the store's partition has been opened with a lease. Called from anywhere. */
  boolean opened() {
    return acquisition.opened();
  }

  /** Whether it is known that no batch is on its way, though the store may not know it: of one that failed it hears with the next take only. */
  boolean carriesNothing() {
    boolean ours = lease != null || !core.store().id().shared();
    return ours && !taking && inFlight == null && !owesAnAnswer();
  }

  /** Whether a batch must be applied again before anything else. */
  boolean owesAnAnswer() {
    return unknown != null || committed != null;
  }

  /** Whether a bad row among the ready entries is searched for. */
  boolean searching() {
    return limits.searching();
  }

  private boolean underWay(Mutation mutation) {
    return carries(inFlight, mutation)
        || carries(unknown, mutation)
        || carries(committed, mutation);
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void unstage(Mutation mutation) {
    if (underWay(mutation)) {
      stagedWrites.tooLateToTakeBack(mutation);
    } else if (taking) {
      stagedWrites.decideLater(mutation);
    } else if (core.shared() != null && mutation.version() <= acquiredMicros) {
      // Who had the lease before may have had it committed: the store tells whether a batch had it.
      flusher.withdraw(mutation);
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

  /** The lease that is held; null if none is. */
  @Nullable Lease lease() {
    return lease;
  }

  /**
   * Gives up what is under way: another process goes on with it, and finds out by itself what became of it.
   *
   * @return the lease that was held
   */
  @Nullable Lease giveUp() {
    Lease held = lease;
    lease = null;
    unknown = null;
    committed = null;
    fruitless = 0;
    stagedWrites.forget();
    nothingInFlight();
    return held;
  }

  /** What was under way may or may not have happened: the lease is taken anew. */
  void crashed() {
    Flight flight = inFlight;
    if (flight != null && committed == null && !answered) {
      unknown = flight;
    }
    lease = null;
    nothingInFlight();
  }

  private void nothingInFlight() {
    inFlight = null;
    answered = false;
    taking = false;
    stagedWrites.decideNow().forEach(this::unstage);
  }

  private void acquire() {
    acquisition.begin(
        acquired -> {
          lease = acquired;
          epoch = acquired.epoch();
          acquiredMicros = store.nowMicros(partition);
          flusher.acquired();
          decideUnknown(acquired);
        },
        this::failed,
        this::storeFailed);
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
    nothing(empty -> apply(empty, held));
  }

  /** A batch without rows, that moves the frontier as far as may be. */
  private void nothing(Consumer<Flight> next) {
    steps.then(
        store.horizon(partition),
        horizon -> {
          long now = horizon.micros();
          long since = horizon.stats().oldest();
          // A letter that was retried is older than the frontier that left it behind.
          long oldest = Math.max(store.frontier(partition), since);
          long frontier = since == 0 ? now : Math.min(now, oldest);
          next.accept(Flight.empty(frontier, batchId(), core.environment().nanos()));
        },
        this::storeFailed);
  }

  private void proceed(Lease held) {
    Flight again = committed;
    if (again != null) {
      apply(again, held);
      return;
    }
    taking = true;
    long lag = core.listeners().any() ? flusher.ageNanos() : 0;
    steps.then(
        store.take(partition, held.epoch(), limits.next(max)),
        taken -> taken(taken, lag, held),
        this::storeFailed);
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
      nothingInFlight();
      flusher.tookNothing();
    }
  }

  private void apply(Flight flight, Lease held) {
    inFlight = flight;
    steps.then(
        core.systemOfRecord().apply(flight.batch(), held),
        applied -> applied(flight, applied, held),
        failure -> {
          Throwable cause = Failures.cause(failure);
          if (cause instanceof BatchFailedException whole && !flight.mutations().isEmpty()) {
            batchFailed(flight, whole.error(), held);
            return;
          }
          if (mayBeDone(cause)) {
            unknown = flight;
            lease = null;
          }
          failed(failure);
        });
  }

  /** What the contract does not know may have happened at any time. */
  private static boolean mayBeDone(Throwable failure) {
    return failure instanceof OutcomeUnknownException || !(failure instanceof HeadpondException);
  }

  /** The lease went through and the rows did not: nothing of them is committed, and the next batch tells more. */
  private void batchFailed(Flight flight, DatabaseError error, Lease held) {
    if (flight == committed) {
      // It cannot be made smaller; the rows themselves tell.
      settling.appliedAgain(flight, Outcomes.none(flight.mutations(), error), 0, held, true);
    } else if (limits.failed(flight, error.errorClass())) {
      alone(flight, error, held);
    } else {
      log.info(
          "{}: partition {}: a batch of {} did not go through: {}",
          name,
          partition,
          flight.mutations().size(),
          error);
      events.failed(flight, 0, error.toString());
      if (flight.staged()) {
        stagedWrites.notApplied(flight, epoch);
      }
      nothingInFlight();
      flusher.ended(Result.NOTHING);
    }
  }

  /**
   * It is this row. What the database has against its value is counted. That it takes too long, or whatever else it may be, is not; after several in a row it is rather the database, and a pause follows. That
   * it costs the connection is counted, if the connection is not lost without it.
   */
  private void alone(Flight flight, DatabaseError error, Lease held) {
    switch (error.errorClass()) {
      case CONNECTION -> probe(flight, error, held);
      case CONSTRAINT, FOREIGN_KEY, VALUE, RAISED, SWALLOWED -> {
        limits.found(flight);
        fruitless = 0;
        settling.applied(flight, Outcomes.refused(flight.mutations(), error), 0, held);
      }
      default -> {
        limits.found(flight);
        fruitless(flight);
        settling.applied(flight, Outcomes.none(flight.mutations(), error), 0, held);
      }
    }
  }

  /** Whether the connection is lost without the row, too. */
  private void probe(Flight flight, DatabaseError error, Lease held) {
    nothing(empty -> probe(flight, error, held, empty));
  }

  private void probe(Flight flight, DatabaseError error, Lease held, Flight empty) {
    steps.then(
        core.systemOfRecord().apply(empty.batch(), held),
        applied -> {
          flusher.renewed();
          limits.found(flight);
          fruitless = 0;
          settling.applied(flight, Outcomes.refused(flight.mutations(), error), 1, held);
        },
        failure -> {
          if (mayBeDone(Failures.cause(failure))) {
            lease = null;
          }
          failed(failure);
        });
  }

  private void applied(Flight flight, Applied applied, Lease held) {
    boolean again = flight == committed;
    Outcomes outcomes = Outcomes.of(flight.mutations(), applied);
    if (outcomes.anything() || flight.mutations().isEmpty()) {
      // Until it is settled the batch is never said not to be done, whatever fails.
      committed = flight;
    } else if (!again) {
      answered = true;
    }
    if (outcomes.whole()) {
      // Only then the frontier has moved, which is half of what a renewal is for.
      flusher.renewed();
    }
    limits.answered(flight, outcomes.inTime());
    if (flight.mutations().size() == 1 && !outcomes.inTime()) {
      fruitless(flight);
    } else if (!flight.mutations().isEmpty()) {
      fruitless = 0;
    }
    if (again || mayHaveBeenTried(flight, outcomes)) {
      settling.appliedAgain(flight, outcomes, applied.statements(), held, again);
    } else {
      settling.applied(flight, outcomes, applied.statements(), held);
    }
  }

  /**
   * Who had the lease of a shared store's partition before may have had it committed and have died before it was settled. And of what is left out now the store may have forgotten that it was settled, which only the rows
   * tell.
   */
  private boolean mayHaveBeenTried(Flight flight, Outcomes outcomes) {
    return core.shared() != null
        && ((!outcomes.whole() && !flight.staged())
            || flight.mutations().stream().anyMatch(m -> m.version() <= acquiredMicros));
  }

  private void fruitless(Flight flight) {
    fruitlessDeferred = flight.deferred() ? fruitlessDeferred + 1 : 0;
    fruitless++;
  }

  /** Whether what keeps entries from the database is known of deferred ones only. */
  boolean sparesFresh() {
    return fruitless >= FRUITLESS && fruitlessDeferred >= FRUITLESS;
  }

  /** What the batch under way has brought to the database is settled. */
  void settled() {
    committed = null;
    answered = true;
  }

  /** A step of a cycle has failed. */
  void failed(Throwable failure) {
    Throwable cause = Failures.cause(failure);
    String message = Failures.message(failure);
    boolean lost = cause instanceof FencedException || cause instanceof LeaseHeldException;
    if (lost && core.shared() != null) {
      flusher.lost(message);
    } else if (lost) {
      engine.stop("this store lost its lease to another and takes no more writes: " + message);
    } else if (cause instanceof DatabaseWentBackException) {
      engine.stopFlushing(message);
    } else if (store.failure() != null) {
      engine.storeFailed("the hot store failed: " + message);
    } else {
      fail(
          cause instanceof ConfigurationException
              ? Kind.BLOCKED
              : cause instanceof HeadpondException ? Kind.OUTAGE : Kind.FAILED,
          message,
          Result.failure(message));
    }
  }

  /** A step of a cycle has failed at the hot store. */
  void storeFailed(Throwable failure) {
    Throwable cause = Failures.cause(failure);
    if (core.shared() == null
        || cause instanceof FencedException
        || !(cause instanceof HeadpondException)
        || store.failure() != null) {
      failed(failure);
    } else {
      String message = Failures.message(failure);
      fail(
          cause instanceof ConfigurationException ? Kind.BLOCKED : Kind.STORE,
          message,
          Result.failure(message));
    }
  }

  /** The batch was not applied, or nobody knows, and it is no entry's fault. */
  private void fail(Kind kind, String message, Result result) {
    Flight flight = inFlight;
    events.failed(flight, result.statements(), message);
    if (flight != null && flight.staged() && unknown == null && committed == null) {
      stagedWrites.notApplied(flight, epoch);
    }
    fruitless = 0;
    nothingInFlight();
    flusher.notDelivered(kind, message, result);
  }

  /** Only ready entries are what a flush is for: staged writes have callers of their own, deferred entries their own time. */
  void end(Flight flight, Result result) {
    nothingInFlight();
    String error = result.error();
    if (fruitless >= FRUITLESS && error != null) {
      flusher.notDelivered(Kind.OUTAGE, error, result);
      return;
    }
    flusher.recovered();
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
