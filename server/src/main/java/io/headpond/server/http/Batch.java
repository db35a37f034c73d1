package io.headpond.server.http;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.server.http.BatchLine.Done;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A batch at work: reads lines, begins their writes, and answers them in their order. Used by one thread, which blocks.
 *
 * <p>The writes that have begun and are not answered yet are the window; it is bounded, so that a client that does not read its answers, and a
 * store that is full, both end up in lines not being read. Before the thread waits for the client's next line, everything in the window is answered:
 * a client may wait for an answer before it goes on.
 *
 * <p>Writes of one key take effect in their order. A plain write may be begun while another plain one of its key is under way, since each has its
 * place then; any other combination waits.
 */
final class Batch {
  private static final int MAX_LINES = 256;
  private static final int MAX_BYTES = 4 << 20;
  private static final int OUT_BUFFER = 8 << 10;

  /** A line in the window. */
  private record Begun(
      long line, @Nullable Key key, boolean plain, long bytes, CompletableFuture<Done> done) {}

  private final Dataset dataset;
  private final @Nullable Durability durability;
  private final LineReader in;
  private final OutputStream out;
  private final ArrayDeque<Begun> window = new ArrayDeque<>();
  private final Map<Key, Begun> lastOfKey = new HashMap<>();
  private long bytes;
  private long line;

  Batch(Dataset dataset, @Nullable Durability durability, LineReader in, OutputStream out) {
    this.dataset = dataset;
    this.durability = durability;
    this.in = in;
    this.out = new BufferedOutputStream(out, OUT_BUFFER);
  }

  /**
   * Carries all of it out.
   *
   * @throws IOException if the client takes no more answers; what has begun goes on
   */
  void run() throws IOException {
    try {
      for (LineReader.Line next = next(); next != null; next = next()) {
        line++;
        begin(next);
        while (window.size() >= MAX_LINES || bytes > MAX_BYTES) {
          answerFirst();
        }
      }
      answerAll();
    } catch (Cut e) {
      answerAll();
      line++;
      write(line, e.problem);
    }
    out.flush();
  }

  private LineReader.@Nullable Line next() throws IOException, Cut {
    if (!in.isReady()) {
      answerAll();
      out.flush();
    }
    try {
      return in.next();
    } catch (IOException e) {
      throw new Cut(Body.cut(e), e);
    }
  }

  private void begin(LineReader.Line next) {
    byte[] text = next.bytes();
    if (text == null) {
      failed(
          Problem.of(
              Problem.Kind.BODY_TOO_LARGE,
              "line",
              next.length() + " bytes",
              "must have at most " + Body.MAX_BYTES + " bytes"));
      return;
    }
    BatchLine write;
    try {
      write = BatchLine.read(text, dataset, durability);
    } catch (RuntimeException | StackOverflowError e) {
      failed(e);
      return;
    }
    Begun before = write.key() == null ? null : lastOfKey.get(write.key());
    boolean waits = false;
    CompletableFuture<Done> done;
    if (before == null || before.done.isDone() || (before.plain && write.plain())) {
      done = start(write);
    } else {
      done = before.done.handle((d, failure) -> true).thenCompose(over -> start(write));
      waits = true;
    }
    Begun begun = new Begun(line, write.key(), write.plain() && !waits, next.length(), done);
    window.add(begun);
    bytes += next.length();
    if (write.key() != null) {
      lastOfKey.put(write.key(), begun);
    }
  }

  private static CompletableFuture<Done> start(BatchLine write) {
    try {
      return write.start().run();
    } catch (RuntimeException | StackOverflowError e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private void failed(Throwable failure) {
    window.add(new Begun(line, null, false, 0, CompletableFuture.failedFuture(failure)));
  }

  private void answerAll() throws IOException {
    while (!window.isEmpty()) {
      answerFirst();
    }
  }

  /** Waits for the oldest write of the window, as long as one that comes alone would be waited for. */
  private void answerFirst() throws IOException {
    Begun first = window.remove();
    bytes -= first.bytes;
    if (first.key != null) {
      lastOfKey.remove(first.key, first);
    }
    Done done;
    try {
      done = first.done.get(Call.TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      write(first.line, Reply.problem("POST", e));
      return;
    } catch (TimeoutException e) {
      write(first.line, Reply.noAnswerInTime());
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("the server stops");
    }
    Json json =
        new Json()
            .beginObject()
            .member("line", first.line)
            .member("status", done.status())
            .member("key", dataset.cache().rowType().keyText(done.key()))
            .member("version", done.version())
            .member("durability", WriteAnswer.durability(done.durability()));
    if (done.repeated()) {
      json.member("repeated", true);
    }
    write(json.endObject());
  }

  private void write(long line, Problem problem) throws IOException {
    Json json = new Json().beginObject().member("line", line);
    problem.members(json);
    write(json.endObject());
  }

  private void write(Json json) throws IOException {
    out.write(json.toBytes());
    out.write('\n');
  }

  /** The body ended where it must not. */
  private static final class Cut extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Problem problem;

    Cut(Problem problem, IOException cause) {
      super(cause);
      this.problem = problem;
    }
  }
}
