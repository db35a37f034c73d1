package io.headpond.testkit.simulation;

import io.headpond.CacheSettings;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.testkit.SimulatedDisk;
import org.jspecify.annotations.Nullable;

/** One life of a process: a cache on a disk. */
final class Instance {
  final SimulatedDisk disk;
  final ProcessEnvironment environment;
  final CacheSettings settings;
  private final World world;
  private final Refused refused;
  private final Wire wire;
  private @Nullable WriteBehindCache<Key, Row> cache;
  private @Nullable HotStore store;
  private boolean zombie;

  Instance(World world, Refused refused, SimulatedDisk disk, CacheSettings settings) {
    this.world = world;
    this.refused = refused;
    this.disk = disk;
    this.settings = settings;
    this.environment = new ProcessEnvironment(world, world.random.nextLong());
    this.wire = new Wire(world, environment, refused);
  }

  private final class Stores implements HotStoreFactory {
    private final HotStoreFactory journal =
        JournalStore.on(world.plant.disk(disk)).segmentSize(world.scenario.segmentSize);

    @Override
    public HotStore open(Settings settings) {
      HotStore real = world.plant.store(journal.open(settings));
      HotStore opened =
          new Witness(
              new SlowStore(real, world, environment),
              world,
              refused,
              Instance.this.settings,
              Instance.this::alive);
      store = opened;
      return opened;
    }

    @Override
    public byte @Nullable [] remembered(String dataset) {
      return journal.remembered(dataset);
    }
  }

  /** Blocks until it is up; throws whatever keeps it from that. */
  void start(boolean adopt) {
    var builder =
        WriteBehindCache.builder(Values.TYPE)
            .settings(settings)
            .store(new Stores())
            .systemOfRecord(wire)
            .environment(environment);
    cache = (adopt ? builder.adopt() : builder).build();
  }

  WriteBehindCache<Key, Row> cache() {
    WriteBehindCache<Key, Row> open = cache;
    if (open == null) {
      throw new IllegalStateException("not started");
    }
    return open;
  }

  HotStore store() {
    HotStore open = store;
    if (open == null) {
      throw new IllegalStateException("not started");
    }
    return open;
  }

  /** Whether it is up and has taken the place of who was there before; it may start without the database. */
  boolean owns() {
    return up() && wire.ownsAll();
  }

  boolean up() {
    return cache != null && alive();
  }

  /** Whether anybody gets answers from it. */
  boolean alive() {
    return !environment.dead() && !disk.dead() && !zombie;
  }

  /** Another one takes its place, and it does not know. */
  void becomeZombie() {
    zombie = true;
    environment.standStill();
  }

  /** Whether it runs, with nobody who listens. */
  boolean haunts() {
    return zombie && cache != null && !environment.dead();
  }
}
