package io.headpond.server.lab;

import io.headpond.RowType;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;

/** Connects a system of record that fails as the lab is switched, and else is what it is. Immutable. */
public final class SimulatedFailures implements SystemOfRecordFactory {
  private final SystemOfRecordFactory real;
  private final Lab lab;

  public SimulatedFailures(SystemOfRecordFactory real, Lab lab) {
    this.real = real;
    this.lab = lab;
  }

  @Override
  public SystemOfRecord connect(String dataset, RowType declared) {
    if (lab.settings().outage()) {
      throw FailingRecord.outage();
    }
    return new FailingRecord(real.connect(dataset, declared), lab);
  }

  @Override
  public SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
    return new FailingRecord(real.resume(dataset, declared, mapping), lab);
  }
}
