package io.headpond.testkit.simulation;

import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The connections of one process to the database. Requests and replies get lost, take their time, and are carried out twice; what a process has sent
 * is carried out also if it dies meanwhile, and what it never sent is not.
 *
 * <p>What a connection does not do, since TCP and a transaction do not: carry out a request again after it was answered and another one was sent. Only where
 * the caller does not know the outcome can a transaction of its come late; that is what leases are acquired anew for.
 */
final class Wire implements SystemOfRecordFactory {
  private static final int LONGEST_MILLIS = 3_000;

  private final World world;
  private final ProcessEnvironment process;
  private final Refused refused;
  private final Set<Integer> acquired = new HashSet<>();

  Wire(World world, ProcessEnvironment process, Refused refused) {
    this.world = world;
    this.process = process;
    this.refused = refused;
  }

  @Override
  public SystemOfRecord connect(String dataset, RowType declared) {
    if (process.dead()) {
      throw new ProcessDied();
    }
    acquired.clear();
    return world.plant.systemOfRecord(new Link(world.database.connect(dataset, declared)));
  }

  @Override
  public SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
    world.count(Coverage.State.STARTED_WITHOUT_THE_DATABASE);
    acquired.clear();
    return world.plant.systemOfRecord(new Link(world.database.resume(dataset, declared, mapping)));
  }

  /** Whether the process has had the leases of all partitions. */
  boolean ownsAll() {
    return acquired.size() == world.scenario.partitions;
  }

  private final class Link implements SystemOfRecord {
    private final SystemOfRecord real;

    private Link(SystemOfRecord real) {
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
      return send("bind", "", unlessDead(() -> real.bind(store, partitions, adopt)), false);
    }

    @Override
    public CompletionStage<Lease> acquire(StoreId store, int partition) {
      return send("acquire", partition, unlessDead(() -> real.acquire(store, partition)), false)
          .whenComplete(
              (lease, failure) -> {
                if (failure == null) {
                  acquired.add(partition);
                }
              });
    }

    @Override
    public CompletionStage<Void> release(Lease lease) {
      return send("release", lease, unlessDead(() -> real.release(lease)), false);
    }

    @Override
    public CompletionStage<Applied> apply(Batch batch, Lease lease) {
      if (batch.mutations().isEmpty()) {
        return send("renew", batch, () -> real.apply(batch, lease), true);
      }
      world.log("apply", batch, lease);
      return send("apply", batch, () -> real.apply(batch, lease), true)
          .whenComplete(
              (applied, failure) -> {
                if (applied != null) {
                  refused.told(batch, applied, world);
                } else if (failure instanceof BatchFailedException) {
                  refused.killed(batch);
                }
              });
    }

    @Override
    public CompletionStage<List<Loaded>> load(List<Key> keys) {
      return read("load", () -> real.load(keys));
    }

    @Override
    public CompletionStage<List<Long>> nextKeys(int count) {
      return read("keys", () -> real.nextKeys(count));
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

  /** These are short, and a connection that is lost takes them with it; or they would fence who comes next. */
  private <T> Supplier<CompletionStage<T>> unlessDead(Supplier<CompletionStage<T>> request) {
    return () -> process.dead() ? new CompletableFuture<>() : request.get();
  }

  private <T> CompletionStage<T> read(String what, Supplier<CompletionStage<T>> request) {
    CompletableFuture<T> reply = new CompletableFuture<>();
    if (!process.dead()) {
      if (strikes(Fault.LOST_REQUEST)) {
        later(() -> answer(reply, what, lost()));
      } else {
        carry(() -> request.get().whenComplete((value, e) -> late(reply, what, value, e)));
      }
    }
    return reply;
  }

  private <T> void late(
      CompletableFuture<T> reply, String what, @Nullable T value, @Nullable Throwable failure) {
    if (strikes(Fault.SLOW_LOADS)) {
      later(() -> answer(reply, what, value, failure));
    } else {
      answer(reply, what, value, failure);
    }
  }

  /**
   * Sends what changes something.
   *
   * @param transaction whether it does nothing if it comes too late
   */
  private <T> CompletionStage<T> send(
      String what, Object name, Supplier<CompletionStage<T>> call, boolean transaction) {
    CompletableFuture<T> reply = new CompletableFuture<>();
    if (process.dead()) {
      return reply;
    }
    Supplier<CompletionStage<T>> request =
        () ->
            call.get()
                .whenComplete(
                    (value, e) -> world.log("database: did", what, name, e == null ? value : e));
    if (strikes(Fault.LOST_REQUEST)) {
      later(() -> answer(reply, what, lost()));
    } else if (strikes(Fault.LOST_REPLY)) {
      carry(() -> request.get().whenComplete((value, e) -> answer(reply, what, unknown())));
    } else if (transaction && strikes(Fault.DEADLOCK)) {
      later(() -> answer(reply, what, new UnavailableException("deadlock detected")));
    } else if (transaction && strikes(Fault.LOST_COMMIT)) {
      later(() -> answer(reply, what, unknown()));
    } else if (transaction && strikes(Fault.LATE)) {
      later(() -> answer(reply, what, unknown()));
      later(() -> request.get().exceptionally(failure -> null));
    } else if (transaction && strikes(Fault.TWICE)) {
      carry(
          () ->
              request
                  .get()
                  .whenComplete(
                      (value, e) ->
                          request.get().whenComplete((v, f) -> answer(reply, what, value, e))));
    } else if (transaction && strikes(Fault.TWICE_AND_LATE)) {
      carry(() -> request.get().whenComplete((value, e) -> answer(reply, what, unknown())));
      later(() -> request.get().exceptionally(failure -> null));
    } else {
      carry(() -> request.get().whenComplete((value, e) -> answer(reply, what, value, e)));
    }
    return reply;
  }

  private boolean strikes(Fault fault) {
    if (!world.strikes(fault)) {
      return false;
    }
    world.count(fault);
    return true;
  }

  private static UnavailableException lost() {
    return new UnavailableException("the request was lost");
  }

  private static OutcomeUnknownException unknown() {
    return new OutcomeUnknownException("the reply was lost");
  }

  private void carry(Runnable request) {
    if (strikes(Fault.SLOW)) {
      later(request);
    } else {
      world.time.execute(request);
    }
  }

  private void later(Runnable what) {
    world.time.schedule(Duration.ofMillis(world.random.nextInt(LONGEST_MILLIS)), what);
  }

  private <T> void answer(CompletableFuture<T> reply, String what, Throwable failure) {
    answer(reply, what, null, failure);
  }

  private <T> void answer(
      CompletableFuture<T> reply, String what, @Nullable T value, @Nullable Throwable failure) {
    Runnable task =
        () -> {
          world.log("database answers to", what, failure == null ? value : failure);
          if (failure == null) {
            reply.complete(value);
          } else {
            reply.completeExceptionally(
                failure instanceof CompletionException && failure.getCause() != null
                    ? failure.getCause()
                    : failure);
          }
        };
    if (strikes(Fault.SLOW)) {
      process.schedule(Duration.ofMillis(world.random.nextInt(LONGEST_MILLIS)), task);
    } else {
      process.execute(task);
    }
  }
}
