package io.headpond.server.http;

import io.headpond.Key;
import io.headpond.Purged;
import io.headpond.UnavailableException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A walk over what is pending and parked, which gives lines and has no more than a page in memory. If it has to end early the last line is the problem. {@link #next} may wait. Used by one thread.
 */
abstract class QueueLines implements Iterator<String> {
  /** Entries of a page: each costs a look at all that is pending. */
  private static final int PAGE = 1_000;

  final Dataset dataset;
  private final Duration patience;
  private final BooleanSupplier stopping;
  private final Deque<String> lines = new ArrayDeque<>();
  private @Nullable String after;
  private boolean ended;

  /**
   * @param patience how long it waits for a page
   * @param stopping whether it must end now
   */
  QueueLines(Dataset dataset, Duration patience, BooleanSupplier stopping) {
    this.dataset = dataset;
    this.patience = patience;
    this.stopping = stopping;
  }

  /** The lines for a page. */
  abstract List<Json> page(List<Owed> entries) throws Exception;

  /** The last lines. */
  abstract List<Json> end();

  /** Whatever happened, no more pages come. */
  void close() {}

  /** Waits for something. */
  <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public boolean hasNext() {
    while (lines.isEmpty() && !ended) {
      turn();
    }
    return !lines.isEmpty();
  }

  @Override
  public String next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return lines.remove();
  }

  void add(Json line) {
    lines.add(line + "\n");
  }

  private void turn() {
    try {
      if (stopping.getAsBoolean()) {
        throw Problem.later(Problem.Kind.UNAVAILABLE, "the server is stopping; this is not all", 1);
      }
      Owed.Page page = await(Owed.page(dataset, after, PAGE));
      page(page.entries()).forEach(this::add);
      after = page.next();
      if (after == null) {
        end().forEach(this::add);
        over();
      }
    } catch (ExecutionException e) {
      cut(Reply.problem("GET", e));
    } catch (TimeoutException e) {
      cut(Reply.noAnswerInTime());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      cut(Problem.stopping());
    } catch (Exception e) {
      cut(Reply.problem("GET", e));
    }
  }

  private void cut(Problem why) {
    add(why.json());
    over();
  }

  private void over() {
    ended = true;
    close();
  }

  /** All of it, to be put back. */
  static final class Backup extends QueueLines {
    private long count;

    Backup(Dataset dataset, Duration patience, BooleanSupplier stopping) {
      super(dataset, patience, stopping);
      add(QueueFile.header(dataset, ""));
    }

    @Override
    List<Json> page(List<Owed> entries) {
      count += entries.size();
      return entries.stream().map(owed -> owed.json(dataset)).toList();
    }

    @Override
    List<Json> end() {
      return List.of(QueueFile.footer(count));
    }
  }

  /** Gives all of it up, page by page, each after it was kept in a file; tells how far it is. */
  static final class Purge extends QueueLines {
    private final QueueFile file;
    private long purged;
    private long underWay;
    private long gone;

    Purge(Dataset dataset, Duration patience, BooleanSupplier stopping, QueueFile file) {
      super(dataset, patience, stopping);
      this.file = file;
    }

    @Override
    List<Json> page(List<Owed> entries) throws Exception {
      file.keep(entries);
      List<CompletableFuture<Purged>> all = new ArrayList<>();
      for (Owed owed : entries) {
        Key key = owed.key();
        all.add(dataset.cache().purgeAsync(key, owed.version()));
      }
      for (CompletableFuture<Purged> each : all) {
        switch (await(each)) {
          case DONE -> purged++;
          case UNDER_WAY -> underWay++;
          case GONE -> gone++;
        }
      }
      return List.of(line(false));
    }

    @Override
    List<Json> end() {
      file.end();
      return List.of(line(true));
    }

    @Override
    void close() {
      try {
        file.close();
      } catch (UnavailableException e) {
        add(Reply.problem("POST", e).json());
      }
    }

    private Json line(boolean done) {
      return new Json()
          .beginObject()
          .member("dataset", dataset.name())
          .member("purged", purged)
          .member("underWay", underWay)
          .member("gone", gone)
          .member("file", file.file() == null ? null : String.valueOf(file.file()))
          .member("done", done)
          .endObject();
    }
  }
}
