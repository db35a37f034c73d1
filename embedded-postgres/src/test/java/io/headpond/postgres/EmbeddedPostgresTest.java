package io.headpond.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The life of a server in one folder, with the real thing. */
class EmbeddedPostgresTest {
  @TempDir Path temp;

  /** Every test also shows that such a name does no harm. */
  private Path folder() {
    return temp.resolve("a b'c%20");
  }

  private EmbeddedPostgres.Builder server() {
    return EmbeddedPostgres.builder().directory(folder());
  }

  @Test
  void firstStartIsDurableDeterministicPrivateAndAlone() throws Exception {
    try (EmbeddedPostgres server = server().start()) {
      assertThat(server.adopted()).isFalse();
      assertThat(server.isRunning()).isTrue();
      for (String setting : List.of("fsync", "synchronous_commit", "full_page_writes")) {
        assertThat(Sql.one(server, "show " + setting)).as(setting).isEqualTo("on");
      }
      assertThat(Sql.one(server, "show listen_addresses")).isEqualTo("127.0.0.1");
      assertThat(Sql.one(server, "show max_connections")).isEqualTo("100");
      assertThat(Sql.one(server, "show timezone")).isEqualTo("UTC");
      assertThat(Sql.one(server, "show server_encoding")).isEqualTo("UTF8");
      assertThat(Sql.one(server, "select current_database()")).isEqualTo("headpond");
      assertThat(Sql.one(server, "select 'Z' < 'a' and 'z' < 'ä'")).isEqualTo("t");
      assertThat(Sql.one(server, "select upper('ä')")).isEqualTo("Ä");
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(server.directory().resolve("pgpass"))))
          .isEqualTo("rw-------");
      assertThatThrownBy(
              () ->
                  new org.postgresql.Driver()
                      .connect(
                          server.jdbcUrl().replace(server.password(), "guess"),
                          new java.util.Properties()))
          .isInstanceOf(SQLException.class);
      assertThat(server.psqlUrl()).doesNotContain(server.password()).doesNotContain(" ");
      assertThat(server.toString()).doesNotContain(server.password());

