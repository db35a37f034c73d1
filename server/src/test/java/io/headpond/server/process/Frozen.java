package io.headpond.server.process;

import io.headpond.postgres.EmbeddedPostgres;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A PostgreSQL whose processes are all stopped by SIGSTOP, as those of a machine that hangs: it takes connections and never answers. Continued when it is closed. */
final class Frozen implements AutoCloseable {
  private final List<Long> stopped = new ArrayList<>();

  Frozen(EmbeddedPostgres postgres) throws Exception {
    this(postgres.pid());
  }

  /** By the process id of the postmaster. */
  Frozen(long pid) throws Exception {
    // First the one that makes others.
    stop(pid);
    ProcessHandle postmaster = ProcessHandle.of(pid).orElseThrow();
    for (ProcessHandle backend : postmaster.descendants().toList()) {
      stop(backend.pid());
    }
  }

  /** The other way to be away: ends it in good order, so that {@link EmbeddedPostgres#restart} is quick. */
  static void shutDown(EmbeddedPostgres postgres) throws Exception {
    ProcessHandle postmaster = ProcessHandle.of(postgres.pid()).orElseThrow();
    ServerProcess.kill("INT", Long.toString(postgres.pid()));
    postmaster.onExit().get(30, TimeUnit.SECONDS);
  }

  private void stop(long pid) throws Exception {
    ServerProcess.kill("STOP", Long.toString(pid));
    stopped.add(pid);
  }

  @Override
  public void close() throws Exception {
    for (long pid : stopped) {
      if (ProcessHandle.of(pid).isPresent()) {
        ServerProcess.kill("CONT", Long.toString(pid));
      }
    }
  }
}
