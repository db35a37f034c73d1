package io.headpond.bench;

import io.headpond.postgres.EmbeddedPostgres;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The packaged server as a process of its own, with its embedded PostgreSQL. */
final class ServerProcess implements AutoCloseable {
  private static final int START_SECONDS = 60;

  private final Process process;
  private final Path data;
  private final Path log;
  private final int port;

  private ServerProcess(Process process, Path data, Path log, int port) {
    this.process = process;
    this.data = data;
    this.log = log;
    this.port = port;
  }

  /** @param config a configuration; empty for the one that is shipped */
  static ServerProcess start(Run run, String config) throws IOException, InterruptedException {
    Path jar = Path.of(System.getProperty("headpond.jar", "server/target/headpond-server.jar"));
    if (!Files.exists(jar)) {
      throw new IOException(jar.toAbsolutePath() + " is missing: build it, or use bench/run");
    }
    Path folder = run.folder("server");
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Path data = folder.resolve("data");
    Path log = folder.resolve("log");
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + "/bin/java",
                "-jar",
                jar.toString(),
                "serve",
                "--port",
                Integer.toString(port),
                "--data-dir",
                data.toString()));
    if (!config.isEmpty()) {
      command.addAll(
          List.of("--config", Files.writeString(folder.resolve("config.yaml"), config).toString()));
    }
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    ServerProcess server = new ServerProcess(process, data, log, port);
    run.endWith(server);
    try {
      server.awaitReady();
      return server;
    } catch (IOException | InterruptedException | RuntimeException | Error e) {
      server.close();
      throw e;
    }
  }

  int port() {
    return port;
  }

  private void awaitReady() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!answers()) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("the server did not start: " + Files.readString(log));
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  private boolean answers() {
    try {
      HttpURLConnection connection =
          (HttpURLConnection)
              URI.create("http://127.0.0.1:" + port + "/health").toURL().openConnection();
      connection.setConnectTimeout(1_000);
      connection.setReadTimeout(1_000);
      return connection.getResponseCode() == HttpURLConnection.HTTP_OK;
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void close() {
    process.destroy();
    boolean interrupted = false;
    try {
      if (!process.waitFor(START_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      interrupted = true;
      process.destroyForcibly();
    }
    EmbeddedPostgres.stopOrphan(data.resolve("postgres"));
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
