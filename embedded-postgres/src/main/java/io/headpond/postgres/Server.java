package io.headpond.postgres;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts, takes over, stops and kills the server of one folder, which the caller has locked. Not thread safe. */
final class Server {
  private static final Logger log = LoggerFactory.getLogger(Server.class);
  // A server that hangs keeps nobody: together less than a service manager waits.
  private static final Duration FAST_STOP = Duration.ofSeconds(5);
  private static final Duration IMMEDIATE_STOP = Duration.ofSeconds(2);
  private static final Duration KILL_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration ADOPT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration ANSWER_TIMEOUT = Duration.ofMinutes(1);
  private static final int PORT_ATTEMPTS = 3;

  private final ServerFolder folder;
  private final RunAs runAs;
  private final PostgresBinaries binaries;
  private final boolean durable;
  private final Duration startTimeout;
  private final String password;

  private Server(
      ServerFolder folder,
      RunAs runAs,
      PostgresBinaries binaries,
      boolean durable,
      Duration startTimeout,
      String password) {
    this.folder = folder;
    this.runAs = runAs;
    this.binaries = binaries;
    this.durable = durable;
    this.startTimeout = startTimeout;
    this.password = password;
  }

  static Server in(
      ServerFolder folder, Path cache, boolean durable, Duration startTimeout, String password)
      throws IOException {
    RunAs runAs = RunAs.choose(folder.root(), folder.data());
    return new Server(
        folder, runAs, binaries(folder, cache, runAs), durable, startTimeout, password);
  }

  private static PostgresBinaries binaries(ServerFolder folder, Path cache, RunAs runAs)
      throws IOException {
    try {
      PostgresBinaries shared = PostgresBinaries.in(cache);
      if (runAs.canReach(shared.home())) {
        return shared;
      }
      log.debug("the server's user cannot reach {}", shared.home());
    } catch (IOException e) {
      log.debug("the cache {} cannot be used", cache, e);
    }
    return PostgresBinaries.in(folder.binaries());
  }

  /** The server that already runs in the folder, if it is as wanted; one that is not is stopped. */
  @Nullable Postmaster adopt(int wantedPort) throws IOException {
    Optional<Postmaster> found = Postmaster.find(folder.data());
    if (found.isPresent()) {
      Postmaster running = found.get();
      if ((wantedPort == 0 || wantedPort == running.port()) && answersAsWanted(running)) {
        log.info("took over PostgreSQL, pid {}, port {}", running.pid(), running.port());
        folder.rememberPort(running.port());
        createDatabase(running);
        return running;
      }
      log.info("stopping PostgreSQL, pid {}, which an earlier process left", running.pid());
      stop(running);
    }
    return null;
  }

  /** Starts the server; port 0 is the last one if free, else any. */
  Postmaster start(int wantedPort, boolean keepPort) throws IOException {
    stopLeftovers(folder);
    if (!Files.isDirectory(folder.data())) {
      initialize();
    }
    runAs.own(folder.data());
    int remembered = folder.lastPort();
    for (int attempt = 1; ; attempt++) {
      int port = wantedPort != 0 ? wantedPort : remembered;
      if (port != 0 && !ServerFolder.isFree(port)) {
        if (wantedPort != 0) {
          throw portTaken(port);
        }
        port = 0;
      }
      if (port == 0) {
        port = ServerFolder.anyFreePort();
      }
      if (launch(port, wantedPort == 0 && !keepPort && attempt < PORT_ATTEMPTS)) {
        return started(port);
      }
      remembered = 0;
    }
  }

  void stop(Postmaster postmaster) throws IOException {
    end(postmaster);
  }

  void stopAtOnce(Postmaster postmaster) throws IOException {
    endAtOnce(postmaster);
  }

