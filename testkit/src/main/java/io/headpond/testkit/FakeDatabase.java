package io.headpond.testkit;

import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.Crew;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.Environment;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.LeaseHeldException;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One table with a version column in memory, with leases and all that {@link SystemOfRecord} promises, which fails on command.
 * It outlives the caches that connect to it, as a database does. Every step is a task of the environment.
 *
 * <p>Its requests may come from any thread; the commands are for one thread and a moment without requests.
 */
public final class FakeDatabase implements SystemOfRecordFactory {
  /**
   * A row.
   *
   * @param value its cells
   * @param version what stands in the version column
   */
  public record Stored(Row value, long version) {}

  private record LeaseRow(
      long epoch,
      @Nullable Connection owner,
      long highVersion,
      long frontier,
      long lastBatch,
      long expiresNanos,
      @Nullable Instant since) {
    private LeaseRow of(
        @Nullable Connection holder, long itsEpoch, long expires, @Nullable Instant from) {
      return new LeaseRow(itsEpoch, holder, highVersion, frontier, lastBatch, expires, from);
    }

    private LeaseRow applied(long high, long moved, long batch, long expires) {
      return new LeaseRow(epoch, owner, high, moved, batch, expires, since);
    }
  }

  private record WorkerRow(Crew.Worker worker, long expiresNanos) {}

  /** What a database may not do. To see that a test finds out. */
  public enum Weakness {
    /** Whoever asks may write, also who has been replaced. */
    IGNORES_EPOCHS,
    /** The lease is looked at in a step of its own; the rows are written in a later one. */
    LOOKS_AT_EPOCHS_WITHOUT_A_LOCK,
    /** The frontier moves with a batch of which some rows were left out. */
    MOVES_THE_FRONTIER_OVER_ROWS_LEFT_OUT
  }

  /** What happens to a request. */
  private enum Fault {
    LOSE_REQUEST,
    LOSE_REPLY,
    LOSE_COMMIT,
    RETRY,
    FAIL_BATCH
  }

  // As with a lease of 30 s. Half of the search is lost on parts that take too long.
  private static final Duration STATEMENT_TIME = Duration.ofSeconds(15);
  private static final Duration SEARCH_TIME = Duration.ofSeconds(10);
  private static final Duration WRITTEN_IN_SEARCH = Duration.ofSeconds(5);

  /** Between the look at a lease and the rows, where a {@link Weakness} allows it. */
  private static final int LONGEST_STALL_MILLIS = 3_000;

  private final Environment environment;
  private final Map<Key, Stored> rows = new HashMap<>();
  private final Map<Integer, LeaseRow> leases = new HashMap<>();
  private final Map<UUID, WorkerRow> workers = new TreeMap<>();

  /** The versions of what was removed, where the store is shared. */
  private final Map<Key, Long> tombstones = new HashMap<>();

  private Duration leaseTtl = Duration.ofSeconds(30);
  private final ArrayDeque<Fault> faults = new ArrayDeque<>();
  private final List<String> log = new ArrayList<>();
  private final List<List<Key>> batches = new ArrayList<>();
  private @Nullable StoreId boundTo;
  private int partitions;
  private long sequence;
  private boolean away;
  private @Nullable RuntimeException failure;
  private @Nullable RuntimeException loadFailure;
  private @Nullable Error thrown;
  private int throwIn;
  private Runnable beforeThrowing = () -> {};
  private @Nullable Error thrownBehind;
  private final List<Runnable> parents = new ArrayList<>();
  private Function<Mutation, @Nullable DatabaseError> refusals = mutation -> null;
  private Function<Mutation, @Nullable DatabaseError> delays = mutation -> null;
  private Function<Mutation, @Nullable DatabaseError> kills = mutation -> null;
  private int mostLookedAt = Integer.MAX_VALUE;
  private Duration rowTime = Duration.ZERO;
  private final Set<Weakness> weaknesses = EnumSet.noneOf(Weakness.class);
  private boolean versioned = true;
  private @Nullable List<Runnable> held;
  private @Nullable HistoryChecker<Key, Row> watcher;

  public FakeDatabase(Environment environment) {
    this.environment = environment;
  }

  /** How long a lease and a worker of a shared store last without being renewed. Default 30 s. */
  public void setLeaseTtl(Duration ttl) {
    this.leaseTtl = ttl;
  }

