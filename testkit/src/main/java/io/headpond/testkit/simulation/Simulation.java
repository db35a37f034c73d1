package io.headpond.testkit.simulation;

import io.headpond.CacheSettings;
import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.testkit.HistoryChecker.Held;
import io.headpond.testkit.SimulatedDisk;
import io.headpond.testkit.simulation.Coverage.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * One run of a deployment in which things go wrong: a process with the real engine and the real journal, clients, a database, a disk, an operator. All that happens, and in
 * which order, follows from the seed. In the end everything works again, and what was promised is held against what is there.
 *
 * <p>In the spirit of the simulations of FoundationDB and TigerBeetle.
 */
public final class Simulation {
  private static final Duration LONGEST_CATCH_UP = Duration.ofMinutes(20);
  private static final Duration RENEWAL = Duration.ofSeconds(25);
  private static final int MOST_STARTS = 10;

  /**
   * What a run has shown.
   *
   * @param violations of the promises; empty if none was seen
   * @param coverage what happened in it
   * @param trace the last events before its end
   * @param hash tells two runs apart
   */
  public record Result(
      long seed,
      String scenario,
      List<String> violations,
      Coverage coverage,
      List<String> trace,
      long hash) {}

  private final World world;
  private final Random random;
  private final Refused refused;
  private final Clients clients;
  private final Adversary adversary;
  private final Operator operator;
  private final Audit audit;
  private final List<Instance> zombies = new ArrayList<>();
  private SimulatedDisk disk = new SimulatedDisk();
  private @Nullable Instance main;
  private @Nullable Runnable goBack;
  private long goBackTo;
  private boolean adopt;
  private int deaths;

  /** The settings of the last start. */
  private CacheSettings before;

  /** The process is killed after so many steps; 0 if it is not to be. */
  private int killIn;

  private boolean losesPower;

  /** Writes were taken before the leases. */
  private boolean lateStart;

  private Simulation(long seed, Plant plant) {
    world = new World(new Scenario(seed), plant);
    random = world.random;
    refused = new Refused(world.database);
    clients = new Clients(world, refused);
    adversary = new Adversary(world, clients, refused);
    operator = new Operator(world, clients);
    audit = new Audit(world, refused);
    before = world.scenario.settings();
    world.afterStep(this::look);
  }

  /** The run of this seed. */
  public static Result run(long seed) {
    return run(seed, Plant.NOTHING);
  }

  /** The run of this seed, with a bug in it. */
  public static Result run(long seed, Plant plant) {
    Simulation simulation = new Simulation(seed, plant);
    World world = simulation.world;
    try {
      simulation.run();
    } catch (RuntimeException | Error e) {
      world.violation("the run ended with " + World.stackTrace(e));
    }
    return new Result(
        seed,
        world.scenario.toString(),
        List.copyOf(world.violations),
        world.coverage,
        world.violations.isEmpty() ? List.of() : world.trace().lines(),
        world.trace().hash());
  }

  private void run() {
    for (int i = 0; i < world.scenario.operations && world.violations.isEmpty(); i++) {
      if (main == null && random.nextInt(3) > 0) {
        start();
      }
      Instance now = main;
      if (now != null && now.up()) {
        adversary.act(now);
        now = main;
      }
      if (now != null && now.up()) {
        endings(now);
        now = main;
      }
      if (now != null && now.up()) {
        use(now);
      }
      goOn();
    }
    if (world.violations.isEmpty()) {
      finish();
    }
  }

  /** A clone goes on when it has been replaced. */
  private void wakeZombies() {
    Instance instance = main;
    if (instance != null && instance.owns()) {
      zombies.forEach(zombie -> zombie.environment.goOn());
    }
  }

  private void use(Instance instance) {
    wakeZombies();
    for (int i = random.nextInt(3); i >= 0; i--) {
      clients.act(instance);
    }
    lateStart |= !instance.owns();
    if (random.nextInt(10) == 0) {
      audit.pending(instance);
      checkFrontiers();
    }
    if (random.nextInt(12) == 0) {
      operator.act(instance);
    }
    for (Instance zombie : zombies) {
      if (zombie.haunts() && random.nextInt(4) == 0) {
        // Nobody is told of these: what a clone takes after it was cloned is promised to nobody.
        zombie.cache().putAsync(clients.key(), Values.of(clients.word("z")));
        zombie.cache().getAsync(clients.key());
      }
    }
    count(State.WRITER_WAITED, instance.cache().status().waitingWriters() > 0);
    count(State.STORE_FAILED, instance.store().failure() != null);
    count(State.MANY_SEGMENTS, instance.disk.used() > 3L * world.scenario.segmentSize);
  }

  /** A store that has not heard from the database yet does not know its frontier, and a clock that was set back may stand below it. */
  private void checkFrontiers() {
    if (!lateStart || !world.scenario.has(Fault.CLOCK_JUMP)) {
      audit.frontiers();
    }
  }

