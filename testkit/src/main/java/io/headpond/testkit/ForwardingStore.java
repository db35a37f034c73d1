package io.headpond.testkit;

import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.PendingPage;
import io.headpond.Row;
import io.headpond.spi.Failure;
import io.headpond.spi.Horizon;
import io.headpond.spi.HotStore;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.Owed;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Remembered;
import io.headpond.spi.StoreId;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A hot store in front of a real one, which passes everything on; subclasses do something else with some of it. As thread-safe as the real one. */
public abstract class ForwardingStore implements HotStore {
  private final HotStore real;

  /** A store in front of this one. */
  protected ForwardingStore(HotStore real) {
    this.real = real;
  }

  /** The store behind this one. */
  protected final HotStore real() {
    return real;
  }

  @Override
  public StoreId id() {
    return real.id();
  }

  @Override
  public Durability strongest() {
    return real.strongest();
  }

  @Override
  public CompletionStage<Opened> open(
      int partition, long epoch, long highVersion, boolean resumed) {
    return real.open(partition, epoch, highVersion, resumed);
  }

  @Override
  public boolean keeps(Durability durability) {
    return real.keeps(durability);
  }

  @Override
  public CompletionStage<Horizon> horizon(int partition) {
    return real.horizon(partition);
  }

  @Override
  public List<String> reasons() {
    return real.reasons();
  }

  @Override
  public CompletionStage<WriteOutcome> put(Write write) {
    return real.put(write);
  }

  @Override
  public CompletionStage<Lookup> get(Key key) {
    return real.get(key);
  }

  @Override
  public CompletionStage<List<Lookup>> getAll(List<Key> keys) {
    return real.getAll(keys);
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    return real.fill(key, row, version, fillToken);
  }

  @Override
  public CompletionStage<@Nullable EntryState> invalidate(Key key) {
    return real.invalidate(key);
  }

  @Override
  public CompletionStage<@Nullable Remembered> request(String id) {
    return real.request(id);
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits most) {
    return real.take(partition, epoch, most);
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    return real.settle(partition, epoch, mutations, frontier);
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    return real.defer(partition, epoch, mutation, dueMicros, attempts, failure);
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return real.park(partition, epoch, mutation, attempts, failure);
  }

  @Override
  public CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    return real.unstage(partition, epoch, mutation);
  }

  @Override
  public PartitionStats stats(int partition) {
    return real.stats(partition);
  }

  @Override
  public int pendingEntries() {
    return real.pendingEntries();
  }

  @Override
  public long frontier(int partition) {
    return real.frontier(partition);
  }

  @Override
  public long nowMicros(int partition) {
    return real.nowMicros(partition);
  }

  @Override
  public CompletionStage<Owed> owed(Key key) {
    return real.owed(key);
  }

  @Override
  public CompletionStage<PendingPage> pending(String prefix, @Nullable String after, int limit) {
    return real.pending(prefix, after, limit);
  }

  @Override
  public CompletionStage<List<Letter>> letters(
      DeadLetterFilter filter, @Nullable String after, int limit) {
    return real.letters(filter, after, limit);
  }

  @Override
  public CompletionStage<@Nullable Letter> letter(Key key) {
    return real.letter(key);
  }

  @Override
  public CompletionStage<Letter.Fate> retry(Key key, long version) {
    return real.retry(key, version);
  }

  @Override
  public CompletionStage<Letter.Fate> discard(Key key, long version) {
    return real.discard(key, version);
  }

  @Override
  public CompletionStage<Letter.Fate> purge(Key key, long version, boolean carried) {
    return real.purge(key, version, carried);
  }

  @Override
  public boolean deferredFull(int partition) {
    return real.deferredFull(partition);
  }

  @Override
  public boolean lettersFull(int partition) {
    return real.lettersFull(partition);
  }

  @Override
  public void remember(byte[] bytes) {
    real.remember(bytes);
  }

  @Override
  public @Nullable Throwable failure() {
    return real.failure();
  }

  @Override
  public void close() {
    real.close();
  }
}