  /** Every request fails from now on, or no longer. */
  public void setAway(boolean away) {
    this.away = away;
  }

  /** Every request fails with this from now on, as where a column was dropped; with null no longer. */
  public void failWith(@Nullable RuntimeException failure) {
    this.failure = failure;
  }

  /** The n-th batch, lease or load from now on throws this at once, as only an adapter with an error does. */
  public void throwAt(int n, Error error) {
    this.throwIn = n;
    this.thrown = error;
  }

  /** The next batch is committed, and the call throws this at once instead of returning a stage. */
  public void throwBehindNextBatch(Error error) {
    this.thrownBehind = error;
  }

  /** What else happens when it throws the next time. */
  public void beforeThrowing(Runnable action) {
    this.beforeThrowing = action;
  }

  private void mayThrow() {
    Error error = thrown;
    if (error != null && --throwIn == 0) {
      thrown = null;
      beforeThrowing.run();
      beforeThrowing = () -> {};
      throw error;
    }
  }

  /** Rows were written to a table that this one refers to. */
  public void parentsArrived() {
    List.copyOf(parents).forEach(Runnable::run);
  }

  /** Every load fails with this from now on; with null no longer. */
  public void failLoads(@Nullable RuntimeException failure) {
    this.loadFailure = failure;
  }

  /** The next batch does not arrive: nothing is done, and the caller knows it. */
  public void loseNextRequest() {
    faults.add(Fault.LOSE_REQUEST);
  }

  /** The next batch is committed, but the caller does not learn it. */
  public void loseNextReply() {
    faults.add(Fault.LOSE_REPLY);
  }

  /** The next batch is not committed, and the caller does not know. */
  public void loseNextCommit() {
    faults.add(Fault.LOSE_COMMIT);
  }

  /** The next batch is not applied through no fault of its rows, as with a deadlock. */
  public void retryNext() {
    faults.add(Fault.RETRY);
  }

  /** The next batch costs the connection after its lease was answered: nothing is done, and the caller knows it. */
  public void failNextBatch() {
    faults.add(Fault.FAIL_BATCH);
  }

  /** What the database refuses from now on. */
  public void refuse(Predicate<Mutation> refuses) {
    refuseWith(
        mutation ->
            refuses.test(mutation)
                ? DatabaseError.of(ErrorClass.CONSTRAINT, "refused on command")
                : null);
  }

  /** What the database refuses from now on, and with which error; null for what it takes. */
  public void refuseWith(Function<Mutation, @Nullable DatabaseError> refusals) {
    this.refusals = refusals;
  }

  /** What the database does not take now, through no fault of the row, as where it is locked; null for what it takes. */
  public void delayWith(Function<Mutation, @Nullable DatabaseError> delays) {
    this.delays = delays;
  }

  /** The most rows of a batch that are looked at, where one of it is refused; the others are skipped. With 0 all are, whatever they are. */
  public void lookAtMost(int rows) {
    this.mostLookedAt = rows;
  }

  /**
   * Which rows from now on cost their batch the connection or the time, after its lease was answered, and with which error; null for those that do not. Nothing is done then. One that
   * takes too long alone is {@link Applied.Retry}.
   */
  public void killWith(Function<Mutation, @Nullable DatabaseError> kills) {
    this.kills = kills;
  }

  /**
   * Each row takes so long to write from now on. Of a batch that takes longer than a statement may, some are written in the search for those at fault, and the others are skipped.
   */
  public void setRowTime(Duration time) {
    this.rowTime = time;
  }

  /** How long the database is busy with so many rows. */
  private Duration busy(int rowCount) {
    Duration all = rowTime.multipliedBy(rowCount);
    if (all.compareTo(STATEMENT_TIME) <= 0) {
      return all;
    }
    return rowCount == 1 ? STATEMENT_TIME : STATEMENT_TIME.plus(SEARCH_TIME);
  }

  /** The table has no version column from now on: rows are written whatever stands there, and loads tell no version. */
  public void withoutVersions() {
    versioned = false;
  }

  /** It does from now on what it may not do. */
  public void weaken(Weakness weakness) {
    weaknesses.add(weakness);
  }

  /** Answers are computed but kept back until {@link #releaseReplies}. */
  public void holdReplies() {
    held = held == null ? new ArrayList<>() : held;
  }