  /** Time passes, a little or more. */
  private void goOn() {
    switch (random.nextInt(8)) {
      case 0 -> world.advance(Duration.ofMillis(random.nextInt(200)));
      case 1 -> world.advance(Duration.ofMillis(random.nextInt(3_000)));
      case 2 -> {
        if (random.nextInt(8) == 0) {
          world.advance(Duration.ofSeconds(random.nextInt(60)));
        }
      }
      default -> {
        for (int i = random.nextInt(16); i > 0 && world.step(); i--) {
          // On to the next task.
        }
      }
    }
  }

  /** What ends a process, now or soon. */
  private void endings(Instance instance) {
    if (killIn == 0 && world.strikes(Fault.KILL)) {
      killIn = 1 + random.nextInt(40);
      losesPower = false;
    }
    if (killIn == 0 && world.strikes(Fault.POWER_LOSS)) {
      killIn = 1 + random.nextInt(40);
      losesPower = true;
    }
    if (instance.owns() && world.strikes(Fault.ZOMBIE)) {
      world.count(Fault.ZOMBIE);
      becomesZombie(instance);
    } else if (world.strikes(Fault.RESTART) || mustRestart(instance)) {
      stop(instance);
    } else if (goBack == null && !world.wentBack && world.strikes(Fault.WENT_BACK)) {
      goBackTo = world.checker.now();
      goBack = world.database.savePoint();
    } else {
      Runnable back = goBack;
      if (back != null && random.nextInt(15) == 0) {
        goBack(back);
      }
    }
  }

  /** Somebody starts a process again that takes no writes any more. */
  private boolean mustRestart(Instance instance) {
    return instance.cache().status().health() == Health.DOWN && random.nextInt(10) == 0;
  }

  private void goBack(Runnable back) {
    world.log("the database goes back");
    world.count(Fault.WENT_BACK);
    back.run();
    goBack = null;
    // A database of the past would take a clone for its owner.
    zombies.forEach(zombie -> zombie.environment.die());
    world.wentBack = true;
    world.checker.wentBack(goBackTo);
    adopt = true;
  }

  /** After each step: whether something has died in it. */
  private void look() {
    Instance now = main;
    if (now != null && !now.environment.dead()) {
      if (now.disk.dead()) {
        world.count(Fault.KILL_IN_DISK_OPERATION);
        died(now, random.nextInt(3) == 0);
      } else if (killIn > 0 && --killIn == 0) {
        died(now, losesPower);
      }
    }
  }

  private void died(Instance instance, boolean power) {
    world.log(power ? "POWER LOST" : "KILLED");
    world.count(power ? Fault.POWER_LOSS : Fault.KILL);
    instance.environment.die();
    clients.abandon();
    if (power) {
      disk = instance.disk.losePower(random.nextLong());
      world.checker.powerLost();
    } else {
      disk = instance.disk.crashProcess();
      world.checker.processDied();
    }
    main = null;
    deaths++;
    killIn = 0;
  }

  private void start() {
    CacheSettings settings = world.scenario.settings(random);
    if (!settings.equals(before)) {
      world.count(Fault.OTHER_SETTINGS);
    }
    before = settings;
    Instance instance = new Instance(world, refused, disk, settings);
    main = instance;
    if (world.strikes(Fault.KILL)) {
      killIn = 1 + random.nextInt(40);
      losesPower = random.nextBoolean();
    }
    if (world.strikes(Fault.KILL_IN_DISK_OPERATION)) {
      disk.crashAt(disk.operations() + random.nextInt(30));
    }
    world.log("start", instance.settings);
    try {
      instance.start(adopt);
    } catch (RuntimeException e) {
      startFailed(instance, e);
      return;
    }
    look();
    if (main != instance) {
      return;
    }
    adopt = false;
    world.log("started");
    CacheStatus status = instance.cache().status();
    count(State.RECOVERED_ENTRIES, status.pendingEntries() > 0);
    count(State.RECOVERED_LETTER, status.parked() > 0);
    count(State.RECOVERED_DEFERRED, status.deferred() > 0);
  }

  private void startFailed(Instance instance, RuntimeException failure) {
    world.log("start failed", failure);
    look();
    if (main != instance) {
      world.count(State.KILLED_WHILE_STARTING);
      return;
    }
    world.count(State.START_FAILED);
    instance.environment.die();
    main = null;
    if (!(failure instanceof UnavailableException)
        && !(failure instanceof OutcomeUnknownException)
        && !instance.disk.impaired()) {
      world.violation("the start was refused: " + World.stackTrace(failure));
    }
  }

  /** Stops a process properly. */
  private void stop(Instance instance) {
    world.log("stop");
    world.count(Fault.RESTART);
    boolean impaired = instance.disk.impaired();
    try {
      instance.cache().close();
    } catch (ProcessDied e) {
      world.count(State.KILLED_WHILE_STOPPING);
      return;
    }
    look();
    if (main != instance) {
      return;
    }
    count(State.STOPPED_WITH_PENDING, instance.store().pendingEntries() > 0);
    while (main == instance && world.step()) {
      // What it has still to say.
    }
    if (main != instance) {
      return;
    }
    instance.environment.die();
    clients.abandon();
    if (impaired || instance.disk.impaired()) {
      world.checker.processDied();
    }
    disk = instance.disk;
    disk.failWrites(false);
    disk.failForces(false);
    main = null;
    killIn = 0;
  }

