package io.headpond.testkit;

import io.headpond.Key;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.Owed;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A hot store in front of a real one, which keeps steps back on command, so that a test can put other steps or a crash
 * between them. Thread-safe as far as the real one is; the commands are for one thread.
 */
public final class FaultyStore extends ForwardingStore {
  private boolean holdSettle;
  private boolean holdFill;
  private boolean holdTake;
  private boolean holdDefer;
  private boolean holdOwed;
  private boolean holdUnstage;
  private int failing;
  private @Nullable Error thrown;
  private int throwIn;
  private final List<Runnable> held = new ArrayList<>();

  private FaultyStore(HotStore real) {
    super(real);
  }

  /** Opens the real store and stands in front of it. */
  public static FaultyStore open(HotStoreFactory factory, HotStoreFactory.Settings settings) {
    return new FaultyStore(factory.open(settings));
  }

  /** Settlements are kept back from now on: the database has the batch, the store does not know. */
  public void holdSettle() {
    holdSettle = true;
  }

  /** Takes are kept back from now on: what they will return is not known. */
  public void holdTake() {
    holdTake = true;
  }

  /** Deferrals and parkings are kept back from now on: the database has refused, the store does not know. */
  public void holdDefer() {
    holdDefer = true;
  }

  /** What is owed of an entry is told later: as it is when it is let go. */
  public void holdOwed() {
    holdOwed = true;
  }

  /** Staged writes are forgotten later: until then a batch may take them. */
  public void holdUnstage() {
    holdUnstage = true;
  }

  /** So many of the next parkings, forgettings of staged writes and retries of letters fail, and nothing is done. */
  public void failNext(int count) {
    failing = count;
  }

  /** The n-th step of a flusher from now on throws this at once, as only a store with an error does. */
  public void throwAt(int n, Error error) {
    this.throwIn = n;
    this.thrown = error;
  }

  private void mayThrow() {
    Error error = thrown;
    if (error != null && --throwIn == 0) {
      thrown = null;
      throw error;
    }
  }

  /** Fills are kept back from now on: the row was read, the store does not have it. */
  public void holdFill() {
    holdFill = true;
  }

  /** Lets go of what was kept back, in its order, and keeps nothing back from now on. */
  public void release() {
    holdSettle = false;
    holdFill = false;
    holdTake = false;
    holdDefer = false;
    holdOwed = false;
    holdUnstage = false;
    List<Runnable> steps = List.copyOf(held);
    held.clear();
    steps.forEach(Runnable::run);
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    mayThrow();
    return step(holdSettle, () -> real().settle(partition, epoch, mutations, frontier));
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    return step(holdFill, () -> real().fill(key, row, version, fillToken));
  }

  @Override
  public CompletionStage<Letter.Fate> retry(Key key, long version) {
    return fails() ? failed() : real().retry(key, version);
  }

  private boolean fails() {
    return failing > 0 && failing-- > 0;
  }

  private static <T> CompletionStage<T> failed() {
    return CompletableFuture.failedFuture(new UnavailableException("failed on command"));
  }

  private <T extends @Nullable Object> CompletionStage<T> step(
      boolean hold, Supplier<CompletionStage<T>> step) {
    if (!hold) {
      return step.get();
    }
    CompletableFuture<T> later = new CompletableFuture<>();
    held.add(
        () ->
            step.get()
                .whenComplete(
                    (value, failure) -> {
                      if (failure == null) {
                        later.complete(value);
                      } else {
                        later.completeExceptionally(failure);
                      }
                    }));
    return later;
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits most) {
    mayThrow();
    return step(holdTake, () -> real().take(partition, epoch, most));
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    mayThrow();
    return step(
        holdDefer, () -> real().defer(partition, epoch, mutation, dueMicros, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    mayThrow();
    return fails()
        ? failed()
        : step(holdDefer, () -> real().park(partition, epoch, mutation, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    mayThrow();
    return fails() ? failed() : step(holdUnstage, () -> real().unstage(partition, epoch, mutation));
  }

  @Override
  public CompletionStage<Owed> owed(Key key) {
    return step(holdOwed, () -> real().owed(key));
  }

  @Override
  public CompletionStage<Opened> open(
      int partition, long epoch, long highVersion, boolean resumed) {
    mayThrow();
    return real().open(partition, epoch, highVersion, resumed);
  }

  @Override
  public PartitionStats stats(int partition) {
    mayThrow();
    return real().stats(partition);
  }
}
