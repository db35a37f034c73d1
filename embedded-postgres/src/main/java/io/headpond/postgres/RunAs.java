package io.headpond.postgres;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The identity under which the PostgreSQL programs run. They refuse to run as root, so root needs a stand-in:
 *
 * <ol>
 *   <li>A user namespace ({@code unshare -U}). The programs see an unprivileged id, the kernel still sees root's files
 *       as theirs: nothing changes its owner, and a folder below {@code /root} works. Some containers refuse it.
 *   <li>{@code setpriv} to uid 65534. The data changes its owner, and every folder on the way must let that uid pass.
 * </ol>
 *
 * A data folder that already belongs to another user is run as that user. Immutable.
 *
 * @param prefix what to put before a command
 * @param uid the owner that the data must have, or -1 to leave the owner as it is
 */
record RunAs(List<String> prefix, int uid, int gid) {
  private static final Logger log = LoggerFactory.getLogger(RunAs.class);
  private static final int NOBODY = 65534;
  private static final Duration PROBE = Duration.ofSeconds(20);

  /** Chooses for the server in {@code folder}, whose data may not exist yet. */
  static RunAs choose(Path folder, Path data) throws IOException {
    if (currentUid(folder) != 0) {
      return new RunAs(List.of(), -1, -1);
    }
    int owner = Files.isDirectory(data) ? attribute(data, "unix:uid") : 0;
    if (owner != 0) {
      return setpriv(owner, attribute(data, "unix:gid"), folder);
    }
    RunAs namespace = new RunAs(List.of("unshare", "-U", "--"), -1, -1);
    // Without root's capabilities, so folders of other users on the way may be closed to it.
    if (namespace.answers("test \"$(id -u)\" != 0 && test -w .", folder)
        && namespace.canReach(folder)) {
      return namespace;
    }
    log.debug("no user namespace for {}, taking setpriv", folder);
    return setpriv(NOBODY, NOBODY, folder);
  }

  private static RunAs setpriv(int uid, int gid, Path folder) throws IOException {
    RunAs runAs =
        new RunAs(
            List.of("setpriv", "--reuid=" + uid, "--regid=" + gid, "--clear-groups", "--"),
            uid,
            gid);
    if (!runAs.answers("true", Path.of("/"))) {
      throw new EmbeddedPostgresException(
          "PostgreSQL does not run as root, and neither `unshare -U` nor `setpriv --reuid=%d` works here: start Headpond as an ordinary user"
              .formatted(uid));
    }
    String closed = runAs.closedOnTheWayTo(folder);
    if (!closed.isEmpty()) {
      throw new EmbeddedPostgresException(
          "PostgreSQL does not run as root, and uid %d, which is to run it, may not enter %s: choose a data folder elsewhere, run `chmod o+x %s`, or start Headpond as an ordinary user"
              .formatted(uid, closed, closed));
    }
    return runAs;
  }

  /** Whether the programs, run so, can get into {@code folder} and all above it. */
  boolean canReach(Path folder) throws IOException {
    return closedOnTheWayTo(folder).isEmpty();
  }

  List<String> command(String... command) {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(List.of(command));
    return all;
  }

  /** Gives a file or a tree to the identity, if it needs that. */
  void own(Path root) throws IOException {
    if (uid < 0) {
      return;
    }
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.toList()) {
        if (attribute(path, "unix:uid") != uid) {
          Files.setAttribute(path, "unix:uid", uid, LinkOption.NOFOLLOW_LINKS);
          Files.setAttribute(path, "unix:gid", gid, LinkOption.NOFOLLOW_LINKS);
        }
      }
    }
  }

  /** The first folder that does not let the programs in, or nothing. */
  private String closedOnTheWayTo(Path folder) throws IOException {
    List<String> command =
        command("sh", "-c", "for d; do test -x \"$d\" || { echo \"$d\"; exit; }; done", "sh");
    for (Path step = folder; step != null; step = step.getParent()) {
      command.add(4 + prefix.size(), step.toString());
    }
    return Command.run(command, Path.of("/"), PROBE).output().strip();
  }

  private boolean answers(String script, Path folder) {
    try {
      return Command.run(command("sh", "-c", script), folder, PROBE).ok();
    } catch (IOException e) {
      log.debug("{} cannot be run", prefix, e);
      return false;
    }
  }

  private static int currentUid(Path folder) throws IOException {
    Path probe = Files.createTempFile(folder, ".whoami-", "");
    try {
      return attribute(probe, "unix:uid");
    } finally {
      Files.delete(probe);
    }
  }

  private static int attribute(Path path, String name) throws IOException {
    return (Integer) Files.getAttribute(path, name, LinkOption.NOFOLLOW_LINKS);
  }
}
