package io.headpond.bench;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import redis.embedded.core.ExecutableProvider;

/**
 * A Redis of its own on a free port: {@code -Dheadpond.redis-server}, or the one on the PATH, or the one that comes with the build.
 */
final class RedisServer implements AutoCloseable {
  private final Process process;
  private final int port;
  private final String version;

  private RedisServer(Process process, int port, String version) {
    this.process = process;
    this.port = port;
    this.version = version;
  }

  /**
   * @param forced whether every write is forced before it is answered; else nothing is written to the disk
   */
  static RedisServer start(Run run, boolean forced) throws IOException {
    Path folder = run.folder("redis");
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                binary(folder),
                "--port",
                "" + port,
                "--bind",
                "127.0.0.1",
                "--dir",
                folder.toString(),
                "--save",
                ""));
    if (forced) {
      command.addAll(List.of("--appendonly", "yes", "--appendfsync", "always"));
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    run.endWith(process::destroyForcibly);
    return new RedisServer(process, port, awaitReady(process));
  }

  private static String binary(Path folder) throws IOException {
    String given = System.getProperty("headpond.redis-server");
    if (given != null) {
      return given;
    }
    for (String place : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      Path found = Path.of(place, "redis-server");
      if (Files.isExecutable(found)) {
        return found.toString();
      }
    }
    File extracted = ExecutableProvider.newJarResourceProvider(folder.toFile()).get();
    return extracted.getAbsolutePath();
  }

  private static String awaitReady(Process process) throws IOException {
    BufferedReader log =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String version = "";
    StringBuilder said = new StringBuilder();
    for (String line = log.readLine(); line != null; line = log.readLine()) {
      said.append(line).append('\n');
      int at = line.indexOf("version=");
      if (at >= 0) {
        version = line.substring(at + "version=".length()).split(",", -1)[0];
      }
      if (line.contains("Ready to accept connections")) {
        Thread drain = new Thread(() -> drain(log), "bench-redis-log");
        drain.setDaemon(true);
        drain.start();
        return version;
      }
    }
    throw new IOException("redis-server ended before it was ready:\n" + said);
  }

  /** So that the server is never held up by a full pipe. */
  private static void drain(BufferedReader log) {
    try {
      log.transferTo(Writer.nullWriter());
    } catch (IOException e) {
      // The server has ended.
    }
  }

  String url() {
    return "redis://127.0.0.1:" + port;
  }

  String version() {
    return version;
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }
}
