package io.headpond.postgres;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a short-lived program to its end and keeps what it printed. Thread safe: it has no state. */
final class Command {
  /** How a program ended. {@code output} is standard output and error, in the order written. */
  record Result(int exit, String output) {
    boolean ok() {
      return exit == 0;
    }
  }

  private Command() {}

  /**
   * Runs {@code command} in {@code folder}. No {@code PG*} variable of the caller reaches it.
   *
   * @throws EmbeddedPostgresException if it does not end in time, or the thread is interrupted
   * @throws IOException if there is no such program
   */
  static Result run(List<String> command, Path folder, Duration timeout) throws IOException {
    // A file and not a pipe: a server left behind by the program would keep a pipe open.
    Path output = Files.createTempFile("headpond-postgres-", ".out");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(nothing()))
              .redirectOutput(output.toFile());
      Map<String, String> environment = builder.environment();
      environment.keySet().removeIf(name -> name.startsWith("PG"));
      environment.put("LC_ALL", "C");
      environment.put("TZ", "UTC");
      Process process = builder.start();
      if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new EmbeddedPostgresException(
            "%s did not end within %d s in %s; is the machine overloaded? It said: %s"
                .formatted(name(command), timeout.toSeconds(), folder, read(output)));
      }
      return new Result(process.exitValue(), read(output));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EmbeddedPostgresException(
          "interrupted while %s ran in %s".formatted(name(command), folder), e);
    } finally {
      Files.deleteIfExists(output);
    }
  }

  /** The last {@code count} lines of {@code text} that are not blank. */
  static String lastLines(String text, int count) {
    List<String> lines = text.lines().filter(line -> !line.isBlank()).toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - count), lines.size()));
  }

  private static java.io.File nothing() {
    return new java.io.File("/dev/null");
  }

  private static String name(List<String> command) {
    return String.valueOf(
        command.stream()
            .filter(part -> part.contains("/bin/"))
            .map(part -> String.valueOf(Path.of(part).getFileName()))
            .findFirst()
            .orElse(command.get(0)));
  }

  private static String read(Path output) throws IOException {
    return new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
  }
}
