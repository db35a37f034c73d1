package io.headpond.testkit;

import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.PendingPage;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Failure;
import io.headpond.spi.Horizon;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.Owed;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Remembered;
import io.headpond.spi.SharedStore;
import io.headpond.spi.StoreId;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What one process has of a {@link SharedModel}: it knows of each partition what the last answer told. */
final class SharedModelHandle implements SharedStore {
  private static final long FRESH_NANOS = Duration.ofSeconds(1).toNanos();
  private static final PartitionStats NOTHING = new PartitionStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  private final SharedModel model;
  private final ManualProcess process;
  private final Known[] known;
  private @Nullable Signals listener;
  private boolean away;
  private boolean loseReply;
  private boolean closed;

  /** A partition as an answer told. */
  private record Known(PartitionStats stats, long nowMicros, long frontier, long atNanos) {}

  SharedModelHandle(SharedModel model, ManualProcess process, HotStoreFactory.Settings settings) {
    this.model = model;
    this.process = process;
    this.known = new Known[settings.partitions()];
    Arrays.fill(known, new Known(NOTHING, 0, 0, process.nanos()));
  }

  ManualProcess process() {
    return process;
  }

  @Nullable Signals listener() {
    return closed ? null : listener;
  }

  void setAway(boolean away) {
    this.away = away;
  }

  void loseNextReply() {
    loseReply = true;
  }

  private Known ask(int partition) {
    JournalStore journal = model.journal();
    return new Known(
        journal.stats(partition),
        journal.nowMicros(partition),
        journal.frontier(partition),
        process.nanos());
  }

