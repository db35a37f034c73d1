package io.headpond.bench;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What a pending entry takes of the heap. */
final class HeapBenchmark implements Benchmark {
  static final int PARTITIONS = 64;

  @Override
  public String name() {
    return "heap";
  }

  @Override
  public String title() {
    return "heap bytes for each pending entry";
  }

  @Override
  public boolean needsPostgres() {
    return false;
  }

  @Override
  public void run(Run run) throws Exception {
    int entries = run.scale(1_000_000, 5_000);
    run.out()
        .printf(
            "%,d entries, keys of %d bytes, values of %d, in a JVM of its own: live heap after full collections.%n%n",
            entries, Kv.KEY_BYTES, Kv.VALUE_BYTES);
    Table table = new Table("durability", "key and row alone", "pending entry", "what it adds");
    List<Durability> levels =
        run.quick() ? List.of(Durability.JOURNAL) : List.of(Durability.MEMORY, Durability.JOURNAL);
    for (Durability durability : levels) {
      run.progress("heap " + durability);
      Map<String, Long> found =
          Child.run(
              Probe.class,
              List.of("-Xmx3g", "-XX:+UseSerialGC"),
              run.folder("heap").toString(),
              Integer.toString(entries),
              durability.name());
      double alone = (double) found.getOrDefault("alone", 0L) / entries;
      double pending = (double) found.getOrDefault("pending", 0L) / entries;
      table.row(
          durability.name(),
          Samples.whole(alone) + " B",
          Samples.whole(pending) + " B",
          Samples.whole(pending - alone) + " B");
    }
    run.out().print(table);
  }

  /** The measured JVM. */
  static final class Probe {
    private Probe() {}

    public static void main(String[] args) {
      int count = Integer.parseInt(args[1]);
      Durability durability = Durability.valueOf(args[2]);
      WriteBehindCache<Key, Row> cache = Caches.idle(JournalStore.in(Path.of(args[0])), PARTITIONS);
      long before = live();
      // References of the array are not what an entry takes.
      long array = 2L * 4 * count;
      Kv entries = Kv.of(Kv.TYPE, 0, count, 1);
      Child.report("alone", live() - before - array);
      for (int i = 0; i < count; i++) {
        cache.put(entries.key(i), entries.row(i), durability);
      }
      int pending = cache.status().pendingEntries();
      if (pending != count) {
        throw new IllegalStateException(pending + " entries are pending, not " + count);
      }
      java.lang.ref.Reference.reachabilityFence(entries);
      entries = null;
      Child.report("pending", live() - before);
      java.lang.ref.Reference.reachabilityFence(cache);
      Child.halt();
    }

    private static long live() {
      MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
      long least = Long.MAX_VALUE;
      for (int i = 0; i < 4; i++) {
        memory.gc();
        least = Math.min(least, memory.getHeapMemoryUsage().getUsed());
      }
      return least;
    }
  }
}
