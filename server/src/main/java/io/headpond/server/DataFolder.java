package io.headpond.server;

import io.headpond.ConfigurationException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
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

  private static String reason(IOException e) {
    String name = e.getClass().getSimpleName();
    return switch (name) {
      case "AccessDeniedException" -> "permission denied";
      case "FileAlreadyExistsException" -> "it is not a folder";
      default -> String.valueOf(e.getMessage());
    };
  }
}
