package io.headpond.testkit;

import io.headpond.ConfigurationException;
import io.headpond.journal.Disk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * A folder in memory that behaves as one on a disk does when the process dies or the power goes, and that fails on command.
 *
 * <p>What was written survives {@link #crashProcess}. Of what was written and not forced, {@link #losePower} keeps any set of sectors of 512 bytes;
 * of renames, creations and deletions that were not forced, any first part of them in their order. After either this disk is dead: what still
 * holds it gets an {@link IOException} for everything, and the disk that is returned goes on.
 *
 * <p>Thread-safe.
 */
public final class SimulatedDisk implements Disk {
  private static final int SECTOR = 512;

  private final Map<String, Content> files = new TreeMap<>();

  /** The folder as it may be found after a loss of power: the forced one, then after each change. */
  private final List<Map<String, Content>> history = new ArrayList<>();

  private long capacity = Long.MAX_VALUE;
  private long operations;
  private long crashAt = Long.MAX_VALUE;
  private boolean failWrites;
  private boolean failForces;
  private boolean locked;
  private boolean dead;

  private static final class Content {
    byte[] bytes;
    byte[] forced;

    Content(byte[] bytes, byte[] forced) {
      this.bytes = bytes;
      this.forced = forced;
    }
  }

  /** An empty disk. */
  public SimulatedDisk() {
    history.add(new TreeMap<>());
  }

  /** How many bytes files may have together; {@link #create} fails when there would be more. */
  public synchronized void capacity(long bytes) {
    capacity = bytes;
  }

  /** Whether writes to segments fail from now on, as when a page cannot be written. */
  public synchronized void failWrites(boolean fail) {
    failWrites = fail;
  }

  /** Whether forces of segments fail from now on. */
  public synchronized void failForces(boolean fail) {
    failForces = fail;
  }

  /** Whether it has been told to fail or to have little room. */
  public synchronized boolean impaired() {
    return failWrites || failForces || capacity != Long.MAX_VALUE;
  }

  /** How many changes have been asked of this disk. */
  public synchronized long operations() {
    return operations;
  }

  /** The process dies in the middle of the change of this number, counted as by {@link #operations}. */
  public synchronized void crashAt(long operation) {
    crashAt = operation;
  }

  /** Whether the process that used this disk has died, or the power has gone. */
  public synchronized boolean dead() {
    return dead;
  }

  /** The bytes of a file, to be looked at or changed. */
  public synchronized byte[] contents(String name) {
    return content(name).bytes;
  }

  /** Makes a file with these bytes, forced, or replaces it. */
  public synchronized void put(String name, byte[] bytes) {
    files.put(name, new Content(bytes, bytes.clone()));
    forceNames();
  }

  /** Removes a file, as a person would. */
  public synchronized void remove(String name) {
    files.remove(name);
    forceNames();
  }

  /** How many bytes the files have together. */
  public synchronized long used() {
    return files.values().stream().mapToLong(content -> content.bytes.length).sum();
  }

  /** A copy of what is there, all of it forced; this disk goes on. */
  public synchronized SimulatedDisk copy() {
    SimulatedDisk copy = new SimulatedDisk();
    files.forEach(
        (name, content) ->
            copy.files.put(name, new Content(content.bytes.clone(), content.bytes.clone())));
    copy.forceNames();
    return copy;
  }

  /** The process is killed: everything that was written stays. */
  public synchronized SimulatedDisk crashProcess() {
    SimulatedDisk next = copyWithHistory();
    dead = true;
    return next;
  }

  /** A copy that also knows what was forced; this disk goes on. */
  public synchronized SimulatedDisk copyWithHistory() {
    SimulatedDisk next = new SimulatedDisk();
    files.forEach(
        (name, content) ->
            next.files.put(name, new Content(content.bytes.clone(), content.forced.clone())));
    next.history.clear();
    for (Map<String, Content> names : history) {
      Map<String, Content> moved = new TreeMap<>();
      names.forEach((name, content) -> moved.put(name, counterpart(next, content)));
      next.history.add(moved);
    }
    next.capacity = capacity;
    return next;
  }

  private Content counterpart(SimulatedDisk next, Content content) {
    for (Map.Entry<String, Content> file : files.entrySet()) {
      if (file.getValue() == content) {
        return next.content(file.getKey());
      }
    }
    return new Content(content.bytes.clone(), content.forced.clone());
  }

  /** The power goes: of what was not forced, the seed decides what stays. */
  public synchronized SimulatedDisk losePower(long seed) {
    // Spread out: the first numbers of neighbouring small seeds are nearly the same.
    Random random = new Random(seed * 0x9e3779b97f4a7c15L);
    SimulatedDisk next = new SimulatedDisk();
    Map<String, Content> names = history.get(random.nextInt(history.size()));
    int kept = random.nextInt(5);
    names.forEach(
        (name, content) -> {
          byte[] bytes = survive(content, random, kept);
          next.files.put(name, new Content(bytes, bytes.clone()));
        });
    next.forceNames();
    next.capacity = capacity;
    dead = true;
    return next;
  }

  private static byte[] survive(Content content, Random random, int kept) {
    if (content.bytes.length != content.forced.length) {
      return random.nextBoolean() ? content.bytes.clone() : content.forced.clone();
    }
    byte[] bytes = content.forced.clone();
    for (int at = 0; at < bytes.length; at += SECTOR) {
      int end = Math.min(bytes.length, at + SECTOR);
      // Between nothing and all of the sectors, so that each of those ends occurs.
      if (!Arrays.equals(bytes, at, end, content.bytes, at, end) && random.nextInt(4) < kept) {
        System.arraycopy(content.bytes, at, bytes, at, end - at);
      }
    }
    return bytes;
  }

  private void forceNames() {
    history.clear();
    history.add(new TreeMap<>(files));
  }

  private Content content(String name) {
    Content content = files.get(name);
    if (content == null) {
      throw new IllegalArgumentException("there is no file " + name);
    }
    return content;
  }

  private void alive() throws IOException {
    if (dead) {
      throw new IOException("the process is dead");
    }
  }

  /** Counts a change; whether the process dies within it. */
  private boolean change() throws IOException {
    alive();
    dead = operations++ == crashAt;
    return dead;
  }

  private void namesChanged() throws IOException {
    history.add(new TreeMap<>(files));
    alive();
  }

  @Override
  public synchronized List<String> list() throws IOException {
    alive();
    return List.copyOf(files.keySet());
  }

  @Override
  public synchronized SegmentFile create(String name, int size) throws IOException {
    change();
    if (used() + size > capacity) {
      throw new IOException("No space left on device");
    }
    int written = dead ? size / 2 : size;
    files.put(name, new Content(new byte[written], new byte[dead ? 0 : size]));
    namesChanged();
    return new SimulatedFile(content(name), false);
  }

  @Override
  public synchronized SegmentFile open(String name) throws IOException {
    return opened(name, false);
  }

  @Override
  public synchronized SegmentFile read(String name) throws IOException {
    return opened(name, true);
  }

  private SegmentFile opened(String name, boolean readOnly) throws IOException {
    alive();
    if (!files.containsKey(name)) {
      throw new IOException(name + " does not exist");
    }
    return new SimulatedFile(content(name), readOnly);
  }

  @Override
  public synchronized void rename(String from, String to) throws IOException {
    change();
    Content content = files.remove(from);
    if (content == null) {
      throw new IOException(from + " does not exist");
    }
    files.put(to, content);
    namesChanged();
  }

  @Override
  public synchronized void delete(String name) throws IOException {
    Content content = files.get(name);
    if (content == null) {
      return;
    }
    change();
    content.bytes = new byte[0];
    if (!dead) {
      files.remove(name);
    }
    namesChanged();
  }

  @Override
  public synchronized void forceDirectory() throws IOException {
    if (!change()) {
      forceNames();
    }
    alive();
  }

  @Override
  public synchronized Closeable lock(String name) throws IOException {
    alive();
    if (locked) {
      throw new ConfigurationException(
          "journal " + this + " is in use by process " + ProcessHandle.current().pid());
    }
    locked = true;
    return () -> {
      synchronized (this) {
        locked = false;
      }
    };
  }

  @Override
  public String location(String name) {
    return this + "/" + name;
  }

  @Override
  public String toString() {
    return "simulated";
  }

  private final class SimulatedFile implements SegmentFile {
    private final Content content;
    private final byte[] bytes;
    private final boolean readOnly;

    SimulatedFile(Content content, boolean readOnly) {
      this.content = content;
      this.bytes = content.bytes;
      this.readOnly = readOnly;
    }

    @Override
    public int size() {
      return bytes.length;
    }

    @Override
    public ByteBuffer bytes() {
      return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
    }

    @Override
    public void write(int at, byte[] source, int from, int length) throws IOException {
      synchronized (SimulatedDisk.this) {
        boolean dies = change();
        if (readOnly || failWrites) {
          throw new IOException("the page could not be written");
        }
        System.arraycopy(source, from, bytes, at, dies ? length / 2 : length);
        alive();
      }
    }

    @Override
    public void force(int from, int to) throws IOException {
      synchronized (SimulatedDisk.this) {
        boolean dies = change();
        if (failForces) {
          throw new IOException("Input/output error");
        }
        if (content.bytes == bytes) {
          int end = dies ? from + (to - from) / 2 : to;
          System.arraycopy(bytes, from, content.forced, from, Math.max(0, end - from));
        }
        alive();
      }
    }

    @Override
    public void close() {}
  }
}