  /** Sends a request that concerns a partition, or none with -1. */
  private <T extends @Nullable Object> CompletionStage<T> call(
      int partition, boolean changes, Function<JournalStore, CompletionStage<T>> request) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    if (process.dead()) {
      return answer;
    }
    model.environment.execute(
        () ->
            model
                .serve(away, partition, request)
                .whenComplete(
                    (value, failure) -> answer(partition, changes, answer, value, failure)));
    return answer;
  }

  private <T extends @Nullable Object> void answer(
      int partition,
      boolean changes,
      CompletableFuture<T> answer,
      T value,
      @Nullable Throwable failure) {
    boolean lost = changes && loseReply && failure == null;
    if (lost) {
      loseReply = false;
    }
    Known told = failure == null && !lost && partition >= 0 ? ask(partition) : null;
    process.execute(
        () -> {
          if (told != null) {
            known[partition] = told;
          }
          if (lost) {
            answer.completeExceptionally(SharedModel.lostReply());
          } else if (failure == null) {
            answer.complete(value);
          } else {
            answer.completeExceptionally(failure);
          }
        });
  }

  private <T extends @Nullable Object> CompletionStage<T> change(
      Key key, Function<JournalStore, CompletionStage<T>> request) {
    return call(model.partition(key), true, request);
  }

  private <T extends @Nullable Object> CompletionStage<T> look(
      Key key, Function<JournalStore, CompletionStage<T>> request) {
    return call(model.partition(key), false, request);
  }

  @Override
  public void listen(Signals signals) {
    listener = signals;
  }

  @Override
  public StoreId id() {
    return model.id();
  }

  @Override
  public Durability strongest() {
    return model.levels().stream()
        .filter(level -> level != Durability.DATABASE)
        .reduce(Durability.MEMORY, (one, other) -> one.compareTo(other) > 0 ? one : other);
  }

  @Override
  public boolean keeps(Durability durability) {
    return model.levels().contains(durability);
  }

  @Override
  public CompletionStage<Opened> open(
      int partition, long epoch, long highVersion, boolean resumed) {
    CompletableFuture<Opened> answer = new CompletableFuture<>();
    if (!process.dead()) {
      model.environment.execute(
          () ->
              model
                  .serve(away, -1, journal -> model.open(partition, epoch, highVersion, resumed))
                  .whenComplete((v, failure) -> answer(partition, true, answer, v, failure)));
    }
    return answer;
  }

  @Override
  public CompletionStage<WriteOutcome> put(Write write) {
    Durability level = write.durability();
    if (!keeps(level)) {
      return CompletableFuture.failedFuture(
          new UnsupportedDurabilityException(level, "the model does not keep it"));
    }
    try {
      if (write.request() != null && level != Durability.REPLICAS) {
        RequestId.requireKept(level);
      }
    } catch (UnsupportedDurabilityException e) {
      return CompletableFuture.failedFuture(e);
    }
    Write real =
        new Write(
            write.key(),
            write.row(),
            level == Durability.DATABASE ? level : Durability.JOURNAL,
            false,
            write.expected(),
            write.request());
    int partition = model.partition(write.key());
    return change(
        write.key(),
        journal ->
            journal
                .put(real)
                .thenApply(
                    outcome -> {
                      if (outcome instanceof WriteOutcome.Written written) {
                        model.given(partition, written.mutation(), level);
                        if (level != Durability.DATABASE && model.worthTelling(written.ready())) {
                          int ready = written.ready();
                          model.tellOthers(this, signals -> signals.written(partition, ready));
                        }
                      }
                      return outcome;
                    }));
  }

  @Override
  public CompletionStage<Lookup> get(Key key) {
    return look(key, journal -> journal.get(key));
  }

  @Override
  public CompletionStage<List<Lookup>> getAll(List<Key> keys) {
    return call(
        -1,
        false,
        journal -> {
          for (Key key : keys) {
            if (!model.isOpen(model.partition(key))) {
              return CompletableFuture.failedFuture(
                  new io.headpond.UnavailableException("a partition of the store is closed"));
            }
          }
          return journal.getAll(keys);
        });
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    return change(key, journal -> journal.fill(key, row, version, fillToken));
  }

  @Override
  public CompletionStage<@Nullable EntryState> invalidate(Key key) {
    return change(key, journal -> journal.invalidate(key));
  }

  @Override
  public CompletionStage<@Nullable Remembered> request(String id) {
    return call(-1, false, journal -> journal.request(id));
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits most) {
    return call(
        partition,
        true,
        journal -> model.take(partition, () -> journal.take(partition, epoch, most)));
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    return call(
        partition,
        true,
        journal ->
            journal
                .settle(partition, epoch, mutations, frontier)
                .<@Nullable Void>thenApply(
                    done -> {
                      model.ended(mutations);
                      List<Settled> settled =
                          mutations.stream().map(m -> new Settled(m.key(), m.version())).toList();
                      if (!settled.isEmpty()) {
                        model.tellOthers(this, signals -> signals.settled(settled));
                      }
                      return null;
                    }));
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    return call(
        partition,
        true,
        journal -> journal.defer(partition, epoch, mutation, dueMicros, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return call(
        partition,
        true,
        journal ->
            journal
                .park(partition, epoch, mutation, attempts, failure)
                .thenApply(
                    parked -> {
                      if (parked) {
                        model.tellOthers(
                            this,
                            signals ->
                                signals.parked(
                                    mutation.key(),
                                    mutation.version(),
                                    failure.error().toString()));
                      }
                      return parked;
                    }));
  }

  @Override
  public CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    return call(
        partition,
        true,
        journal ->
            journal
                .unstage(partition, epoch, mutation)
                .thenApply(
                    there -> {
                      model.ended(List.of(mutation));
                      return there;
                    }));
  }

  @Override
  public long mayHaveForgotten(int partition) {
    return model.life(partition);
  }

  @Override
  public CompletionStage<@Nullable Void> askToFlush(int partition) {
    return call(
        partition,
        false,
        journal -> {
          model.tellOthers(this, signals -> signals.flushAsked(partition));
          return CompletableFuture.completedFuture(null);
        });
  }

  @Override
  public CompletionStage<@Nullable Void> answer(
      Mutation mutation, @Nullable HeadpondException failure) {
    return call(
        -1,
        false,
        journal -> {
          model.tellOthers(this, signals -> signals.answered(mutation.writeId(), failure));
          return CompletableFuture.completedFuture(null);
        });
  }

  @Override
  public CompletionStage<Withdrawal> withdraw(Mutation mutation) {
    int partition = model.partition(mutation.key());
    return call(partition, true, journal -> model.withdraw(partition, mutation));
  }

  @Override
  public CompletionStage<Horizon> horizon(int partition) {
    if (model.weak(SharedModel.Weakness.OLD_HORIZON)) {
      Known old = known(partition);
      return CompletableFuture.completedFuture(new Horizon(process.wallMicros(), old.stats));
    }
    return call(partition, false, journal -> journal.horizon(partition));
  }

  private Known known(int partition) {
    Known last = known[partition];
    if (!away && !model.away() && process.nanos() - last.atNanos > FRESH_NANOS) {
      last = ask(partition);
      known[partition] = last;
    }
    return last;
  }

  @Override
  public PartitionStats stats(int partition) {
    return known(partition).stats;
  }

  @Override
  public int pendingEntries() {
    int pending = 0;
    for (int i = 0; i < known.length; i++) {
      PartitionStats stats = stats(i);
      pending += stats.pending() + stats.staged();
    }
    return pending;
  }

  @Override
  public long frontier(int partition) {
    return known(partition).frontier;
  }

  @Override
  public long nowMicros(int partition) {
    return known(partition).nowMicros;
  }

  @Override
  public CompletionStage<Owed> owed(Key key) {
    return look(key, journal -> journal.owed(key));
  }

  @Override
  public CompletionStage<PendingPage> pending(String prefix, @Nullable String after, int limit) {
    return call(-1, false, journal -> journal.pending(prefix, after, limit));
  }

  @Override
  public CompletionStage<List<Letter>> letters(
      DeadLetterFilter filter, @Nullable String after, int limit) {
    return call(-1, false, journal -> journal.letters(filter, after, limit));
  }

  @Override
  public CompletionStage<@Nullable Letter> letter(Key key) {
    return look(key, journal -> journal.letter(key));
  }

  @Override
  public CompletionStage<Letter.Fate> retry(Key key, long version) {
    int partition = model.partition(key);
    return change(
        key,
        journal ->
            journal
                .retry(key, version)
                .thenApply(
                    fate -> {
                      model.tellOthers(this, signals -> signals.written(partition, 1));
                      return fate;
                    }));
  }

  @Override
  public CompletionStage<Letter.Fate> discard(Key key, long version) {
    return change(key, journal -> journal.discard(key, version));
  }

  @Override
  public CompletionStage<Letter.Fate> purge(Key key, long version, boolean carried) {
    return change(key, journal -> journal.purge(key, version, carried));
  }

  @Override
  public boolean deferredFull(int partition) {
    return model.journal().deferredFull(partition);
  }

  @Override
  public boolean lettersFull(int partition) {
    return model.journal().lettersFull(partition);
  }

  @Override
  public void remember(byte[] bytes) {
    model.remember(bytes);
  }

  @Override
  public @Nullable Throwable failure() {
    return null;
  }

  @Override
  public List<String> reasons() {
    List<String> reasons = new ArrayList<>(model.reasons());
    if (away) {
      reasons.add("the store does not answer this process");
    }
    return reasons;
  }

  @Override
  public void close() {
    closed = true;
  }
}
