package io.headpond.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What the numbers were measured on. */
final class Machine {
  private static final int BLOCK = 4_096;
  private static final int BLOCKS = 256;
  private static final int CLOCK_READS = 2_000_000;

  private Machine() {}

  /** Cores, memory, kernel, JDK, the disk under {@code folder}, the price of a look at the clock. */
  static String describe(Path folder) throws IOException {
    Samples force = forces(folder);
    var system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    Table table = new Table("machine", "");
    table.row(
        "cores",
        Runtime.getRuntime().availableProcessors()
            + ", load average "
            + Samples.ratio(system.getSystemLoadAverage()));
    table.row(
        "memory",
        (system.getTotalMemorySize() >> 20)
            + " MiB, heap of this process up to "
            + (Runtime.getRuntime().maxMemory() >> 20)
            + " MiB");
    table.row("kernel", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    table.row(
        "JDK",
        System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
    table.row("file system", Files.getFileStore(folder).type());
    table.row("write 4 KiB + force", force.text(Samples::micros));
    table.row("System.nanoTime()", Samples.whole(clockNanos()) + " ns");
    return table.toString();
  }

  private static Samples forces(Path folder) throws IOException {
    Samples samples = new Samples();
    try (FileChannel file =
        FileChannel.open(
            folder.resolve("force"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(BLOCK * BLOCKS));
      file.force(true);
      ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
      for (int i = 0; i < BLOCKS; i++) {
        block.clear();
        long before = System.nanoTime();
        file.write(block, (long) i * BLOCK);
        file.force(false);
        samples.add(System.nanoTime() - before);
      }
    }
    return samples;
  }

  /** What this process has used of the processors so far. */
  static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  static double clockNanos() {
    long before = System.nanoTime();
    long last = before;
    for (int i = 0; i < CLOCK_READS; i++) {
      last = System.nanoTime();
    }
    return (double) (last - before) / CLOCK_READS;
  }
}
