package io.headpond.testkit.simulation;

import io.headpond.Key;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.testkit.FakeDatabase;
import java.time.Duration;
import java.util.Random;

/** Makes the things fail that fail by themselves: the database, its rows, the disk, the clock. */
final class Adversary {
  private static final int LONGEST_SECONDS = 40;

  private final World world;
  private final Clients clients;
  private final Refused refused;
  private final Random random;

  Adversary(World world, Clients clients, Refused refused) {
    this.world = world;
    this.clients = clients;
    this.refused = refused;
    this.random = world.random;
    world.database.refuseWith(refused::error);
    world.database.delayWith(refused::delay);
    world.database.killWith(refused::kills);
  }

  /** With each step of a run. */
  void act(Instance instance) {
    if (strikes(Fault.OUTAGE)) {
      world.database.setAway(true);
      later(() -> world.database.setAway(false));
    }
    if (strikes(Fault.LOADS_FAIL)) {
      world.database.failLoads(new UnavailableException("cannot be read now"));
      later(() -> world.database.failLoads(null));
    }
    if (strikes(Fault.REFUSED_FOR_A_WHILE)) {
      refused.refuseForAWhile(clients.key());
      later(refused::heal);
    }
    if (strikes(Fault.LOCKED)) {
      refused.lock(clients.key());
      later(refused::heal);
    }
    if (strikes(Fault.CLOCK_JUMP)) {
      jump();
    }
    if (strikes(Fault.FOREIGN_WRITE)) {
      foreignWrite();
    }
    if (instance.alive() && strikes(Fault.DISK_FULL)) {
      instance.disk.capacity(instance.disk.used());
      later(() -> instance.disk.capacity(Long.MAX_VALUE));
    }
    if (instance.alive() && strikes(Fault.DISK_FAILS)) {
      if (random.nextBoolean()) {
        instance.disk.failWrites(true);
      } else {
        instance.disk.failForces(true);
      }
    }
    if (instance.alive() && strikes(Fault.KILL_IN_DISK_OPERATION)) {
      instance.disk.crashAt(instance.disk.operations() + random.nextInt(12));
    }
  }

  /** Nothing fails any more. */
  void heal() {
    world.database.setAway(false);
    world.database.failLoads(null);
    refused.heal();
  }

  private void jump() {
    long micros = Duration.ofSeconds(random.nextInt(1 << random.nextInt(14))).toNanos() / 1_000;
    long now = world.time.wallMicros();
    long to = random.nextBoolean() ? now + micros : now - micros;
    world.log("clock jumps by", to - now);
    world.time.setWallMicros(to);
  }

  /** Another program writes a row that is there, or makes one, with a version ahead of it. */
  private void foreignWrite() {
    Key key = clients.key();
    FakeDatabase.Stored row = world.database.row(key);
    long before = Math.max(row == null ? 0 : row.version(), world.checker.applied(key));
    long version = Math.max(before, world.time.wallMicros()) + 1 + random.nextInt(50_000_000);
    Row value = Values.of(clients.word("f"));
    world.log("foreign write", key, value, version);
    world.checker.foreign(key, value, version);
    world.database.writeRow(key, value, version);
  }

  private boolean strikes(Fault fault) {
    if (!world.strikes(fault)) {
      return false;
    }
    world.count(fault);
    world.log("fault", fault);
    return true;
  }

  private void later(Runnable end) {
    world.time.schedule(Duration.ofMillis(random.nextInt(LONGEST_SECONDS * 1_000)), end);
  }
}
