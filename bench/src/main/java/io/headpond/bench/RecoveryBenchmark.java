package io.headpond.bench;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** How long it takes to open what a killed process left pending. */
final class RecoveryBenchmark implements Benchmark {
  private static final double GOAL_SECONDS = 5;
  private static final List<String> OPTIONS = List.of("-Xmx3g");

  @Override
  public String name() {
    return "recovery";
  }

  @Override
  public String title() {
    return "opening a journal that a killed process left";
  }

  @Override
  public boolean needsPostgres() {
    return false;
  }

  @Override
  public void run(Run run) throws Exception {
    int entries = run.scale(1_000_000, 5_000);
    Table table =
        new Table(
            "journal", "bytes", "to open", "CPU of it", "to read the files", "ratio", "goal", "");
    for (int writes : run.quick() ? new int[] {1} : new int[] {1, 3}) {
      run.progress("recovery, " + writes + " writes for each entry");
      row(run, table, entries, writes);
    }
    run.out()
        .printf(
            "%,d pending entries, keys of %d bytes, values of %d. Each opening is of a copy of the folder by a JVM just started,"
                + " files in the page cache.%nLimit: the same files, read from begin to end by the same JVM before.%n%n",
            entries, Kv.KEY_BYTES, Kv.VALUE_BYTES);
    run.out().print(table);
  }

  private static void row(Run run, Table table, int entries, int writes) throws Exception {
    Path left = run.folder("left");
    Child.run(
        Fill.class, OPTIONS, left.toString(), Integer.toString(entries), Integer.toString(writes));
    Samples open = new Samples();
    Samples cpu = new Samples();
    Samples read = new Samples();
    Samples ratio = new Samples();
    long bytes = 0;
    for (int round = 0; round < Math.min(5, run.rounds()); round++) {
      Path copy = run.folder("copy");
      bytes = copy(left, copy);
      Map<String, Long> found = Child.run(Open.class, OPTIONS, copy.toString());
      if (found.getOrDefault("pending", 0L) != entries) {
        throw new IllegalStateException("recovered " + found + ", not " + entries);
      }
      open.add(found.getOrDefault("open", 0L) / 1e9);
      cpu.add(found.getOrDefault("cpu", 0L) / 1e9);
      read.add(found.getOrDefault("read", 0L) / 1e9);
      ratio.add(read.last() / open.last());
      Run.delete(copy);
    }
    Run.delete(left);
    table.row(
        writes == 1 ? "each entry written once" : "each entry written " + writes + " times",
        Samples.whole(bytes),
        open.text(Samples::seconds),
        cpu.text(Samples::seconds),
        read.text(Samples::seconds),
        ratio.text(Samples::ratio),
        "< " + Samples.seconds(GOAL_SECONDS),
        run.quick() ? "" : open.median() < GOAL_SECONDS ? "met" : "NOT MET");
  }

  private static long copy(Path from, Path to) throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.sorted().toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
          bytes += Files.size(file);
        }
      }
    }
    return bytes;
  }

  /** Leaves a journal behind, as a killed process would. */
  static final class Fill {
    private Fill() {}

    public static void main(String[] args) {
      WriteBehindCache<Key, Row> cache =
          Caches.idle(JournalStore.in(Path.of(args[0])), HeapBenchmark.PARTITIONS);
      for (int round = 0; round < Integer.parseInt(args[2]); round++) {
        Kv entries = Kv.of(Kv.TYPE, 0, Integer.parseInt(args[1]), round);
        for (int i = 0; i < entries.size(); i++) {
          cache.put(entries.key(i), entries.row(i), Durability.JOURNAL);
        }
      }
      Child.halt();
    }
  }

  /** Opens it. */
  static final class Open {
    private Open() {}

    public static void main(String[] args) throws IOException {
      Path folder = Path.of(args[0]);
      long before = System.nanoTime();
      byte[] buffer = new byte[1 << 20];
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          try (InputStream in = Files.newInputStream(file)) {
            while (in.read(buffer) >= 0) {
              // Only to have read it.
            }
          }
        }
      }
      long cpu = Machine.cpuNanos();
      long read = System.nanoTime();
      WriteBehindCache<Key, Row> cache =
          Caches.idle(JournalStore.in(folder), HeapBenchmark.PARTITIONS);
      Child.report("open", System.nanoTime() - read);
      Child.report("cpu", Machine.cpuNanos() - cpu);
      Child.report("read", read - before);
      Child.report("pending", cache.status().pendingEntries());
      Child.halt();
    }
  }
}
