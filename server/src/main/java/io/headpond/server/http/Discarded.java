package io.headpond.server.http;

import io.headpond.UnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file that dead letters go to before they are discarded, one line of JSON each: {@code discarded.ndjson} in the data folder. It is only ever
 * appended to, and made when the first letter goes there. Thread-safe; for one process, which holds the data folder.
 */
public final class Discarded {
  /** Its name. */
  public static final String NAME = "discarded.ndjson";

  private static final Logger LOG = LoggerFactory.getLogger(Discarded.class);

  private final Path file;

  /** Whether the file is known to be there after a loss of power. */
  private boolean folderForced;

  /** In this folder, which must be there when a letter comes. */
  public Discarded(Path folder) {
    this.file = folder.resolve(NAME);
  }

  Path file() {
    return file;
  }

  /**
   * Appends a line, forced to the disk when this returns.
   *
   * @throws UnavailableException if that failed; then nothing of it stands there
   */
  synchronized void keep(Json line) {
    try (FileChannel channel = open()) {
      long end = channel.size();
      try {
        append(channel, end, line);
        if (!folderForced) {
          forceFolder(file);
          folderForced = true;
        }
      } catch (IOException e) {
        channel.truncate(end);
        throw e;
      }
    } catch (IOException e) {
      LOG.warn("a dead letter could not be kept in {}, and is not discarded", file, e);
      throw new UnavailableException(
          "the letter cannot be kept in " + file + " (" + reason(e) + "), so it stays", e);
    }
  }

  /** It has values, so that it is nobody else's where the file system can say so. */
  private FileChannel open() throws IOException {
    Set<StandardOpenOption> options =
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    return file.getFileSystem().supportedFileAttributeViews().contains("posix")
        ? FileChannel.open(
            file,
            options,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))
        : FileChannel.open(file, options);
  }

  static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    String reason = e instanceof FileSystemException failed ? failed.getReason() : e.getMessage();
    return reason == null ? e.getClass().getSimpleName() : reason;
  }

  private static void append(FileChannel channel, long end, Json line) throws IOException {
    // A crash may have left half a line. It was never acknowledged, and must not spoil this one.
    ByteBuffer last = ByteBuffer.allocate(1);
    boolean torn = end > 0 && channel.read(last, end - 1) == 1 && last.get(0) != '\n';
    ByteBuffer bytes =
        ByteBuffer.wrap(((torn ? "\n" : "") + line + "\n").getBytes(StandardCharsets.UTF_8));
    long at = end;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
    channel.force(true);
  }

  /** So that a new file is still there after a loss of power. */
  static void forceFolder(Path file) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
