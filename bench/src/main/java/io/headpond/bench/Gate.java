package io.headpond.bench;

import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A system of record behind a gate: while it is shut, batches wait in front of it, so that entries can
 * gather whatever the batch size is. Thread-safe.
 */
final class Gate implements SystemOfRecord {
  private final SystemOfRecord behind;
  private volatile CompletableFuture<Void> open = CompletableFuture.completedFuture(null);

  Gate(SystemOfRecord behind) {
    this.behind = behind;
  }

  void shut() {
    open = new CompletableFuture<>();
  }

  void open() {
    open.complete(null);
  }

  @Override
  public CompletionStage<Applied> apply(Batch batch, Lease lease) {
    CompletableFuture<Void> gate = open;
    return gate.isDone()
        ? behind.apply(batch, lease)
        : gate.thenCompose(opened -> behind.apply(batch, lease));
  }

  @Override
  public RowType rowType() {
    return behind.rowType();
  }

  @Override
  public String description() {
    return behind.description();
  }

  @Override
  public CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt) {
    return behind.bind(store, partitions, adopt);
  }

  @Override
  public CompletionStage<Lease> acquire(StoreId store, int partition) {
    return behind.acquire(store, partition);
  }

  @Override
  public CompletionStage<Void> release(Lease lease) {
    return behind.release(lease);
  }

  @Override
  public CompletionStage<List<Loaded>> load(List<Key> keys) {
    return behind.load(keys);
  }

  @Override
  public CompletionStage<List<Long>> nextKeys(int count) {
    return behind.nextKeys(count);
  }

  @Override
  public CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
    return behind.crew(store, join);
  }

  @Override
  public CompletionStage<Void> leave(StoreId store) {
    return behind.leave(store);
  }

  @Override
  public byte[] mapping() {
    return behind.mapping();
  }

  @Override
  public void close() {
    behind.close();
  }
}
