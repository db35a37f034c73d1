package io.headpond.server.lab;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Applied.Rejected;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A system of record that fails as the lab is switched. Rows that are hit are left out of the batch that the database gets, and refused.
 *
 * <p>Which rows are hit is a hash of the batch's id and the row's write id, and is kept until the partition's next batch: a batch whose reply was lost is
 * applied again under the same id, and then the same rows must be said to be refused, whatever the lab has been switched to meanwhile. The others may be
 * committed already.
 */
final class FailingRecord implements SystemOfRecord {
  private final SystemOfRecord real;
  private final Lab lab;

  /** Those of the last batch, by partition. */
  private final Map<Integer, Hits> last = new ConcurrentHashMap<>();

  /**
   * Which rows of a batch are hit.
   *
   * @param batch its id
   * @param rows their places in it
   */
  private record Hits(long batch, BitSet rows) {}

  FailingRecord(SystemOfRecord real, Lab lab) {
    this.real = real;
    this.lab = lab;
  }

  static UnavailableException outage() {
    return new UnavailableException(
        "simulated outage: the lab lets every request to the database fail; `headpond lab --off` ends it");
  }

  private <T> CompletionStage<T> unlessOut(Supplier<CompletionStage<T>> request) {
    return lab.settings().outage() ? CompletableFuture.failedFuture(outage()) : request.get();
  }

  @Override
  public CompletionStage<Applied> apply(Batch batch, Lease lease) {
    if (lab.settings().outage()) {
      return CompletableFuture.failedFuture(outage());
    }
    BitSet hit = hits(batch, lease.partition());
    if (hit.isEmpty()) {
      return real.apply(batch, lease);
    }
    List<Mutation> others = new ArrayList<>();
    for (int i = 0; i < batch.mutations().size(); i++) {
      if (!hit.get(i)) {
        others.add(batch.mutations().get(i));
      }
    }
    // Not all of the batch gets there, so the frontier stays where it is: it never moves back.
    return real.apply(new Batch(batch.id(), others, 0), lease)
        .thenApply(applied -> merged(applied, hit, batch.mutations().size()));
  }

  private BitSet hits(Batch batch, int partition) {
    return last.compute(
            partition,
            (p, before) ->
                before != null && before.batch == batch.id()
                    ? before
                    : new Hits(batch.id(), draw(batch, lab.settings())))
        .rows;
  }

  private static BitSet draw(Batch batch, LabSettings settings) {
    BitSet rows = new BitSet();
    for (int i = 0; settings.simulateFailures() && i < batch.mutations().size(); i++) {
      rows.set(i, draw(batch.id(), batch.mutations().get(i).writeId()) < settings.failureRate());
    }
    return rows;
  }

  /** A number from 0 to below 1, by the finalizer of MurmurHash3. */
  private static double draw(long batch, long writeId) {
    long hash = batch + writeId * 0x9E3779B97F4A7C15L;
    hash = (hash ^ hash >>> 33) * 0xff51afd7ed558ccdL;
    hash = (hash ^ hash >>> 33) * 0xc4ceb9fe1a85ec53L;
    hash ^= hash >>> 33;
    return (hash >>> 11) * 0x1.0p-53;
  }

  private static Applied merged(Applied applied, BitSet hit, int size) {
    List<Outcome> outcomes = new ArrayList<>(size);
    int next = 0;
    for (int i = 0; i < size; i++) {
      outcomes.add(hit.get(i) ? refused() : applied.outcomes().get(next++));
    }
    return new Applied(outcomes, applied.statements());
  }

  private static Rejected refused() {
    return new Rejected(
        DatabaseError.of(ErrorClass.SIMULATED, "simulated failure, made up by the lab"));
  }

  @Override
  public CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt) {
    return unlessOut(() -> real.bind(store, partitions, adopt));
  }

  @Override
  public CompletionStage<Lease> acquire(StoreId store, int partition) {
    return unlessOut(() -> real.acquire(store, partition));
  }

  @Override
  public CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
    return unlessOut(() -> real.crew(store, join));
  }

  @Override
  public CompletionStage<Void> leave(StoreId store) {
    return unlessOut(() -> real.leave(store));
  }

  @Override
  public CompletionStage<Void> release(Lease lease) {
    return unlessOut(() -> real.release(lease));
  }

  @Override
  public CompletionStage<List<Loaded>> load(List<Key> keys) {
    return unlessOut(() -> real.load(keys));
  }

  @Override
  public CompletionStage<List<Long>> nextKeys(int count) {
    return unlessOut(() -> real.nextKeys(count));
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
