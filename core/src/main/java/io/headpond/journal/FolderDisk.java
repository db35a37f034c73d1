package io.headpond.journal;

import io.headpond.ConfigurationException;
import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** A folder of the file system, its segments mapped into memory. */
final class FolderDisk implements Disk {
  private static final int CHUNK = 1 << 20;

  /** On Linux msync(MS_SYNC) is an fdatasync of the range; elsewhere it does not flush the drive's cache. */
  private static final boolean MSYNC_FORCES =
      System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux");

  /**
   * Lock files that this process holds. POSIX drops a process's locks on a file as soon as it closes any of its descriptors, so a second attempt within
   * the process must not even open it: this is the process's state, hence static.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path folder;

  FolderDisk(Path folder) {
    this.folder = folder.toAbsolutePath().normalize();
    try {
      createFolder(this.folder);
    } catch (IOException e) {
      throw new ConfigurationException(
          "journal folder " + this.folder + " cannot be created: " + e.getMessage(), e);
    }
  }

  /**
   * One at a time: journals that are opened side by side share parents, and none may go on before the entry of its parent is
   * forced.
   */
  private static synchronized void createFolder(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    Path parent = folder.getParent();
    if (parent != null) {
      createFolder(parent);
    }
    try {
      Files.createDirectory(folder);
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(folder)) {
        throw e;
      }
      // Another process was faster.
    }
    if (parent != null) {
      forceDirectory(parent);
    }
  }

  @Override
  public List<String> list() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Override
  public SegmentFile create(String name, int size) throws IOException {
    Path path = folder.resolve(name);
    Files.deleteIfExists(path);
    RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
    try {
      byte[] zeros = new byte[Math.min(CHUNK, size)];
      for (int at = 0; at < size; at += zeros.length) {
        file.write(zeros, 0, Math.min(zeros.length, size - at));
      }
      file.getFD().sync();
      return map(file, FileChannel.MapMode.READ_WRITE);
    } catch (IOException | RuntimeException | Error e) {
      try {
        file.close();
        Files.deleteIfExists(path);
      } catch (IOException second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  @Override
  public SegmentFile open(String name) throws IOException {
    return open(name, "rw", FileChannel.MapMode.READ_WRITE);
  }

  @Override
  public SegmentFile read(String name) throws IOException {
    return open(name, "r", FileChannel.MapMode.READ_ONLY);
  }

  private SegmentFile open(String name, String mode, FileChannel.MapMode mapMode)
      throws IOException {
    Path path = folder.resolve(name);
    if (!Files.exists(path)) {
      throw new IOException(path + " does not exist");
    }
    RandomAccessFile file = new RandomAccessFile(path.toFile(), mode);
    try {
      return map(file, mapMode);
    } catch (IOException | RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static SegmentFile map(RandomAccessFile file, FileChannel.MapMode mode)
      throws IOException {
    long size = file.length();
    if (size > Integer.MAX_VALUE) {
      throw new IOException("a segment has at most 2 GiB, this file has " + size + " bytes");
    }
    // Mapping through a channel can be interrupted, and an interrupt closes the channel.
    boolean interrupted = Thread.interrupted();
    try {
      return new MappedFile(file, file.getChannel().map(mode, 0, size));
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void rename(String from, String to) throws IOException {
    Files.move(
        folder.resolve(from),
        folder.resolve(to),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void delete(String name) throws IOException {
    Path path = folder.resolve(name);
    if (!Files.exists(path)) {
      return;
    }
    // A mapping keeps the blocks of a deleted file until it is collected; an empty file has none.
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(0);
    }
    Files.deleteIfExists(path);
  }

  @Override
  public void forceDirectory() throws IOException {
    forceDirectory(folder);
  }

  private static void forceDirectory(Path folder) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
          channel.force(true);
          return;
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public Closeable lock(String name) throws IOException {
    Path path = folder.toRealPath().resolve(name);
    if (!HELD.add(path)) {
      throw new ConfigurationException(
          "journal "
              + folder
              + " is in use by this process ("
              + ProcessHandle.current().pid()
              + "): two stores cannot share a journal; close the first or give each its own folder");
    }
    FileChannel channel = null;
    boolean locked = false;
    try {
      channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw new ConfigurationException(
            "journal "
                + folder
                + " is in use by process "
                + holder(channel)
                + ": stop it first, or give each its own folder");
      }
      byte[] pid = Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII);
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(pid), 0);
      locked = true;
      FileChannel held = channel;
      return () -> {
        try {
          held.close();
        } finally {
          HELD.remove(path);
        }
      };
    } finally {
      if (!locked) {
        if (channel != null) {
          channel.close();
        }
        HELD.remove(path);
      }
    }
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer pid = ByteBuffer.allocate(20);
    channel.read(pid, 0);
    String text = new String(pid.array(), 0, pid.position(), StandardCharsets.US_ASCII).strip();
    return text.isEmpty() ? "(unknown)" : text;
  }

  @Override
  public String location(String name) {
    return folder.resolve(name).toString();
  }

  @Override
  public String toString() {
    return folder.toString();
  }

  private static final class MappedFile implements SegmentFile {
    private final RandomAccessFile file;
    private final MappedByteBuffer mapped;

    MappedFile(RandomAccessFile file, MappedByteBuffer mapped) {
      this.file = file;
      this.mapped = mapped;
    }

    @Override
    public int size() {
      return mapped.capacity();
    }

    @Override
    public ByteBuffer bytes() {
      return mapped.asReadOnlyBuffer();
    }

    @Override
    public void write(int at, byte[] bytes, int from, int length) throws IOException {
      try {
        mapped.put(at, bytes, from, length);
      } catch (InternalError e) {
        // How the JVM reports a page that the operating system could not provide.
        throw new IOException(
            "the operating system could not take the bytes: " + e.getMessage(), e);
      }
    }

    /**
     * With a call: a force of pages that were written through a mapping takes two to three times as long, since each is
     * protected again and the next write to it faults. One call costs more than a copy, but little beside a force.
     */
    @Override
    public void writeToForce(int at, byte[] bytes, int from, int length) throws IOException {
      synchronized (file) {
        file.seek(at);
        file.write(bytes, from, length);
      }
    }

    @Override
    public void force(int from, int to) throws IOException {
      if (mapped.isReadOnly()) {
        file.getFD().sync();
        return;
      }
      try {
        mapped.force(from, to - from);
      } catch (UncheckedIOException e) {
        throw e.getCause();
      }
      if (!MSYNC_FORCES) {
        file.getFD().sync();
      }
    }

    @Override
    public void close() {
      try {
        file.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
