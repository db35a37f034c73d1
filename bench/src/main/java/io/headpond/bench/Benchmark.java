package io.headpond.bench;

/** One thing that is measured, beside its limit. */
interface Benchmark {
  /** What it is called on the command line. */
  String name();

  /** What it measures, in a line. */
  String title();

  /** Whether it starts a PostgreSQL. */
  boolean needsPostgres();

  /** Measures and prints. Leaves nothing running. */
  void run(Run run) throws Exception;
}
