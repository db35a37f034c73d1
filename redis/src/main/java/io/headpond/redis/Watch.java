package io.headpond.redis;

import io.headpond.spi.Environment;
import io.headpond.spi.Horizon;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Asks how partitions stand that nothing has been heard of for a second. Thread-safe. */
final class Watch {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final Caller caller;
  private volatile Environment.@Nullable Timer timer;
  private volatile boolean closed;

  Watch(Caller caller) {
    this.caller = caller;
  }

  /** Asks all of them now, and from now on; one that is closed has no answer. */
  CompletableFuture<?> begin() {
    CompletableFuture<?>[] looks =
        Arrays.stream(caller.shards)
            .filter(Shard::look)
            .map(shard -> look(shard).exceptionally(unknown -> null))
            .toArray(CompletableFuture<?>[]::new);
    return CompletableFuture.allOf(looks).thenRun(this::tick);
  }

  private void tick() {
    if (closed) {
      return;
    }
    long now = caller.environment.nanos();
    for (Shard shard : caller.shards) {
      Status status = shard.status();
      if ((status == null || now - status.atNanos() >= SECOND.toNanos()) && shard.look()) {
        look(shard);
      }
    }
    timer = caller.environment.schedule(SECOND, this::tick);
  }

  private CompletableFuture<@Nullable Items> look(Shard shard) {
    return caller
        .run(shard, Scripts.LOOK, List.of(Keys.bytes("0")))
        .<@Nullable Items>thenApply(items -> items)
        .whenComplete((items, e) -> shard.looked());
  }

  /** How a partition stands, at a time below which it gives no version any more. */
  CompletableFuture<Horizon> horizon(int partition) {
    return caller
        .run(caller.shard(partition), Scripts.LOOK, List.of(Keys.bytes("1")))
        .thenApply(items -> new Horizon(items.status().clock(), items.status().stats()));
  }

  void close() {
    closed = true;
    Environment.Timer last = timer;
    if (last != null) {
      last.cancel();
    }
  }
}
