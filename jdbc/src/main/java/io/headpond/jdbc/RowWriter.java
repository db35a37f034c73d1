package io.headpond.jdbc;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Writes mutations of a batch in one transaction, and proves what became of each: the puts in one statement, the removes in another, and where those changed
 * fewer rows than they were given a read that tells why. Not thread-safe.
 */
final class RowWriter {
  private static final Outcome NOT_WRITTEN =
      new Applied.Rejected(
          DatabaseError.of(ErrorClass.SWALLOWED, "the statement wrote nothing (trigger or rule?)"));

  private final Connection connection;
  private final MappedTable table;
  private final TableStatements statements;
  private final Removals removals;
  private final List<Mutation> mutations;
  private final @Nullable Outcome[] outcomes;
  private int sent;

  RowWriter(
      Connection connection,
      MappedTable table,
      TableStatements statements,
      Removals removals,
      List<Mutation> mutations) {
    this.connection = connection;
    this.table = table;
    this.statements = statements;
    this.removals = removals;
    this.mutations = mutations;
    this.outcomes = new Outcome[mutations.size()];
  }

  /** Writes the mutations at these places of the batch. If it fails, their outcomes are as before. */
  void write(List<Integer> places) throws SQLException {
    List<Integer> putsAt = new ArrayList<>();
    List<Mutation.Put> puts = new ArrayList<>();
    List<Integer> removesAt = new ArrayList<>();
    List<Mutation.Remove> removes = new ArrayList<>();
    for (int at : places) {
      if (mutations.get(at) instanceof Mutation.Put put) {
        putsAt.add(at);
        puts.add(put);
      } else if (mutations.get(at) instanceof Mutation.Remove remove) {
        removesAt.add(at);
        removes.add(remove);
      }
    }
    List<Outcome> ofPuts = List.of();
    List<Outcome> ofRemoves = List.of();
    if (!puts.isEmpty()) {
      sent++;
      if (statements.put(connection, puts, removals) != puts.size()) {
        ofPuts = keptOut(puts, prove(puts, this::ofPut));
      }
    }
    if (!removes.isEmpty()) {
      sent++;
      if (statements.remove(connection, removes, removals) != removes.size()) {
        ofRemoves = prove(removes, RowWriter::ofRemove);
      }
    }
    note(putsAt, ofPuts);
    note(removesAt, ofRemoves);
  }

  private void note(List<Integer> places, List<Outcome> proven) {
    for (int i = 0; i < places.size(); i++) {
      outcomes[places.get(i)] = proven.isEmpty() ? Applied.Done.INSTANCE : proven.get(i);
    }
  }

  private <M extends Mutation> List<Outcome> prove(
      List<M> written, BiFunction<M, Loaded, Outcome> outcome) throws SQLException {
    List<Key> keys = written.stream().map(Mutation::key).toList();
    sent++;
    List<Loaded> rows = statements.load(connection, keys);
    List<Outcome> proven = new ArrayList<>(rows.size());
    for (int i = 0; i < rows.size(); i++) {
      proven.add(outcome.apply(written.get(i), rows.get(i)));
    }
    return proven;
  }

  /** With what was not written since the key was removed at that version or a newer one. */
  private List<Outcome> keptOut(List<Mutation.Put> puts, List<Outcome> proven) throws SQLException {
    if (!removals.kept() || !proven.contains(NOT_WRITTEN)) {
      return proven;
    }
    sent++;
    long[] removed = statements.tombstones().versions(connection, puts);
    List<Outcome> all = new ArrayList<>(proven);
    for (int i = 0; i < removed.length; i++) {
      if (proven.get(i).equals(NOT_WRITTEN) && removed[i] >= puts.get(i).version()) {
        all.set(i, new Applied.Stale(removed[i]));
      }
    }
    return all;
  }

  private Outcome ofPut(Mutation.Put put, Loaded found) {
    if (table.versionColumn() == null) {
      return put.row().equals(found.row()) ? Applied.Done.INSTANCE : NOT_WRITTEN;
    }
    if (found.row() == null || found.version() < put.version()) {
      return NOT_WRITTEN;
    }
    return found.version() == put.version()
        ? Applied.Done.INSTANCE
        : new Applied.Stale(found.version());
  }

  private static Outcome ofRemove(Mutation remove, Loaded found) {
    if (found.row() == null) {
      return Applied.Done.INSTANCE;
    }
    return found.version() > remove.version() ? new Applied.Stale(found.version()) : NOT_WRITTEN;
  }

  List<Mutation> mutations() {
    return mutations;
  }

  /** What became of the mutation at a place; null if it was not written. */
  @Nullable Outcome outcome(int at) {
    return outcomes[at];
  }

  void setOutcome(int at, Outcome outcome) {
    outcomes[at] = outcome;
  }

  /** For each mutation; all have been set. */
  List<Outcome> outcomes() {
    List<Outcome> all = new ArrayList<>(outcomes.length);
    for (Outcome outcome : outcomes) {
      all.add(Objects.requireNonNull(outcome));
    }
    return all;
  }

  /** How many statements were sent. */
  int sent() {
    return sent;
  }

  /** Counts statements that were sent beside its own. */
  void count(int statements) {
    sent += statements;
  }
}
