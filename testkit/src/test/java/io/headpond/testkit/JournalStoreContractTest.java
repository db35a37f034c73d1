package io.headpond.testkit;

import io.headpond.journal.JournalStore;
import io.headpond.spi.HotStoreFactory;

/** The embedded hot store keeps the contract of hot stores. */
class JournalStoreContractTest extends HotStoreContractTest {
  private SimulatedDisk disk = new SimulatedDisk();

  @Override
  protected HotStoreFactory factory() {
    return JournalStore.on(disk).segmentSize(64 << 10);
  }

  @Override
  protected void crash() {
    disk = disk.crashProcess();
  }
}
