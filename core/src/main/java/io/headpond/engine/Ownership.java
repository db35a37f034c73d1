package io.headpond.engine;

import io.headpond.Worker;
import io.headpond.Workers;
import io.headpond.spi.Crew;
import io.headpond.spi.FencedException;
import io.headpond.spi.SharedStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which partitions of a shared store are this process's to bring to the database. Three times in the time that a lease lasts it says there that it lives, looks who else does, and compares what it has
 * with its share: with {@code n} workers in the order of their ids the first {@code partitions mod n} have one more than the others. What is beyond the share is given back after the batch under way, what is
 * free or expired is taken up to it. So all is shared out again within one time of a lease after somebody came or left in good order, and within two after somebody died. Nobody relies on it: who may write is the lease's
 * to say, each time.
 *
 * <p>A process that does not bring anything to the database looks on, for its health. One that does not reach the store takes no share, nor does one in which a person has to decide before it writes anything more: they would
 * keep partitions from those that do. Thread-safe.
 */
final class Ownership {
  private static final Logger log = LoggerFactory.getLogger(Ownership.class);

  /** After a failure, and before it is known how long a lease lasts. */
  private static final Duration AGAIN = Duration.ofSeconds(1);

  private static final int LOOKS_IN_A_LEASE = 3;

  /** A little more often than three times. */
  private static final double RENEWALS_IN_A_LEASE = 3.3;

  /** A partition without an owner for so many times of a lease is a reason for alarm. */
  private static final int PATIENCE = 2;

  private final Core core;
  private final SharedStore store;
  private final Flusher[] flushers;
  private final LateStart lateStart;
  private final Consumer<String> fenced;
  private final SerialExecutor steps;

  /** The name under which this process is a worker; null if it is none. */
  private final @Nullable String name;

  private final long[] unownedSince;

  /** Partitions beyond the share, since who should have them did not take them; until somebody comes or goes. */
  private final Set<Integer> adopted = new HashSet<>();

  private List<UUID> sharedAmong = List.of();
  private volatile @Nullable Crew seen;
  private volatile @Nullable String failure;
  private volatile List<String> unowned = List.of();
  private volatile boolean closed;
  private boolean out;
  private BitSet said = new BitSet();

  /**
   * @param name under which it is a worker; null for a process that brings nothing to the database
   * @param fenced told if the table belongs to another store by now
   */
  Ownership(
      Core core,
      SharedStore store,
      Flusher[] flushers,
      LateStart lateStart,
      @Nullable String name,
      Consumer<String> fenced) {
    this.core = core;
    this.store = store;
    this.flushers = flushers;
    this.lateStart = lateStart;
    this.name = name;
    this.fenced = fenced;
    this.unownedSince = new long[flushers.length];
    this.steps = new SerialExecutor(core.environment());
  }

  void start() {
    steps.execute(this::look);
  }

  private void look() {
    if (closed) {
      return;
    }
    try {
      reachesStore()
          .thenCompose(reached -> bound().thenCompose(v -> crew(reached)))
          .whenComplete((crew, why) -> steps.execute(() -> heard(crew, why)));
    } catch (RuntimeException | Error e) {
      heard(null, e);
    }
  }

  /** Whatever fails, it looks again. */
  private void heard(@Nullable Crew crew, @Nullable Throwable why) {
    Duration pause = AGAIN;
    try {
      pause = looked(crew, why);
    } finally {
      if (!closed) {
        again(pause);
      }
    }
  }

  private CompletionStage<Boolean> bound() {
    return lateStart.bound();
  }

  private CompletionStage<Crew> crew(boolean reached) {
    if (name != null && stopped()) {
      return core.systemOfRecord()
          .leave(store.id())
          .thenCompose(left -> core.systemOfRecord().crew(store.id(), null));
    }
    String joins = reached && !closed ? name : null;
    if (name != null && joins == null && !out) {
      log.warn("{}: takes no partitions while the store does not answer", core.settings().name());
    }
    out = name != null && joins == null;
    return core.systemOfRecord().crew(store.id(), joins);
  }

  /** Whether nothing is written any more until a person decides. */
  private boolean stopped() {
    return Arrays.stream(flushers).anyMatch(Flusher::stopped);
  }

