package io.headpond.engine;

import io.headpond.DatabaseError;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Done;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Applied.Rejected;
import io.headpond.spi.Applied.Retry;
import io.headpond.spi.Applied.Stale;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the database said to a batch, sorted. Immutable but for its lists. If anything was refused or is to be retried, nothing was applied.
 *
 * @param done which the database has
 * @param stale where a newer version stands
 * @param newest the highest of those versions that leaves room for a higher one; 0 if there is none
 * @param refused with the database's own words
 * @param retried how many were not applied through no fault of their own
 * @param retry why; null if there is none
 */
record Outcomes(
    List<Mutation> done,
    List<Mutation> stale,
    long newest,
    Map<Mutation, DatabaseError> refused,
    int retried,
    @Nullable String retry) {
  static Outcomes of(List<Mutation> mutations, Applied applied) {
    List<Mutation> done = new ArrayList<>(mutations.size());
    List<Mutation> stale = new ArrayList<>(0);
    Map<Mutation, DatabaseError> refused = new LinkedHashMap<>(0);
    long newest = 0;
    int retried = 0;
    String retry = null;
    for (int i = 0; i < mutations.size(); i++) {
      Mutation mutation = mutations.get(i);
      Outcome outcome = applied.outcomes().get(i);
      if (outcome instanceof Done) {
        done.add(mutation);
      } else if (outcome instanceof Stale newer) {
        stale.add(mutation);
        newest = newest(newest, newer.version());
      } else if (outcome instanceof Rejected why) {
        refused.put(mutation, why.error());
      } else if (outcome instanceof Retry why) {
        retried++;
        retry = why.error().toString();
      }
    }
    return new Outcomes(done, stale, newest, refused, retried, retry);
  }

  /**
   * What became of a batch of which it is known that it was committed.
   *
   * @param rows as the database has them now, in the order of the mutations
   */
  static Outcomes ofCommitted(List<Mutation> mutations, List<Loaded> rows) {
    List<Mutation> done = new ArrayList<>(mutations.size());
    List<Mutation> stale = new ArrayList<>(0);
    long newest = 0;
    for (int i = 0; i < mutations.size(); i++) {
      Mutation mutation = mutations.get(i);
      long version = rows.get(i).version();
      if (version > mutation.version()) {
        stale.add(mutation);
        newest = newest(newest, version);
      } else {
        done.add(mutation);
      }
    }
    return new Outcomes(done, stale, newest, Map.of(), 0, null);
  }

  /** Without a version that is higher, no clock can be raised to it: such a row is a conflict of its own, for good. */
  private static long newest(long before, long version) {
    return version >= Mutation.MAX_VERSION ? before : Math.max(before, version);
  }

  /** Whether the database has committed the batch. */
  boolean applied() {
    return refused.isEmpty() && retry == null;
  }

  String firstRefusal() {
    return refused.values().iterator().next().toString();
  }
}
