package io.headpond.bench;

import io.headpond.bench.Writers.Result;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The limit of a journal: a loop on one thread that appends records of one size to a preallocated file with {@code
 * FileChannel.write}, starting over at its end, and does nothing else. Not thread-safe.
 */
final class BareFile implements Closeable {
  private static final int CHUNK = 1 << 20;

  private final FileChannel file;
  private final int size;

  /** @param size that of a segment of the journal */
  BareFile(Path path, int size) throws IOException {
    this.size = size;
    file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    ByteBuffer zeros = ByteBuffer.allocateDirect(CHUNK);
    for (int at = 0; at < size; at += CHUNK) {
      zeros.clear();
      file.write(zeros);
    }
    file.force(true);
  }

  /** Appends for so long; one write for each record, never forced. */
  Result append(int recordBytes, double seconds) throws IOException {
    ByteBuffer record = ByteBuffer.allocateDirect(recordBytes);
    long limit = (long) (seconds * 1e9);
    long cpu = Machine.cpuNanos();
    long began = System.nanoTime();
    long count = 0;
    long at = size;
    long now;
    do {
      for (int i = 0; i < 64; i++) {
        at = place(at, recordBytes);
        record.clear();
        file.write(record);
        at += recordBytes;
        count++;
      }
      now = System.nanoTime();
    } while (now - began < limit);
    return new Result(count, (now - began) / 1e9, Machine.cpuNanos() - cpu);
  }

  /** Appends for so long: one write and one force for each group of records. */
  Result appendAndForce(int recordBytes, int group, double seconds) throws IOException {
    ByteBuffer records = ByteBuffer.allocateDirect(recordBytes * group);
    long limit = (long) (seconds * 1e9);
    long cpu = Machine.cpuNanos();
    long began = System.nanoTime();
    long count = 0;
    long at = size;
    long now;
    do {
      at = place(at, records.capacity());
      records.clear();
      file.write(records);
      file.force(false);
      at += records.capacity();
      count += group;
      now = System.nanoTime();
    } while (now - began < limit);
    return new Result(count, (now - began) / 1e9, Machine.cpuNanos() - cpu);
  }

  private long place(long at, int length) throws IOException {
    if (at + length > size) {
      file.position(0);
      return 0;
    }
    return at;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
