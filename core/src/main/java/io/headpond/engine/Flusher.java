package io.headpond.engine;

import io.headpond.Key;
import io.headpond.engine.FlushRequest.Result;
import io.headpond.engine.Trouble.Kind;
import io.headpond.spi.Environment;
import io.headpond.spi.Horizon;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Letter;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.SharedStore;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the pending entries of one partition to the database, one batch at a time: it decides when a cycle begins and
 * what follows a failure; {@link Delivery} does the steps of a cycle.
 *
 * <p>Cycles begin when the oldest ready entry has lingered, when a full batch is ready, when a deferred entry is due, when somebody asks, and to renew the lease. All runs as {@link Steps}, one after the other; only the fields said to be volatile are seen from elsewhere.
 *
 * <p>Of a shared store it rests until {@link Ownership} gives it the partition, and what is asked of it meanwhile is asked of the process that has it ({@link Elsewhere}). Then it looks each second whether other processes have written something without
 * its hearing of it.
 */
final class Flusher {
  private static final Logger log = LoggerFactory.getLogger(Flusher.class);
  private static final Duration RENEWAL = Duration.ofSeconds(10);
  private static final Duration TAKE_AGAIN = Duration.ofMillis(10);

  /** How often a shared store is asked what there is, if nothing tells. */
  private static final long LOOK_NANOS = Duration.ofSeconds(1).toNanos();

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final int partition;
  private final String name;
  private final Steps steps;
  private final Tries tries;
  private final Refusals refusals;
  private final Delivery delivery;
  private final List<FlushRequest> requests = new ArrayList<>();

  /** The process that has the partition while this one does not; null where the store is not shared. */
  private final @Nullable Elsewhere elsewhere;

  /** Whether this process has the partition, or is about to take its lease. */
  private volatile boolean owned;

  /** It is given back after the cycle under way. */
  private boolean leaving;

  /** What another process has asked for last. */
  private @Nullable FlushRequest asked;

  private boolean askingWhetherClosed;
  private volatile long renewalNanos = RENEWAL.toNanos();
  private volatile @Nullable Instant ownedSince;

  private Environment.@Nullable Timer timer;
  private long renewAtNanos;
  private boolean draining;

  private @Nullable CompletableFuture<@Nullable Void> stopping;

  /** The lease that was held when flushing stopped; a close gives it back. */
  private @Nullable Lease heldAtStop;

  /** This cycle was asked for while the partition backs off: its failure does not make the pause longer. */
  private boolean forced;

  private volatile long cycleBeganNanos;

  /** A cycle is under way. */
  private volatile boolean running;

  /** A cycle is under way or a timer will begin one: a first pending entry needs no notice. */
  private volatile boolean watching;

  /** A look has been asked for and has not begun. */
  private volatile boolean noticed;

  private final Age oldest;
  private final Age oldestReady;

