package io.headpond.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** What a force costs, by the way in which the bytes reached the file. No cache is involved. */
final class ForceBenchmark implements Benchmark {
  private static final int RECORD_BYTES = 168;
  private static final List<String> WAYS =
      List.of("mapped, msync", "mapped, fdatasync", "written, fdatasync", "written, msync");

  @Override
  public String name() {
    return "force";
  }

  @Override
  public String title() {
    return "forces in a second of bytes that were mapped or written; no goal";
  }

  @Override
  public boolean needsPostgres() {
    return false;
  }

  @Override
  public void run(Run run) throws IOException {
    run.out()
        .printf(
            "Groups of records of %d bytes into a preallocated file, one thread, one force for each group; the ways by turns."
                + " Each way has a file of its own, mapped in all of them.%n%n",
            RECORD_BYTES);
    Table table = new Table("group", "way", "forces/s", "CPU each");
    double seconds = run.quick() ? 0.01 : 0.2;
    Path folder = run.folder("force");
    for (int group : new int[] {1, 4, 150}) {
      run.progress("force, groups of " + group);
      Samples[] rates = new Samples[WAYS.size()];
      Samples[] cpu = new Samples[WAYS.size()];
      try (Files files = new Files(folder, run.segmentSize())) {
        for (int round = run.firstRound(); round <= run.rounds(); round++) {
          for (int way = 0; way < WAYS.size(); way++) {
            Writers.Result result = files.force(way, group, seconds);
            if (rates[way] == null) {
              rates[way] = new Samples();
              cpu[way] = new Samples();
            }
            if (round > 0) {
              rates[way].add(result.rate());
              cpu[way].add(result.cpuNanosEach());
            }
          }
        }
      }
      for (int way = 0; way < WAYS.size(); way++) {
        table.row(
            Samples.whole(group),
            WAYS.get(way),
            rates[way].text(Samples::whole),
            Samples.micros(cpu[way].median()));
      }
    }
    run.out().print(table);
  }

  /** One file for each way. */
  private static final class Files implements AutoCloseable {
    private final FileChannel[] channels = new FileChannel[WAYS.size()];
    private final MappedByteBuffer[] maps = new MappedByteBuffer[WAYS.size()];
    private final int size;
    private int at;

    Files(Path folder, int size) throws IOException {
      this.size = size;
      for (int way = 0; way < channels.length; way++) {
        channels[way] =
            FileChannel.open(
                folder.resolve("way-" + way),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        for (int i = 0; i < size; i += 1 << 20) {
          channels[way].write(ByteBuffer.allocate(1 << 20), i);
        }
        channels[way].force(true);
        maps[way] = channels[way].map(FileChannel.MapMode.READ_WRITE, 0, size);
      }
    }

    Writers.Result force(int way, int group, double seconds) throws IOException {
      byte[] bytes = new byte[RECORD_BYTES * group];
      java.util.Arrays.fill(bytes, (byte) 1);
      ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length);
      direct.put(bytes);
      long cpu = Machine.cpuNanos();
      long began = System.nanoTime();
      long count = 0;
      while (System.nanoTime() - began < seconds * 1e9) {
        if (at + bytes.length > size) {
          at = 0;
        }
        if (way < 2) {
          maps[way].put(at, bytes);
        } else {
          channels[way].write(direct.clear(), at);
        }
        if (way % 3 == 0) {
          maps[way].force(at, bytes.length);
        } else {
          channels[way].force(false);
        }
        at += bytes.length;
        count++;
      }
      return new Writers.Result(count, (System.nanoTime() - began) / 1e9, Machine.cpuNanos() - cpu);
    }

    @Override
    public void close() throws IOException {
      for (FileChannel channel : channels) {
        channel.close();
      }
    }
  }
}
