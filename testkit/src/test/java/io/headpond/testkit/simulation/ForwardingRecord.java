package io.headpond.testkit.simulation;

import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** A system of record in front of another one. */
class ForwardingRecord implements SystemOfRecord {
  final SystemOfRecord real;

  ForwardingRecord(SystemOfRecord real) {
    this.real = real;
  }

  @Override
  public RowType rowType() {
    return real.rowType();
  }

  @Override
  public String description() {
    return real.description();
  }

  @Override
  public CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt) {
    return real.bind(store, partitions, adopt);
  }

  @Override
  public CompletionStage<Lease> acquire(StoreId store, int partition) {
    return real.acquire(store, partition);
  }

  @Override
  public CompletionStage<Void> release(Lease lease) {
    return real.release(lease);
  }

  @Override
  public CompletionStage<Applied> apply(Batch batch, Lease lease) {
    return real.apply(batch, lease);
  }

  @Override
  public CompletionStage<List<Loaded>> load(List<Key> keys) {
    return real.load(keys);
  }

  @Override
  public CompletionStage<List<Long>> nextKeys(int count) {
    return real.nextKeys(count);
  }

  @Override
  public void whenParentsArrive(Runnable listener) {
    real.whenParentsArrive(listener);
  }

  @Override
  public byte[] mapping() {
    return real.mapping();
  }

  @Override
  public void close() {
    real.close();
  }
}
