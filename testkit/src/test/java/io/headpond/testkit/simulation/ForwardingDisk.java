package io.headpond.testkit.simulation;

import io.headpond.journal.Disk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** A disk in front of another one. */
class ForwardingDisk implements Disk {
  final Disk real;

  ForwardingDisk(Disk real) {
    this.real = real;
  }

  /** Whether a force is carried out. */
  boolean forces() {
    return true;
  }

  /** The names of the segments, oldest first. */
  List<String> segments() throws IOException {
    return real.list().stream().filter(name -> name.matches(".*[0-9].*")).sorted().toList();
  }

  @Override
  public List<String> list() throws IOException {
    return real.list();
  }

  @Override
  public SegmentFile create(String name, int size) throws IOException {
    return new File(real.create(name, size));
  }

  @Override
  public SegmentFile open(String name) throws IOException {
    return new File(real.open(name));
  }

  @Override
  public SegmentFile read(String name) throws IOException {
    return new File(real.read(name));
  }

  @Override
  public void rename(String from, String to) throws IOException {
    real.rename(from, to);
  }

  @Override
  public void delete(String name) throws IOException {
    real.delete(name);
  }

  @Override
  public void forceDirectory() throws IOException {
    real.forceDirectory();
  }

  @Override
  public Closeable lock(String name) throws IOException {
    return real.lock(name);
  }

  @Override
  public String location(String name) {
    return real.location(name);
  }

  private final class File implements SegmentFile {
    private final SegmentFile file;

    private File(SegmentFile file) {
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
    public void write(int at, byte[] bytes, int from, int length) throws IOException {
      file.write(at, bytes, from, length);
    }

    @Override
    public void force(int from, int to) throws IOException {
      if (forces()) {
        file.force(from, to);
      }
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
