package io.headpond.server.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The packaged jar, run as a process of its own. */
final class ServerProcess implements AutoCloseable {
  private static final Pattern READY =
      Pattern.compile("is ready at https?://127\\.0\\.0\\.1:([0-9]+)");
  private static final Pattern JDBC = Pattern.compile("jdbc:\\S+");
  private static final String OURS =
      "HEADPOND_.*|DATABASE_URL|BATCH_SIZE|BATCH_TIMEOUT|WORKER_POLL_INTERVAL|MAX_RETRIES|RETRY_DELAY"
          + "|REDIS_URL|WRITE_QUEUE_NAME|WRITE_BEHIND_ENABLED|SIMULATE_DB_FAILURE|FAILURE_RATE";
  private static final String HEAP = "512m";
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration POLL = Duration.ofMillis(20);

  private final Process process;
  private final StringBuffer out = new StringBuffer();
  private final StringBuffer err = new StringBuffer();
  private final CompletableFuture<Integer> ready = new CompletableFuture<>();
  private final List<Thread> readers = new ArrayList<>();
  private final long startedNanos = System.nanoTime();
  private volatile long readyNanos;
  private volatile int announced;

  private ServerProcess(Process process) {
    this.process = process;
    readers.add(reader(process.getInputStream(), out));
    readers.add(reader(process.getErrorStream(), err));
    var unused = process.onExit().thenRun(() -> ready.complete(-1));
  }

  /** How a process ended. */
  record Ended(int exit, String out, String err) {}

  /** Runs a command to its end. */
  static Ended run(String... args) throws Exception {
    try (ServerProcess process = start(List.of(), Map.of(), List.of(args))) {
      return process.waitForEnd();
    }
  }

  /** Starts {@code serve} on any port and waits until it is ready. */
  static ServerProcess serve(Path dataDir, String... more) throws Exception {
    return serve(Map.of(), dataDir, more);
  }

  /** As {@link #serve(Path, String...)}, with environment variables. */
  static ServerProcess serve(Map<String, String> environment, Path dataDir, String... more)
      throws Exception {
    return serve(HEAP, environment, dataDir, more);
  }

  /** As {@link #serve(Map, Path, String...)}, with so much heap, such as {@code 96m}. */
  static ServerProcess serve(
      String heap, Map<String, String> environment, Path dataDir, String... more) throws Exception {
    List<String> args = new ArrayList<>(List.of("serve", "--port", "0"));
    args.addAll(List.of("--data-dir", dataDir.toString()));
    args.addAll(List.of(more));
    ServerProcess process = start(List.of(), heap, environment, args);
    process.port();
    return process;
  }

  /**
   * Starts the jar.
   *
   * @param prefix a command that runs it, for example as another user
   */
  static ServerProcess start(
      List<String> prefix, Map<String, String> environment, List<String> args) throws IOException {
    return start(prefix, HEAP, environment, args);
  }

