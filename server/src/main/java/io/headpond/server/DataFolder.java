package io.headpond.server;

import io.headpond.ConfigurationException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * The data folder, held by this process until it is closed or ends. A lock file keeps a second server out, before it
 * could touch the first one's database.
 */
final class DataFolder implements AutoCloseable {
  private static final String LOCK = "headpond.lock";

  private final FileChannel channel;

  private DataFolder(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Creates the folder if it is missing, and takes it.
   *
   * @throws ConfigurationException if it cannot be written, or another process holds it
   */
  static DataFolder open(Path folder) {
    FileChannel channel = null;
    try {
      Files.createDirectories(folder);
      channel =
          FileChannel.open(
              folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (lock(channel) == null) {
        channel.close();
        throw new ConfigurationException(
            "data folder "
                + folder
                + ": another headpond uses it; stop that one, or choose another with --data-dir");
      }
      return new DataFolder(channel);
    } catch (IOException e) {
      throw new ConfigurationException(
          "data folder "
              + folder
              + ": cannot be written ("
              + reason(e)
              + "); change its permissions, or choose another with --data-dir",
          e);
    }
  }

  /** Gives the folder free. The lock file stays: to delete it would let two in. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new ConfigurationException("the data folder's lock cannot be given back: " + e, e);
    }
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  /** Why a file or folder cannot be used, for people: some of Java's messages are a bare path. */
  static String reason(IOException e) {
    return switch (e.getClass().getSimpleName()) {
      case "AccessDeniedException" -> "permission denied";
      case "FileAlreadyExistsException" -> "it is not a folder";
      case "NoSuchFileException" -> "no such file or folder";
      case "MalformedInputException", "UnmappableCharacterException" -> "it is no UTF-8";
      default -> {
        String reason = e instanceof FileSystemException known ? known.getReason() : e.getMessage();
        yield reason == null ? "the file system refuses it" : reason;
      }
    };
  }
}