  /** Sends the answers that were kept back, and keeps none back from now on. */
  public void releaseReplies() {
    List<Runnable> replies = held == null ? List.of() : held;
    held = null;
    replies.forEach(environment::execute);
  }

  /** Takes the answers that are kept back away, for {@link #attachHeld}; keeps none back from now on. */
  public List<Runnable> detachHeld() {
    List<Runnable> replies = held == null ? List.of() : held;
    held = null;
    return replies;
  }

  /** Keeps these answers back with the others. */
  public void attachHeld(List<Runnable> replies) {
    List<Runnable> all = held == null ? new ArrayList<>() : held;
    all.addAll(replies);
    held = all;
  }

  /** Tells the checker of every row that changes. */
  public void watch(HistoryChecker<Key, Row> checker) {
    this.watcher = checker;
  }

  /** Another program writes a row. */
  public void writeRow(Key key, Row value, long version) {
    rows.put(key, new Stored(value, version));
  }

  /** Another program removes a row. */
  public void removeRow(Key key) {
    rows.remove(key);
  }

  /** The row of a key; null if there is none. */
  public @Nullable Stored row(Key key) {
    return rows.get(key);
  }

  /** All rows. */
  public Map<Key, Stored> rows() {
    return Map.copyOf(rows);
  }

  /** Every committed change in its order: {@code put}, {@code remove}, with key and version. */
  public List<String> log() {
    return List.copyOf(log);
  }

  /** The keys of each batch with rows that the database has looked at, committed or not, in their order. */
  public List<List<Key>> batches() {
    return List.copyOf(batches);
  }

  /** How many batches with this partition's lease have been committed; the last one's id and its frontier. */
  public long frontier(int partition) {
    LeaseRow row = leases.get(partition);
    return row == null ? 0 : row.frontier;
  }

  /** Whether somebody holds the lease of a partition. */
  public boolean leased(int partition) {
    LeaseRow row = leases.get(partition);
    return row != null && row.owner != null;
  }

  /** A copy of all that is committed, to go back to. */
  public Runnable savePoint() {
    Map<Key, Stored> savedRows = new HashMap<>(rows);
    Map<Integer, LeaseRow> savedLeases = new HashMap<>(leases);
    Map<Key, Long> savedTombstones = new HashMap<>(tombstones);
    return () -> {
      rows.clear();
      rows.putAll(savedRows);
      leases.clear();
      leases.putAll(savedLeases);
      tombstones.clear();
      tombstones.putAll(savedTombstones);
    };
  }

  @Override
  public SystemOfRecord connect(String dataset, RowType declared) {
    if (away) {
      throw new UnavailableException("the database is away");
    }
    return new Connection(declared);
  }