  /**
   * @param lease null if the database was not there at the start
   */
  Flusher(Core core, Engine engine, int partition, @Nullable Lease lease, LateStart lateStart) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.partition = partition;
    this.name = core.settings().name();
    this.steps = new Steps(core.environment(), this::crashed);
    this.refusals = new Refusals(core, engine, partition);
    this.delivery = new Delivery(core, engine, this, steps, refusals, partition, lease, lateStart);
    this.oldest = new Age(core, partition);
    this.oldestReady = new Age(core, partition);
    this.tries = new Tries(core, partition);
    this.renewAtNanos = core.environment().nanos() + (lease == null ? 0 : RENEWAL.toNanos());
    SharedStore shared = core.shared();
    this.elsewhere = shared == null ? null : new Elsewhere(core, shared, engine, this, partition);
    this.owned = shared == null || lease != null;
    this.ownedSince = lease == null ? null : now();
  }

  /** Looks at what recovery found. */
  void start() {
    steps.on(this::look);
  }

  /** An entry was written; {@code ready} of the partition can be taken now. Called for every write. */
  void written(int ready) {
    if (owned && isNews(ready)) {
      noticed = true;
      try {
        steps.on(this::look);
      } catch (RuntimeException | Error e) {
        // The write is pending whatever happens here; the next one looks.
        noticed = false;
        log.error("{}: partition {}: the flusher could not be told of a write", name, partition, e);
      }
    }
  }

  private boolean isNews(int ready) {
    return !noticed
        && (ready >= core.settings().maxBatchSize() ? !running && trouble() == null : !watching);
  }

  /** Another process has written an entry. */
  void writtenElsewhere(int ready) {
    if (owned && isNews(ready)) {
      noticed = true;
      askAndLook();
    }
  }

  /** There is something that a write did not tell of: it is staged, or a letter that is tried again. */
  void notice() {
    Elsewhere other = elsewhere;
    if (other != null && !owned) {
      other.ask();
    } else if (other != null) {
      askAndLook();
    } else {
      steps.on(this::look);
    }
  }

  /** Takes part in a flush: the request is complete when this partition has done what it could. */
  void flush(FlushRequest request) {
    horizon()
        .whenComplete(
            (horizon, failure) -> {
              if (failure != null) {
                request.abandon(Failures.message(failure));
              } else {
                request.arrived(horizon);
                take(request);
              }
            });
  }

  /** Takes part in a flush that has arrived. */
  void take(FlushRequest request) {
    steps.on(
        () -> {
          Elsewhere other = elsewhere;
          if (owned || stopped() || other == null) {
            requests.add(request);
            look();
          } else {
            other.flush(request);
          }
        });
  }

  /** Another process asks for a flush. */
  void flushAsked() {
    steps.on(
        () -> {
          FlushRequest last = asked;
          if (owned && (last == null || last.begun())) {
            FlushRequest request = new FlushRequest(Integer.MAX_VALUE);
            asked = request;
            flush(request);
          }
        });
  }

  /** Looks again, knowing what other processes have written. */
  void askAndLook() {
    horizon().whenComplete((horizon, failure) -> steps.on(this::look));
  }

  private CompletionStage<Horizon> horizon() {
    try {
      return store.horizon(partition);
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Whether this process has the partition, or is about to take its lease. Called from anywhere. */
  boolean owned() {
    return owned;
  }

  /** Since when this process has the lease; null if it does not. Called from anywhere. */
  @Nullable Instant ownedSince() {
    return ownedSince;
  }

  /** The partition is to be this process's, if its lease can be had. */
  void own() {
    steps.on(
        () -> {
          if (!owned && !stopped() && stopping == null) {
            owned = true;
            renewAtNanos = core.environment().nanos();
            look();
          }
        });
  }

  /** Another process is to have the partition; it goes on with the next batch. */
  void giveBack() {
    steps.on(
        () -> {
          if (owned && !stopped()) {
            leaving = true;
            look();
          }
        });
  }

  /** Another process has taken the lease, with this epoch. */
  void overtaken(long otherEpoch) {
    steps.on(
        () -> {
          Lease held = delivery.lease();
          if (owned && held != null && held.epoch() < otherEpoch) {
            lost("another process has it with epoch " + otherEpoch);
          }
        });
  }

  /** The store takes nothing in the partition until it is opened. */
  void closed() {
    steps.on(
        () -> {
          // While the lease is taken anew the partition will be opened with it.
          if (!askingWhetherClosed && delivery.lease() != null) {
            askingWhetherClosed = true;
            horizon().whenComplete((open, failure) -> steps.on(() -> closed(failure)));
          }
        });
  }

  /** Another process may have opened it meanwhile. */
  private void closed(@Nullable Throwable failure) {
    askingWhetherClosed = false;
    if (failure == null) {
      look();
    } else if (owned && delivery.lease() != null && !stopped()) {
      beginAnew();
    }
  }

  /** The lease is taken anew, and the store's partition opened with it. */
  private void beginAnew() {
    cancelTimer();
    steps.newCycle();
    delivery.crashed();
    running = false;
    renewAtNanos = core.environment().nanos();
    look();
  }

  /** How often the lease is renewed. */
  void renewEvery(Duration interval) {
    renewalNanos = interval.toNanos();
  }

  /** Another process has the lease, or may have: nothing of the partition is this one's to write any more. */
  void lost(String why) {
    log.info("{}: partition {} is not this process's any more: {}", name, partition, why);
    letGo();
  }

  /** The lease is taken. */
  void acquired() {
    if (ownedSince == null) {
      ownedSince = now();
    }
  }

  private Instant now() {
    return Instant.EPOCH.plus(core.environment().wallMicros(), ChronoUnit.MICROS);
  }

  /** Returns the lease that was held. */
  private @Nullable Lease letGo() {
    cancelTimer();
    steps.newCycle();
    running = false;
    watching = false;
    leaving = false;
    owned = false;
    ownedSince = null;
    Lease held = delivery.giveUp();
    tries.forget();
    List<FlushRequest> open = List.copyOf(requests);
    requests.clear();
    open.forEach(this::take);
    return held;
  }

  private void release() {
    Lease held = letGo();
    log.debug("{}: partition {} is given back", name, partition);
    if (held != null) {
      core.systemOfRecord()
          .release(held)
          .whenComplete(
              (done, failure) -> {
                if (failure != null) {
                  log.info(
                      "{}: partition {}: the lease could not be given back, it expires: {}",
                      name,
                      partition,
                      Failures.message(failure));
                }
              });
    }
  }

  /** From now on nothing lingers, and pauses are short. */
  void drain() {
    steps.on(
        () -> {
          draining = true;
          tries.skipPause();
          look();
        });
  }

  /** The database answers to another partition again. */
  void retryNow() {
    steps.on(
        () -> {
          if (tries.pausing() && !stopped()) {
            tries.skipPause();
            look();
          }
        });
  }

  /** Whether it can be seen that another process has brought this staged write to the database. */
  CompletionStage<Boolean> committed(Mutation mutation) {
    Elsewhere other = elsewhere;
    return other == null || owned
        ? CompletableFuture.completedFuture(false)
        : other.committed(mutation);
  }

  /** Takes a staged write back whose caller has waited long enough, and answers it. */
  void unstage(Mutation mutation) {
    steps.on(
        () -> {
          Elsewhere other = elsewhere;
          if (other != null && delivery.lease() == null && !delivery.owesAnAnswer()) {
            other.withdraw(mutation);
          } else {
            delivery.unstage(mutation);
          }
        });
  }

  /** Takes a staged write back, and answers it, if no process has had it in a batch. */
  void withdraw(Mutation mutation) {
    Elsewhere other = elsewhere;
    if (other != null) {
      other.withdraw(mutation);
    }
  }

  /** Gives an entry up, between two steps of a cycle: what is on its way at that moment stays. */
  CompletableFuture<Letter.Fate> purge(Key key, long version) {
    CompletableFuture<Letter.Fate> fate = new CompletableFuture<>();
    steps.on(
        () ->
            store
                .purge(key, version, delivery.carriesNothing())
                .whenComplete(
                    (result, failure) -> {
                      if (failure == null) {
                        fate.complete(result);
                      } else {
                        fate.completeExceptionally(failure);
                      }
                    }));
    return fate;
  }

  /** Ends after the cycle under way and gives the lease back. */
  CompletableFuture<@Nullable Void> stop() {
    CompletableFuture<@Nullable Void> stopped = new CompletableFuture<>();
    steps.on(
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
    steps.on(
        () -> {
          Lease held = halt(reason);
          heldAtStop = held == null ? heldAtStop : held;
          CompletableFuture<@Nullable Void> stop = stopping;
          if (stop != null) {
            endForGood(stop);
          }
        });
  }

  /** How many entries are on their way to the database. */
  int inFlight() {
    return delivery.inFlight();
  }

  /** How long the cycle under way has taken; 0 if there is none. */
  long cycleNanos() {
    long began = cycleBeganNanos;
    return running ? core.environment().nanos() - began : 0;
  }

  /** Whether this partition has had a lease since the start. */
  boolean opened() {
    return elsewhere != null || delivery.opened();
  }

  @Nullable Trouble trouble() {
    return tries.trouble();
  }

  /** Whether nothing is tried any more. */
  boolean stopped() {
    return tries.stopped();
  }

  /** How long the oldest entry has been pending; 0 if nothing is. */
  long ageNanos(PartitionStats stats) {
    return oldest.nanos(stats.oldest());
  }

  /** How long the oldest entry has been pending now; 0 if nothing is. */
  long ageNanos() {
    return ageNanos(store.stats(partition));
  }

  /** How long the oldest of those entries has been pending that the database has not refused; 0 if there is none. */
  long readyAgeNanos(PartitionStats stats) {
    return oldestReady.nanos(stats.oldestReady());
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
    if (leaving) {
      release();
    }
    if (!owned) {
      return;
    }
    PartitionStats stats = store.stats(partition);
    boolean spared = delivery.sparesFresh();
    boolean held = tries.pausing() && !(spared && (stats.ready() > 0 || stats.staged() > 0));
    long untilRenewal = renewAtNanos - core.environment().nanos();
    boolean well = !held && !delivery.owesAnAnswer() && trouble() == null;
    if (well && untilRenewal <= 0) {
      // Before all else: where each batch has an entry that is refused, nothing else moves the
      // frontier.
      begin(false, true);
    } else if (!requests.isEmpty() || (stats.staged() > 0 && !held)) {
      begin(held, false);
    } else if (held && spared) {
      rest(tries.pauseNanos());
    } else if (held) {
      wake(tries.pauseNanos(), true);
    } else if (!well) {
      begin(false, false);
    } else {
      long untilBatch = nanosUntilBatch(stats);
      if (untilBatch <= 0) {
        begin(false, false);
      } else if (stats.ready() == 0) {
        rest(Math.min(untilBatch, untilRenewal));
      } else {
        wake(Math.min(untilBatch, untilRenewal), true);
      }
    }
  }

  /** Until ready entries have lingered or deferred ones are due. */
  private long nanosUntilBatch(PartitionStats stats) {
    long until = Long.MAX_VALUE;
    if (stats.ready() > 0) {
      boolean now =
          draining || delivery.searching() || stats.ready() >= core.settings().maxBatchSize();
      until = now ? 0 : core.settings().linger().toNanos() - readyAgeNanos(stats);
    }
    if (stats.nextDue() != 0) {
      long micros = stats.nextDue() - core.environment().wallMicros();
      until = Math.min(until, TimeUnit.MICROSECONDS.toNanos(micros));
    }
    return until;
  }

  /** Nothing to do for a while, unless something is written. */
  private void rest(long nanos) {
    wake(nanos, false);
    // A write that came before the line above saw that somebody was watching.
    if (store.stats(partition).ready() > 0) {
      steps.on(this::look);
    }
  }

  private void wake(long nanos, boolean forEntries) {
    cancelTimer();
    boolean asks = elsewhere != null && nanos > LOOK_NANOS;
    timer =
        core.environment()
            .schedule(
                Duration.ofNanos(asks ? LOOK_NANOS : nanos),
                asks ? this::askAndLook : () -> steps.on(this::look));
    watching = forEntries;
  }

  private void begin(boolean whileHeld, boolean renewing) {
    cancelTimer();
    steps.newCycle();
    forced = whileHeld;
    cycleBeganNanos = core.environment().nanos();
    running = true;
    watching = true;
    requests.forEach(FlushRequest::begin);
    if (renewing) {
      delivery.renew();
      return;
    }
    int max = core.settings().maxBatchSize();
    for (FlushRequest request : requests) {
      max = Math.min(max, request.budget());
    }
    delivery.begin(Math.max(1, max));
  }

  /** The database has taken all of a transaction of this partition: lease and frontier are as of now. */
  void renewed() {
    renewAtNanos = core.environment().nanos() + renewalNanos;
  }

  /** A cycle has failed, through no entry's fault. */
  void notDelivered(Kind kind, String message, Result result) {
    tries.failed(kind, message, forced, draining);
    ended(result, true);
  }

  /** A batch of this partition has gone all the way. */
  void recovered() {
    if (tries.passed()) {
      engine.databaseAnswers();
    }
  }

  /** A cycle is over in which the database answered. */
  void ended(Result result) {
    ended(result, false);
  }

  private void ended(Result result, boolean failed) {
    running = false;
    PartitionStats stats = store.stats(partition);
    requests.removeIf(request -> request.add(result, failed, stats));
    steps.on(this::look);
  }

  /** A cycle is over in which nothing could be taken. */
  void tookNothing() {
    running = false;
    PartitionStats stats = store.stats(partition);
    if (stats.staged() > 0 || stats.ready() == 0) {
      requests.removeIf(request -> request.add(Result.NOTHING, false, stats));
      steps.on(this::look);
    } else {
      requests.forEach(FlushRequest::conclude);
      requests.clear();
      wake(TAKE_AGAIN.toNanos(), true);
    }
  }

  private void endForGood(CompletableFuture<@Nullable Void> stopped) {
    stopping = null;
    Lease held = halt("closed");
    Lease last = held == null ? heldAtStop : held;
    if (last == null) {
      stopped.complete(null);
    } else {
      core.systemOfRecord().release(last).whenComplete((v, e) -> stopped.complete(null));
    }
  }

  /** Returns the lease that was held. */
  private @Nullable Lease halt(String reason) {
    cancelTimer();
    steps.newCycle();
    running = false;
    watching = true;
    tries.stop(reason);
    Lease last = delivery.halt(reason);
    abandonRequests();
    return last;
  }

  private void abandonRequests() {
    Trouble trouble = tries.trouble();
    String reason = trouble == null ? "" : trouble.message();
    requests.forEach(request -> request.abandon(reason));
    requests.clear();
  }

  private void cancelTimer() {
    Environment.Timer current = timer;
    if (current != null) {
      current.cancel();
      timer = null;
    }
  }

  /**
   * A step threw: what was under way may or may not have happened. The flusher begins anew after a pause, whatever else fails here.
   */
  private void crashed(Throwable e) {
    if (stopped() || !owned) {
      log.error("{}: partition {}: the flusher failed at rest", name, partition, e);
      return;
    }
    core.statistics().flusherRestarts.increment();
    String message = e.toString();
    try {
      log.error("{}: partition {}: the flusher failed; it begins anew", name, partition, e);
      steps.newCycle();
      tries.failed(Kind.FAILED, message, false, draining);
      requests.forEach(request -> request.abandon(message));
      requests.clear();
      delivery.crashed();
    } catch (RuntimeException | Error again) {
      log.error("{}: partition {}: nor could the flusher tidy up", name, partition, again);
    } finally {
      running = false;
      // If not even a timer can be had, the next write looks.
      watching = false;
      wake(Math.max(1, tries.pauseNanos()), true);
    }
  }
}
