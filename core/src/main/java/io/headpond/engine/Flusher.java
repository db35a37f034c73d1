package io.headpond.engine;

import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.engine.Trouble.Kind;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Done;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Applied.Rejected;
import io.headpond.spi.Applied.Retry;
import io.headpond.spi.Applied.Stale;
import io.headpond.spi.Batch;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.Environment;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Taken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the pending entries of one partition to the database, one batch at a time.
 *
 * <p>A cycle is: lease (acquired anew after an unknown outcome) - take - apply - settle. Cycles begin when the oldest
 * entry has lingered, when a full batch is ready, when somebody asks, and to renew the lease of an idle partition. All steps
 * run one after the other in {@link #events}; only the fields said to be volatile are seen from elsewhere.
 *
 * <p>A batch whose outcome is unknown is applied again as it was, under a new epoch, before anything else of the
 * partition. A batch that was surely not applied is taken anew, with whatever has coalesced since.
 */
final class Flusher {
  private static final Logger log = LoggerFactory.getLogger(Flusher.class);
  private static final Duration RENEWAL = Duration.ofSeconds(10);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final int partition;
  private final SerialExecutor events;
  private final Backoff backoff;
  private final List<FlushRequest> requests = new ArrayList<>();

  private @Nullable Lease lease;
  private @Nullable Attempt unknown;
  private @Nullable Attempt inFlight;
  private Environment.@Nullable Timer timer;
  private long renewAtNanos;
  private boolean draining;

  /** A cycle is under way. */
  private volatile boolean running;

  /** A cycle is under way or a timer will begin one: a first pending entry needs no notice. */
  private volatile boolean watching;

  /** A look has been asked for and has not begun. */
  private volatile boolean noticed;

  /** Why nothing gets through; null while all is well. */
  private volatile @Nullable Trouble trouble;

  /** The oldest entry, and since when it has been known. */
  private volatile @Nullable Oldest oldest;

  private record Oldest(long since, long seenNanos) {}

  /** A batch on its way, and whether it is one staged write. */
  private record Attempt(Batch batch, boolean staged) {}

  Flusher(Core core, Engine engine, int partition, Lease lease) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.partition = partition;
    this.lease = lease;
    this.events = new SerialExecutor(core.environment());
    this.backoff = new Backoff(core.environment(), core.settings().retryDelay());
    this.renewAtNanos = core.environment().nanos() + RENEWAL.toNanos();
  }

  /** Looks at what recovery found. */
  void start() {
    on(this::look);
  }

  /** An entry was written; {@code ready} of the partition can be taken now. Called for every write. */
  void written(int ready) {
    if (!noticed
        && (ready >= core.settings().maxBatchSize() ? !running && trouble == null : !watching)) {
      noticed = true;
      on(this::look);
    }
  }

  /** A write was staged: somebody waits for it. */
  void staged() {
    on(this::look);
  }

  /** Takes part in a flush: the request's part is complete when this partition has done what it could. */
  void flush(FlushRequest request) {
    on(
        () -> {
          requests.add(request);
          look();
        });
  }

  /** From now on nothing lingers. */
  void drain() {
    on(
        () -> {
          draining = true;
          look();
        });
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void unstage(Mutation mutation) {
    on(
        () -> {
          if (carries(inFlight, mutation) || carries(unknown, mutation)) {
            engine.answer(
                mutation,
                new OutcomeUnknownException(
                    "no answer from the database yet; the write is under way"));
            return;
          }
          Trouble why = trouble;
          then(
              store.unstage(partition, epoch(), mutation),
              removed ->
                  engine.answer(
                      mutation,
                      removed
                          ? new UnavailableException(
                              "not written in time, taken back"
                                  + (why == null ? "" : ": " + why.message()))
                          : new OutcomeUnknownException(
                              "the write was no longer to be taken back")),
              failure ->
                  engine.answer(mutation, new OutcomeUnknownException(Failures.message(failure))));
        });
  }

  /** Ends after the cycle under way and gives the lease back. */
  CompletableFuture<@Nullable Void> stop() {
    CompletableFuture<@Nullable Void> stopped = new CompletableFuture<>();
    on(
        () -> {
          Lease last = lease;
          halt(new Trouble(Kind.STOPPED, "closed", 0));
          if (last == null) {
            stopped.complete(null);
          } else {
            core.systemOfRecord().release(last).whenComplete((v, e) -> stopped.complete(null));
          }
        });
    return stopped;
  }

  /** Ends for good: a person has to decide. */
  void stop(String reason) {
    on(() -> halt(new Trouble(Kind.STOPPED, reason, 0)));
  }

  @Nullable Trouble trouble() {
    return trouble;
  }

  /**
   * How long the oldest entry has been pending. The store's clock tells, but it stands still while it is ahead of the wall
   * clock; so the time since this flusher first saw the entry counts too.
   */
  long ageNanos(PartitionStats stats) {
    if (stats.oldest() == 0) {
      return 0;
    }
    Oldest known = oldest;
    long now = core.environment().nanos();
    if (known == null || known.since != stats.oldest()) {
      known = new Oldest(stats.oldest(), now);
      oldest = known;
    }
    long byClock = Math.max(0, store.nowMicros() - stats.oldest()) * 1_000;
    return Math.max(byClock, now - known.seenNanos);
  }

  /** Decides what to do next. */
  private void look() {
    noticed = false;
    if (running || stopped()) {
      return;
    }
    PartitionStats stats = store.stats(partition);
    Trouble current = trouble;
    boolean held = current != null && !backoff.over();
    boolean outage = held && current != null && current.kind() == Kind.OUTAGE;
    if (!requests.isEmpty() || (stats.staged() > 0 && !outage)) {
      begin();
    } else if (held) {
      wake(backoff.remainingNanos(), true);
    } else if (unknown != null || current != null) {
      begin();
    } else if (stats.ready() > 0) {
      long rest = core.settings().linger().toNanos() - ageNanos(stats);
      if (rest <= 0 || draining || stats.ready() >= core.settings().maxBatchSize()) {
        begin();
      } else {
        wake(rest, true);
      }
    } else {
      rest();
    }
  }

  /** Nothing to do but to renew the lease in a while. */
  private void rest() {
    long untilRenewal = renewAtNanos - core.environment().nanos();
    if (untilRenewal <= 0) {
      begin();
      return;
    }
    wake(untilRenewal, false);
    // A write that came before the line above saw that somebody was watching.
    if (store.stats(partition).ready() > 0) {
      on(this::look);
    }
  }

  private void wake(long nanos, boolean forEntries) {
    cancelTimer();
    timer = core.environment().schedule(Duration.ofNanos(nanos), () -> on(this::look));
    watching = forEntries;
  }

  private void begin() {
    cancelTimer();
    running = true;
    watching = true;
    requests.forEach(FlushRequest::begin);
    Lease held = lease;
    if (held == null) {
      acquire();
    } else {
      proceed(held);
    }
  }

  private void acquire() {
    then(
        core.systemOfRecord().acquire(store.id(), partition),
        acquired -> {
          if (acquired.frontier() < store.frontier(partition)) {
            engine.stopFlushing(
                Engine.wentBack(partition, store.frontier(partition), acquired.frontier()));
            return;
          }
          then(
              store.open(partition, acquired.epoch(), acquired.highVersion(), true),
              opened -> {
                lease = acquired;
                log.info(
                    "{}: partition {} taken again with epoch {}",
                    core.settings().name(),
                    partition,
                    acquired.epoch());
                proceed(acquired);
              },
              this::failed);
        },
        this::failed);
  }

  private void proceed(Lease held) {
    Attempt again = unknown;
    if (again != null) {
      apply(again, held);
    } else {
      int max = core.settings().maxBatchSize();
      for (FlushRequest request : requests) {
        max = Math.min(max, request.budget());
      }
      then(
          store.take(partition, held.epoch(), Math.max(1, max)),
          taken -> taken(taken, held),
          this::failed);
    }
  }

  private void taken(Taken taken, Lease held) {
    if (taken.mutations().isEmpty()
        && trouble == null
        && renewAtNanos - core.environment().nanos() > 0) {
      ended(new FlushRequest.Result(0, 0, 0, 0, 0, null));
      return;
    }
    List<Mutation> sorted = new ArrayList<>(taken.mutations());
    sorted.sort(Comparator.comparing(Mutation::key));
    Batch batch = new Batch(core.environment().random() | 1, sorted, taken.frontier());
    apply(new Attempt(batch, taken.staged()), held);
  }

  private void apply(Attempt attempt, Lease held) {
    inFlight = attempt;
    then(
        core.systemOfRecord().apply(attempt.batch, held),
        applied -> {
          inFlight = null;
          unknown = null;
          renewAtNanos = core.environment().nanos() + RENEWAL.toNanos();
          applied(attempt, applied, held);
        },
        failure -> {
          inFlight = null;
          if (Failures.cause(failure) instanceof OutcomeUnknownException) {
            unknown = attempt;
            lease = null;
          }
          failed(failure);
        });
  }

  private void applied(Attempt attempt, Applied applied, Lease held) {
    List<Mutation> mutations = attempt.batch.mutations();
    List<Mutation> done = new ArrayList<>(mutations.size());
    List<Mutation> stale = new ArrayList<>(0);
    int rejected = 0;
    int retried = 0;
    String error = null;
    long highest = 0;
    for (int i = 0; i < mutations.size(); i++) {
      Outcome outcome = applied.outcomes().get(i);
      if (outcome instanceof Done) {
        done.add(mutations.get(i));
      } else if (outcome instanceof Stale newer) {
        stale.add(mutations.get(i));
        highest = Math.max(highest, newer.version());
      } else if (outcome instanceof Rejected why) {
        rejected++;
        error = "entry " + mutations.get(i).key().hashText() + ": " + why.message();
      } else if (outcome instanceof Retry why) {
        retried++;
        error = error == null ? why.message() : error;
      }
    }
    var result =
        new FlushRequest.Result(
            error == null ? done.size() : 0,
            error == null ? stale.size() : 0,
            retried,
            rejected,
            applied.statements(),
            error);
    if (attempt.staged) {
      stagedApplied(attempt, applied.outcomes().get(0), result, held);
    } else if (error != null) {
      notApplied(rejected > 0 ? Kind.REJECTED : Kind.OUTAGE, error, result);
    } else if (stale.isEmpty()) {
      settle(attempt, done, result, held);
    } else {
      long foreign = highest;
      sortStale(
          stale,
          done,
          held,
          () -> raiseClock(foreign, held, () -> settle(attempt, done, result, held)));
    }
  }

  /**
   * A row with a newer version is fine if that newer write is ours and still to come. Otherwise another program wrote
   * it: the entry is a conflict for a person, and reads show what the database has.
   */
  private void sortStale(List<Mutation> stale, List<Mutation> done, Lease held, Runnable next) {
    if (stale.isEmpty()) {
      next.run();
      return;
    }
    Mutation mutation = stale.remove(stale.size() - 1);
    then(
        store.get(mutation.key()),
        lookup -> {
          if (lookup.version() > mutation.version()) {
            done.add(mutation);
            sortStale(stale, done, held, next);
            return;
          }
          String message = "conflict: the database has a newer version that is not from this store";
          log.warn(
              "{}: partition {}: entry {}: {}; parked",
              core.settings().name(),
              partition,
              mutation.key().hashText(),
              message);
          var failure = new io.headpond.spi.Failure(message, true, core.environment().wallMicros());
          then(
              store.park(partition, held.epoch(), mutation, 1, failure),
              parked -> {
                core.settlements().parked(mutation, message);
                sortStale(stale, done, held, next);
              },
              this::failed);
        },
        this::failed);
  }

  /** So that the next write of a row that somebody else moved ahead is not stale again. */
  private void raiseClock(long version, Lease held, Runnable next) {
    then(store.open(partition, held.epoch(), version, false), opened -> next.run(), this::failed);
  }

  private void settle(
      Attempt attempt, List<Mutation> done, FlushRequest.Result result, Lease held) {
    then(
        store.settle(partition, held.epoch(), done, attempt.batch.frontier()),
        settled -> {
          if (!attempt.batch.mutations().isEmpty()) {
            core.statistics().batches.increment();
            core.statistics().applied.add(result.applied());
            core.statistics().stale.add(result.stale());
          }
          recovered();
          core.settlements().applied(done);
          if (attempt.staged) {
            engine.answer(attempt.batch.mutations().get(0), null);
          }
          engine.settled();
          ended(result);
        },
        failure -> engine.stop("the hot store failed: " + Failures.message(failure)));
  }

  private void stagedApplied(
      Attempt attempt, Outcome outcome, FlushRequest.Result result, Lease held) {
    Mutation mutation = attempt.batch.mutations().get(0);
    if (outcome instanceof Done) {
      settle(attempt, attempt.batch.mutations(), result, held);
    } else if (outcome instanceof Retry why) {
      notApplied(Kind.OUTAGE, why.message(), result);
    } else {
      String message =
          outcome instanceof Rejected why
              ? why.message()
              : "the database has a newer version that is not from this store";
      Runnable unstage =
          () ->
              then(
                  store.unstage(partition, held.epoch(), mutation),
                  gone -> {
                    engine.answer(mutation, new RejectedException(message));
                    core.settlements().parked(mutation, message);
                    ended(result);
                  },
                  this::failed);
      if (outcome instanceof Stale newer) {
        raiseClock(newer.version(), held, unstage);
      } else {
        unstage.run();
      }
    }
  }

  private void failed(Throwable failure) {
    Throwable cause = Failures.cause(failure);
    String message = Failures.message(failure);
    if (cause instanceof FencedException) {
      engine.stop("this store lost its lease to another and takes no more writes: " + message);
    } else if (cause instanceof DatabaseWentBackException) {
      engine.stopFlushing(message);
    } else if (store.failure() != null) {
      engine.stop("the hot store failed: " + message);
    } else {
      notApplied(Kind.OUTAGE, message, new FlushRequest.Result(0, 0, 0, 0, 0, message));
    }
  }

  private void notApplied(Kind kind, String message, FlushRequest.Result result) {
    core.statistics().failedBatches.increment();
    backoff.failed();
    Trouble before = trouble;
    trouble = new Trouble(kind, message, backoff.failures());
    if (before == null || !before.message().equals(message)) {
      log.warn(
          "{}: partition {} does not reach the database (attempt {}, next in {} ms): {}",
          core.settings().name(),
          partition,
          backoff.failures(),
          backoff.remainingNanos() / 1_000_000,
          message);
    }
    ended(result);
  }

  private void recovered() {
    Trouble before = trouble;
    if (before != null) {
      log.info(
          "{}: partition {} reaches the database again after {} failed attempts",
          core.settings().name(),
          partition,
          before.attempts());
    }
    trouble = null;
    backoff.reset();
  }

  /** A cycle is over. */
  private void ended(FlushRequest.Result result) {
    running = false;
    PartitionStats stats = store.stats(partition);
    requests.removeIf(request -> request.add(result, stats));
    on(this::look);
  }

  private void halt(Trouble reason) {
    cancelTimer();
    running = false;
    watching = true;
    trouble = reason;
    lease = null;
    requests.forEach(request -> request.abandon(reason.message()));
    requests.clear();
  }

  private boolean stopped() {
    Trouble current = trouble;
    if (current == null || current.kind() != Kind.STOPPED) {
      return false;
    }
    requests.forEach(request -> request.abandon(current.message()));
    requests.clear();
    return true;
  }

  private long epoch() {
    Lease held = lease;
    return held == null ? Long.MAX_VALUE : held.epoch();
  }

  private static boolean carries(@Nullable Attempt attempt, Mutation mutation) {
    return attempt != null && attempt.staged && attempt.batch.mutations().get(0).same(mutation);
  }

  private void cancelTimer() {
    Environment.Timer current = timer;
    if (current != null) {
      current.cancel();
      timer = null;
    }
  }

  /** Goes on in {@link #events} when the stage completes, unless the flusher was halted meanwhile. */
  private <T extends @Nullable Object> void then(
      CompletionStage<T> stage, Consumer<? super T> success, Consumer<Throwable> failure) {
    stage.whenComplete(
        (value, error) ->
            on(
                () -> {
                  Trouble current = trouble;
                  if (current != null && current.kind() == Kind.STOPPED) {
                    return;
                  }
                  if (error == null) {
                    success.accept(value);
                  } else {
                    failure.accept(error);
                  }
                }));
  }

  private void on(Runnable step) {
    events.execute(
        () -> {
          try {
            step.run();
          } catch (RuntimeException | Error e) {
            log.error(
                "{}: partition {}: the flusher failed; it begins anew",
                core.settings().name(),
                partition,
                e);
            inFlight = null;
            lease = null;
            notApplied(
                Kind.OUTAGE,
                "internal error: " + e,
                new FlushRequest.Result(0, 0, 0, 0, 0, "internal error: " + e));
          }
        });
  }
}
