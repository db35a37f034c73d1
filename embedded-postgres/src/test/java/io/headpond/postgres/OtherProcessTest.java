package io.headpond.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens between processes: a killed owner, two owners, another user. */
class OtherProcessTest {
  private static final String CLASS_PATH = System.getProperty("java.class.path");

  @TempDir Path temp;

  @Test
  void theServerOutlivesAKilledJvmAndIsTakenOver() throws Exception {
    Path folder = temp.resolve("pg");
    String[] up;
    try (ChildJvm child = child(folder)) {
      up = child.report().split(" ", -1);
      assertThat(up[0]).isEqualTo("up");
      assertThatThrownBy(() -> EmbeddedPostgres.builder().directory(folder).start())
          .isInstanceOf(EmbeddedPostgresException.class)
          .hasMessageContaining("another process");
      child.kill();
    }
    try (EmbeddedPostgres server = EmbeddedPostgres.builder().directory(folder).start()) {
      assertThat(server.adopted()).isTrue();
      assertThat(server.pid()).isEqualTo(Long.parseLong(up[1]));
      assertThat(server.port()).isEqualTo(Integer.parseInt(up[2]));
      assertThat(Sql.one(server, "select current_database()")).isEqualTo("headpond");
    }
    assertThat(Postmaster.leftIn(folder.resolve("data"))).isEmpty();
  }

  @Test
  void anOrphanThatIsNotAsWantedIsStoppedFirst() throws Exception {
    Path folder = temp.resolve("pg");
    long orphan;
    try (ChildJvm child = child(folder)) {
      orphan = Long.parseLong(child.report().split(" ", -1)[1]);
      child.kill();
    }
    try (EmbeddedPostgres server =
        EmbeddedPostgres.builder().directory(folder).durable(false).start()) {
      assertThat(server.adopted()).isFalse();
      assertThat(server.pid()).isNotEqualTo(orphan);
      assertThat(Sql.one(server, "show fsync")).isEqualTo("off");
    }
  }

  @Test
  void ofTwoAtOnceOneStartsAndItsOrphanCanBeStopped() throws Exception {
    Path folder = temp.resolve("pg");
    try (ChildJvm one = child(folder);
        ChildJvm other = child(folder)) {
      List<String> reports = List.of(one.report(), other.report());
      assertThat(reports).filteredOn(line -> line.startsWith("up ")).hasSize(1);
      assertThat(reports)
          .filteredOn(line -> line.startsWith("failed another process has"))
          .hasSize(1);
      (reports.get(0).startsWith("up ") ? one : other).kill();
    }
    EmbeddedPostgres.stopOrphan(folder);
    assertThat(Postmaster.leftIn(folder.resolve("data"))).isEmpty();
    EmbeddedPostgres.stopOrphan(folder);
    EmbeddedPostgres.stopOrphan(temp.resolve("nothing here"));
  }

  @Test
  void anOrdinaryUserStartsItDirectly() throws Exception {
    Path open = openFolder();
    Path cache = Files.createDirectory(open.resolve("cache"));
    Path installed = PostgresBinaries.in(PostgresBinaries.defaultCache()).home();
    copy(installed, cache.resolve(installed.getFileName()));
    List<String> asNobody = isRoot() ? nobody(open) : List.of();
    try (ChildJvm child =
        ChildJvm.start(asNobody, readableClassPath(open), open.resolve("pg"), cache)) {
      String report = child.report();
      assertThat(report).startsWith("up ");
      if (isRoot()) {
        assertThat(report).endsWith(" 65534");
      }
      assertThat(child.stopServer()).isEqualTo("stopped");
    }
  }

  private static ChildJvm child(Path folder) throws IOException {
    return ChildJvm.start(List.of(), CLASS_PATH, folder, PostgresBinaries.defaultCache());
  }

  private static List<String> nobody(Path folder) throws IOException {
    Files.setAttribute(folder, "unix:uid", 65534);
    return List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--");
  }

  private boolean isRoot() throws IOException {
    return Files.getAttribute(temp, "unix:uid").equals(0);
  }

  /** A folder that every user may enter. */
  private Path openFolder() throws IOException {
    Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path open = Files.createDirectory(temp.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
    return open;
  }

  /** The class path, copied to where every user can read it: a local repository below a home is closed. */
  private static String readableClassPath(Path open) throws IOException {
    Path lib = Files.createDirectory(open.resolve("lib"));
    List<String> copied = new ArrayList<>();
    int i = 0;
    for (String part : CLASS_PATH.split(java.io.File.pathSeparator, -1)) {
      Path source = Path.of(part);
      if (!Files.exists(source)) {
        continue;
      }
      Path target = lib.resolve(i++ + "-" + source.getFileName());
      copy(source, target);
      copied.add(target.toString());
    }
    return String.join(java.io.File.pathSeparator, copied);
  }

  private static void copy(Path source, Path target) throws IOException {
    try (Stream<Path> paths = Files.walk(source)) {
      for (Path path : paths.toList()) {
        Files.copy(
            path,
            target.resolve(source.relativize(path).toString()),
            StandardCopyOption.COPY_ATTRIBUTES,
            LinkOption.NOFOLLOW_LINKS);
      }
    }
  }
}
