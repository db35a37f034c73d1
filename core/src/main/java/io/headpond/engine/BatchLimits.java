package io.headpond.engine;

import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Environment;
import io.headpond.spi.Mutation;
import io.headpond.spi.TakeLimits;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/**
 * How many rows the next batch of a partition may have, while one of them is suspected of costing the connection or the time, or the database is slow. Ready
 * entries, deferred ones and staged writes are each seen by themselves. Used in steps only.
 *
 * <p><b>A bad row.</b> One lost connection may be a coincidence; the second in a row of as many rows begins a search, any other failure does at once. It halves what is suspected until a row that fails
 * alone is found, or until all that is suspected has gone through. Then batches double with each success, and the next failure begins the next search at once. So a bad row among {@code n} costs
 * about {@code 2 * log2(n)} batches, half of which fail. For a lost connection a row is only blamed if it was in the batch that failed before, too.
 *
 * <p><b>A slow database.</b> After a batch that it had not the time for, the next one has half of the rows. Batches double up to half of what was too much, and grow by a fourth from there on.
 *
 * <p>What nothing was heard of for a minute begins anew.
 */
final class BatchLimits {
  private static final Duration LAPSE = Duration.ofMinutes(1);

  private final Environment environment;
  private final int most;
  private final Search ready;
  private final Search deferred;
  private final Search staged;

  BatchLimits(Environment environment, int most) {
    this.environment = environment;
    this.most = most;
    this.ready = new Search();
    this.deferred = new Search();
    this.staged = new Search();
  }

  private final class Search {
    private int limit = most;

    /** How many of the oldest are known to have one among them that fails; 0 if none. */
    private int suspects;

    private boolean failedBefore;

    /** Of the last batch that failed, those that have not been answered to since. */
    private final Set<Key> failedLast = new HashSet<>();

    /** So many rows were too much for the time. */
    private int tooMany = Integer.MAX_VALUE;

    private long heardAtNanos;

    /** How many rows the next batch may have. */
    private int limit() {
      if (environment.nanos() - heardAtNanos > LAPSE.toNanos()) {
        found();
        limit = most;
      }
      return limit;
    }

    private boolean failed(Flight flight, ErrorClass errorClass) {
      int rows = flight.mutations().size();
      boolean lost = errorClass == ErrorClass.CONNECTION;
      boolean again = failedBefore || limit < most;
      boolean alone = rows == 1 && (!lost || failedLast.contains(flight.mutations().get(0).key()));
      heard();
      failedBefore = true;
      failedLast.clear();
      flight.mutations().forEach(mutation -> failedLast.add(mutation.key()));
      if (again || !lost) {
        suspects = rows;
        limit = Math.max(1, rows / 2);
      }
      if (errorClass == ErrorClass.TIMEOUT) {
        tooMany = rows;
      }
      return alone;
    }

    private void answered(Flight flight, boolean inTime) {
      int rows = flight.mutations().size();
      heard();
      failedBefore = false;
      if (!failedLast.isEmpty()) {
        flight.mutations().stream().map(Mutation::key).forEach(failedLast::remove);
      }
      suspects = Math.max(0, suspects - rows);
      if (inTime) {
        tooMany = rows < tooMany ? tooMany : Integer.MAX_VALUE;
        limit = suspects > 0 ? Math.max(1, suspects / 2) : more();
      } else if (rows == 1) {
        found();
      } else {
        tooMany = rows;
        limit = rows / 2;
      }
    }

    private int more() {
      boolean fast = limit <= tooMany / 4;
      return (int) Math.min(most, limit + (fast ? limit : (long) Math.max(1, limit / 4)));
    }

    private void heard() {
      heardAtNanos = environment.nanos();
    }

    private void found() {
      failedBefore = false;
      failedLast.clear();
      suspects = 0;
      tooMany = Integer.MAX_VALUE;
    }
  }

  /**
   * Of the next batch.
   *
   * @param max no more in any case
   */
  TakeLimits next(int max) {
    return new TakeLimits(
        Math.min(max, staged.limit()),
        Math.min(max, ready.limit()),
        Math.min(max, deferred.limit()));
  }

  /** Whether batches of ready entries are kept small: then the rest of what would have been one does not wait for company. */
  boolean searching() {
    return ready.failedBefore || ready.limit() < most;
  }

  /**
   * The lease went through, and the rows as a whole did not.
   *
   * @return whether it is the row: it was alone, and that is no coincidence
   */
  boolean failed(Flight flight, ErrorClass errorClass) {
    return of(flight).failed(flight, errorClass);
  }

  /**
   * The database answered to each row.
   *
   * @param inTime whether the time was enough for all of them
   */
  void answered(Flight flight, boolean inTime) {
    if (!flight.mutations().isEmpty()) {
      of(flight).answered(flight, inTime);
    }
  }

  /** The row that was alone is seen to. */
  void found(Flight flight) {
    of(flight).found();
  }

  private Search of(Flight flight) {
    return flight.staged() ? staged : flight.deferred() ? deferred : ready;
  }
}
