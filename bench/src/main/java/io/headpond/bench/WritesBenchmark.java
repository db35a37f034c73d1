package io.headpond.bench;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.bench.Writers.Choice;
import io.headpond.journal.Disk;
import io.headpond.journal.JournalStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.HdrHistogram.Histogram;

/** Acknowledged writes by durability, with a database that is never asked. */
final class WritesBenchmark implements Benchmark {
  private static final int THREADS = 4;
  private static final int OUTSTANDING = 1_000;
  private static final double MEMORY_GOAL = 0.3;
  private static final double JOURNAL_GOAL = 0.6;
  private static final double DISK_GOAL = 0.85;

  /** How the writes come. */
  private enum Load {
    BLOCKING,
    ASYNCHRONOUS,
    /** Blocking, and each write makes an entry of its own pending. */
    DISTINCT;

    String text() {
      return this == ASYNCHRONOUS
          ? "1 asynchronous, " + Samples.whole(OUTSTANDING) + " outstanding"
          : THREADS + " blocking";
    }
  }

  /** A cache that is being measured, and what reaches its disk. */
  private record Subject(WriteBehindCache<Key, Row> cache, CountingDisk disk)
      implements AutoCloseable {
    static Subject open(Run run) {
      CountingDisk disk = new CountingDisk(Disk.in(run.folder("journal")));
      return new Subject(
          Caches.idle(JournalStore.on(disk).segmentSize(run.segmentSize()), Caches.PARTITIONS),
          disk);
    }

    @Override
    public void close() {
      cache.close();
    }
  }

  @Override
  public String name() {
    return "writes";
  }

  @Override
  public String title() {
    return "acknowledged writes in a second, and how long one takes";
  }

  @Override
  public boolean needsPostgres() {
    return false;
  }