  /** A clone of it will take over; it goes on when that has started. */
  private void becomesZombie(Instance instance) {
    world.log("becomes a zombie");
    instance.becomeZombie();
    zombies.add(instance);
    disk = instance.disk.copyWithHistory();
    clients.abandon();
    world.checker.processDied();
    main = null;
    deaths++;
    killIn = 0;
  }

  private void finish() {
    world.log("everything works again");
    world.calm();
    adversary.heal();
    killIn = 0;
    Instance now = main;
    if (now != null && (!now.up() || adopt || now.cache().status().health() == Health.DOWN)) {
      noticedThatItWentBack(now);
      died(now, false);
    } else if (now != null) {
      now.disk.capacity(Long.MAX_VALUE);
      now.disk.crashAt(Long.MAX_VALUE);
      now.disk.failWrites(false);
      now.disk.failForces(false);
    }
    restIn();
    if (world.violations.isEmpty() && random.nextBoolean()) {
      Instance again = main;
      if (again != null) {
        died(again, true);
        restIn();
      }
    }
    if (world.violations.isEmpty()) {
      checkZombies();
    }
  }

  private void noticedThatItWentBack(Instance instance) {
    if (adopt && instance.up()) {
      boolean noticed =
          instance.cache().status().reasons().stream()
              .anyMatch(why -> why.contains("went back") || why.contains("lost batch"));
      count(State.WENT_BACK_NOTICED, noticed);
    }
  }

  /** Until nothing is pending; then the promises are checked. */
  private void restIn() {
    disk.capacity(Long.MAX_VALUE);
    disk.crashAt(Long.MAX_VALUE);
    for (int i = 0; i < MOST_STARTS && main == null && world.violations.isEmpty(); i++) {
      start();
      world.advance(Duration.ofSeconds(1));
    }
    Instance instance = main;
    if (instance == null) {
      world.violation("it does not start, though everything works");
      return;
    }
    long until = world.time.nanos() + LONGEST_CATCH_UP.toNanos();
    while (world.time.nanos() < until && busy(instance) && world.violations.isEmpty()) {
      world.advance(Duration.ofSeconds(2));
      if (instance.up() && instance.store().lettersFull(0)) {
        // What finds no place among the letters is tried for ever; somebody sees to that.
        refused.dropConstraints();
        operator.clear(instance);
      }
    }
    if (instance.cache().status().health() == Health.DOWN) {
      world.violation("down, though everything works: " + instance.cache().status());
    }
    for (String what : clients.unanswered()) {
      world.violation("never answered: " + what);
    }
    if (world.violations.isEmpty()) {
      check(instance);
    }
  }

  private boolean busy(Instance instance) {
    CacheStatus status = instance.cache().status();
    return status.pendingEntries() > 0
        || instance.store().pendingEntries() > 0
        || !clients.unanswered().isEmpty();
  }

  private void check(Instance instance) {
    clients.readAll(instance);
    for (int i = 0; i < world.scenario.keys; i++) {
      clients.read(instance, Values.key(i));
    }
    world.advance(Duration.ofSeconds(5));
    checkFrontiers();
    audit.atRest(instance);
    Map<Key, Held<Row>> present = audit.present(instance);
    audit.values(present);
    world.checker.violations(present).forEach(world::violation);
    checkAttempts(instance);
  }

  /** No write is tried more often than it may be, whatever happens meanwhile. */
  private void checkAttempts(Instance instance) {
    if (world.scenario.has(Fault.OTHER_SETTINGS)
        || world.scenario.has(Fault.DISK_FULL)
        || world.scenario.has(Fault.DISK_FAILS)
        || instance.settings.maxPendingEntries() < 100) {
      return;
    }
    refused
        .most()
        .forEach(
            (key, times) -> {
              int most =
                  (instance.settings.maxRetries() + 1) * (1 + operator.retries(key)) + deaths;
              if (times > most) {
                world.violation(
                    Values.text(key)
                        + " was refused "
                        + times
                        + " times at one version, at most "
                        + most);
              }
            });
  }

  private void checkZombies() {
    wakeZombies();
    world.advance(RENEWAL);
    for (Instance zombie : zombies) {
      if (zombie.haunts()) {
        CacheStatus status = zombie.cache().status();
        if (status.health() != Health.DOWN && !world.wentBack) {
          world.violation("a zombie goes on: " + status);
        }
        world.count(State.ZOMBIE_FENCED);
      }
    }
  }

  private void count(State state, boolean reached) {
    if (reached) {
      world.count(state);
    }
  }
}
