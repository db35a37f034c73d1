package io.headpond.server;

import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.http.Dataset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;

/**
 * Opens and closes datasets side by side, since with a database that hangs each takes some seconds to give up. Where tables are
 * created they are opened one after the other, in the order of the list: one may refer to another. Stateless.
 */
final class Opening {
  private Opening() {}

  /**
   * All of them, in the order of the list, or none: if one fails, or the thread is interrupted, the others are closed again, also
   * those that are opened only later.
   *
   * @throws RuntimeException the failure, if it is one; several as {@link SeveralException}
   */
  static List<Dataset> open(
      List<DatasetConfig> configs, boolean sideBySide, Function<DatasetConfig, Dataset> opener) {
    boolean given = false;
    List<CompletableFuture<Dataset>> opening = new ArrayList<>();
    CompletableFuture<?> before = CompletableFuture.completedFuture(null);
    for (DatasetConfig config : configs) {
      CompletableFuture<Dataset> each = new CompletableFuture<>();
      CompletableFuture<?> turn = sideBySide ? CompletableFuture.completedFuture(null) : before;
      Thread thread =
          new Thread(
              () -> {
                try {
                  if (turn.handle((dataset, failure) -> failure == null).join()) {
                    each.complete(opener.apply(config));
                  } else {
                    each.cancel(false);
                  }
                } catch (Throwable e) {
                  each.completeExceptionally(e);
                }
              },
              "headpond-" + config.name() + "-open");
      thread.setDaemon(true);
      thread.start();
      opening.add(each);
      before = each;
    }
    try {
      List<Dataset> opened = all(opening);
      given = true;
      return opened;
    } finally {
      if (!given) {
        abandon(opening);
      }
    }
  }

  private static List<Dataset> all(List<CompletableFuture<Dataset>> opening) {
    List<Dataset> opened = new ArrayList<>();
    List<Throwable> failures = new ArrayList<>();
    for (CompletableFuture<Dataset> each : opening) {
      try {
        opened.add(each.get());
      } catch (ExecutionException e) {
        failures.add(e.getCause());
      } catch (CancellationException e) {
        continue; // The one before it failed, and is told.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UnavailableException("stopped while the datasets were opened", e);
      }
    }
    if (failures.isEmpty()) {
      return opened;
    }
    if (failures.size() > 1) {
      throw new SeveralException(failures);
    }
    if (failures.get(0) instanceof Error error) {
      throw error;
    }
    throw failures.get(0) instanceof RuntimeException known
        ? known
        : new IllegalStateException(failures.get(0));
  }

  /** Several datasets could not be opened. */
  static final class SeveralException extends HeadpondException {
    private static final long serialVersionUID = 1;

    private final transient List<Throwable> failures;

    SeveralException(List<Throwable> failures) {
      super(failures.size() + " datasets cannot be opened", failures.get(0));
      this.failures = List.copyOf(failures);
    }

    /** Each, in the order of the list of datasets. */
    List<Throwable> failures() {
      return failures;
    }
  }

  private static void abandon(List<CompletableFuture<Dataset>> opening) {
    List<Dataset> opened = new ArrayList<>();
    for (CompletableFuture<Dataset> each : opening) {
      if (each.isDone()) {
        if (!each.isCompletedExceptionally()) {
          opened.add(each.join());
        }
      } else {
        var unused = each.thenAccept(dataset -> dataset.cache().close());
      }
    }
    close(opened);
  }

  /** Closes them all and returns then. */
  static void close(List<Dataset> datasets) {
    List<Thread> closing = new ArrayList<>();
    for (Dataset dataset : datasets) {
      Thread thread = new Thread(dataset.cache()::close, "headpond-" + dataset.name() + "-close");
      thread.start();
      closing.add(thread);
    }
    boolean interrupted = false;
    for (Thread thread : closing) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
