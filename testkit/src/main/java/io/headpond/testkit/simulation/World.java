package io.headpond.testkit.simulation;

import io.headpond.Key;
import io.headpond.Row;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.HistoryChecker;
import io.headpond.testkit.ManualEnvironment;
import io.headpond.testkit.simulation.Coverage.State;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** What all parts of a run share: time, chance, the database, and what is remembered of what happened. */
final class World {
  /** No run needs as many; one that does not end is a violation. */
  private static final int MAX_STEPS = 3_000_000;

  final Scenario scenario;
  final Plant plant;
  final Random random;
  final ManualEnvironment time;
  final FakeDatabase database;
  final HistoryChecker<Key, Row> checker =
      new HistoryChecker<>(Values::builtOn, Values::text, Values::show);
  final Coverage coverage = new Coverage();
  final List<String> violations = new ArrayList<>();

  /** The database has lost what it had confirmed, and with it what it was said to have. */
  boolean wentBack;

  private boolean calm;
  private final Trace trace = new Trace();
  private Runnable afterStep = () -> {};
  private int steps;

  World(Scenario scenario, Plant plant) {
    this.scenario = scenario;
    this.plant = plant;
    this.random = new Random(scenario.seed);
    this.time = ManualEnvironment.shuffled(scenario.seed);
    this.database = new FakeDatabase(time);
    database.watch(checker);
    if (!scenario.versioned) {
      database.withoutVersions();
    }
    plant.database(database);
  }

  /** Looks whether a process has died in each step. */
  void afterStep(Runnable look) {
    afterStep = look;
  }

  /**
   * Runs one of the tasks that are ready.
   *
   * @return whether there was one
   */
  boolean step() {
    if (++steps > MAX_STEPS) {
      throw new IllegalStateException("the run does not end");
    }
    boolean any;
    try {
      any = time.step();
    } catch (RuntimeException | Error e) {
      violation("a task threw " + stackTrace(e));
      any = true;
    }
    if (any) {
      afterStep.run();
    }
    return any;
  }

  /** Runs what is ready and what falls due within this time. */
  void advance(Duration duration) {
    long until = time.nanos() + duration.toNanos();
    do {
      while (step()) {
        // On to the next task.
      }
    } while (time.advanceToNext(Duration.ofNanos(until - time.nanos())));
  }

  void violation(String what) {
    log("VIOLATION", what);
    violations.add(what);
  }

  void log(@Nullable Object... parts) {
    trace.add(time.nanos(), parts);
  }

  void count(State state) {
    coverage.count(state);
  }

  void count(Fault fault) {
    coverage.count(fault);
  }

  /** Whether a fault strikes now; counted if it does. */
  boolean strikes(Fault fault) {
    return !calm && scenario.strikes(fault, random);
  }

  /** From now on nothing goes wrong. */
  void calm() {
    calm = true;
  }

  Trace trace() {
    return trace;
  }

  static String stackTrace(Throwable e) {
    StringWriter text = new StringWriter();
    e.printStackTrace(new PrintWriter(text));
    return text.toString();
  }
}
