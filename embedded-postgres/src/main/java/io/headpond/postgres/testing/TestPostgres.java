package io.headpond.postgres.testing;

import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.postgres.EmbeddedPostgresException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One durable PostgreSQL server for all tests of this JVM, in a temporary folder; it starts at first use and ends with
 * the JVM. A test class takes a database of its own. What a killed JVM left behind, the next one clears away. A test
 * that stops or kills its server builds an {@link EmbeddedPostgres} instead. Thread safe.
 */
public final class TestPostgres {
  private static final Logger log = LoggerFactory.getLogger(TestPostgres.class);
  private static final String PREFIX = "headpond-test-postgres-";
  private static final Duration DELETE = Duration.ofSeconds(10);
  private static final AtomicInteger created = new AtomicInteger();

  private TestPostgres() {}

  /**
   * A database that belongs to the caller alone.
   *
   * @param jdbcUrl for pgjdbc, with user and password in it
   * @param psqlUrl for psql
   */
  public record Database(String name, String jdbcUrl, String psqlUrl) {}

  /** The server. Not to be stopped. */
  public static EmbeddedPostgres server() {
    return Holder.SERVER;
  }

  /** Creates an empty database with a new name. */
  public static Database createDatabase() {
    EmbeddedPostgres server = server();
    String name = "test_" + created.incrementAndGet();
    try (Connection connection =
            new org.postgresql.Driver().connect(server.jdbcUrl("postgres"), new Properties());
        Statement statement = connection.createStatement()) {
      statement.execute("create database " + name);
    } catch (SQLException e) {
      throw new IllegalStateException("database " + name + " cannot be created", e);
    }
    return new Database(name, server.jdbcUrl(name), server.psqlUrl(name));
  }

  private static EmbeddedPostgres start() {
    try {
      Path temp = Path.of(System.getProperty("java.io.tmpdir"));
      clearLeftovers(temp);
      EmbeddedPostgres server =
          EmbeddedPostgres.builder().directory(Files.createTempDirectory(temp, PREFIX)).start();
      Runtime.getRuntime()
          .addShutdownHook(new Thread(() -> end(server, DELETE), "headpond-test-postgres-stop"));
      return server;
    } catch (IOException e) {
      throw new IllegalStateException("no temporary folder for a test server", e);
    }
  }

  /** Nobody needs the data any more: to force it first, all databases of a module, takes longer than Surefire waits for the end of a JVM, 30 s. */
  static void end(EmbeddedPostgres server, Duration atMost) {
    try {
      server.stopAtOnce();
      if (!delete(server.directory(), atMost)) {
        log.info("the next test server clears {} away", server.directory());
      }
    } catch (IOException | EmbeddedPostgresException e) {
      log.warn("the test server in {} was not cleared away", server.directory(), e);
    }
  }

  private static void clearLeftovers(Path temp) throws IOException {
    // An owner takes its lock right after it made the folder, so an older one without is nobody's.
    Instant old = Instant.now().minus(Duration.ofMinutes(1));
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(temp, PREFIX + "*")) {
      for (Path folder : folders) {
        try {
          if (Files.getLastModifiedTime(folder).toInstant().isBefore(old)) {
            EmbeddedPostgres.stopOrphan(folder);
            delete(folder, Duration.ofMinutes(5));
          }
        } catch (IOException | EmbeddedPostgresException e) {
          log.debug("{} is in use, or another user's", folder, e);
        }
      }
    }
  }

  /** False if that takes longer; the folder itself is still there then. */
  private static boolean delete(Path root, Duration atMost) throws IOException {
    long deadline = System.nanoTime() + atMost.toNanos();
    try (Stream<Path> paths = Files.walk(root)) {
      List<Path> all = paths.sorted(Comparator.reverseOrder()).toList();
      for (Path path : all) {
        if (System.nanoTime() - deadline >= 0) {
          return false;
        }
        Files.deleteIfExists(path);
      }
    }
    return true;
  }

  /** Starts the server when it is first asked for, once. */
  private static final class Holder {
    static final EmbeddedPostgres SERVER = start();
  }
}
