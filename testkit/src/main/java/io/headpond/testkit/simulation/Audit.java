package io.headpond.testkit.simulation;

import io.headpond.CacheStatus;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.Row;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.HistoryChecker.Held;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Compares what a cache says of itself with what there is, during a run and at its end. */
final class Audit {
  private static final int ALL = 10_000;

  private final World world;
  private final Refused refused;

  Audit(World world, Refused refused) {
    this.world = world;
    this.refused = refused;
  }

  /** Asks what is pending; what is missing in the answer, or in the numbers of that moment, is a violation. */
  void pending(Instance instance) {
    instance
        .cache()
        .pendingAsync("", null, ALL)
        .whenComplete(
            (page, failure) -> {
              if (instance.alive() && failure == null) {
                compare(instance, page);
              }
            });
  }

  private void compare(Instance instance, PendingPage page) {
    CacheStatus status = instance.cache().status();
    Map<Key, PendingEntry> listed = new HashMap<>();
    int parked = 0;
    int deferred = 0;
    for (PendingEntry entry : page.entries()) {
      listed.put(Values.key(Long.parseLong(entry.key())), entry);
      parked += entry.state() == EntryState.PARKED ? 1 : 0;
      deferred += entry.state() == EntryState.PENDING && entry.error() != null ? 1 : 0;
    }
    int pending = page.entries().size() - parked;
    if (status.pendingEntries() != pending || status.parked() != parked) {
      world.violation(
          "listed are " + pending + " pending and " + parked + " parked, status says " + status);
    }
    if (status.deferred() < deferred - status.inFlight()
        || status.deferred() > deferred + status.inFlight()) {
      world.violation("listed are " + deferred + " deferred, status says " + status);
    }
    for (int i = 0; i < world.scenario.keys; i++) {
      Key key = Values.key(i);
      long kept = world.checker.kept(key);
      PendingEntry entry = listed.get(key);
      long owed = entry == null ? 0 : entry.version();
      if (kept > world.checker.applied(key) && owed < kept) {
        world.violation(
            "version "
                + kept
                + " of "
                + Values.text(key)
                + " was acknowledged and is neither in the"
                + " database nor pending");
      }
    }
  }

  /** All that was acknowledged before a partition's frontier is in the database, except what was parked. */
  void frontiers() {
    for (int i = 0; i < world.scenario.keys; i++) {
      Key key = Values.key(i);
      long frontier = world.database.frontier(key.partition(world.scenario.partitions));
      long kept = world.checker.keptBelow(key, frontier);
      FakeDatabase.Stored row = world.database.row(key);
      boolean foreign = row != null && row.version() > kept;
      if (kept > world.checker.applied(key) && kept > refused.everParked(key) && !foreign) {
        world.violation(
            "the frontier is "
                + frontier
                + ", and version "
                + kept
                + " of "
                + Values.text(key)
                + " is not in the database");
      }
    }
  }

  /** What each key holds: the pending or parked value if there is one, else the database's row. */
  Map<Key, Held<Row>> present(Instance instance) {
    Map<Key, Held<Row>> present = new HashMap<>();
    world
        .database
        .rows()
        .forEach((key, row) -> present.put(key, new Held<>(row.value(), row.version())));
    for (PendingEntry entry :
        instance.environment.await(instance.cache().pendingAsync("", null, ALL)).entries()) {
      Key key = Values.key(Long.parseLong(entry.key()));
      present.put(key, new Held<>(value(instance, key), entry.version()));
    }
    return present;
  }

  /** The value that a letter or a pending entry has, also where reads are given the database's. */
  private static @org.jspecify.annotations.Nullable Row value(Instance instance, Key key) {
    var letter = instance.environment.await(instance.store().letter(key));
    return letter != null
        ? Values.row(letter.mutation())
        : instance.environment.await(instance.store().get(key)).row();
  }

  /** No value is one that no sequence of writes could have made. */
  void values(Map<Key, Held<Row>> present) {
    present.forEach(
        (key, held) -> {
          Row row = held.value();
          String wrong = row == null ? null : Values.wrong(row);
          if (wrong != null) {
            world.violation(Values.text(key) + " has " + wrong + ": " + row);
          }
        });
  }

  /** When everything has gone through: nothing is pending, and reads give what the database has. */
  void atRest(Instance instance) {
    CacheStatus status = instance.cache().status();
    List<PendingEntry> entries =
        instance.environment.await(instance.cache().pendingAsync("", null, ALL)).entries();
    for (PendingEntry entry : entries) {
      if (entry.state() != EntryState.PARKED) {
        world.violation("still pending when everything works: " + entry + ", " + status);
      }
    }
    compare(instance, new PendingPage(entries, null));
    for (int i = 0; i < world.scenario.keys; i++) {
      Key key = Values.key(i);
      if (entries.stream().anyMatch(entry -> entry.key().equals(Values.TYPE.keyText(key)))) {
        continue;
      }
      instance.environment.await(instance.cache().invalidateAsync(key));
      Row read = instance.environment.await(instance.cache().getAsync(key));
      FakeDatabase.Stored row = world.database.row(key);
      if (!java.util.Objects.equals(read, row == null ? null : row.value())) {
        world.violation(Values.text(key) + " is read as " + read + ", the database has " + row);
      }
    }
  }
}