  /** Whether any of a few partitions answers. */
  private CompletionStage<Boolean> reachesStore() {
    if (name == null) {
      return CompletableFuture.completedFuture(true);
    }
    CompletableFuture<Boolean> reached = CompletableFuture.completedFuture(false);
    for (int i = 0; i < 3; i++) {
      CompletableFuture<Boolean> one =
          store
              .horizon(i * flushers.length / 3)
              .handle((horizon, why) -> why == null)
              .toCompletableFuture();
      reached = reached.thenCombine(one, (before, now) -> before || now);
    }
    return reached;
  }

  /** Returns when to look again. */
  private Duration looked(@Nullable Crew crew, @Nullable Throwable why) {
    if (closed) {
      return AGAIN;
    }
    if (crew == null) {
      failure = why == null ? "no answer" : Failures.message(why);
      if (why != null && Failures.cause(why) instanceof FencedException) {
        closed = true;
        fenced.accept(Failures.message(why));
      }
      return AGAIN;
    }
    failure = null;
    seen = crew;
    lookForOwners(crew);
    share(crew);
    sayWhatChanged(crew);
    return crew.leaseTtl().dividedBy(LOOKS_IN_A_LEASE);
  }

  private void again(Duration pause) {
    core.environment().schedule(pause, () -> steps.execute(this::look));
  }

  /** One line for all that came and went since the last look. */
  private void sayWhatChanged(Crew crew) {
    BitSet has = new BitSet();
    for (int i = 0; i < flushers.length; i++) {
      has.set(i, flushers[i].ownedSince() != null);
    }
    if (!has.equals(said)) {
      said = has;
      log.info(
          "{}: this process brings {} to the database, workers: {}",
          core.settings().name(),
          Partitions.text(has, flushers.length),
          crew.workers().size());
    }
  }

  private void lookForOwners(Crew crew) {
    long now = core.environment().nanos();
    List<String> left = new ArrayList<>();
    for (Crew.Ownership partition : crew.partitions()) {
      int number = partition.partition();
      if (number >= flushers.length) {
        continue;
      }
      if (partition.owner() != null && !partition.expired()) {
        unownedSince[number] = 0;
      } else if (unownedSince[number] == 0) {
        unownedSince[number] = now == 0 ? 1 : now;
      } else if (now - unownedSince[number] > PATIENCE * crew.leaseTtl().toNanos()) {
        left.add(Integer.toString(number));
      }
    }
    unowned = List.copyOf(left);
  }

  private void share(Crew crew) {
    Duration renewal = Duration.ofNanos((long) (crew.leaseTtl().toNanos() / RENEWALS_IN_A_LEASE));
    List<Integer> mine = new ArrayList<>();
    for (Crew.Ownership partition : crew.partitions()) {
      int number = partition.partition();
      if (number >= flushers.length) {
        continue;
      }
      Flusher flusher = flushers[number];
      flusher.renewEvery(renewal);
      UUID owner = partition.owner();
      if (owner != null && !owner.equals(crew.self())) {
        flusher.overtaken(partition.epoch());
      }
      if (flusher.owned()) {
        mine.add(number);
      }
    }
    int index = index(crew);
    if (index >= 0) {
      share(crew, mine, index);
    } else {
      // Others do not count it as a worker, and take what it has when that expires.
      mine.forEach(number -> flushers[number].giveBack());
    }
  }

  /** The place of this process among the workers; negative if it is none. */
  private static int index(Crew crew) {
    List<UUID> ids = crew.workers().stream().map(Crew.Worker::id).sorted().toList();
    return ids.indexOf(crew.self());
  }

