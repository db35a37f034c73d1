package io.headpond.redis.servers;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** A server program. */
public enum ServerBinary {
  /** Redis 6.2, which comes through Maven. */
  REDIS_6_2,
  /** {@code redis-server} of this machine, or what {@code -Dheadpond.redis-server} names. */
  REDIS,
  /** {@code valkey-server} of this machine, or what {@code -Dheadpond.valkey-server} names. */
  VALKEY;

  /** Those that are here. */
  public static List<ServerBinary> here() {
    return Arrays.stream(values()).filter(binary -> binary.find() != null).toList();
  }

  /** Where it is. Skips the test loudly if it is not here. */
  public Path path() {
    Path found = find();
    if (found == null) {
      String message =
          this == VALKEY
              ? "valkey-server is missing: install it (Debian: valkey-server from backports) or name it with -Dheadpond.valkey-server=/path"
              : this == REDIS
                  ? "redis-server is missing: install it (Debian: redis-server) or name it with -Dheadpond.redis-server=/path"
                  : "there is no Redis 6.2 among the build's binaries for "
                      + System.getProperty("os.name")
                      + " "
                      + System.getProperty("os.arch");
      System.err.println("SKIPPED: " + message);
      Assumptions.abort(message);
    }
    return found;
  }

  private @Nullable Path find() {
    return switch (this) {
      case REDIS_6_2 -> Embedded.PATH;
      case REDIS -> onPath("redis-server");
      case VALKEY -> onPath("valkey-server");
    };
  }

  private static @Nullable Path onPath(String name) {
    String given = System.getProperty("headpond." + name);
    if (given != null && !given.isEmpty()) {
      Path path = Path.of(given);
      if (!Files.isExecutable(path)) {
        throw new IllegalArgumentException(
            "-Dheadpond." + name + "=" + given + " names no program");
      }
      return path;
    }
    String path = System.getenv("PATH");
    return path == null
        ? null
        : Arrays.stream(path.split(File.pathSeparator))
            .map(folder -> Path.of(folder, name))
            .filter(Files::isExecutable)
            .findFirst()
            .orElse(null);
  }

  /** The program that lies in a jar, brought to disk once for each process. */
  private static final class Embedded {
    static final @Nullable Path PATH = extract();

    private static @Nullable Path extract() {
      String resource = resource();
      if (resource == null) {
        return null;
      }
      try (InputStream in =
          Thread.currentThread().getContextClassLoader().getResourceAsStream(resource)) {
        if (in == null) {
          return null;
        }
        Path file =
            Files.createTempFile(
                "headpond-redis-6.2-",
                "",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        file.toFile().deleteOnExit();
        Files.write(file, in.readAllBytes());
        return file;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static @Nullable String resource() {
      String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
      String arch = System.getProperty("os.arch", "");
      boolean arm = arch.equals("aarch64") || arch.equals("arm64");
      if (os.contains("linux")) {
        return arm ? "redis-server-6.2.7-linux-arm64" : "redis-server-6.2.6-v5-linux-amd64";
      }
      if (os.contains("mac")) {
        return arm ? "redis-server-6.2.6-v5-darwin-arm64" : "redis-server-6.2.6-v5-darwin-amd64";
      }
      return null;
    }
  }
}
