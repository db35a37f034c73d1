package io.headpond.postgres;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL server of one's own, started from binaries on the class path in a folder that keeps its data.
 *
 * <p><b>Durability.</b> Unless told otherwise it is as durable as PostgreSQL itself: {@code fsync}, {@code
 * synchronous_commit} and {@code full_page_writes} are on.
 *
 * <p><b>Life.</b> The server is a process in a session of its own. It ends by {@link #stop()} and by nothing else: not
 * with this JVM, not by Ctrl-C. If the JVM dies, the next {@link Builder#start()} in the folder takes the running server
 * over. One process owns a folder at a time; a lock file decides.
 *
 * <p><b>Access.</b> It listens on 127.0.0.1 only and asks for a password, generated at the first start and kept in the
 * folder's {@code pgpass}, mode 0600. There is one user, {@code postgres}, and one database, {@code headpond}: UTF-8,
 * ordered by code point on every machine, UTC.
 *
 * <p><b>Root.</b> PostgreSQL refuses to run as root. Started by root, the server runs in a user namespace, or, where
 * that is refused, as uid 65534, which then owns the data.
 *
 * <p>Failures are {@link EmbeddedPostgresException}. Thread safe; one operation at a time.
 */
public final class EmbeddedPostgres implements AutoCloseable {
  /** The only user, a superuser. */
  public static final String USER = "postgres";

  /** The database that the first start creates. */
  public static final String DATABASE = "headpond";

  private final Server server;
  private final ServerFolder folder;
  private final String password;
  private final boolean adopted;
  private volatile Postmaster postmaster;

  private EmbeddedPostgres(
      Server server, ServerFolder folder, String password, Postmaster postmaster, boolean adopted) {
    this.server = server;
    this.folder = folder;
    this.password = password;
    this.postmaster = postmaster;
    this.adopted = adopted;
  }

  /** A builder without a folder, which it needs. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Stops a server that a dead process left running in {@code directory}. Does nothing if there is none.
   *
   * @throws EmbeddedPostgresException if a live process owns the folder, or the server does not stop
   */
  public static void stopOrphan(Path directory) {
    if (!Files.isDirectory(directory)) {
      return;
    }
    ServerFolder folder = ServerFolder.open(directory);
    folder.lock();
    try {
      Server.stopLeftovers(folder);
    } catch (IOException e) {
      throw failed("stopped", folder, e);
    } finally {
      folder.unlock();
    }
  }

  /** For pgjdbc, with user and password in it: a secret. */
  public String jdbcUrl() {
    return jdbcUrl(DATABASE);
  }

  /** As {@link #jdbcUrl()}, for another database of this server. */
  public String jdbcUrl(String database) {
    return "jdbc:postgresql://127.0.0.1:%d/%s?user=%s&password=%s"
        .formatted(port(), database, USER, password);
  }

  /** For psql and all that speaks libpq. No secret: it names the password file. */
  public String psqlUrl() {
    return psqlUrl(DATABASE);
  }

  /** As {@link #psqlUrl()}, for another database of this server. */
  public String psqlUrl(String database) {
    return "postgresql://%s@127.0.0.1:%d/%s?passfile=%s"
        .formatted(USER, port(), database, escape(folder.pgpass().toString()));
  }

  /** The generated password of {@link #USER}. */
  public String password() {
    return password;
  }

  /** The port on 127.0.0.1. */
  public int port() {
    return postmaster.port();
  }

  /** The process id of the postmaster, also after it ended. */
  public long pid() {
    return postmaster.pid();
  }

  /** The folder, as an absolute path without symbolic links. */
  public Path directory() {
    return folder.root();
  }

  /** The server's log. */
  public Path logFile() {
    return folder.logFile();
  }

  /** Whether the server was already running when {@link Builder#start()} came. */
  public boolean adopted() {
    return adopted;
  }

  /** Whether the postmaster's process exists. */
  public boolean isRunning() {
    return postmaster.isAlive();
  }

  /**
   * Stops the server: open transactions are rolled back, connections closed, everything is on disk. Returns when its
   * processes are gone, and gives the folder free. Does nothing if it is stopped.
   */
  public synchronized void stop() {
    try {
      server.stop(postmaster);
    } catch (IOException e) {
      throw failed("stopped", folder, e);
    } finally {
      folder.unlock();
    }
  }

  /**
   * Stops the server without bringing to the disk what only its log has: the next start recovers that. A shutdown forces every file that was written, which takes as long as the disk is
   * slow; whoever throws the data away need not wait for it. Else as {@link #stop()}.
   */
  public synchronized void stopAtOnce() {
    try {
      server.stopAtOnce(postmaster);
    } catch (IOException e) {
      throw failed("stopped", folder, e);
    } finally {
      folder.unlock();
    }
  }

  /** The same as {@link #stop()}. */
  @Override
  public void close() {
    stop();
  }

  /**
   * Kills the server and its children with SIGKILL, as a crash would, and waits until they are gone. For crash tests.
   * This object keeps the folder; go on with {@link #restart()} or {@link #stop()}.
   */
  public synchronized void killHard() {
    try {
      server.kill(postmaster);
    } catch (IOException e) {
      throw failed("killed", folder, e);
    }
  }

  /** Starts the server again on the same port, having stopped it if it runs. {@link #pid()} changes. */
  public synchronized void restart() {
    folder.lock();
    try {
      server.stop(postmaster);
      postmaster = server.start(postmaster.port(), true);
    } catch (IOException e) {
      throw failed("restarted", folder, e);
    }
  }

  @Override
  public String toString() {
    return "EmbeddedPostgres[port=%d, pid=%d, directory=%s]".formatted(port(), pid(), directory());
  }

  private static EmbeddedPostgresException failed(
      String what, ServerFolder folder, IOException cause) {
    return new EmbeddedPostgresException(
        "PostgreSQL in %s could not be %s: %s; look at the folder's permissions and free space"
            .formatted(folder.root(), what, cause),
        cause);
  }

  private static String escape(String path) {
    return java.net.URLEncoder.encode(path, java.nio.charset.StandardCharsets.UTF_8)
        .replace("+", "%20")
        .replace("%2F", "/");
  }

  /** What a server needs to start. Not thread safe. */
  public static final class Builder {
    private @Nullable Path directory;
    private Path cache = PostgresBinaries.defaultCache();
    private int port;
    private boolean durable = true;
    private Duration startTimeout = Duration.ofMinutes(2);

    private Builder() {}

    /** Where the data lives; created if missing. Required. */
    public Builder directory(Path directory) {
      this.directory = Objects.requireNonNull(directory, "directory");
      return this;
    }

    /** The port, or 0, the default: the one of the last start in this folder if it is free, else any. */
    public Builder port(int port) {
      if (port < 0 || port > 65535) {
        throw new IllegalArgumentException("port: %d, must be from 0 to 65535".formatted(port));
      }
      this.port = port;
      return this;
    }

    /** False trades the data after a crash of the machine for speed: for tests alone. Default true. */
    public Builder durable(boolean durable) {
      this.durable = durable;
      return this;
    }

    /** Where the programs are unpacked to. Default {@code ~/.cache/headpond/postgres}. */
    public Builder cache(Path cache) {
      this.cache = Objects.requireNonNull(cache, "cache").toAbsolutePath();
      return this;
    }

    /** How long a start may take, recovery after a crash included. Default two minutes. */
    public Builder startTimeout(Duration startTimeout) {
      this.startTimeout = Objects.requireNonNull(startTimeout, "startTimeout");
      return this;
    }

    /**
     * Starts the server, or takes over the one that a dead process left running in the folder, and returns when it
     * answers. A left server on another port, or with another durability, is stopped and started anew.
     *
     * @throws EmbeddedPostgresException if it cannot; then nothing is left running and the folder is free
     */
    public EmbeddedPostgres start() {
      if (directory == null) {
        throw new IllegalStateException("directory: missing, name the folder of the data");
      }
      ServerFolder folder = ServerFolder.open(directory);
      folder.lock();
      boolean started = false;
      try {
        String password = folder.password();
        Server server = Server.in(folder, cache, durable, startTimeout, password);
        Postmaster found = server.adopt(port);
        Postmaster running = found == null ? server.start(port, false) : found;
        started = true;
        return new EmbeddedPostgres(server, folder, password, running, found != null);
      } catch (IOException e) {
        throw failed("started", folder, e);
      } finally {
        if (!started) {
          folder.unlock();
        }
      }
    }
  }
}
