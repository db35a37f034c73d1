package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.engine.FlushRequest.Result;
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
import io.headpond.spi.Failure;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Taken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
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
 * entry has lingered, when a full batch is ready, when somebody asks, and to renew the lease. All steps
 * run one after the other in {@link #events}; only the fields said to be volatile are seen from elsewhere.
 *
 * <p>A batch whose outcome is unknown is applied again as it was, under a new epoch, before anything else of the
 * partition. A batch that was surely not applied is taken anew, with whatever has coalesced since.
 */
final class Flusher {
  private static final Logger log = LoggerFactory.getLogger(Flusher.class);
  private static final Duration RENEWAL = Duration.ofSeconds(10);
  private static final Duration SETTLE_AGAIN = Duration.ofMillis(200);
  private static final Duration TAKE_AGAIN = Duration.ofMillis(10);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final int partition;
  private final String name;
  private final SerialExecutor events;
  private final Backoff backoff;
  private final List<FlushRequest> requests = new ArrayList<>();

  private @Nullable Lease lease;
  private long epoch;

  /** Counts cycles; what belongs to an earlier one is ignored. */
  private int cycle;

  /** The batch of this cycle, from the take to the end. */
  private @Nullable Attempt inFlight;

  /** A batch whose outcome nobody knows. */
  private @Nullable Attempt unknown;

  /** A take is under way: which staged write it will return is not known. */
  private boolean taking;

  /** Staged writes to be taken back as soon as the take has returned. */
  private final List<Mutation> withdrawals = new ArrayList<>();

  /** Write ids of staged writes whose caller has been told that the outcome is unknown. */
  private final Set<Long> answered = new HashSet<>();

  private Environment.@Nullable Timer timer;
  private long renewAtNanos;
  private boolean draining;
  private @Nullable CompletableFuture<@Nullable Void> stopping;

  /** This cycle was asked for while the partition backs off: its failure does not make the pause longer. */
  private boolean forced;

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
    this.name = core.settings().name();
    this.lease = lease;
    this.epoch = lease.epoch();
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

  /** Takes part in a flush: the request is complete when this partition has done what it could. */
  void flush(FlushRequest request) {
    on(
        () -> {
          request.arrived(store.nowMicros(partition));
          requests.add(request);
          look();
        });
  }

  /** From now on nothing lingers, and pauses are short. */
  void drain() {
    on(
        () -> {
          draining = true;
          backoff.skip();
          look();
        });
  }

  /** The database answers to another partition again. */
  void retryNow() {
    on(
        () -> {
          Trouble current = trouble;
          if (current != null && current.kind() == Kind.OUTAGE) {
            backoff.skip();
            look();
          }
        });
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void unstage(Mutation mutation) {
    on(
        () -> {
          if (carries(inFlight, mutation) || carries(unknown, mutation)) {
            answered.add(mutation.writeId());
            engine.answer(
                mutation,
                new OutcomeUnknownException(
                    "no answer from the database yet; the write is under way"));
          } else if (taking) {
            withdrawals.add(mutation);
          } else {
            withdraw(mutation);
          }
        });
  }

  /** Ends after the cycle under way and gives the lease back. */
  CompletableFuture<@Nullable Void> stop() {
    CompletableFuture<@Nullable Void> stopped = new CompletableFuture<>();
    on(
        () -> {
          stopping = stopped;
          if (!running) {
            endForGood(stopped);
          }
        });
    return stopped;
  }

  /** Ends at once and for good: a person has to decide. */
  void stop(String reason) {
    on(() -> halt(reason));
  }

  @Nullable Trouble trouble() {
    return trouble;
  }

  /** Whether nothing is tried any more. */
  boolean stopped() {
    Trouble current = trouble;
    return current != null && current.kind() == Kind.STOPPED;
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
    long byClock = Math.max(0, store.nowMicros(partition) - stats.oldest()) * 1_000;
    return Math.max(byClock, now - known.seenNanos);
  }

  /** Decides what to do next. */
  private void look() {
    noticed = false;
    if (running) {
      return;
    }
    CompletableFuture<@Nullable Void> stop = stopping;
    if (stop != null) {
      endForGood(stop);
    }
    if (stopped()) {
      abandonRequests();
      return;
    }
    PartitionStats stats = store.stats(partition);
    Trouble current = trouble;
    boolean held = current != null && !backoff.over();
    boolean outage = held && current != null && current.kind() == Kind.OUTAGE;
    long untilRenewal = renewAtNanos - core.environment().nanos();
    if (!requests.isEmpty() || (stats.staged() > 0 && !outage)) {
      begin(held, false);
    } else if (held) {
      wake(backoff.remainingNanos(), true);
    } else if (unknown != null || current != null) {
      begin(false, false);
    } else if (untilRenewal <= 0) {
      begin(false, true);
    } else if (stats.ready() == 0) {
      rest(untilRenewal);
    } else {
      long linger = core.settings().linger().toNanos() - ageNanos(stats);
      if (linger <= 0 || draining || stats.ready() >= core.settings().maxBatchSize()) {
        begin(false, false);
      } else {
        wake(Math.min(linger, untilRenewal), true);
      }
    }
  }

  /** Nothing to do but to renew the lease in a while. */
  private void rest(long untilRenewal) {
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

  private void begin(boolean whileHeld, boolean renewing) {
    cancelTimer();
    cycle++;
    forced = whileHeld;
    running = true;
    watching = true;
    requests.forEach(FlushRequest::begin);
    Lease held = lease;
    if (held == null) {
      acquire();
    } else if (renewing) {
      renew(held);
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
                epoch = acquired.epoch();
                log.info("{}: partition {} taken again with epoch {}", name, partition, epoch);
                proceed(acquired);
              },
              this::failed);
        },
        this::failed);
  }

  /** A batch without rows: it renews the lease, moves the frontier, and shows whether the database answers. */
  private void renew(Lease held) {
    PartitionStats stats = store.stats(partition);
    long now = store.nowMicros(partition);
    long frontier = stats.oldest() == 0 ? now : Math.min(now, stats.oldest());
    apply(new Attempt(new Batch(batchId(), List.of(), frontier), false), held);
  }

  private void proceed(Lease held) {
    Attempt again = unknown;
    if (again != null) {
      apply(again, held);
      return;
    }
    int max = core.settings().maxBatchSize();
    for (FlushRequest request : requests) {
      max = Math.min(max, request.budget());
    }
    taking = true;
    then(
        store.take(partition, held.epoch(), Math.max(1, max)),
        taken -> taken(taken, held),
        this::failed);
  }

  private void taken(Taken taken, Lease held) {
    taking = false;
    List<Mutation> sorted = new ArrayList<>(taken.mutations());
    sorted.sort(Comparator.comparing(Mutation::key));
    Attempt attempt = new Attempt(new Batch(batchId(), sorted, taken.frontier()), taken.staged());
    inFlight = attempt;
    for (Mutation mutation : List.copyOf(withdrawals)) {
      unstage(mutation);
    }
    withdrawals.clear();
    if (!sorted.isEmpty()) {
      apply(attempt, held);
    } else if (trouble != null) {
      renew(held);
    } else {
      tookNothing();
    }
  }

  private void apply(Attempt attempt, Lease held) {
    inFlight = attempt;
    then(
        core.systemOfRecord().apply(attempt.batch, held),
        applied -> {
          unknown = null;
          renewAtNanos = core.environment().nanos() + RENEWAL.toNanos();
          applied(attempt, applied, held);
        },
        failure -> {
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
    String refusal = null;
    String delay = null;
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
        refusal = "entry " + mutations.get(i).key().hashText() + ": " + why.message();
      } else if (outcome instanceof Retry why) {
        retried++;
        delay = why.message();
      }
    }
    String error = refusal == null ? delay : refusal;
    Result result =
        new Result(
            error == null ? done.size() : 0,
            error == null ? stale.size() : 0,
            retried,
            rejected,
            applied.statements(),
            error);
    if (attempt.staged) {
      stagedApplied(attempt, applied.outcomes().get(0), applied.statements(), held);
    } else if (error != null) {
      notApplied(refusal == null ? Kind.OUTAGE : Kind.REJECTED, error, result);
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
              name,
              partition,
              mutation.key().hashText(),
              message);
          then(
              store.park(
                  partition,
                  held.epoch(),
                  mutation,
                  1,
                  new Failure(message, true, core.environment().wallMicros())),
              parked -> {
                core.settlements().parked(mutation, message);
                engine.released(List.of(mutation.key()));
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

  private void settle(Attempt attempt, List<Mutation> done, Result result, Lease held) {
    then(
        store.settle(partition, held.epoch(), done, attempt.batch.frontier()),
        settled -> {
          if (!attempt.batch.mutations().isEmpty()) {
            core.statistics().batches.increment();
            core.statistics().applied.add(result.applied());
            core.statistics().stale.add(result.stale());
          }
          core.settlements().applied(done);
          if (attempt.staged) {
            answer(attempt.batch.mutations().get(0), null);
          } else {
            recovered();
          }
          engine.released(done.stream().map(Mutation::key).toList());
          ended(result);
        },
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
          int mine = cycle;
          core.environment()
              .schedule(
                  SETTLE_AGAIN,
                  () -> on(() -> ifCurrent(mine, () -> settle(attempt, done, result, held))));
        });
  }

  /** A staged write is nobody's batch: its answer goes to its caller, not into a flush. */
  private void stagedApplied(Attempt attempt, Outcome outcome, int statements, Lease held) {
    Mutation mutation = attempt.batch.mutations().get(0);
    if (outcome instanceof Done) {
      settle(attempt, attempt.batch.mutations(), new Result(0, 0, 0, 0, statements, null), held);
    } else if (outcome instanceof Retry why) {
      notApplied(Kind.OUTAGE, why.message(), Result.failure(why.message()));
    } else {
      String message =
          outcome instanceof Rejected why
              ? why.message()
              : "the database has a newer version that is not from this store";
      Runnable refuse =
          () ->
              then(
                  store.unstage(partition, held.epoch(), mutation),
                  gone -> {
                    answer(mutation, new RejectedException(message));
                    engine.released(List.of(mutation.key()));
                    ended(new Result(0, 0, 0, 0, statements, null));
                  },
                  this::failed);
      if (outcome instanceof Stale newer) {
        raiseClock(newer.version(), held, refuse);
      } else {
        refuse.run();
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
      engine.storeFailed("the hot store failed: " + message);
    } else {
      notApplied(Kind.OUTAGE, message, Result.failure(message));
    }
  }

  private void notApplied(Kind kind, String message, Result result) {
    core.statistics().failedBatches.increment();
    if (!forced || backoff.failures() == 0) {
      backoff.failed(draining);
    }
    Trouble before = trouble;
    trouble = new Trouble(kind, message, backoff.failures());
    if (before == null || !before.message().equals(message)) {
      log.warn(
          "{}: partition {} does not reach the database (attempt {}, next in {} ms): {}",
          name,
          partition,
          backoff.failures(),
          backoff.remainingNanos() / 1_000_000,
          message);
    }
    Attempt attempt = inFlight;
    if (attempt != null && attempt.staged && unknown == null) {
      Mutation mutation = attempt.batch.mutations().get(0);
      if (answered.contains(mutation.writeId())) {
        withdraw(mutation);
      }
    }
    ended(result);
  }

  private void recovered() {
    Trouble before = trouble;
    if (before != null) {
      log.info(
          "{}: partition {} reaches the database again after {} failed attempts",
          name,
          partition,
          before.attempts());
      trouble = null;
      backoff.reset();
      engine.databaseAnswers();
    }
  }

  /** A cycle is over. */
  private void ended(Result result) {
    running = false;
    taking = false;
    inFlight = null;
    PartitionStats stats = store.stats(partition);
    requests.removeIf(request -> request.add(result, stats));
    on(this::look);
  }

  /** A cycle is over in which nothing could be taken. */
  private void tookNothing() {
    running = false;
    inFlight = null;
    PartitionStats stats = store.stats(partition);
    if (stats.staged() > 0 || stats.ready() == 0) {
      requests.removeIf(request -> request.add(Result.NOTHING, stats));
      on(this::look);
    } else {
      requests.forEach(FlushRequest::conclude);
      requests.clear();
      wake(TAKE_AGAIN.toNanos(), true);
    }
  }

  private void endForGood(CompletableFuture<@Nullable Void> stopped) {
    stopping = null;
    Lease last = lease;
    halt("closed");
    if (last == null) {
      stopped.complete(null);
    } else {
      core.systemOfRecord().release(last).whenComplete((v, e) -> stopped.complete(null));
    }
  }

  private void halt(String reason) {
    cancelTimer();
    cycle++;
    running = false;
    taking = false;
    watching = true;
    trouble = new Trouble(Kind.STOPPED, reason, 0);
    lease = null;
    Attempt attempt = inFlight;
    if (attempt != null && attempt.staged) {
      answer(
          attempt.batch.mutations().get(0),
          new OutcomeUnknownException("flushing stopped while the write was under way: " + reason));
    }
    inFlight = null;
    abandonRequests();
    CompletableFuture<@Nullable Void> stop = stopping;
    if (stop != null) {
      stopping = null;
      stop.complete(null);
    }
  }

  private void abandonRequests() {
    String reason = trouble == null ? "" : trouble.message();
    requests.forEach(request -> request.abandon(reason));
    requests.clear();
  }

  private void withdraw(Mutation mutation) {
    Trouble why = trouble;
    store
        .unstage(partition, epoch, mutation)
        .whenComplete(
            (removed, failure) -> {
              engine.released(List.of(mutation.key()));
              HeadpondException answer;
              if (failure != null) {
                answer = new OutcomeUnknownException(Failures.message(failure));
              } else if (removed) {
                answer =
                    new UnavailableException(
                        "not written in time and taken back"
                            + (why == null ? "" : ": " + why.message()));
              } else {
                answer = new OutcomeUnknownException("the write could no longer be taken back");
              }
              on(() -> answer(mutation, answer));
            });
  }

  private void answer(Mutation mutation, @Nullable HeadpondException failure) {
    if (!answered.remove(mutation.writeId())) {
      engine.answer(mutation, failure);
    }
  }

  private long batchId() {
    return core.environment().random() | 1;
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

  private void ifCurrent(int mine, Runnable step) {
    if (mine == cycle && !stopped()) {
      step.run();
    }
  }

  /** Goes on in {@link #events} when the stage completes, if this cycle is still the one. */
  private <T extends @Nullable Object> void then(
      CompletionStage<T> stage, Consumer<? super T> success, Consumer<Throwable> failure) {
    int mine = cycle;
    stage.whenComplete(
        (value, error) ->
            on(
                () ->
                    ifCurrent(
                        mine,
                        () -> {
                          if (error == null) {
                            success.accept(value);
                          } else {
                            failure.accept(error);
                          }
                        })));
  }

  private void on(Runnable step) {
    events.execute(
        () -> {
          try {
            step.run();
          } catch (RuntimeException | Error e) {
            crashed(e);
          }
        });
  }

  /** A step threw: what was under way may or may not have happened. */
  private void crashed(Throwable e) {
    log.error("{}: partition {}: the flusher failed; it begins anew", name, partition, e);
    if (stopped()) {
      return;
    }
    cycle++;
    if (inFlight != null) {
      unknown = inFlight;
    }
    lease = null;
    notApplied(Kind.OUTAGE, "internal error: " + e, Result.failure("internal error: " + e));
  }
}
