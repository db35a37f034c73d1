package io.headpond.redis.servers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A server process with a folder and a port of its own. It ends when it is closed, or with the JVM.
 *
 * <p>Not thread-safe.
 */
public final class TestServer implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;
  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> RUNNING.forEach(Process::destroyForcibly)));
  }

  private final ServerBinary binary;
  private final Path folder;
  private final List<String> options;
  private final int port;
  private final boolean tls;
  private @Nullable Process process;
  private @Nullable Process guard;

  private TestServer(ServerBinary binary, Path folder, int port, List<String> options) {
    this.binary = binary;
    this.folder = folder;
    this.port = port;
    this.options = options;
    this.tls = options.contains("--tls-port");
  }

  /**
   * Starts a server, as it comes out of the box but for port and folder.
   *
   * @param options further ones, as on its command line: {@code "--appendonly", "yes"}; {@code PORT} in them is its port
   */
  public static TestServer start(ServerBinary binary, String... options) {
    binary.path();
    RuntimeException last = null;
    for (int attempt = 0; attempt < 5; attempt++) {
      TestServer server =
          new TestServer(binary, newFolder(), freePort(), new ArrayList<>(List.of(options)));
      try {
        server.start();
        return server;
      } catch (RuntimeException e) {
        // Somebody else may have taken the port.
        server.close();
        last = e;
      }
    }
    throw last == null ? new IllegalStateException() : last;
  }

  /** Starts a Sentinel with this configuration. */
  static TestServer startSentinel(ServerBinary binary, String conf) {
    TestServer server = new TestServer(binary, newFolder(), freePort(), List.of("--sentinel"));
    try {
      Files.writeString(server.folder.resolve("sentinel.conf"), conf);
      server.start();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A port that is free, as is the one 10,000 above it, where a node of a cluster hears the others. */
  static int freePort() {
    while (true) {
      try (ServerSocket socket = new ServerSocket()) {
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        int port = socket.getLocalPort();
        if (port + 10_000 < 65_536) {
          try (ServerSocket bus = new ServerSocket()) {
            bus.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port + 10_000));
            return port;
          }
        }
      } catch (IOException e) {
        // The other one is taken.
      }
    }
  }

  private static Path newFolder() {
    try {
      return Files.createTempDirectory("headpond-server-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts it again, with the same folder and port. */
  public void start() {
    Process started = startWithoutWaiting();
    try {
      awaitAnswer(started);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * As {@link #start()}, but it need not be ready.
   *
   * @param further options for this time
   */
  public Process startWithoutWaiting(String... further) {
    if (running()) {
      throw new IllegalStateException("it runs");
    }
    List<String> command = new ArrayList<>(List.of(binary.path().toString()));
    if (options.contains("--sentinel")) {
      command.add(folder.resolve("sentinel.conf").toString());
    }
    if (!tls) {
      command.addAll(List.of("--port", Integer.toString(port)));
    }
    command.addAll(List.of("--bind", "127.0.0.1", "--dir", folder.toString()));
    command.addAll(List.of(further));
    options.forEach(option -> command.add(option.replace("PORT", Integer.toString(port))));
    try {
      Process started =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
              .start();
      process = started;
      RUNNING.add(started);
      guard = guard(started);
      return started;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitAnswer(Process started) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (System.nanoTime() < deadline) {
      if (!started.isAlive()) {
        throw new IllegalStateException(binary + " ended at once:\n" + Files.readString(log()));
      }
      if (answers()) {
        return;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
    throw new IllegalStateException(binary + " does not answer:\n" + Files.readString(log()));
  }

  private boolean answers() {
    if (tls) {
      try (Resp connection = new Resp(port)) {
        return connection != null;
      } catch (IOException e) {
        return false;
      }
    }
    try (Resp connection = new Resp(port)) {
      connection.call("PING");
      return true;
    } catch (Resp.ErrorReply e) {
      return !e.getMessage().startsWith("LOADING");
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }

  /** Ends it if this JVM is gone without a word: then nobody holds the other end of the pipe. */
  private static Process guard(Process server) throws IOException {
    return new ProcessBuilder("sh", "-c", "read line; kill -9 " + server.pid()).start();
  }

  private void unguard() {
    Process current = guard;
    if (current != null) {
      current.destroyForcibly();
    }
  }

  /** Whether it says that it is reading its data. */
  public boolean loading() {
    try (Resp connection = new Resp(port)) {
      connection.call("PING");
      return false;
    } catch (Resp.ErrorReply e) {
      return e.getMessage().startsWith("LOADING");
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }

  /** One command on a connection of its own. */
  public @Nullable Object call(String... command) {
    try (Resp connection = connect()) {
      return connection.call(command);
    }
  }

  public Resp connect() {
    try {
      return new Resp(port);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int port() {
    return port;
  }

  public Path folder() {
    return folder;
  }

  /** What it has said. */
  public Path log() {
    return folder.resolve("log");
  }

  public String url() {
    return "redis://127.0.0.1:" + port;
  }

  public boolean running() {
    Process current = process;
    return current != null && current.isAlive();
  }

  /** {@code kill -9}: nothing is tidied up. */
  public void kill() {
    Process current = process;
    if (current != null) {
      unguard();
      current.destroyForcibly();
      await(current);
      RUNNING.remove(current);
    }
  }

  /** Lets it tidy up and end. */
  public void stop() {
    Process current = process;
    if (current != null) {
      unguard();
      current.destroy();
      await(current);
      RUNNING.remove(current);
    }
  }

  private static void await(Process process) {
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("process " + process.pid() + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }

  /** Stops its time (SIGSTOP): connections stay, nothing is answered. */
  public void pause() {
    signal("STOP");
  }

  /** Its time goes on (SIGCONT). */
  public void resume() {
    signal("CONT");
  }

  private void signal(String name) {
    Process current = process;
    if (current == null) {
      throw new IllegalStateException("it does not run");
    }
    try {
      int status =
          new ProcessBuilder("kill", "-" + name, Long.toString(current.pid())).start().waitFor();
      if (status != 0) {
        throw new IllegalStateException("kill ended with " + status);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    kill();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
