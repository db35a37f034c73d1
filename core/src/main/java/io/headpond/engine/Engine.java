package io.headpond.engine;

import io.headpond.CacheStatus;
import io.headpond.Durability;
import io.headpond.FlushReport;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Purged;
import io.headpond.Receipt;
import io.headpond.RequestId;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.Worker;
import io.headpond.Workers;
import io.headpond.spi.Environment;
import io.headpond.spi.Lease;
import io.headpond.spi.Letter;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.SharedStore;
import io.headpond.spi.Write;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One cache at work: writes go {@link Writes} (or {@link WriteThrough}) to the hot store, a {@link Flusher} for each partition brings
 * them to the database, {@link Reads} asks the one and then the other. Thread-safe.
 */
final class Engine {
  private static final Logger log = LoggerFactory.getLogger(Engine.class);
  private static final Duration STOP_DEADLINE = Duration.ofSeconds(5);

  /** How often what other processes do is looked at, if nothing tells. */
  private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);

  private final Core core;
  private final Reads reads;
  private final Writes writes;
  private final WriteThrough writeThrough;
  private final Throttle throttle;
  private final Flusher[] flushers;
  private final Flushes flushes;
  private final Health health;
  private final Orphans orphans;
  private final Role role;
  private final UUID id;
  private final Instant since;

  /** These are there where the store is shared. */
  private final @Nullable Ownership ownership;

  private final @Nullable Reopening reopening;
  private final Forgotten forgotten;

  /** Why no more writes are taken; null while they are. */
  private volatile @Nullable HeadpondException refusing;

  /** Why neither reads nor writes are answered any more; null while they are. */
  private volatile @Nullable HeadpondException stopped;

  /**
   * @param leases of all partitions, in their order; the store's partitions have been opened with them. None if the database was not there, or the store is shared
   */
  Engine(Core core, List<Lease> leases, LateStart lateStart, Role role) {
    this.core = core;
    this.role = role;
    this.id = new UUID(core.environment().random(), core.environment().random());
    this.since = Instant.EPOCH.plus(core.environment().wallMicros(), ChronoUnit.MICROS);
    this.reads = new Reads(core);
    this.flushers = new Flusher[core.settings().partitions()];
    for (int i = 0; i < flushers.length; i++) {
      flushers[i] = new Flusher(core, this, i, leases.isEmpty() ? null : leases.get(i), lateStart);
    }
    this.flushes = new Flushes(core, flushers);
    SharedStore shared = core.shared();
    this.forgotten = new Forgotten(core);
    this.reopening = shared == null ? null : new Reopening(core, shared, forgotten);
    this.ownership =
        shared == null
            ? null
            : new Ownership(
                core,
                shared,
                flushers,
                lateStart,
                role.flushes() ? role.name() : null,
                why -> stop("this store takes no more writes: " + why));
    this.health = new Health(core, flushers, lateStart, ownership);
    this.orphans = new Orphans(core, this::retried);
    this.throttle =
        new Throttle(
            core.environment(), core.statistics(), core.settings().targetLag(), this::lagNanos);
    this.writeThrough = new WriteThrough(core, flushers);
    this.writes = new Writes(core, flushers, throttle, writeThrough);
  }

  /** Hears from now on what other processes do. */
  void listen() {
    SharedStore shared = core.shared();
    Reopening opens = reopening;
    if (shared != null && opens != null) {
      shared.listen(new SharedSignals(core, this, flushers, opens));
    }
  }

  Forgotten forgotten() {
    return forgotten;
  }

  /** Opens those of a shared store's partitions that take nothing. */
  CompletionStage<Boolean> openPartitions() {
    Reopening opens = reopening;
    return opens == null
        ? CompletableFuture.completedFuture(true)
        : opens
            .openAll()
            .handle(
                (opened, failure) -> {
                  if (failure != null) {
                    log.warn(
                        "{}: not all partitions of the store could be opened: {}",
                        core.settings().name(),
                        Failures.message(failure));
                  }
                  return failure == null;
                });
  }

  void start() {
    for (Flusher flusher : flushers) {
      flusher.start();
    }
    orphans.start();
    Ownership shares = ownership;
    if (shares != null) {
      shares.start();
      remind();
    }
  }

  /** What another process does may go unheard. */
  private void remind() {
    if (!over()) {
      core.environment().schedule(LOOK_AGAIN, this::remind);
      lookAgain();
    }
  }

  /** Who waits for what another process does may have missed it. */
  void lookAgain() {
    core.settlements().lookAgain();
    writeThrough.lookAgain();
    writes.roomFreed();
  }

  /** Whether nothing is answered any more. */
  boolean over() {
    return stopped != null;
  }

  CompletableFuture<Receipt> write(Write write) {
    return write.durability() == Durability.DATABASE
        ? writeThrough.write(write, writes::conclude)
        : writes.write(write);
  }

  /** The receipt of a request that was carried out before; null if it was not. */
  CompletableFuture<@Nullable Receipt> repeated(RequestId request, Durability durability) {
    try {
      RequestId.requireKept(durability);
    } catch (UnsupportedDurabilityException e) {
      return CompletableFuture.failedFuture(e);
    }
    return core.store()
        .request(request.id())
        .thenApply(
            earlier -> earlier == null ? null : writes.repeated(earlier, request, durability))
        .toCompletableFuture();
  }

  CompletableFuture<Void> settled(Key key, long version) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    core.store()
        .horizon(key.partition(flushers.length))
        .whenComplete(
            (horizon, failure) -> {
              if (failure != null) {
                result.completeExceptionally(Failures.cause(failure));
              } else if (version < 1 || version > horizon.micros()) {
                result.completeExceptionally(
                    new InvalidValueException(
                        "version",
                        Long.toString(version),
                        "must be a version that this dataset has given to a write"));
              } else {
                Failures.pass(core.settlements().settled(key, version), result);
              }
            });
    return result;
  }

  CompletableFuture<Reads.Found> read(Key key) {
    HeadpondException reason = stopped;
    return reason == null ? reads.readPossiblyStale(key) : CompletableFuture.failedFuture(reason);
  }

  /** As {@link #read}, for who makes a new value of what is there. */
  CompletableFuture<Reads.Found> readToChange(Key key) {
    HeadpondException reason = stopped;
    return reason == null ? reads.read(key) : CompletableFuture.failedFuture(reason);
  }

  CompletableFuture<Loaded> load(Key key) {
    HeadpondException reason = stopped;
    return reason == null ? reads.load(key) : CompletableFuture.failedFuture(reason);
  }

  CompletableFuture<List<Reads.Found>> readAll(List<Key> keys) {
    HeadpondException reason = stopped;
    return reason == null
        ? reads.readAllPossiblyStale(keys)
        : CompletableFuture.failedFuture(reason);
  }

  /** What is pending now; all partitions at once. */
  CompletableFuture<FlushReport> flush() {
    HeadpondException reason = stopped;
    return reason == null ? flushes.flush() : CompletableFuture.failedFuture(reason);
  }

  /** At most so many entries; one partition after the other, the one with the oldest entry first. */
  CompletableFuture<FlushReport> flush(int maxEntries) {
    HeadpondException reason = stopped;
    return reason == null ? flushes.flush(maxEntries) : CompletableFuture.failedFuture(reason);
  }

  CompletableFuture<FlushReport> drain(Duration deadline) {
    Objects.requireNonNull(deadline, "deadline");
    UnavailableException reason =
        new UnavailableException(core.settings().name() + " is draining: it takes no more writes");
    refuseWrites(reason);
    writeThrough.refuse(reason);
    return ownership == null ? flushes.drain(deadline) : flushes.flushWithin(deadline);
  }

  CacheStatus status() {
    int pending = 0;
    int deferred = 0;
    int parked = 0;
    int inFlight = 0;
    long bytes = 0;
    long parkedBytes = 0;
    long lagNanos = 0;
    for (int i = 0; i < flushers.length; i++) {
      PartitionStats stats = core.store().stats(i);
      pending += stats.pending();
      deferred += stats.deferred();
      parked += stats.parked();
      inFlight += flushers[i].inFlight();
      bytes += stats.bytes();
      parkedBytes += stats.parkedBytes();
      lagNanos = Math.max(lagNanos, flushers[i].ageNanos(stats));
    }
    List<String> reasons = health.reasons(stopped == null ? refusing : stopped, stopped != null);
    boolean down = refusing != null || core.store().failure() != null;
    return new CacheStatus(
        core.settings().name(),
        down
            ? CacheStatus.Health.DOWN
            : reasons.isEmpty() ? CacheStatus.Health.UP : CacheStatus.Health.DEGRADED,
        reasons,
        pending,
        bytes,
        core.settings().maxPendingEntries(),
        core.settings().maxPendingBytes(),
        deferred,
        parked,
        parkedBytes,
        inFlight,
        core.statistics().flushRate.perSecond(),
        Duration.ofNanos(lagNanos),
        writes.waiting(),
        ownership == null ? Integer.valueOf(1) : ownership.count(),
        core.statistics().counters());
  }

  /** Who brings entries to the database. */
  CompletableFuture<Workers> workers() {
    Ownership shares = ownership;
    if (shares != null) {
      return shares.workers();
    }
    List<Worker.OwnedPartition> owned = new ArrayList<>();
    List<Integer> left = new ArrayList<>();
    long lag = 0;
    for (int i = 0; i < flushers.length; i++) {
      Instant from = flushers[i].ownedSince();
      if (from == null) {
        left.add(i);
        lag = Math.max(lag, flushers[i].ageNanos());
      } else {
        owned.add(new Worker.OwnedPartition(i, from, Duration.ofNanos(flushers[i].ageNanos())));
      }
    }
    return CompletableFuture.completedFuture(
        new Workers(
            List.of(new Worker(role.name(), id, true, since, owned)), left, Duration.ofNanos(lag)));
  }

  /** Age of the oldest entry that the database has not refused: no writer is slowed down for the sake of a refused one. */
  private long lagNanos() {
    long lag = 0;
    for (int i = 0; i < flushers.length; i++) {
      lag = Math.max(lag, flushers[i].readyAgeNanos(core.store().stats(i)));
    }
    return lag;
  }

  /** The database answered to a staged write. */
  void answer(Mutation mutation, @Nullable HeadpondException failure) {
    SharedStore shared = core.shared();
    if (!answered(mutation.writeId(), failure) && shared != null) {
      // Should it not arrive: who waits for it looks by itself.
      shared.answer(mutation, failure);
    }
  }

  /** There is an answer to a staged write; returns whether its caller is here. */
  boolean answered(long writeId, @Nullable HeadpondException failure) {
    return writeThrough.answer(writeId, failure);
  }

  /** The database has these. */
  void settled(List<Mutation> mutations) {
    core.settlements().applied(mutations);
    orphans.settled(mutations);
  }

  /** Entries of these keys have been settled, parked or taken back: there may be room, and nothing left. */
  void released(List<Key> keys) {
    writes.roomFreed();
    writeThrough.released(keys);
    flushes.checkDrained();
  }

  /** Why no writes are taken; null while they are. */
  @Nullable HeadpondException refusing() {
    return refusing;
  }

  /** Gives up what is pending or parked for a key. */
  CompletableFuture<Purged> purge(Key key, long version) {
    HeadpondException reason = refusing;
    if (reason != null) {
      return CompletableFuture.failedFuture(reason);
    }
    return flushers[key.partition(flushers.length)]
        .purge(key, version)
        .thenApply(
            fate -> {
              if (fate == Letter.Fate.DONE) {
                core.settlements().purged(key, version);
                released(List.of(key));
                return Purged.DONE;
              }
              return fate == Letter.Fate.UNDECIDED ? Purged.UNDER_WAY : Purged.GONE;
            });
  }

  /** A dead letter is pending again, and due. */
  void retried(Key key) {
    flushers[key.partition(flushers.length)].notice();
  }

  /** A partition reaches the database again: the others need not wait for their next try. */
  void databaseAnswers() {
    for (Flusher flusher : flushers) {
      flusher.retryNow();
    }
  }

  /** Neither reads nor writes are answered any more: this store no longer knows what the database has. */
  void stop(String reason) {
    UnavailableException why = new UnavailableException(reason);
    if (stopped == null) {
      log.error("{}: stopped: {}", core.settings().name(), reason);
    }
    stopped = why;
    refuseWrites(why);
    writeThrough.close(why);
    stopFlushing(reason);
  }

  /** The store takes no more writes; what it holds can be read. */
  void storeFailed(String reason) {
    UnavailableException why = new UnavailableException(reason);
    refuseWrites(why);
    writeThrough.close(why);
    stopFlushing(reason);
  }

  /** Nothing is written to the database any more; what is pending stays, and writes are taken up to the limit. */
  void stopFlushing(String reason) {
    log.error("{}: flushing stopped: {}", core.settings().name(), reason);
    for (Flusher flusher : flushers) {
      flusher.stop(reason);
    }
    core.environment().execute(flushes::checkDrained);
  }

  /** Drains, gives the leases back, and closes store and database; whatever fails, the rest is closed. */
  void close(Duration deadline) {
    UnavailableException closed = new UnavailableException(core.settings().name() + " is closed");
    boolean interrupted = Thread.interrupted();
    int left = 0;
    String others = "";
    try {
      if (stopped == null && !interrupted && !flushes.drained() && lastWorker()) {
        core.environment().await(drain(deadline));
      }
    } catch (OutcomeUnknownException e) {
      interrupted = Thread.interrupted();
    } finally {
      stopped = stopped == null ? closed : stopped;
      refuseWrites(closed);
      writeThrough.close(closed);
      throttle.close();
      Ownership shares = ownership;
      if (shares != null) {
        shares.close();
      }
      interrupted |= stopFlushers();
      if (shares != null) {
        others = others();
        within(STOP_DEADLINE, shares.leave());
      }
      left = flushes.pending();
      core.settlements().close(closed);
      closeQuietly("hot store", core.store());
      closeQuietly("system of record", core.systemOfRecord());
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    if (left == 0) {
      log.info("{}: closed; nothing is pending", core.settings().name());
    } else {
      log.warn(
          "{}: closed; {} entries are still pending, kept in {}{}",
          core.settings().name(),
          left,
          core.store().id().description(),
          others);
    }
  }

  /** Whether nobody else would bring to the database what is pending. */
  private boolean lastWorker() {
    Ownership shares = ownership;
    if (shares == null) {
      return true;
    }
    // If the database does not tell, nothing can be written either.
    Integer others = role.flushes() ? within(LOOK_AGAIN, shares.others()) : null;
    return others != null && others == 0;
  }

  private String others() {
    Ownership shares = ownership;
    Integer others = shares == null ? null : within(LOOK_AGAIN, shares.others());
    return others == null
        ? ""
        : others == 0
            ? "; no other worker is active, they are written when one starts"
            : "; " + others + (others == 1 ? " other worker is" : " other workers are") + " active";
  }

  /** What a stage gives within so long; null if it does not. */
  private <T> @Nullable T within(Duration patience, CompletionStage<T> stage) {
    CompletableFuture<@Nullable T> first = new CompletableFuture<>();
    stage.whenComplete((value, failure) -> first.complete(failure == null ? value : null));
    Environment.Timer timer = core.environment().schedule(patience, () -> first.complete(null));
    try {
      return core.environment().await(first);
    } finally {
      timer.cancel();
    }
  }

  /** Returns whether the thread was interrupted meanwhile. */
  private boolean stopFlushers() {
    CompletableFuture<?>[] stops =
        Arrays.stream(flushers).map(Flusher::stop).toArray(CompletableFuture<?>[]::new);
    CompletableFuture<@Nullable Void> all = CompletableFuture.allOf(stops).thenApply(v -> null);
    Environment.Timer timer = core.environment().schedule(STOP_DEADLINE, () -> all.complete(null));
    try {
      core.environment().await(all);
    } catch (OutcomeUnknownException e) {
      return Thread.interrupted();
    } finally {
      timer.cancel();
    }
    return false;
  }

  private void closeQuietly(String what, AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      log.error("{}: the {} could not be closed", core.settings().name(), what, e);
    }
  }

  private void refuseWrites(HeadpondException reason) {
    if (refusing == null) {
      refusing = reason;
    }
    writes.close(reason);
  }

  static String wentBack(int partition, long remembered, long found) {
    return "the database went back by "
        + Duration.ofNanos(Math.max(0, remembered - found) * 1_000).toSeconds()
        + " s in partition "
        + partition
        + " (a failover or a restored backup?); settled writes are missing, nothing more is"
        + " written until a person decides: bring the lost commits back, or accept the loss with"
        + " 'headpond store adopt'";
  }
}
