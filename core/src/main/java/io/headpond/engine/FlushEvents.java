package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Counts the batches of a partition and tells the listeners of them. Thread-safe. */
final class FlushEvents {
  private final Core core;
  private final Flusher flusher;
  private final int partition;

  FlushEvents(Core core, Flusher flusher, int partition) {
    this.core = core;
    this.flusher = flusher;
    this.partition = partition;
  }

  /**
   * The database's answer to a batch is settled.
   *
   * @param done what it has, or had in a newer version of ours
   */
  void answered(Flight flight, Outcomes outcomes, List<Mutation> done, int statements) {
    int leftOut = outcomes.leftOut().size();
    int all = flight.mutations().size();
    if (all == 0) {
      return;
    }
    Statistics statistics = core.statistics();
    statistics.applied.add(outcomes.done().size());
    statistics.stale.add(outcomes.stale().size());
    statistics.flushRate.add(done.size());
    if (leftOut < all) {
      statistics.batches.increment();
      tell(flight, done, outcomes.stale().size(), statements, null);
    } else {
      failed(
          flight,
          statements,
          leftOut + " of " + all + " entries were refused: " + outcomes.words());
    }
  }

  /** A batch was not applied, or nobody knows. */
  void failed(@Nullable Flight flight, int statements, String why) {
    core.statistics().failedBatches.increment();
    tell(flight, List.of(), 0, statements, why);
  }

  private void tell(
      @Nullable Flight flight,
      List<Mutation> done,
      int stale,
      int statements,
      @Nullable String failure) {
    if (!core.listeners().any()) {
      return;
    }
    List<CacheListener.Version> entries =
        done.stream()
            .map(mutation -> new CacheListener.Version(mutation.key(), mutation.version()))
            .toList();
    long nanos = flight == null ? 0 : core.environment().nanos() - flight.beganNanos();
    long lag = flight == null ? flusher.ageNanos() : flight.lagNanos();
    CacheListener.Flush event =
        new CacheListener.Flush(
            partition,
            entries,
            stale,
            statements,
            Duration.ofNanos(nanos),
            Duration.ofNanos(lag),
            failure);
    core.listeners().tell(listener -> listener.flushed(event));
  }
}
