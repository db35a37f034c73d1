package io.headpond.server.http;

import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Puts entries of a backup back, each as a write of its own with a new version, if nothing newer is there: neither in the database nor pending. So an entry that was put back is skipped when the same file comes
 * again. Used by one thread, which blocks.
 */
final class Restore {
  /** The most lines of a request, with the first. */
  static final int MAX_LINES = 1_001;

  private static final int WINDOW = 256;
  private static final int WINDOW_BYTES = 4 << 20;
  private static final int TRIES = 5;

  /** What became of an entry. */
  private enum Outcome {
    RESTORED,
    OLDER
  }

  private record Begun(int line, long bytes, CompletableFuture<Outcome> outcome) {}

  private final Dataset dataset;
  private final LineReader in;
  private final Deque<Begun> window = new ArrayDeque<>();
  private final Json refused = new Json().beginArray();
  private long bytes;
  private long restored;
  private long older;

  Restore(Dataset dataset, LineReader in) {
    this.dataset = dataset;
    this.in = in;
  }

  /** Carries all of it out. */
  Json run() {
    header(line(next()));
    int number = 1;
    for (LineReader.Line next = next(); next != null; next = next()) {
      number++;
      if (number > MAX_LINES) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            "body",
            "more than " + MAX_LINES + " lines",
            "must have at most "
                + (MAX_LINES - 1)
                + " entries; send the others with another request");
      }
      begin(number, next);
      while (window.size() >= WINDOW || bytes > WINDOW_BYTES) {
        finishFirst();
      }
    }
    while (!window.isEmpty()) {
      finishFirst();
    }
    return new Json()
        .beginObject()
        .member("dataset", dataset.name())
        .member("restored", restored)
        .member("older", older)
        .name("refused")
        .raw(refused.endArray().toString())
        .endObject();
  }

  private LineReader.@Nullable Line next() {
    try {
      return in.next();
    } catch (IOException e) {
      throw Body.cut(e);
    }
  }

  private static JsonTree line(LineReader.@Nullable Line line) {
    byte[] text = line == null ? null : line.bytes();
    if (text == null) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST, "line", "none, or too long", "must be the first of a backup");
    }
    return JsonTree.read(JsonRows.utf8(text, text.length));
  }

  /** Refuses what is of another dataset, or of other columns. */
  private void header(JsonTree tree) {
    RowType type = dataset.cache().rowType();
    require(tree, "headpond", QueueFile.KIND);
    require(tree, "format", Integer.toString(QueueFile.FORMAT));
    require(tree, "dataset", dataset.name());
    require(tree, "key", QueueFile.columns(type.keyColumns()));
    require(tree, "columns", QueueFile.columns(type.valueColumns()));
    if (dataset.config().versionColumn() == null) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "dataset",
          dataset.name(),
          "must have a versionColumn: without one nobody can tell whether the row is newer");
    }
  }

  private static void require(JsonTree tree, String name, String expected) {
    JsonTree member = tree.isObject() ? tree.member(name) : null;
    String found =
        member == null
            ? "nothing"
            : member.isString() ? member.string() : member.json().replaceAll("\\s", "");
    if (!found.equals(expected)) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, name, found, "must be " + expected);
    }
  }

  private void begin(int number, LineReader.Line line) {
    CompletableFuture<Outcome> outcome;
    try {
      byte[] text = line.bytes();
      if (text == null) {
        throw Problem.of(
            Problem.Kind.BODY_TOO_LARGE,
            "line",
            line.length() + " bytes",
            "must have at most " + Body.MAX_BYTES + " bytes");
      }
      outcome = restore(JsonTree.read(JsonRows.utf8(text, text.length)));
    } catch (RuntimeException | StackOverflowError e) {
      outcome = CompletableFuture.failedFuture(e);
    }
    window.add(new Begun(number, line.length(), outcome));
    bytes += line.length();
  }

  private CompletableFuture<Outcome> restore(JsonTree tree) {
    String operation = text(tree, "operation");
    if (!operation.equals("put") && !operation.equals("remove")) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, "operation", operation, "must be put or remove");
    }
    long version = Preconditions.version("version", text(tree, "version"));
    Key key = dataset.keyOfText(text(tree, "key"));
    Row row = null;
    if (operation.equals("put")) {
      byte[] value = text(tree, "value").getBytes(StandardCharsets.UTF_8);
      row = dataset.rows().read(value, value.length);
    }
    return restore(key, row, version, TRIES);
  }

  private static String text(JsonTree tree, String name) {
    JsonTree member = tree.isObject() ? tree.member(name) : null;
    if (member == null) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, name, "nothing", "must stand in each line");
    }
    return member.isString() ? member.string() : member.json();
  }

  /** What is there of a key: its version, 0 for nothing; and what a write demands so that nobody comes between. */
  private record There(long version, Condition condition) {}

  private CompletableFuture<Outcome> restore(Key key, @Nullable Row row, long version, int tries) {
    return there(key)
        .thenCompose(
            there -> {
              boolean nothing = row == null && there.version == 0;
              if (there.version >= version || nothing) {
                return CompletableFuture.completedFuture(Outcome.OLDER);
              }
              return write(key, row, there.condition)
                  .thenApply(done -> Outcome.RESTORED)
                  .exceptionallyCompose(
                      failure ->
                          tries > 1 && cause(failure) instanceof ConditionFailedException
                              ? restore(key, row, version, tries - 1)
                              : CompletableFuture.failedFuture(cause(failure)));
            });
  }

  private CompletableFuture<?> write(Key key, @Nullable Row row, Condition condition) {
    WriteOptions options = WriteOptions.onlyIf(condition);
    return row == null
        ? dataset.cache().removeAsync(key, options)
        : dataset.cache().putAsync(key, row, options);
  }

  private CompletableFuture<There> there(Key key) {
    return dataset
        .cache()
        .entryAsync(key)
        .thenCompose(
            entry -> {
              if (entry.possiblyStale()) {
                throw Problem.later(
                    Problem.Kind.UNAVAILABLE, "the hot store does not say what is there", 1);
              }
              if (entry.exists()) {
                return CompletableFuture.completedFuture(
                    new There(entry.version(), Condition.version(entry.version())));
              }
              return entry.state() == EntryState.CLEAN
                  ? CompletableFuture.completedFuture(new There(0, Condition.absent()))
                  : removed(key);
            });
  }

  /** A removal that is pending or parked has a version, too. */
  private CompletableFuture<There> removed(Key key) {
    String text = dataset.cache().rowType().keyText(key);
    return dataset
        .cache()
        .pendingAsync(text, null, 1)
        .thenApply(
            page -> {
              boolean found = !page.entries().isEmpty() && page.entries().get(0).key().equals(text);
              return new There(found ? page.entries().get(0).version() : 0, Condition.absent());
            });
  }

  private void finishFirst() {
    Begun first = window.remove();
    bytes -= first.bytes;
    Throwable failure;
    try {
      switch (first.outcome.get(Call.TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
        case RESTORED -> restored++;
        case OLDER -> older++;
      }
      return;
    } catch (ExecutionException e) {
      failure = e;
    } catch (TimeoutException e) {
      failure = Reply.noAnswerInTime();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Problem.stopping();
    }
    refused
        .beginObject()
        .member("line", first.line)
        .member("reason", String.valueOf(Reply.problem("POST", failure).getMessage()))
        .endObject();
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() instanceof HeadpondException
        ? failure.getCause()
        : failure;
  }
}
