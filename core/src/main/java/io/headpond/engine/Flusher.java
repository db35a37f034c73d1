package io.headpond.engine;

import io.headpond.engine.FlushRequest.Result;
import io.headpond.engine.Trouble.Kind;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the pending entries of one partition to the database, one batch at a time: it decides when a cycle begins and
 * what follows a failure; {@link Delivery} does the steps of a cycle.
 *
 * <p>Cycles begin when the oldest entry has lingered, when a full batch is ready, when somebody asks, and to renew the lease. All
 * runs one step after the other in {@link #events}; only the fields said to be volatile are seen from elsewhere.
 */
final class Flusher {
  private static final Logger log = LoggerFactory.getLogger(Flusher.class);
  private static final Duration RENEWAL = Duration.ofSeconds(10);
  private static final Duration TAKE_AGAIN = Duration.ofMillis(10);

  private final Core core;
  private final HotStore store;
  private final Engine engine;
  private final int partition;
  private final String name;
  private final SerialExecutor events;
  private final Backoff backoff;
  private final Delivery delivery;
  private final List<FlushRequest> requests = new ArrayList<>();

  /** Counts cycles; what belongs to an earlier one is ignored. */
  private int cycle;

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

  Flusher(Core core, Engine engine, int partition, Lease lease) {
    this.core = core;
    this.store = core.store();
    this.engine = engine;
    this.partition = partition;
    this.name = core.settings().name();
    this.delivery = new Delivery(core, engine, this, partition, lease);
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
    on(() -> delivery.unstage(mutation));
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
    } else if (delivery.owesAnAnswer() || current != null) {
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

  /** The database has taken a transaction of this partition. */
  void renewed() {
    renewAtNanos = core.environment().nanos() + RENEWAL.toNanos();
  }

  /** A cycle has failed. */
  void notDelivered(Kind kind, String message, Result result) {
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
    ended(result);
  }

  /** Entries have reached the database. */
  void recovered() {
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
  void ended(Result result) {
    running = false;
    PartitionStats stats = store.stats(partition);
    requests.removeIf(request -> request.add(result, stats));
    on(this::look);
  }

  /** A cycle is over in which nothing could be taken. */
  void tookNothing() {
    running = false;
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
    Lease last = halt("closed");
    if (last == null) {
      stopped.complete(null);
    } else {
      core.systemOfRecord().release(last).whenComplete((v, e) -> stopped.complete(null));
    }
  }

  /** Returns the lease that was held. */
  private @Nullable Lease halt(String reason) {
    cancelTimer();
    cycle++;
    running = false;
    watching = true;
    trouble = new Trouble(Kind.STOPPED, reason, 0);
    Lease last = delivery.halt(reason);
    abandonRequests();
    CompletableFuture<@Nullable Void> stop = stopping;
    if (stop != null) {
      stopping = null;
      stop.complete(null);
    }
    return last;
  }

  private void abandonRequests() {
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

  int cycle() {
    return cycle;
  }

  void ifCurrent(int mine, Runnable step) {
    if (mine == cycle && !stopped()) {
      step.run();
    }
  }

  /** Goes on in {@link #events} when the stage completes, if this cycle is still the one. */
  <T extends @Nullable Object> void then(
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

  /** Runs a step among {@link #events}. */
  void on(Runnable step) {
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
    delivery.crashed();
    notDelivered(Kind.OUTAGE, "internal error: " + e, Result.failure("internal error: " + e));
  }
}
