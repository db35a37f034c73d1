package io.headpond.engine;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Done;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Applied.Rejected;
import io.headpond.spi.Applied.Retry;
import io.headpond.spi.Applied.Skipped;
import io.headpond.spi.Applied.Stale;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the database said to a batch, sorted: what is committed, and what it left out. Immutable but for its collections.
 *
 * @param done which the database has
 * @param overtaken where a newer version stands, and which
 * @param rejected which it refuses, with its own words
 * @param retried which it did not take through no fault of their own, with its own words
 * @param skipped which it did not look at
 * @param doubtful those of the three of which an earlier try may have been committed all the same
 */
record Outcomes(
    List<Mutation> done,
    Map<Mutation, Long> overtaken,
    Map<Mutation, DatabaseError> rejected,
    Map<Mutation, DatabaseError> retried,
    Map<Mutation, DatabaseError> skipped,
    Set<Mutation> doubtful) {
  static Outcomes of(List<Mutation> mutations, Applied applied) {
    if (applied.outcomes().size() != mutations.size()) {
      throw new IllegalStateException("a batch did not return an outcome for each mutation");
    }
    Outcomes outcomes = empty(mutations.size());
    for (int i = 0; i < mutations.size(); i++) {
      Mutation mutation = mutations.get(i);
      Outcome outcome = applied.outcomes().get(i);
      if (outcome instanceof Done) {
        outcomes.done.add(mutation);
      } else if (outcome instanceof Stale newer) {
        outcomes.overtaken.put(mutation, newer.version());
      } else if (outcome instanceof Rejected why) {
        outcomes.rejected.put(mutation, why.error());
      } else if (outcome instanceof Retry why) {
        outcomes.retried.put(mutation, why.error());
      } else if (outcome instanceof Skipped why) {
        outcomes.skipped.put(mutation, why.because());
      }
    }
    return outcomes;
  }

  /** Nothing of a batch went through, and it is no row's fault that is known. */
  static Outcomes none(List<Mutation> mutations, DatabaseError error) {
    Outcomes outcomes = empty(0);
    mutations.forEach(mutation -> outcomes.retried.put(mutation, error));
    return outcomes;
  }

  /** Nothing of a batch went through, and it is its rows' fault. */
  static Outcomes refused(List<Mutation> mutations, DatabaseError error) {
    Outcomes outcomes = empty(0);
    mutations.forEach(mutation -> outcomes.rejected.put(mutation, error));
    return outcomes;
  }

  /**
   * The same, but of what was left out that is done or stale which the rows show to be there.
   *
   * @param rows as the database has them now
   * @param committed whether it is known that the batch was committed: only then a row that is not there says that a removal was
   */
  Outcomes with(Map<Key, Loaded> rows, boolean committed) {
    Outcomes outcomes =
        new Outcomes(
            new ArrayList<>(done),
            new LinkedHashMap<>(overtaken),
            new LinkedHashMap<>(rejected),
            new LinkedHashMap<>(retried),
            new LinkedHashMap<>(skipped),
            new HashSet<>(doubtful));
    for (Mutation mutation : leftOut()) {
      Loaded row = rows.get(mutation.key());
      boolean newer = row != null && row.version() > mutation.version();
      if (row == null || !(newer || there(mutation, row, committed))) {
        if (row != null && row.row() == null && mutation instanceof Mutation.Remove) {
          outcomes.doubtful.add(mutation);
        }
        continue;
      }
      outcomes.rejected.remove(mutation);
      outcomes.retried.remove(mutation);
      outcomes.skipped.remove(mutation);
      if (newer) {
        outcomes.overtaken.put(mutation, row.version());
      } else {
        outcomes.done.add(mutation);
      }
    }
    return outcomes;
  }

  private static boolean there(Mutation mutation, Loaded row, boolean committed) {
    if (mutation instanceof Mutation.Put put) {
      return row.row() != null
          && (row.version() == 0
              ? row.row().equals(put.row())
              : row.version() == mutation.version());
    }
    return committed && row.row() == null;
  }

  private static Outcomes empty(int size) {
    return new Outcomes(
        new ArrayList<>(size),
        new LinkedHashMap<>(0),
        new LinkedHashMap<>(0),
        new LinkedHashMap<>(0),
        new LinkedHashMap<>(0),
        new HashSet<>(0));
  }

  /** Those where a newer version stands. */
  List<Mutation> stale() {
    return List.copyOf(overtaken.keySet());
  }

  /** The highest of the newer versions that leaves room for a higher one; 0 if there is none. Where no version is higher no clock can be raised to it: such a row is a conflict of its own, for good. */
  long newest() {
    return overtaken.values().stream()
        .mapToLong(Long::longValue)
        .filter(version -> version < Mutation.MAX_VERSION)
        .max()
        .orElse(0);
  }

  /** Whether all of the batch is in the database, so that its frontier moved. */
  boolean whole() {
    return rejected.isEmpty() && retried.isEmpty() && skipped.isEmpty();
  }

  /** Whether any of it is there: then the database has committed the batch, without the others. */
  boolean anything() {
    return !done.isEmpty() || !overtaken.isEmpty();
  }

  /** Whether the database did nothing, not even say which row is at fault. */
  boolean idle() {
    return !anything() && rejected.isEmpty() && retried.isEmpty() && !skipped.isEmpty();
  }

  /** Whether the database had the time for each row. */
  boolean inTime() {
    return skipped.isEmpty()
        && retried.values().stream().noneMatch(e -> e.errorClass() == ErrorClass.TIMEOUT);
  }

  /** What the batch was committed without. */
  List<Mutation> leftOut() {
    List<Mutation> all = new ArrayList<>(rejected.keySet());
    all.addAll(retried.keySet());
    all.addAll(skipped.keySet());
    return all;
  }

  /** The first of what the database said against a row of a batch that is not whole. */
  String words() {
    Map<Mutation, DatabaseError> first =
        !rejected.isEmpty() ? rejected : !retried.isEmpty() ? retried : skipped;
    return first.values().iterator().next().toString();
  }
}