  @Override
  public SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
    return new Connection(RowType.parse(new String(mapping, StandardCharsets.UTF_8)));
  }

  private final class Connection implements SystemOfRecord {
    private final RowType rowType;
    private final UUID self = new UUID(environment.random(), environment.random());

    /** What each lease's row is known to have been. */
    private final Map<Integer, LeaseRow> confirmed = new HashMap<>();

    private Connection(RowType rowType) {
      this.rowType = rowType;
    }

    @Override
    public RowType rowType() {
      return rowType;
    }

    @Override
    public String description() {
      return "a table in memory";
    }

    @Override
    public CompletionStage<Boolean> bind(StoreId store, int count, boolean adopt) {
      return answer(
          () -> {
            StoreId bound = boundTo;
            if (bound != null && !adopt && !bound.id().equals(store.id())) {
              throw new ConfigurationException(
                  "the table belongs to store " + bound.id() + " (" + bound.description() + ")");
            }
            if (bound != null && partitions != count) {
              throw new ConfigurationException(
                  "the dataset has " + partitions + " partitions, not " + count);
            }
            if (bound == null || adopt) {
              for (int i = 0; i < count; i++) {
                LeaseRow old = leases.get(i);
                leases.put(
                    i,
                    new LeaseRow(
                        old == null ? 0 : old.epoch + 1,
                        null,
                        highestVersion(),
                        old == null ? 0 : old.frontier,
                        0,
                        0,
                        null));
              }
            }
            boundTo = store;
            partitions = count;
            return bound != null && bound.id().equals(store.id());
          });
    }

    @Override
    public CompletionStage<Lease> acquire(StoreId store, int partition) {
      mayThrow();
      return answer(
          () -> {
            if (boundTo == null || !boundTo.id().equals(store.id())) {
              throw new FencedException("the table belongs to another store");
            }
            LeaseRow row = lease(partition);
            checkNotBack(partition, row);
            LeaseRow last = confirmed.get(partition);
            boolean givenBack = last != null && row.owner == null && row.epoch == last.epoch;
            Connection owner = row.owner;
            if (store.shared()) {
              if (owner != null && owner != this && !expired(row)) {
                throw new LeaseHeldException(
                    "partition " + partition + " is held by " + nameOf(owner.self));
              }
            } else if (last != null && owner != this && !givenBack) {
              throw new FencedException("the lease was taken over, now " + row.epoch);
            }
            LeaseRow taken =
                row.of(this, row.epoch + 1, expiry(), owner == this ? row.since : now());
            leases.put(partition, taken);
            confirmed.put(partition, taken);
            return new Lease(
                partition, taken.epoch, taken.highVersion, taken.frontier, taken.lastBatch);
          });
    }

    @Override
    public CompletionStage<Void> release(Lease lease) {
      return answer(
          () -> {
            LeaseRow row = lease(lease.partition());
            if (row.owner == this && row.epoch == lease.epoch()) {
              leases.put(lease.partition(), row.of(null, row.epoch, 0, null));
            }
            return null;
          });
    }

    @Override
    public CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
      return answer(
          () -> {
            StoreId bound = boundTo;
            if (bound == null) {
              return new Crew(self, List.of(), List.of(), leaseTtl);
            }
            if (!bound.id().equals(store.id())) {
              throw new FencedException("the table belongs to another store");
            }
            workers.values().removeIf(row -> row.expiresNanos <= environment.nanos());
            if (join != null) {
              WorkerRow before = workers.get(self);
              Instant since = before == null ? now() : before.worker.since();
              workers.put(self, new WorkerRow(new Crew.Worker(self, join, since), expiry()));
            }
            List<Crew.Ownership> partitions = new ArrayList<>();
            new TreeMap<>(leases)
                .forEach((partition, row) -> partitions.add(ownership(partition, row)));
            return new Crew(
                self,
                workers.values().stream().map(WorkerRow::worker).toList(),
                partitions,
                leaseTtl);
          });
    }

    private Crew.Ownership ownership(int partition, LeaseRow row) {
      Connection owner = row.owner;
      return new Crew.Ownership(
          partition,
          owner == null ? null : owner.self,
          owner != null && expired(row),
          row.since,
          row.epoch,
          row.highVersion);
    }

    @Override
    public CompletionStage<Void> leave(StoreId store) {
      return answer(
          () -> {
            workers.remove(self);
            return null;
          });
    }

    private boolean expired(LeaseRow row) {
      return row.expiresNanos <= environment.nanos();
    }

    private long expiry() {
      return environment.nanos() + leaseTtl.toNanos();
    }

    private Instant now() {
      return Instant.EPOCH.plus(environment.wallMicros(), ChronoUnit.MICROS);
    }

    private String nameOf(UUID id) {
      WorkerRow row = workers.get(id);
      return row == null ? id.toString() : row.worker.name();
    }

    @Override
    public CompletionStage<Applied> apply(Batch batch, Lease lease) {
      mayThrow();
      Error behind = thrownBehind;
      if (behind != null) {
        thrownBehind = null;
        applyNow(batch, lease);
        throw behind;
      }
      Fault fault = faults.poll();
      if (weaknesses.contains(Weakness.LOOKS_AT_EPOCHS_WITHOUT_A_LOCK)) {
        return this.<@Nullable Void>answer(
                () -> {
                  checkLease(lease);
                  return null;
                })
            .thenCompose(
                looked -> {
                  CompletableFuture<Applied> later = new CompletableFuture<>();
                  environment.schedule(
                      Duration.ofMillis(
                          Long.remainderUnsigned(environment.random(), LONGEST_STALL_MILLIS)),
                      () ->
                          apply(batch, lease, fault)
                              .whenComplete(
                                  (applied, failure) -> {
                                    if (failure == null) {
                                      later.complete(applied);
                                    } else {
                                      later.completeExceptionally(failure);
                                    }
                                  }));
                  return later;
                });
      }
      return apply(batch, lease, fault);
    }

    private CompletionStage<Applied> apply(Batch batch, Lease lease, @Nullable Fault fault) {
      return answer(
          busy(batch.mutations().size()),
          () -> {
            if (fault == Fault.LOSE_REQUEST) {
              throw new UnavailableException("the request was lost");
            }
            if (fault == Fault.LOSE_COMMIT) {
              throw new OutcomeUnknownException("the commit was lost");
            }
            if (!batch.mutations().isEmpty()) {
              batches.add(batch.mutations().stream().map(Mutation::key).toList());
            }
            if (fault == Fault.RETRY) {
              throw new UnavailableException("deadlock detected");
            }
            if (fault == Fault.FAIL_BATCH) {
              throw new BatchFailedException(
                  DatabaseError.of(ErrorClass.CONNECTION, "the connection was lost over the batch"),
                  new IOException("connection reset"));
            }
            Applied applied = applyNow(batch, lease);
            confirmed.put(lease.partition(), lease(lease.partition()));
            if (fault == Fault.LOSE_REPLY) {
              throw new OutcomeUnknownException("the reply was lost");
            }
            return applied;
          });
    }

    @Override
    public CompletionStage<List<Loaded>> load(List<Key> keys) {
      mayThrow();
      return answer(
          () -> {
            if (loadFailure != null) {
              throw loadFailure;
            }
            List<Loaded> loaded = new ArrayList<>();
            for (Key key : keys) {
              Stored stored = rows.get(key);
              loaded.add(
                  stored == null
                      ? new Loaded(key, null, 0)
                      : new Loaded(key, stored.value, versioned ? stored.version : 0));
            }
            return loaded;
          });
    }

    @Override
    public CompletionStage<List<Long>> nextKeys(int count) {
      return answer(
          () -> {
            List<Long> numbers = new ArrayList<>();
            for (int i = 0; i < count; i++) {
              numbers.add(++sequence);
            }
            return numbers;
          });
    }

    @Override
    public void whenParentsArrive(Runnable listener) {
      parents.add(listener);
    }

    @Override
    public byte[] mapping() {
      return rowType.encoding().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {}

    private Applied applyNow(Batch batch, Lease lease) {
      if (!weaknesses.contains(Weakness.LOOKS_AT_EPOCHS_WITHOUT_A_LOCK)) {
        checkLease(lease);
      }
      LeaseRow row = lease(lease.partition());
      checkNotBack(lease.partition(), row);
      int rowCount = batch.mutations().size();
      boolean slow = rowTime.multipliedBy(rowCount).compareTo(STATEMENT_TIME) > 0;
      long found = slow ? WRITTEN_IN_SEARCH.dividedBy(rowTime) : rowCount;
      DatabaseError tookTooLong = DatabaseError.of(ErrorClass.TIMEOUT, "statement timeout");
      if (slow && rowCount == 1) {
        return new Applied(List.of(new Applied.Retry(tookTooLong)), 3);
      } else if (found == 0 && rowCount > 0) {
        throw new BatchFailedException(tookTooLong, new IOException("statement timeout"));
      }
      for (Mutation mutation : batch.mutations()) {
        DatabaseError killed = kills.apply(mutation);
        if (killed != null && killed.errorClass() == ErrorClass.TIMEOUT && rowCount == 1) {
          return new Applied(List.of(new Applied.Retry(killed)), 3);
        }
        if (killed != null) {
          throw new BatchFailedException(killed, new IOException("connection reset"));
        }
      }
      List<Outcome> outcomes = new ArrayList<>();
      long high = row.highVersion;
      boolean whole = true;
      for (Mutation mutation : batch.mutations()) {
        DatabaseError error = refusals.apply(mutation);
        DatabaseError delay = delays.apply(mutation);
        if (outcomes.size() >= found) {
          whole = false;
          outcomes.add(new Applied.Skipped(tookTooLong));
          continue;
        }
        if ((!whole || mostLookedAt == 0) && outcomes.size() >= mostLookedAt) {
          whole = false;
          outcomes.add(new Applied.Skipped(DatabaseError.of(ErrorClass.UNKNOWN, "not looked at")));
          continue;
        }
        if (error != null) {
          outcomes.add(new Applied.Rejected(error));
        } else if (delay != null) {
          outcomes.add(new Applied.Retry(delay));
        } else {
          outcomes.add(applyOne(mutation));
          high = Math.max(high, mutation.version());
          continue;
        }
        whole = weaknesses.contains(Weakness.MOVES_THE_FRONTIER_OVER_ROWS_LEFT_OUT);
      }
      boolean nothing =
          outcomes.stream().noneMatch(o -> o instanceof Applied.Done || o instanceof Applied.Stale);
      if (nothing && !outcomes.isEmpty()) {
        return new Applied(outcomes, 3);
      }
      long frontier = whole ? Math.max(row.frontier, batch.frontier()) : row.frontier;
      leases.put(lease.partition(), row.applied(high, frontier, batch.id(), expiry()));
      return new Applied(outcomes, 3);
    }

    private void checkNotBack(int partition, LeaseRow row) {
      LeaseRow last = confirmed.get(partition);
      if (last != null
          && (row.epoch < last.epoch
              || row.frontier < last.frontier
              || row.highVersion < last.highVersion
              || (row.owner == this
                  && row.epoch == last.epoch
                  && row.lastBatch != last.lastBatch))) {
        throw new DatabaseWentBackException("the database lost batch " + last.lastBatch);
      }
    }

    private void checkLease(Lease lease) {
      LeaseRow row = lease(lease.partition());
      checkNotBack(lease.partition(), row);
      if (!holds(row, lease) && !weaknesses.contains(Weakness.IGNORES_EPOCHS)) {
        throw new FencedException("epoch " + lease.epoch() + " is over, now " + row.epoch);
      }
    }

    private boolean holds(LeaseRow row, Lease lease) {
      return row.owner == this && row.epoch == lease.epoch();
    }

    private Outcome applyOne(Mutation mutation) {
      Stored there = versioned ? rows.get(mutation.key()) : null;
      if (there != null && there.version > mutation.version()) {
        return new Applied.Stale(there.version);
      }
      if (there != null
          && there.version == mutation.version()
          && mutation instanceof Mutation.Put) {
        return Applied.Done.INSTANCE;
      }
      long removed = tombstones.getOrDefault(mutation.key(), 0L);
      if (there == null && mutation instanceof Mutation.Put && removed >= mutation.version()) {
        return new Applied.Stale(removed);
      }
      StoreId bound = boundTo;
      if (bound != null && bound.shared() && mutation instanceof Mutation.Remove) {
        tombstones.merge(mutation.key(), mutation.version(), Math::max);
      }
      if (mutation instanceof Mutation.Put put) {
        rows.put(put.key(), new Stored(put.row(), put.version()));
        changed("put", put);
      } else if (rows.remove(mutation.key()) != null) {
        changed("remove", mutation);
      } else if (removed <= mutation.version()) {
        observed(mutation);
      }
      return Applied.Done.INSTANCE;
    }

    private void changed(String what, Mutation mutation) {
      log.add(what + " " + mutation.key() + " " + mutation.version());
      observed(mutation);
    }

    private void observed(Mutation mutation) {
      if (watcher != null) {
        watcher.observed(
            mutation.key(),
            mutation.version(),
            mutation instanceof Mutation.Put put ? put.row() : null);
      }
    }

    private LeaseRow lease(int partition) {
      LeaseRow row = leases.get(partition);
      if (row == null) {
        throw new ConfigurationException("no partition " + partition);
      }
      return row;
    }

    private long highestVersion() {
      return rows.values().stream().mapToLong(Stored::version).max().orElse(0);
    }

    private <T extends @Nullable Object> CompletionStage<T> answer(Supplier<T> work) {
      return answer(Duration.ZERO, work);
    }

    private <T extends @Nullable Object> CompletionStage<T> answer(
        Duration busy, Supplier<T> work) {
      CompletableFuture<T> reply = new CompletableFuture<>();
      Runnable task =
          () -> {
            Runnable answer;
            synchronized (FakeDatabase.this) {
              try {
                if (away) {
                  throw new UnavailableException("the database is away");
                }
                if (failure != null) {
                  throw failure;
                }
                T value = work.get();
                answer = () -> reply.complete(value);
              } catch (RuntimeException e) {
                answer = () -> reply.completeExceptionally(e);
              }
            }
            if (held != null) {
              held.add(answer);
            } else {
              answer.run();
            }
          };
      if (busy.isZero()) {
        environment.execute(task);
      } else {
        environment.schedule(busy, task);
      }
      return reply;
    }
  }
}