  private void share(Crew crew, List<Integer> mine, int index) {
    List<UUID> ids = crew.workers().stream().map(Crew.Worker::id).sorted().toList();
    if (!ids.equals(sharedAmong)) {
      sharedAmong = ids;
      adopted.clear();
    }
    mine.removeAll(adopted);
    int all = crew.partitions().size();
    int workers = crew.workers().size();
    int share = all / workers + (index < all % workers ? 1 : 0);
    for (int i = mine.size() - 1; i >= share; i--) {
      flushers[mine.get(i)].giveBack();
    }
    int have = mine.size();
    // Each begins somewhere else, so that they do not all want the same ones.
    int first = (int) ((long) index * all / workers);
    for (int i = 0; i < all && have < share; i++) {
      Crew.Ownership partition = crew.partitions().get((first + i) % all);
      int number = partition.partition();
      UUID owner = partition.owner();
      boolean free = owner == null || partition.expired() || owner.equals(crew.self());
      if (free && number < flushers.length && !flushers[number].owned()) {
        flushers[number].own();
        have++;
      }
    }
    adopt();
  }

  /** What has had no owner for long: who has it in its share may not reach it. */
  private void adopt() {
    for (String left : unowned) {
      int number = Integer.parseInt(left);
      if (!flushers[number].owned()) {
        adopted.add(number);
        flushers[number].own();
      }
    }
  }

  /** Why not all partitions are brought to the database. */
  List<String> reasons() {
    List<String> reasons = new ArrayList<>();
    String why = failure;
    Crew crew = seen;
    if (why != null) {
      reasons.add("the database does not tell who brings entries to it: " + why);
    } else if (crew != null && crew.workers().isEmpty()) {
      reasons.add(
          "no worker is active: what is pending is kept, and nothing brings it to the database");
    }
    List<String> left = unowned;
    if (why == null && !left.isEmpty()) {
      reasons.add(
          (left.size() == 1 ? "partition " : "partitions ")
              + String.join(", ", left)
              + (left.size() == 1 ? " has" : " have")
              + " had no worker for longer than "
              + PATIENCE
              + " times a lease");
    }
    return reasons;
  }

  /** How many bring entries to the database, as of the last look; null if the database did not say. */
  @Nullable Integer count() {
    Crew crew = seen;
    return crew == null || failure != null ? null : (Integer) crew.workers().size();
  }

  /** Who brings entries to the database, as it stands there now. */
  CompletableFuture<Workers> workers() {
    return core.systemOfRecord()
        .crew(store.id(), null)
        .thenApply(this::workers)
        .toCompletableFuture();
  }

  private Workers workers(Crew crew) {
    List<Worker> workers = new ArrayList<>();
    for (Crew.Worker worker : crew.workers()) {
      List<Worker.OwnedPartition> owned = new ArrayList<>();
      for (Crew.Ownership partition : crew.partitions()) {
        if (worker.id().equals(partition.owner()) && !partition.expired()) {
          Instant since = partition.since();
          owned.add(
              new Worker.OwnedPartition(
                  partition.partition(),
                  since == null ? worker.since() : since,
                  lag(partition.partition())));
        }
      }
      workers.add(
          new Worker(
              worker.name(), worker.id(), worker.id().equals(crew.self()), worker.since(), owned));
    }
    workers.sort(Comparator.comparing(Worker::name).thenComparing(Worker::id));
    List<Integer> owned =
        workers.stream()
            .flatMap(worker -> worker.partitions().stream())
            .map(Worker.OwnedPartition::partition)
            .toList();
    List<Integer> left = new ArrayList<>();
    Duration lag = Duration.ZERO;
    for (int i = 0; i < flushers.length; i++) {
      if (!owned.contains(i)) {
        left.add(i);
        lag = lag.compareTo(lag(i)) < 0 ? lag(i) : lag;
      }
    }
    return new Workers(workers, left, lag);
  }

  private Duration lag(int partition) {
    return partition < flushers.length
        ? Duration.ofNanos(flushers[partition].ageNanos())
        : Duration.ZERO;
  }

  /** How many other workers there are; fails if nobody can tell. */
  CompletableFuture<Integer> others() {
    return core.systemOfRecord()
        .crew(store.id(), null)
        .thenApply(
            crew -> (int) crew.workers().stream().filter(w -> !w.id().equals(crew.self())).count())
        .toCompletableFuture();
  }

  /** Takes nothing any more. */
  void close() {
    closed = true;
  }

  /** This process is no worker any more. After {@link #close}. */
  CompletionStage<Void> leave() {
    return name == null
        ? CompletableFuture.completedFuture(null)
        : core.systemOfRecord().leave(store.id());
  }
}
