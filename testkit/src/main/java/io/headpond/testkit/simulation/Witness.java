package io.headpond.testkit.simulation;

import io.headpond.CacheSettings;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.Expected;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Written;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.ForwardingStore;
import io.headpond.testkit.simulation.Coverage.State;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Stands between engine and store and sees that no limit is passed, and that nothing is parked that the database has not refused. */
final class Witness extends ForwardingStore {
  private final World world;
  private final Refused refused;
  private final CacheSettings settings;
  private final BooleanSupplier alive;

  Witness(
      HotStore real, World world, Refused refused, CacheSettings settings, BooleanSupplier alive) {
    super(real);
    this.world = world;
    this.refused = refused;
    this.settings = settings;
    this.alive = alive;
  }

  @Override
  public CompletionStage<WriteOutcome> put(Write write) {
    int before = real().pendingEntries();
    CompletionStage<WriteOutcome> stage = real().put(write);
    int after = real().pendingEntries();
    return stage.whenComplete(
        (outcome, failure) -> {
          if (outcome instanceof Written written) {
            if (written.coalesced()) {
              world.count(State.COALESCED);
            }
            if (after > before && after > settings.maxPendingEntries() && !retries(write)) {
              world.violation(
                  "a write of "
                      + Values.text(write.key())
                      + " made "
                      + after
                      + " entries pending of at most "
                      + settings.maxPendingEntries());
            }
          } else if (outcome instanceof WriteOutcome.Full) {
            world.count(State.AT_THE_LIMIT);
          }
        });
  }

  /** For what a person tries again there is always room. */
  private static boolean retries(Write write) {
    Expected expected = write.expected();
    return expected != null && expected.retried();
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    return real()
        .fill(key, row, version, fillToken)
        .whenComplete(
            (lookup, failure) -> {
              if (lookup == null && failure == null) {
                world.count(State.FILL_REFUSED);
              }
            });
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    world.log("settle", partition, mutations, "frontier", frontier);
    mutations.forEach(mutation -> refused.forgiven(mutation.key()));
    return real().settle(partition, epoch, mutations, frontier);
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits most) {
    return real()
        .take(partition, epoch, most)
        .whenComplete(
            (taken, failure) -> {
              if (failure == null && !taken.staged() && alive.getAsBoolean()) {
                taken.mutations().forEach(mutation -> checkAttempts(mutation, taken));
              }
            });
  }

  private void checkAttempts(Mutation mutation, Taken taken) {
    Taken.Tried tried = taken.tried().get(mutation.key());
    int counted = refused.counted(mutation.key());
    if (counted > (tried == null ? 0 : tried.attempts())) {
      world.violation(
          counted + " refusals were counted, and are forgotten: " + tried + " of " + mutation);
    }
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    world.log("defer", mutation, "attempt", attempts, failure);
    return real()
        .defer(partition, epoch, mutation, dueMicros, attempts, failure)
        .whenComplete(
            (deferred, e) -> {
              if (e == null && deferred && alive.getAsBoolean()) {
                world.count(State.DEFERRED);
                refused.counted(mutation.key(), attempts);
              }
            });
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    world.log("park", mutation, "attempt", attempts, failure);
    boolean conflict = failure.error().errorClass() == ErrorClass.CONFLICT;
    if (conflict ? !foreign(mutation) : !refused.ever(mutation)) {
      world.violation("parked though the database has not refused it: " + mutation);
    }
    if (!conflict && attempts <= settings.maxRetries() && !deferredFull(partition)) {
      world.violation("parked after " + attempts + " attempts: " + mutation);
    }
    // Now, since the process may be dead before it learns that it has succeeded.
    refused.parked(mutation);
    refused.forgiven(mutation.key());
    return real()
        .park(partition, epoch, mutation, attempts, failure)
        .whenComplete(
            (parked, e) -> {
              if (e == null && parked) {
                world.count(conflict ? State.CONFLICT : State.PARKED);
              }
            });
  }

  private boolean foreign(Mutation mutation) {
    FakeDatabase.Stored row = world.database.row(mutation.key());
    return refused.stale(mutation) || (row != null && row.version() > mutation.version());
  }

  @Override
  public CompletionStage<Letter.Fate> retry(Key key, long version) {
    world.log("retry", key, version);
    refused.forgiven(key);
    return real().retry(key, version);
  }

  @Override
  public CompletionStage<Letter.Fate> discard(Key key, long version) {
    world.log("discard", key, version);
    refused.forgiven(key);
    return real().discard(key, version);
  }
}
