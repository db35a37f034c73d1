package io.headpond.bench;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures each path of Headpond beside its limit on the same machine in the same run. Started by {@code
 * bench/run}; {@code docs/performance.md} says what the numbers mean.
 */
public final class Bench {
  static final List<Benchmark> ALL =
      List.of(
          new WritesBenchmark(),
          new ForceBenchmark(),
          new HeapBenchmark(),
          new RecoveryBenchmark(),
          new FlushBenchmark(),
          new MergeBenchmark(),
          new ZipfBenchmark(),
          new HttpBenchmark(),
          new RedisBenchmark());

  private Bench() {}

  /** Runs the benchmarks that are named, or all. */
  public static void main(String[] args) throws Exception {
    boolean quick = false;
    Path parent = Path.of(System.getProperty("java.io.tmpdir"));
    List<Benchmark> chosen = new ArrayList<>();
    for (String arg : args) {
      if (arg.equals("--quick")) {
        quick = true;
      } else if (arg.startsWith("--dir=")) {
        parent = Path.of(arg.substring("--dir=".length()));
      } else if (arg.equals("--help") || arg.equals("-h")) {
        usage(System.out);
        return;
      } else {
        Benchmark found = named(arg);
        if (found == null) {
          System.err.println("bench: " + arg + ": no such benchmark");
          usage(System.err);
          System.exit(2);
          return;
        }
        chosen.add(found);
      }
    }
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    try (Run run = Run.in(parent, quick, out)) {
      all(chosen.isEmpty() ? ALL : chosen, run);
    }
    // Whatever thread is left must not hold the process.
    System.exit(0);
  }

  static void all(List<Benchmark> benchmarks, Run run) throws Exception {
    run.out().print(Machine.describe(run.folder("machine")));
    if (run.quick()) {
      run.out().println("quick: a smoke test; its numbers mean nothing");
    }
    for (Benchmark benchmark : benchmarks) {
      run.progress(benchmark.name());
      run.out().println();
      run.out().println("## " + benchmark.name() + ": " + benchmark.title());
      benchmark.run(run);
    }
  }

  private static @org.jspecify.annotations.Nullable Benchmark named(String name) {
    return ALL.stream().filter(b -> b.name().equals(name)).findFirst().orElse(null);
  }

  private static void usage(PrintStream out) {
    out.println("usage: bench/run [--quick] [--dir=FOLDER] [NAME...]");
    out.println("       bench/run jmh [JMH OPTIONS]");
    for (Benchmark benchmark : ALL) {
      out.printf("  %-9s %s%n", benchmark.name(), benchmark.title());
    }
    out.println("--dir: where the temporary folder is made; it decides which disk is measured");
  }
}
