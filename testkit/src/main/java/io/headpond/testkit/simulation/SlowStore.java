package io.headpond.testkit.simulation;

import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Owed;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.testkit.ForwardingStore;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A hot store whose steps take their time, as those of one across a network do; the port allows it. */
final class SlowStore extends ForwardingStore {
  private static final int LONGEST_MILLIS = 300;

  private final World world;
  private final ProcessEnvironment process;

  SlowStore(HotStore real, World world, ProcessEnvironment process) {
    super(real);
    this.world = world;
    this.process = process;
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    return step(() -> real().settle(partition, epoch, mutations, frontier));
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    return step(() -> real().fill(key, row, version, fillToken));
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits limits) {
    return step(() -> real().take(partition, epoch, limits));
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    return step(() -> real().defer(partition, epoch, mutation, dueMicros, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return step(() -> real().park(partition, epoch, mutation, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    return step(() -> real().unstage(partition, epoch, mutation));
  }

  @Override
  public CompletionStage<Owed> owed(Key key) {
    return step(() -> real().owed(key));
  }

  private <T extends @Nullable Object> CompletionStage<T> step(Supplier<CompletionStage<T>> step) {
    if (!world.strikes(Fault.SLOW_STORE)) {
      return step.get();
    }
    world.count(Fault.SLOW_STORE);
    CompletableFuture<T> later = new CompletableFuture<>();
    process.schedule(
        Duration.ofMillis(world.random.nextInt(LONGEST_MILLIS)),
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
}
