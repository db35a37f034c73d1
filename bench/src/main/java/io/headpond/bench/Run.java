package io.headpond.bench;

import io.headpond.journal.JournalStore;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** One run of the benchmarks: how thorough, where the files go, where the report goes. Removes its files at the end. */
final class Run implements AutoCloseable {
  private final Path root;
  private final boolean quick;
  private final PrintStream out;
  private final Thread hook;
  private final Deque<AutoCloseable> processes = new ConcurrentLinkedDeque<>();
  private final AtomicInteger folders = new AtomicInteger();
  private final long began = System.nanoTime();

  private Run(Path root, boolean quick, PrintStream out) {
    this.root = root;
    this.quick = quick;
    this.out = out;
    this.hook = new Thread(this::end, "bench-cleanup");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  static Run in(Path parent, boolean quick, PrintStream out) throws IOException {
    return new Run(Files.createTempDirectory(parent, "headpond-bench-"), quick, out);
  }

  boolean quick() {
    return quick;
  }

  PrintStream out() {
    return out;
  }

  /** The full value, or the one for a smoke test. */
  int scale(int full, int smoke) {
    return quick ? smoke : full;
  }

  /** The number of the first round; round 0 only warms up. */
  int firstRound() {
    return quick ? 1 : 0;
  }

  /** The number of the last round; in each one subject and limit are measured, one after the other. */
  int rounds() {
    return quick ? 1 : 9;
  }

  /** The size of a journal's segment: the default, or one that is made faster. */
  int segmentSize() {
    return quick ? 4 << 20 : JournalStore.Factory.DEFAULT_SEGMENT_SIZE;
  }

  /** A new empty folder. */
  Path folder(String name) {
    try {
      return Files.createDirectories(root.resolve(name + "-" + folders.incrementAndGet()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Says on standard error what is going on. */
  void progress(String what) {
    System.err.printf("bench: %5.1f s  %s%n", (System.nanoTime() - began) / 1e9, what);
  }

  /** Ends a process with this run, if it has not ended before; closing it twice must do no harm. */
  void endWith(AutoCloseable process) {
    processes.push(process);
  }

  private void end() {
    for (AutoCloseable process : processes) {
      try {
        process.close();
      } catch (Exception e) {
        System.err.println("bench: " + process + " did not end: " + e);
      }
    }
    delete(root);
  }

  @Override
  public void close() {
    end();
    Runtime.getRuntime().removeShutdownHook(hook);
  }

  /** Removes a folder and what is in it. */
  static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(folder)) {
      List<Path> all = paths.sorted(Comparator.reverseOrder()).toList();
      for (Path path : all) {
        Files.deleteIfExists(path);
      }
    } catch (IOException | UncheckedIOException e) {
      System.err.println("bench: " + folder + " was not removed: " + e);
    }
  }
}
