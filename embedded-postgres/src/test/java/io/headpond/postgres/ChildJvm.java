package io.headpond.postgres;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A JVM that starts a server in a folder, prints one line about it and then waits to be told to stop it, by a line, or
 * to be killed.
 */
final class ChildJvm implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;

  private ChildJvm(Process process) {
    this.process = process;
    this.output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** {@code prefix} goes before the command; {@code jar} paths must be readable to whom it names. */
  static ChildJvm start(List<String> prefix, String classPath, Path folder, Path cache)
      throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-cp",
            classPath,
            ChildJvm.class.getName(),
            folder.toString(),
            cache.toString()));
    return new ChildJvm(
        new ProcessBuilder(command)
            .directory(Path.of("/").toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start());
  }

  /** What the child reports: {@code "up <pid> <port> <uid of the data>"} or {@code "failed <message>"}. */
  String report() throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      if (line.startsWith("up ") || line.startsWith("failed ") || line.equals("stopped")) {
        return line;
      }
    }
    return "ended without a word";
  }

  String stopServer() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
    return report();
  }

  /** Kills the JVM as {@code kill -9} does, and waits for it. */
  void kill() {
    process.destroyForcibly().onExit().join();
  }

  @Override
  public void close() {
    kill();
  }

  public static void main(String[] args) throws IOException {
    try {
      EmbeddedPostgres server =
          EmbeddedPostgres.builder().directory(Path.of(args[0])).cache(Path.of(args[1])).start();
      Object uid = java.nio.file.Files.getAttribute(server.directory().resolve("data"), "unix:uid");
      System.out.println("up " + server.pid() + " " + server.port() + " " + uid);
      if (System.in.read() >= 0) {
        server.stop();
        System.out.println("stopped");
      }
    } catch (EmbeddedPostgresException e) {
      System.out.println("failed " + e.getMessage());
    }
  }
}
