package io.headpond.bench;

import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Done;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.Crew.Ownership;
import io.headpond.spi.Crew.Worker;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A system of record that takes everything at once and keeps nothing. Thread-safe. */
final class IdleDatabase implements SystemOfRecord {
  private final RowType rowType;
  private final AtomicLong epoch = new AtomicLong();
  private final UUID self = UUID.randomUUID();
  private volatile int partitions;

  IdleDatabase(RowType rowType) {
    this.rowType = rowType;
  }

  @Override
  public RowType rowType() {
    return rowType;
  }

  @Override
  public String description() {
    return "a database that keeps nothing";
  }

  @Override
  public CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt) {
    this.partitions = partitions;
    return CompletableFuture.completedFuture(false);
  }

  @Override
  public CompletionStage<Lease> acquire(StoreId store, int partition) {
    // No earlier life of the journal remembers a higher frontier.
    long frontier = TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis());
    return CompletableFuture.completedFuture(
        new Lease(
            partition,
            (System.currentTimeMillis() << 8) + epoch.incrementAndGet(),
            0,
            frontier,
            0));
  }

  @Override
  public CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
    List<Ownership> owned = new ArrayList<>();
    for (int i = 0; i < partitions; i++) {
      owned.add(new Ownership(i, null, true, null, epoch.get(), 0));
    }
    List<Worker> workers =
        join == null ? List.of() : List.of(new Worker(self, join, Instant.EPOCH));
    return CompletableFuture.completedFuture(
        new Crew(self, workers, owned, Duration.ofSeconds(30)));
  }

  @Override
  public CompletionStage<Void> leave(StoreId store) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletionStage<Void> release(Lease lease) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletionStage<Applied> apply(Batch batch, Lease lease) {
    List<Outcome> outcomes = Collections.nCopies(batch.mutations().size(), Done.INSTANCE);
    return CompletableFuture.completedFuture(new Applied(outcomes, 1));
  }

  @Override
  public CompletionStage<List<Loaded>> load(List<Key> keys) {
    return CompletableFuture.completedFuture(
        keys.stream().map(key -> new Loaded(key, null, 0)).toList());
  }

  @Override
  public CompletionStage<List<Long>> nextKeys(int count) {
    return CompletableFuture.failedFuture(new UnsupportedOperationException("no sequence"));
  }

  @Override
  public byte[] mapping() {
    return new byte[0];
  }

  @Override
  public void close() {
    // There is nothing to let go of.
  }
}
