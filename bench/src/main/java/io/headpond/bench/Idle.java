package io.headpond.bench;

import io.headpond.spi.SystemOfRecordFactory;

/** For the micro benchmarks: a database that takes everything at once and keeps nothing. */
public final class Idle {
  private Idle() {}

  /** Connects it. */
  public static SystemOfRecordFactory database() {
    return (dataset, declared) -> new IdleDatabase(declared);
  }
}
