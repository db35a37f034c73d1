package io.headpond.testkit.simulation;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Mutation;
import io.headpond.testkit.FakeDatabase;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the database refuses now, and what it has refused. */
final class Refused {
  private record Write(Key key, long version) {
    static Write of(Mutation mutation) {
      return new Write(mutation.key(), mutation.version());
    }
  }

  private record Attempt(long batch, Write write) {}

  private final Set<Attempt> attempts = new HashSet<>();

  /** Keys whose rows are refused for a while. */
  private final Set<Key> forAWhile = new HashSet<>();

  /** Keys whose rows are locked for a while. */
  private final Set<Key> locked = new HashSet<>();

  private final Map<Write, Integer> told = new HashMap<>();

  /** Those that cost the connection with nobody else in their batch. */
  private final Set<Write> alone = new HashSet<>();

  private final Set<Write> stale = new HashSet<>();
  private final Map<Key, Integer> counted = new HashMap<>();
  private final Map<Key, Long> parked = new HashMap<>();
  private final Map<Key, Long> parkedEarlier = new HashMap<>();
  private final FakeDatabase database;
  private boolean constraints = true;

  Refused(FakeDatabase database) {
    this.database = database;
  }

  /** What a statement does not find, it neither refuses nor waits for. */
  private boolean idle(Mutation mutation) {
    return mutation instanceof Mutation.Remove && database.row(mutation.key()) == null;
  }

  @Nullable DatabaseError error(Mutation mutation) {
    if (idle(mutation)) {
      return null;
    }
    Row row = Values.row(mutation);
    if (Values.isBad(row) && constraints) {
      return new DatabaseError(ErrorClass.CONSTRAINT, "23514", "violates check constraint");
    }
    return forAWhile.contains(mutation.key())
        ? new DatabaseError(ErrorClass.FOREIGN_KEY, "23503", "violates foreign key constraint")
        : null;
  }

  @Nullable DatabaseError delay(Mutation mutation) {
    return locked.contains(mutation.key()) && !idle(mutation)
        ? new DatabaseError(ErrorClass.LOCKED, "55P03", "lock not available")
        : null;
  }

  @Nullable DatabaseError kills(Mutation mutation) {
    return Values.isKiller(Values.row(mutation)) && constraints
        ? DatabaseError.of(ErrorClass.CONNECTION, "the connection was lost over the batch")
        : null;
  }

  void refuseForAWhile(Key key) {
    forAWhile.add(key);
  }

  void lock(Key key) {
    locked.add(key);
  }

  void heal() {
    forAWhile.clear();
    locked.clear();
  }

  /** What was refused for good is taken from now on. */
  void dropConstraints() {
    constraints = false;
  }

  /** The database has said so to a process that lives. */
  void told(Batch batch, Applied applied, World world) {
    for (int i = 0; i < batch.mutations().size(); i++) {
      Write write = Write.of(batch.mutations().get(i));
      Applied.Outcome outcome = applied.outcomes().get(i);
      // A batch that is applied again, to learn what became of it, is one attempt.
      if (outcome instanceof Applied.Rejected && attempts.add(new Attempt(batch.id(), write))) {
        told.merge(write, 1, Integer::sum);
      } else if (outcome instanceof Applied.Stale) {
        stale.add(write);
        world.count(Coverage.State.STALE);
      }
    }
  }

  /** The database has said to a process that lives that it lost the connection over this batch alone. */
  void killed(Batch batch) {
    if (batch.mutations().size() == 1) {
      alone.add(Write.of(batch.mutations().get(0)));
    }
  }

  boolean ever(Mutation mutation) {
    return told.containsKey(Write.of(mutation)) || alone.contains(Write.of(mutation));
  }

  boolean stale(Mutation mutation) {
    return stale.contains(Write.of(mutation));
  }

  /** How often one and the same write was refused, at most. */
  Map<Key, Integer> most() {
    Map<Key, Integer> most = new HashMap<>();
    told.forEach((write, count) -> most.merge(write.key, count, Math::max));
    return most;
  }

  void parked(Mutation mutation) {
    parked.merge(mutation.key(), mutation.version(), Math::max);
  }

  /** A refusal was counted, durably. */
  void counted(Key key, int attempts) {
    counted.put(key, attempts);
  }

  /** Nothing is held against the entry any more. */
  void forgiven(Key key) {
    counted.remove(key);
  }

  /** How many refusals of the entry have been counted. */
  int counted(Key key) {
    return counted.getOrDefault(key, 0);
  }

  /** A process has ended. */
  void restarted() {
    parkedEarlier.putAll(parked);
  }

  /** The highest version of a key that an earlier process has parked; 0 if none has. What took its place does not remember it over a restart. */
  long parkedEarlier(Key key) {
    return parkedEarlier.getOrDefault(key, 0L);
  }

  /** The highest version of a key that was ever parked; 0 if none was. */
  long everParked(Key key) {
    return parked.getOrDefault(key, 0L);
  }
}