  private static ServerProcess start(
      List<String> prefix, String heap, Map<String, String> environment, List<String> args)
      throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx" + heap));
    if (environment.containsKey("HOME")) {
      command.add("-Duser.home=" + environment.get("HOME"));
    }
    command.add("-jar");
    command.add(jar().toString());
    command.addAll(args);
    return start(command, environment);
  }

  /** The jar that the build made. */
  static Path jar() {
    return Path.of(System.getProperty("headpond.jar", "target/headpond-server.jar"))
        .toAbsolutePath();
  }

  /** Runs a command that becomes the server. */
  static ServerProcess start(List<String> command, Map<String, String> environment)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.matches(OURS));
    builder.environment().putAll(environment);
    return new ServerProcess(builder.start());
  }

  /** The port, once it is ready. */
  int port() throws Exception {
    int port;
    try {
      port = ready.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("not ready:\n" + out + err, e);
    }
    if (port < 0) {
      throw new IllegalStateException("ended before it was ready:\n" + out + err);
    }
    return port;
  }

  /** Where its database is, as it has printed it. */
  String jdbcUrl() {
    Matcher matcher = JDBC.matcher(out);
    if (!matcher.find()) {
      throw new IllegalStateException("no JDBC URL in:\n" + out);
    }
    return matcher.group();
  }

  /** A connection to a port that it will listen on: before it is ready, nothing else tells. */
  Wire awaitPort(int port) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return new Wire(port);
      } catch (ConnectException e) {
        if (process.waitFor(POLL.toMillis(), TimeUnit.MILLISECONDS)
            || System.nanoTime() > deadline) {
          throw new IllegalStateException("does not listen:\n" + out + err, e);
        }
      }
    }
  }

  /** Waits until something holds, while the process runs. */
  void await(String what, Callable<Boolean> holds) throws Exception {
    await(what, PATIENCE, holds);
  }

  /** As {@link #await(String, Callable)}, for so long. */
  void await(String what, Duration patience, Callable<Boolean> holds) throws Exception {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!holds.call()) {
      if (System.nanoTime() > deadline || process.waitFor(POLL.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError("not in time: " + what + "\n" + out + err);
      }
    }
  }

  /** From the start of the process until it said that it is ready. */
  Duration readyAfter() {
    return Duration.ofNanos(readyNanos - startedNanos);
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** The most memory that it has had, in KiB. */
  long peakMemory() throws IOException {
    String status = Files.readString(Path.of("/proc/" + pid() + "/status"));
    return Long.parseLong(status.replaceAll("(?s).*VmHWM:\\s*([0-9]+) kB.*", "$1"));
  }

  String out() {
    return out.toString();
  }

  String err() {
    return err.toString();
  }

  /** Waits until standard output has this text. */
  void awaitOut(String text) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    synchronized (out) {
      while (out.indexOf(text) < 0) {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (left <= 0 || !process.isAlive()) {
          throw new IllegalStateException("did not say " + text + ":\n" + out + err);
        }
        out.wait(left);
      }
    }
  }

  /** Ends it without a chance to do anything. */
  void killHard() throws Exception {
    process.toHandle().destroyForcibly();
    waitForEnd();
  }

  /** Asks it to end, as Ctrl-C and a service manager do. */
  Ended terminate() throws Exception {
    // Not the process's own destroy, which closes what we are about to read.
    process.toHandle().destroy();
    return waitForEnd();
  }

  /** Sends a signal by name. */
  void signal(String name) throws Exception {
    kill(name, Long.toString(pid()));
  }

  /** Sends SIGINT to the whole process group that this process leads, as a terminal does at Ctrl-C. */
  void ctrlC() throws Exception {
    kill("INT", "-" + pid());
  }

  static void kill(String signal, String target) throws Exception {
    Process kill =
        new ProcessBuilder("sh", "-c", "kill -s " + signal + " -- " + target).inheritIO().start();
    if (kill.waitFor() != 0) {
      throw new IllegalStateException("kill -" + signal + " " + target + " failed");
    }
  }

  Ended waitForEnd() throws Exception {
    if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new IllegalStateException("did not end:\n" + out + err);
    }
    for (Thread reader : readers) {
      reader.join(PATIENCE.toMillis());
    }
    return new Ended(process.exitValue(), out.toString(), err.toString());
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }

  private Thread reader(InputStream in, StringBuffer into) {
    Thread thread =
        new Thread(
            () -> {
              try (BufferedReader lines =
                  new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  synchronized (into) {
                    into.append(line).append('\n');
                    into.notifyAll();
                  }
                  Matcher matcher = READY.matcher(line);
                  if (matcher.find()) {
                    readyNanos = System.nanoTime();
                    announced = Integer.parseInt(matcher.group(1));
                  }
                  if (announced > 0 && line.startsWith("  data ")) {
                    ready.complete(announced);
                  }
                }
              } catch (IOException e) {
                into.append(e).append('\n');
              }
            },
            "server-output");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
