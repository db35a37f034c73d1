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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps that bring one batch to the database: lease (acquired anew after an unknown outcome), take, apply, settle; and what
 * each answer of the database means for the entries. When and how often is the {@link Flusher}'s, on whose events all of it runs.
 *
 * <p>A batch whose outcome is unknown is applied again as it was, under a new epoch, before anything else of the
 * partition. A batch that was surely not applied is taken anew, with whatever has coalesced since.
 */
final class Delivery {
  private static final Logger log = LoggerFactory.getLogger(Delivery.class);
  private static final Duration SETTLE_AGAIN = Duration.ofMillis(200);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final Flusher flusher;
  private final int partition;
  private final String name;

  private @Nullable Lease lease;
  private long epoch;
  private int max;

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

  /** A batch on its way, and whether it is one staged write. */
  private record Attempt(Batch batch, boolean staged) {}

  Delivery(Core core, Engine engine, Flusher flusher, int partition, Lease lease) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.flusher = flusher;
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

  /** Whether a batch must be applied again before anything else. */
  boolean owesAnAnswer() {
    return unknown != null;
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void unstage(Mutation mutation) {
    if (carries(inFlight, mutation) || carries(unknown, mutation)) {
      answered.add(mutation.writeId());
      engine.answer(
          mutation,
          new OutcomeUnknownException("no answer from the database yet; the write is under way"));
    } else if (taking) {
      withdrawals.add(mutation);
    } else {
      withdraw(mutation);
    }
  }

  /**
   * Gives up what is under way, for good.
   *
   * @return the lease that was held
   */
  @Nullable Lease halt(String reason) {
    Attempt attempt = inFlight;
    if (attempt != null && attempt.staged) {
      answer(
          attempt.batch.mutations().get(0),
          new OutcomeUnknownException("flushing stopped while the write was under way: " + reason));
    }
    Lease held = lease;
    lease = null;
    inFlight = null;
    taking = false;
    decideWithdrawals();
    return held;
  }

  /** A step threw: what was under way may or may not have happened. */
  void crashed() {
    if (inFlight != null) {
      unknown = inFlight;
    }
    lease = null;
    inFlight = null;
    taking = false;
    decideWithdrawals();
  }

  /** What the take has returned, if anything, is known: staged writes that wait to be taken back can be judged. */
  private void decideWithdrawals() {
    List<Mutation> waiting = List.copyOf(withdrawals);
    withdrawals.clear();
    waiting.forEach(this::unstage);
  }

  private void acquire() {
    flusher.then(
        core.systemOfRecord().acquire(store.id(), partition),
        acquired -> {
          if (acquired.frontier() < store.frontier(partition)) {
            engine.stopFlushing(
                Engine.wentBack(partition, store.frontier(partition), acquired.frontier()));
            return;
          }
          flusher.then(
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
    // In this order: what is written after the time was read is either counted or has a later
    // version.
    long now = store.nowMicros(partition);
    PartitionStats stats = store.stats(partition);
    long frontier = stats.oldest() == 0 ? now : Math.min(now, stats.oldest());
    apply(new Attempt(new Batch(batchId(), List.of(), frontier), false), held);
  }

  private void proceed(Lease held) {
    Attempt again = unknown;
    if (again != null) {
      apply(again, held);
      return;
    }
    taking = true;
    flusher.then(
        store.take(partition, held.epoch(), max), taken -> taken(taken, held), this::failed);
  }

  private void taken(Taken taken, Lease held) {
    taking = false;
    List<Mutation> sorted = new ArrayList<>(taken.mutations());
    sorted.sort(Comparator.comparing(Mutation::key));
    Attempt attempt = new Attempt(new Batch(batchId(), sorted, taken.frontier()), taken.staged());
    inFlight = attempt;
    decideWithdrawals();
    if (!sorted.isEmpty()) {
      apply(attempt, held);
    } else if (flusher.trouble() != null) {
      renew(held);
    } else {
      inFlight = null;
      flusher.tookNothing();
    }
  }

  private void apply(Attempt attempt, Lease held) {
    inFlight = attempt;
    flusher.then(
        core.systemOfRecord().apply(attempt.batch, held),
        applied -> {
          unknown = null;
          flusher.renewed();
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
      fail(refusal == null ? Kind.OUTAGE : Kind.REJECTED, error, result);
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
    flusher.then(
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
          flusher.then(
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
    flusher.then(
        store.open(partition, held.epoch(), version, false), opened -> next.run(), this::failed);
  }

  private void settle(Attempt attempt, List<Mutation> done, Result result, Lease held) {
    flusher.then(
        store.settle(partition, held.epoch(), done, attempt.batch.frontier()),
        settled -> {
          if (!attempt.batch.mutations().isEmpty()) {
            core.statistics().batches.increment();
            core.statistics().applied.add(result.applied());
            core.statistics().stale.add(result.stale());
            core.statistics().flushRate.add(done.size());
          }
          core.settlements().applied(done);
          if (attempt.staged) {
            answer(attempt.batch.mutations().get(0), null);
          } else {
            flusher.recovered();
          }
          engine.released(done.stream().map(Mutation::key).toList());
          end(result);
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
          int mine = flusher.cycle();
          core.environment()
              .schedule(
                  SETTLE_AGAIN,
                  () ->
                      flusher.on(
                          () ->
                              flusher.ifCurrent(mine, () -> settle(attempt, done, result, held))));
        });
  }

  /** A staged write is nobody's batch: its answer goes to its caller, not into a flush. */
  private void stagedApplied(Attempt attempt, Outcome outcome, int statements, Lease held) {
    Mutation mutation = attempt.batch.mutations().get(0);
    if (outcome instanceof Done) {
      settle(attempt, attempt.batch.mutations(), new Result(0, 0, 0, 0, statements, null), held);
    } else if (outcome instanceof Retry why) {
      fail(Kind.OUTAGE, why.message(), Result.failure(why.message()));
    } else {
      String message =
          outcome instanceof Rejected why
              ? why.message()
              : "the database has a newer version that is not from this store";
      Runnable refuse =
          () ->
              flusher.then(
                  store.unstage(partition, held.epoch(), mutation),
                  gone -> {
                    answer(mutation, new RejectedException(message));
                    engine.released(List.of(mutation.key()));
                    end(new Result(0, 0, 0, 0, statements, null));
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
      fail(Kind.OUTAGE, message, Result.failure(message));
    }
  }

  private void withdraw(Mutation mutation) {
    Trouble why = flusher.trouble();
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
              flusher.on(() -> answer(mutation, answer));
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

  private void fail(Kind kind, String message, Result result) {
    Attempt attempt = inFlight;
    if (attempt != null && attempt.staged && unknown == null) {
      Mutation mutation = attempt.batch.mutations().get(0);
      if (answered.contains(mutation.writeId())) {
        withdraw(mutation);
      }
    }
    inFlight = null;
    taking = false;
    decideWithdrawals();
    flusher.notDelivered(kind, message, result);
  }

  private void end(Result result) {
    inFlight = null;
    taking = false;
    flusher.ended(result);
  }
}
