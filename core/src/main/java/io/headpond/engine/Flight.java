package io.headpond.engine;

import io.headpond.Key;
import io.headpond.spi.Batch;
import io.headpond.spi.Mutation;
import io.headpond.spi.Taken;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * A batch on its way to the database. Immutable.
 *
 * @param batch ordered by key
 * @param tried what the database has had against those that were deferred before
 * @param staged whether it is staged writes, each of whose callers waits for an answer of its own
 * @param beganNanos when it was about to be applied for the first time
 * @param lagNanos how old the oldest pending entry was then
 */
record Flight(
    Batch batch, Map<Key, Taken.Tried> tried, boolean staged, long beganNanos, long lagNanos) {
  static Flight of(Taken taken, long batchId, long nowNanos, long lagNanos) {
    List<Mutation> sorted = new ArrayList<>(taken.mutations());
    sorted.sort(Comparator.comparing(Mutation::key));
    return new Flight(
        new Batch(batchId, sorted, taken.frontier()),
        taken.tried(),
        taken.staged(),
        nowNanos,
        lagNanos);
  }

  /** A batch without rows: it renews the lease, moves the frontier, and shows whether the database answers. */
  static Flight empty(long frontier, long batchId, long nowNanos) {
    return new Flight(new Batch(batchId, List.of(), frontier), Map.of(), false, nowNanos, 0);
  }

  List<Mutation> mutations() {
    return batch.mutations();
  }

  /** Whether it is entries that the database has refused before. */
  boolean deferred() {
    return !tried.isEmpty();
  }

  /** How often the database has refused the entry before this flight. */
  int attempts(Key key) {
    Taken.Tried before = tried.get(key);
    return before == null ? 0 : before.attempts();
  }

  /** Whether this staged write is on its way with it. */
  boolean carries(Mutation mutation) {
    return staged && batch.mutations().stream().anyMatch(mutation::same);
  }
}