  @Override
  public void run(Run run) throws IOException {
    Kv entries = Kv.of(Kv.TYPE, 0, run.scale(400_000, 4_000), 1);
    int existing = run.scale(100_000, 2_000);
    run.out()
        .printf(
            "Keys of %d bytes, values of %d. `existing`: one of %,d entries that are pending already, at random; `distinct`:"
                + " each of %,d new ones once.%n"
                + "Limits: MEMORY ConcurrentHashMap.put of the same keys and values by as many threads; JOURNAL one thread"
                + " with one FileChannel.write for each record, never forced;%nDISK one thread with one write and one force"
                + " for each group of the size that was measured. Rates without a look at the clock for each write,"
                + " latencies with two (%,.0f ns each).%n"
                + "CPU: what the process used in all its threads for each write, which other work on the machine disturbs less than a rate.%n%n",
            Kv.KEY_BYTES, Kv.VALUE_BYTES, existing, entries.size(), Machine.clockNanos());
    List<String> first = List.of("durability", "writers", "entries", "record B", "group");
    List<String> then = new ArrayList<>(Comparison.HEADINGS);
    then.addAll(List.of("p50", "p99", "p99.9", "CPU each", "CPU of limit"));
    Table table = new Table(first, then);
    try (BareFile file = new BareFile(run.folder("bare").resolve("file"), run.segmentSize())) {
      for (Durability durability :
          List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK)) {
        for (Load load : Load.values()) {
          run.progress("writes " + durability + " " + load);
          int count = load == Load.DISTINCT ? entries.size() : existing;
          new Measurement(run, durability, load, entries, count, file).measure(table);
        }
      }
    }
    run.out().print(table);
  }

  /** One line of the table. */
  private static final class Measurement {
    private final Run run;
    private final Durability durability;
    private final Load load;
    private final Kv entries;
    private final int count;
    private final BareFile file;
    private final double seconds;
    private final Comparison comparison = new Comparison();
    private final Histogram latencies = new Histogram(3);
    private final Samples recordBytes = new Samples();
    private final Samples groups = new Samples();
    private final Samples cpu = new Samples();
    private final Samples limitCpu = new Samples();

    Measurement(Run run, Durability durability, Load load, Kv entries, int count, BareFile file) {
      this.run = run;
      this.durability = durability;
      this.load = load;
      this.entries = entries;
      this.count = count;
      this.file = file;
      this.seconds = run.quick() ? 0.02 : 0.5;
    }

    void measure(Table table) throws IOException {
      if (load == Load.DISTINCT) {
        for (int round = run.firstRound(); round <= run.rounds(); round++) {
          try (Subject subject = Subject.open(run)) {
            turn(subject, round);
          }
          try (Subject subject = Subject.open(run)) {
            latencies(subject, round);
          }
        }
      } else {
        try (Subject subject = Subject.open(run)) {
          for (int i = 0; i < count; i++) {
            subject.cache.put(entries.key(i), entries.row(i), Durability.MEMORY);
          }
          for (int round = run.firstRound(); round <= run.rounds(); round++) {
            turn(subject, round);
            latencies(subject, round);
          }
        }
      }
      double goal =
          switch (durability) {
            case MEMORY -> load == Load.ASYNCHRONOUS ? 0 : MEMORY_GOAL;
            case JOURNAL -> load == Load.ASYNCHRONOUS ? 0 : JOURNAL_GOAL;
            default -> DISK_GOAL;
          };
      List<String> cells = new ArrayList<>(comparison.cells(goal));
      for (double percentile : new double[] {50, 99, 99.9}) {
        cells.add(Samples.micros(latencies.getValueAtPercentile(percentile)));
      }
      cells.add(Samples.micros(cpu.median()));
      cells.add(Samples.micros(limitCpu.median()));
      table.row(
          List.of(
              durability.name(),
              load.text(),
              load == Load.DISTINCT ? "distinct" : "existing",
              Samples.whole(recordBytes.median()),
              durability == Durability.DISK
                  ? String.format(java.util.Locale.ROOT, "%.1f", groups.median())
                  : "-"),
          cells);
    }

    /** Subject and limit, one after the other; the first round only warms up. */
    private void turn(Subject subject, int round) throws IOException {
      long forces = subject.disk.forces();
      long bytes = subject.disk.bytes();
      long writes = subject.disk.writes();
      Writers.Result result = write(subject, null);
      long forced = Math.max(1, subject.disk.forces() - forces);
      long groupBytes =
          (subject.disk.bytes() - bytes) / Math.max(1, subject.disk.writes() - writes);
      double group = (double) result.writes() / forced;
      Writers.Result limit = limit((int) groupBytes, (int) Math.max(1, Math.round(group)));
      if (round > 0) {
        comparison.add(result.rate(), limit.rate());
        cpu.add(result.cpuNanosEach());
        limitCpu.add(limit.cpuNanosEach());
        recordBytes.add(groupBytes);
        groups.add(group);
      }
    }

    private void latencies(Subject subject, int round) {
      Histogram measured = new Histogram(3);
      write(subject, measured);
      if (round > 0) {
        latencies.add(measured);
      }
    }

    private Writers.Result write(Subject subject, @org.jspecify.annotations.Nullable Histogram to) {
      WriteBehindCache<Key, Row> cache = subject.cache;
      return load == Load.ASYNCHRONOUS
          ? Writers.asynchronous(
              Choice.any(count, 1),
              i -> cache.putAsync(entries.key(i), entries.row(i), durability),
              OUTSTANDING,
              seconds,
              to)
          : Writers.blocking(
              choices(), i -> cache.put(entries.key(i), entries.row(i), durability), seconds, to);
    }

    private Writers.Result limit(int bytes, int group) throws IOException {
      return switch (durability) {
        case MEMORY -> map();
        case JOURNAL -> file.append(bytes, seconds);
        default -> file.appendAndForce(bytes, group, seconds);
      };
    }

    private Writers.Result map() {
      ConcurrentHashMap<Key, Row> map = new ConcurrentHashMap<>();
      if (load != Load.DISTINCT) {
        for (int i = 0; i < count; i++) {
          map.put(entries.key(i), entries.row(i));
        }
      }
      return Writers.blocking(
          choices(), i -> map.put(entries.key(i), entries.row(i)), seconds, null);
    }

    private List<Choice> choices() {
      List<Choice> choices = new ArrayList<>();
      int threads = load == Load.ASYNCHRONOUS ? 1 : THREADS;
      for (int i = 0; i < threads; i++) {
        int share = count / threads;
        choices.add(
            load == Load.DISTINCT ? Choice.each(i * share, share) : Choice.any(count, i + 1));
      }
      return choices;
    }
  }
}
