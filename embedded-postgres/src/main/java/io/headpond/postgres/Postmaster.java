package io.headpond.postgres;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * A running server process, as its {@code postmaster.pid} names it. The file is believed only if the process with that
 * pid is a postgres that runs in that data folder: after a crash the pid may belong to anyone. Immutable.
 */
record Postmaster(long pid, int port, Path data) {
  private static final Duration STEP = Duration.ofMillis(20);
  private static final Duration SIGNAL = Duration.ofSeconds(3);
  private static final Path PROC = Path.of("/proc");

  /** The server that runs in {@code data}, if one does. */
  static Optional<Postmaster> find(Path data) throws IOException {
    List<String> lines;
    try {
      lines = Files.readAllLines(pidFile(data));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    try {
      long pid = Long.parseLong(lines.get(0).strip());
      int port = lines.size() > 3 ? Integer.parseInt(lines.get(3).strip()) : 0;
      return isAlive(pid) && isPostgresIn(pid, data)
          ? Optional.of(new Postmaster(pid, port, data))
          : Optional.empty();
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      return Optional.empty(); // cut off by a crash, so nothing that runs wrote it
    }
  }

  static Path pidFile(Path data) {
    return data.resolve("postmaster.pid");
  }

  boolean isAlive() {
    return isAlive(pid);
  }

  /** Waits for the process and all that it started to be gone; false if that takes longer. */
  boolean awaitGone(Duration timeout) throws IOException {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (true) {
      List<ProcessHandle> left = family();
      if (left.isEmpty()) {
        return true;
      }
      if (System.nanoTime() - deadline > 0) {
        return false;
      }
      awaitExit(left.get(0));
    }
  }

  /**
   * Asks it to end: {@code INT} for a fast shutdown, {@code QUIT} for an immediate one. SIGTERM, all that Java can send, would
   * wait for every client to leave.
   */
  void signal(String name) throws IOException {
    if (isAlive()) {
      // The shell's own kill: not every container has the program.
      Command.run(List.of("sh", "-c", "kill -" + name + " " + pid), Path.of("/"), SIGNAL);
    }
  }

  /** Kills the process and all that it started, with SIGKILL. They may not be gone yet on return. */
  void kill() throws IOException {
    Set<ProcessHandle> all = new HashSet<>(family());
    ProcessHandle.of(pid).filter(handle -> isAlive(pid)).ifPresent(ProcessHandle::destroyForcibly);
    // Once more: it may have started one between the look and the kill. Now it no longer can.
    all.addAll(family());
    all.forEach(ProcessHandle::destroyForcibly);
  }

  /** The processes that a dead server left in its data folder; they would keep a new one from starting. */
  static List<ProcessHandle> leftIn(Path data) throws IOException {
    List<ProcessHandle> found = new ArrayList<>();
    if (!Files.isDirectory(PROC)) {
      return found;
    }
    try (Stream<Path> entries = Files.list(PROC)) {
      for (Path entry : entries.toList()) {
        String name = String.valueOf(entry.getFileName());
        if (!name.isEmpty() && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
          long pid = Long.parseLong(name);
          if (isPostgresByFolder(pid, data) && isAlive(pid)) {
            ProcessHandle.of(pid).ifPresent(found::add);
          }
        }
      }
    }
    return found;
  }

  private List<ProcessHandle> family() throws IOException {
    Set<ProcessHandle> all = new HashSet<>(leftIn(data));
    ProcessHandle.of(pid)
        .filter(handle -> isPostgresIn(pid, data))
        .ifPresent(
            handle -> {
              all.add(handle);
              handle.descendants().forEach(all::add);
            });
    return all.stream().filter(handle -> isAlive(handle.pid())).toList();
  }

  private static void awaitExit(ProcessHandle handle) {
    try {
      // In steps, because a process that nobody reaps stays as a zombie and never "exits".
      handle.onExit().get(STEP.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EmbeddedPostgresException(
          "interrupted while waiting for process %d to end".formatted(handle.pid()), e);
    }
  }

  private static boolean isAlive(long pid) {
    if (ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty()) {
      return false;
    }
    try {
      // "pid (name) state ...", and the name may contain anything.
      String stat = Files.readString(PROC.resolve(pid + "/stat"));
      char state = stat.charAt(stat.lastIndexOf(')') + 2);
      return state != 'Z' && state != 'X';
    } catch (IOException | IndexOutOfBoundsException e) {
      return !Files.isDirectory(PROC) && ProcessHandle.of(pid).isPresent();
    }
  }

  private static boolean isPostgresIn(long pid, Path data) {
    return isPostgresByFolder(pid, data) || isPostgresByCommand(pid, data);
  }

  private static boolean isPostgresByFolder(long pid, Path data) {
    try {
      String name = Files.readString(PROC.resolve(pid + "/comm")).strip();
      return name.equals("postgres") && Files.isSameFile(PROC.resolve(pid + "/cwd"), data);
    } catch (IOException | RuntimeException e) {
      return false; // gone, or of another user and so not ours
    }
  }

  private static boolean isPostgresByCommand(long pid, Path data) {
    List<String> command;
    try {
      command = Arrays.asList(Files.readString(PROC.resolve(pid + "/cmdline")).split("\0"));
    } catch (IOException | RuntimeException e) {
      command = commandWithoutProc(pid);
    }
    return !command.isEmpty()
        && command.get(0).endsWith("postgres")
        && command.contains(data.toString());
  }

  private static List<String> commandWithoutProc(long pid) {
    List<String> command = new ArrayList<>();
    ProcessHandle.of(pid)
        .map(ProcessHandle::info)
        .ifPresent(
            info -> {
              info.command().ifPresent(command::add);
              info.arguments().ifPresent(arguments -> command.addAll(Arrays.asList(arguments)));
            });
    return command;
  }
}
