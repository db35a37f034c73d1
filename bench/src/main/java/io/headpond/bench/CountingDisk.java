package io.headpond.bench;

import io.headpond.journal.Disk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/** Counts what a journal writes to and forces onto a real disk. Thread-safe. */
final class CountingDisk implements Disk {
  private final Disk disk;
  private final LongAdder forces = new LongAdder();
  private final LongAdder writes = new LongAdder();
  private final LongAdder bytes = new LongAdder();

  CountingDisk(Disk disk) {
    this.disk = disk;
  }

  long forces() {
    return forces.sum();
  }

  long writes() {
    return writes.sum();
  }

  long bytes() {
    return bytes.sum();
  }

  @Override
  public List<String> list() throws IOException {
    return disk.list();
  }

  @Override
  public SegmentFile create(String name, int size) throws IOException {
    return new CountingFile(disk.create(name, size));
  }

  @Override
  public SegmentFile open(String name) throws IOException {
    return new CountingFile(disk.open(name));
  }

  @Override
  public SegmentFile read(String name) throws IOException {
    return disk.read(name);
  }

  @Override
  public void rename(String from, String to) throws IOException {
    disk.rename(from, to);
  }

  @Override
  public void delete(String name) throws IOException {
    disk.delete(name);
  }

  @Override
  public void forceDirectory() throws IOException {
    disk.forceDirectory();
  }

  @Override
  public Closeable lock(String name) throws IOException {
    return disk.lock(name);
  }

  @Override
  public String location(String name) {
    return disk.location(name);
  }

  private final class CountingFile implements SegmentFile {
    private final SegmentFile file;

    CountingFile(SegmentFile file) {
      this.file = file;
    }

    @Override
    public int size() {
      return file.size();
    }

    @Override
    public ByteBuffer bytes() {
      return file.bytes();
    }

    @Override
    public void write(int at, byte[] data, int from, int length) throws IOException {
      writes.increment();
      bytes.add(length);
      file.write(at, data, from, length);
    }

    @Override
    public void writeToForce(int at, byte[] data, int from, int length) throws IOException {
      writes.increment();
      bytes.add(length);
      file.writeToForce(at, data, from, length);
    }

    @Override
    public void force(int from, int to) throws IOException {
      forces.increment();
      file.force(from, to);
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