      assertThatThrownBy(() -> server().start())
          .isInstanceOf(EmbeddedPostgresException.class)
          .hasMessageContaining("another process has the PostgreSQL in");
      assertThat(server.isRunning()).isTrue();
    }
  }

  @Test
  void aRestartKeepsDataPortAndPassword() throws Exception {
    int port;
    String url;
    try (EmbeddedPostgres server = server().durable(false).start()) {
      port = server.port();
      url = server.jdbcUrl();
      Sql.run(server, "create table t (n int)", "insert into t values (42)");
    }
    assertThat(Postmaster.leftIn(folder().resolve("data"))).isEmpty();
    try (EmbeddedPostgres server = server().durable(false).start()) {
      assertThat(server.port()).isEqualTo(port);
      assertThat(server.jdbcUrl()).isEqualTo(url);
      assertThat(server.adopted()).isFalse();
      assertThat(Sql.one(server, "select n from t")).isEqualTo("42");
      server.stop();
      assertThat(server.isRunning()).isFalse();
      server.stop();
    }
  }

  @Test
  void killHardThenRestartKeepsWhatWasCommitted() throws Exception {
    try (EmbeddedPostgres server = server().start();
        Connection open = Sql.connect(server);
        Statement uncommitted = open.createStatement()) {
      Sql.run(server, "create table t (n int)", "insert into t values (1)");
      open.setAutoCommit(false);
      uncommitted.execute("insert into t values (2)");
      long pid = server.pid();
      int port = server.port();

      server.killHard();

      assertThat(server.isRunning()).isFalse();
      assertThat(Postmaster.leftIn(server.directory().resolve("data"))).isEmpty();
      server.restart();
      assertThat(server.pid()).isNotEqualTo(pid);
      assertThat(server.port()).isEqualTo(port);
      assertThat(Sql.one(server, "select string_agg(n::text, ',') from t")).isEqualTo("1");
      server.restart();
      assertThat(Sql.one(server, "select count(*) from t")).isEqualTo("1");
    }
  }

  /** With many databases on a busy disk a shutdown takes longer than whoever throws them away can wait. */
  @Test
  void stoppedAtOnceItForcesNothingAndRecovers() throws Exception {
    try (EmbeddedPostgres server = server().start()) {
      Sql.run(server, "create table t (n int)", "insert into t values (42)");
      server.stopAtOnce();
      assertThat(server.isRunning()).isFalse();
      assertThat(Postmaster.leftIn(server.directory().resolve("data"))).isEmpty();
      assertThat(Files.readString(server.logFile()))
          .contains("received immediate shutdown request")
          .doesNotContain("checkpoint starting: shutdown");
      server.stopAtOnce();
    }
    try (EmbeddedPostgres server = server().start()) {
      assertThat(Sql.one(server, "select n from t")).isEqualTo("42");
    }
  }

  @Test
  void aServerThatHangsIsKilled() throws Exception {
    try (EmbeddedPostgres server = server().durable(false).start()) {
      Process stop = new ProcessBuilder("kill", "-STOP", Long.toString(server.pid())).start();
      assertThat(stop.waitFor()).isZero();
      server.stopAtOnce();
      assertThat(server.isRunning()).isFalse();
      assertThat(Postmaster.leftIn(server.directory().resolve("data"))).isEmpty();
    }
  }

  @Test
  void aStalePidFileDoesNotStopTheStartNorHarmItsPid() throws Exception {
    try (EmbeddedPostgres server = server().durable(false).start()) {
      server.killHard();
      Path pidFile = Postmaster.pidFile(server.directory().resolve("data"));
      List<String> lines = new java.util.ArrayList<>(Files.readAllLines(pidFile));
      Process stranger = new ProcessBuilder("sleep", "600").start();
      try {
        lines.set(0, Long.toString(stranger.pid()));
        Files.write(pidFile, lines);

        server.restart();

        assertThat(stranger.isAlive()).isTrue();
        assertThat(Sql.one(server, "select 1")).isEqualTo("1");
      } finally {
        stranger.destroyForcibly();
      }
    }
  }

  @Test
  void aTakenPortIsNamed() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertThatThrownBy(() -> server().durable(false).port(taken.getLocalPort()).start())
          .isInstanceOf(EmbeddedPostgresException.class)
          .hasMessageContaining("port " + taken.getLocalPort())
          .hasMessageContaining("taken")
          .hasMessageNotContaining("\n");
      // The failure gave the folder free, and a remembered port that is taken is only a preference.
      Files.writeString(folder().resolve("port"), taken.getLocalPort() + "\n");
      try (EmbeddedPostgres server = server().durable(false).start()) {
        assertThat(server.port()).isNotEqualTo(taken.getLocalPort());
      }
    }
  }

  @Test
  void aFileInPlaceOfTheFolderIsNamed() throws IOException {
    Files.writeString(folder(), "");
    assertThatThrownBy(() -> server().start())
        .isInstanceOf(EmbeddedPostgresException.class)
        .hasMessageContaining(folder().toString())
        .hasMessageContaining("a file and not a folder");
  }

  @Test
  void aFolderThatCannotBeWrittenIsNamed() {
    assertThatThrownBy(
            () -> EmbeddedPostgres.builder().directory(Path.of("/proc/headpond")).start())
        .isInstanceOf(EmbeddedPostgresException.class)
        .hasMessageContaining("/proc/headpond")
        .hasMessageContaining("choose another data folder");
  }

  @Test
  void aBrokenClusterSaysWhatPostgresSaid() throws IOException {
    Files.createDirectories(folder().resolve("data"));
    assertThatThrownBy(() -> server().start())
        .isInstanceOf(EmbeddedPostgresException.class)
        .hasMessageContaining("did not start")
        .hasMessageNotContaining("\n");
  }
}
