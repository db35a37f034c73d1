package io.headpond.journal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * The folder of a journal: the few things that the journal asks of a file system, and the order in which they last.
 *
 * <p><b>Durability.</b> What was written to a segment survives the death of the process at once, and the loss of power once it was forced.
 * A file's name survives the loss of power once the directory was forced.
 *
 * <p>Thread-safe. No method can be interrupted.
 */
public interface Disk {

  /** The folder on a real file system; it is created, with its parents, if it is not there. */
  static Disk in(Path folder) {
    return new FolderDisk(folder);
  }

  /** Names of the files in the folder, in no order. */
  List<String> list() throws IOException;

  /**
   * Creates a file of {@code size} zeros, with all its space allocated, and forces it. Where this fails, nothing of it is left.
   *
   * @throws IOException if there is no room, or for any other reason
   */
  SegmentFile create(String name, int size) throws IOException;

  /** Opens a file to read and write; writing never makes it longer. */
  SegmentFile open(String name) throws IOException;

  /** Opens a file to read. */
  SegmentFile read(String name) throws IOException;

  /** Renames a file; a file of the new name is replaced. */
  void rename(String from, String to) throws IOException;

  /** Deletes a file and gives its space back at once, even while it is open here. */
  void delete(String name) throws IOException;

  /** Forces the names of the files to the disk. */
  void forceDirectory() throws IOException;

  /**
   * Keeps every other process, and everyone else in this one, out until the result is closed.
   *
   * @throws io.headpond.ConfigurationException if somebody holds the lock; names the process
   */
  Closeable lock(String name) throws IOException;

  /** Where the file of that name is, for people. */
  String location(String name);

  /** An open file of fixed size. Thread-safe, as long as two threads do not write the same bytes. */
  interface SegmentFile extends Closeable {
    /** Its size in bytes. */
    int size();

    /** A read-only view of its bytes, with a position and limit of its own. */
    ByteBuffer bytes();

    /**
     * Writes bytes; when it returns they survive the death of the process.
     *
     * @throws IOException if they may not have been written, or may not stay
     */
    void write(int at, byte[] bytes, int from, int length) throws IOException;

    /** As {@link #write}, for bytes that somebody waits to see forced: whatever way makes the force quick. */
    default void writeToForce(int at, byte[] bytes, int from, int length) throws IOException {
      write(at, bytes, from, length);
    }

    /** Forces the bytes of the range to the disk. After a failure none of the unforced bytes can be relied on, now or later. */
    void force(int from, int to) throws IOException;

    @Override
    void close();
  }
}