  /** As gently as the time allows: a fast shutdown, an immediate one, which the next start recovers from, SIGKILL. */
  private static void end(Postmaster postmaster) throws IOException {
    signal(postmaster, "INT");
    if (postmaster.awaitGone(FAST_STOP)) {
      return;
    }
    log.warn(
        "PostgreSQL, pid {}, takes more than {} s to stop and is ended at once; the next start recovers",
        postmaster.pid(),
        FAST_STOP.toSeconds());
    endAtOnce(postmaster);
  }

  private static void endAtOnce(Postmaster postmaster) throws IOException {
    signal(postmaster, "QUIT");
    if (!postmaster.awaitGone(IMMEDIATE_STOP)) {
      log.warn("PostgreSQL, pid {}, does not stop and is killed", postmaster.pid());
      kill(postmaster);
    }
  }

  /** On a machine that is so busy that not even this is done in time, what comes next is all the more needed. */
  private static void signal(Postmaster postmaster, String name) throws IOException {
    try {
      postmaster.signal(name);
    } catch (EmbeddedPostgresException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw e;
      }
      log.warn("PostgreSQL, pid {}: {}", postmaster.pid(), e.getMessage());
    }
  }

  static void kill(Postmaster postmaster) throws IOException {
    postmaster.kill();
    if (!postmaster.awaitGone(KILL_TIMEOUT)) {
      throw new EmbeddedPostgresException(
          "PostgreSQL in %s, pid %d, survives SIGKILL: its disk hangs, or it belongs to another user"
              .formatted(postmaster.data(), postmaster.pid()));
    }
  }

  /**
   * Makes the data free for a new server: ends what runs in it, and deletes a pid file that names no server of this
   * folder, since PostgreSQL would take the pid's new owner for one.
   */
  static void stopLeftovers(ServerFolder folder) throws IOException {
    Path data = folder.data();
    Postmaster left = Postmaster.find(data).orElseGet(() -> new Postmaster(-1, 0, data));
    if (left.isAlive() || !Postmaster.leftIn(data).isEmpty()) {
      log.info("ending the PostgreSQL processes that were left in {}", data);
      end(left);
    }
    if (Files.deleteIfExists(Postmaster.pidFile(data))) {
      // Its socket has a lock file too, with the same pid in it.
      try (DirectoryStream<Path> sockets = Files.newDirectoryStream(data, ".s.PGSQL.*")) {
        for (Path socket : sockets) {
          Files.deleteIfExists(socket);
        }
      }
      log.info("PostgreSQL in {} was not shut down and recovers", folder.root());
    }
  }

  private void initialize() throws IOException {
    log.info("creating a PostgreSQL cluster in {}", folder.root());
    Path fresh = folder.unfinishedData();
    PostgresBinaries.delete(fresh);
    Files.createDirectory(
        fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path secret = folder.secret(password);
    try {
      runAs.own(fresh);
      runAs.own(secret);
      List<String> command =
          new ArrayList<>(
              runAs.command(
                  binaries.program("initdb"),
                  "--pgdata=" + fresh,
                  "--username=" + EmbeddedPostgres.USER,
                  "--pwfile=" + secret,
                  "--auth=scram-sha-256",
                  "--encoding=UTF8",
                  "--locale=C",
                  "--locale-provider=builtin",
                  "--builtin-locale=C.UTF-8"));
      if (!durable) {
        command.add("--no-sync");
      }
      Command.Result result = Command.run(command, folder.root(), startTimeout);
      if (!result.ok()) {
        throw new EmbeddedPostgresException(
            "initdb failed in %s, look at the folder's permissions and free space; it said: %s"
                .formatted(folder.root(), Command.lastLines(result.output(), 4)));
      }
    } finally {
      Files.deleteIfExists(secret);
    }
    Files.writeString(
        fresh.resolve("postgresql.conf"), "\ninclude 'headpond.conf'\n", StandardOpenOption.APPEND);
    Files.move(fresh, folder.data(), StandardCopyOption.ATOMIC_MOVE);
  }

  /** False if the port was taken meanwhile and {@code another} may be tried. */
  private boolean launch(int port, boolean another) throws IOException {
    folder.configure(port, durable);
    long logged = folder.prepareLog(runAs);
    // pg_ctl starts the server in a session of its own, out of reach of a terminal's Ctrl-C.
    Command.Result result = startCommand();
    if (result.ok()) {
      return true;
    }
    String said = folder.logSince(logged);
    stopLeftovers(folder);
    if (said.contains("could not bind")) {
      if (another) {
        return false;
      }
      throw portTaken(port);
    }
    throw new EmbeddedPostgresException(
        "PostgreSQL did not start in %s, see %s; it said: %s"
            .formatted(
                folder.root(),
                folder.logFile(),
                Command.lastLines(said.isBlank() ? result.output() : said, 4)));
  }

  private Command.Result startCommand() throws IOException {
    try {
      return Command.run(
          runAs.command(
              binaries.program("pg_ctl"),
              "start",
              "-D",
              folder.data().toString(),
              "-l",
              folder.logFile().toString(),
              "-w",
              "-s",
              "-t",
              Long.toString(startTimeout.toSeconds())),
          folder.root(),
          startTimeout.plusSeconds(10));
    } catch (EmbeddedPostgresException e) {
      // Too late, or interrupted: it may be starting all the same.
      boolean interrupted = Thread.interrupted();
      stopLeftovers(folder);
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      throw e;
    }
  }

  private Postmaster started(int port) throws IOException {
    Postmaster postmaster =
        Postmaster.find(folder.data())
            .orElseThrow(
                () ->
                    new EmbeddedPostgresException(
                        "PostgreSQL in %s ended right after its start, see %s"
                            .formatted(folder.root(), folder.logFile())));
    try {
      createDatabase(postmaster);
      folder.rememberPort(port);
    } catch (IOException | RuntimeException e) {
      stop(postmaster);
      throw e;
    }
    log.info("PostgreSQL is up, pid {}, port {}, folder {}", postmaster.pid(), port, folder.root());
    return postmaster;
  }

  private void createDatabase(Postmaster postmaster) {
    try (Connection connection = connect(postmaster, ANSWER_TIMEOUT);
        Statement statement = connection.createStatement()) {
      boolean exists;
      try (ResultSet found =
          statement.executeQuery(
              "select 1 from pg_database where datname = '" + EmbeddedPostgres.DATABASE + "'")) {
        exists = found.next();
      }
      if (!exists) {
        statement.execute("create database " + EmbeddedPostgres.DATABASE);
      }
    } catch (SQLException e) {
      throw new EmbeddedPostgresException(
          "PostgreSQL in %s runs on port %d but does not answer: %s; see %s"
              .formatted(folder.root(), postmaster.port(), e.getMessage(), folder.logFile()),
          e);
    }
  }

  private boolean answersAsWanted(Postmaster postmaster) {
    try (Connection connection = connect(postmaster, ADOPT_TIMEOUT);
        Statement statement = connection.createStatement();
        ResultSet fsync = statement.executeQuery("show fsync")) {
      return fsync.next() && fsync.getString(1).equals(durable ? "on" : "off");
    } catch (SQLException e) {
      log.info(
          "the PostgreSQL on port {} does not answer us: {}", postmaster.port(), e.getMessage());
      return false;
    }
  }

  private Connection connect(Postmaster postmaster, Duration timeout) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", EmbeddedPostgres.USER);
    properties.setProperty("password", password);
    properties.setProperty("connectTimeout", "10");
    properties.setProperty("socketTimeout", Long.toString(timeout.toSeconds()));
    // Not through DriverManager, whose view of the drivers depends on the caller's class loader.
    return new org.postgresql.Driver()
        .connect("jdbc:postgresql://127.0.0.1:" + postmaster.port() + "/postgres", properties);
  }

  private EmbeddedPostgresException portTaken(int port) {
    return new EmbeddedPostgresException(
        "port %d on 127.0.0.1 is taken, so PostgreSQL in %s cannot start: end what uses it, or choose another port, 0 for any"
            .formatted(port, folder.root()));
  }
}
