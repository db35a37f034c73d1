package io.headpond.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Root's stand-ins. Run by an ordinary user, the same starts show that none is taken. */
class RunAsTest {
  @TempDir Path temp;
  private boolean root;

  @BeforeEach
  void whoAmI() throws Exception {
    root = Files.getAttribute(temp, "unix:uid").equals(0);
    Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void dataOfAnotherUserIsServedAsThatUser() throws Exception {
    Path folder = Files.createDirectory(temp.resolve("pg"));
    Path data = Files.createDirectory(folder.resolve("data"));
    if (root) {
      Files.setAttribute(data, "unix:uid", 12345);
      Files.setAttribute(data, "unix:gid", 12346);
      RunAs runAs = RunAs.choose(folder, data);
      assertThat(runAs.uid()).isEqualTo(12345);
      assertThat(runAs.gid()).isEqualTo(12346);
      assertThat(runAs.prefix()).contains("setpriv");
    } else {
      assertThat(RunAs.choose(folder, data).prefix()).isEmpty();
    }
  }

  @Test
  void aClusterOfUid65534StartsUnderIt() throws Exception {
    Path folder = temp.resolve("pg");
    EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder().directory(folder).durable(false);
    try (EmbeddedPostgres server = builder.start()) {
      Sql.run(server, "create table t as select 7 as n");
    }
    if (root) {
      new RunAs(java.util.List.of(), 65534, 65534).own(folder.resolve("data"));
    }
    try (EmbeddedPostgres server = builder.start()) {
      assertThat(Sql.one(server, "select n from t")).isEqualTo("7");
      server.killHard();
      server.restart();
      assertThat(Sql.one(server, "select n from t")).isEqualTo("7");
    }
  }

  @Test
  void aClosedFolderOnTheWayIsNamed() throws Exception {
    Path closed = Files.createDirectory(temp.resolve("closed"));
    Path folder = Files.createDirectories(closed.resolve("pg"));
    Path data = Files.createDirectory(folder.resolve("data"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
    if (root) {
      Files.setAttribute(data, "unix:uid", 65534);
      assertThatThrownBy(() -> RunAs.choose(folder, data))
          .isInstanceOf(EmbeddedPostgresException.class)
          .hasMessageContaining("may not enter " + closed + ":")
          .hasMessageContaining("chmod o+x " + closed);
    } else {
      assertThat(RunAs.choose(folder, data).canReach(folder)).isTrue();
    }
  }
}
