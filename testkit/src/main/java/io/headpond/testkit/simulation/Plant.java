package io.headpond.testkit.simulation;

import io.headpond.journal.Disk;
import io.headpond.spi.HotStore;
import io.headpond.spi.SystemOfRecord;
import io.headpond.testkit.FakeDatabase;

/** Puts a bug between the parts of a deployment, to see that the simulation finds it. One for each run; by itself it does nothing. */
public interface Plant {
  /** Nothing is planted. */
  Plant NOTHING = new Plant() {};

  /** The hot store of a process that starts. */
  default HotStore store(HotStore real) {
    return real;
  }

  /** The disk of a process that starts. */
  default Disk disk(Disk real) {
    return real;
  }

  /** The database's side of a process that starts. */
  default SystemOfRecord systemOfRecord(SystemOfRecord real) {
    return real;
  }

  /** The database. */
  default void database(FakeDatabase database) {}
}
