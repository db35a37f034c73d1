package io.headpond.server.http;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one answer to a request, given at once or when a future completes. No thread waits for it.
 *
 * <p>A small answer is put into the response's buffer by the thread that completes the future, which touches no socket;
 * the container sends it. A large one is handed to the container as a whole.
 */
public final class Reply {
  static final String JSON = "application/json";
  static final String PROBLEM = "application/problem+json";
  private static final int OK = 200;
  private static final int SMALL = 4_096;
  private static final Logger LOG = LoggerFactory.getLogger(Reply.class);

  /**
   * What is sent.
   *
   * @param location of what was created; null if nothing was
   */
  public record Answer(int status, Json body, @Nullable String etag, @Nullable String location) {
    public Answer(int status, Json body) {
      this(status, body, null);
    }

    public Answer(int status, Json body, @Nullable String etag) {
      this(status, body, etag, null);
    }
  }

  private final HttpServletRequest request;
  private final HttpServletResponse response;

  Reply(HttpServletRequest request, HttpServletResponse response) {
    this.request = request;
    this.response = response;
  }

  /** Answers now. */
  public void send(Answer answer) {
    if (answer.etag() != null) {
      response.setHeader("ETag", answer.etag());
    }
    if (answer.location() != null) {
      response.setHeader("Location", answer.location());
    }
    send(answer.status(), JSON, answer.body().toBytes());
  }

  /** Answers now with a problem document. */
  void send(Problem problem) {
    request.setAttribute(ProblemValve.PROBLEM, problem);
    if (problem.retryAfterSeconds() > 0) {
      response.setHeader("Retry-After", Long.toString(problem.retryAfterSeconds()));
    }
    if (problem.currentVersion() > 0) {
      response.setHeader("ETag", EntityTags.of(problem.currentVersion()));
    }
    if (problem.allow() != null) {
      response.setHeader("Allow", problem.allow());
    }
    send(problem.status(), PROBLEM, problem.json().toBytes());
  }

  /** Answers now with the problem that a failure is. */
  void fail(Throwable failure) {
    send(problem(request.getMethod(), failure));
  }

  /** The problem that a failure is; one that must not be stands in the log. */
  static Problem problem(String method, Throwable failure) {
    Problem problem = Problem.of(failure);
    if (problem.kind() == Problem.Kind.INTERNAL) {
      LOG.error("{} request failed unexpectedly; please report this", method, failure);
    }
    return problem;
  }

  /** The problem of a request that was not answered in time. */
  static Problem noAnswerInTime() {
    return Problem.of(
        Problem.Kind.OUTCOME_UNKNOWN,
        "no answer in time; it may still be carried out, read the entry to learn whether");
  }

  /** Begins an answer of a length that is not known. */
  OutputStream stream(int status, String type) throws IOException {
    response.setStatus(status);
    response.setContentType(type);
    return response.getOutputStream();
  }

  /** Nobody waits for the answer any more. */
  void goneAway(IOException e) {
    LOG.debug("the client went away before it had its answer", e);
  }

  /** Answers without a body, with the methods of the route. */
  public void sendAllowed(int status, String allow) {
    response.setHeader("Allow", allow);
    response.setStatus(status);
  }

  /**
   * Answers when the future completes.
   *
   * @param timeout after which the outcome is said to be unknown; the future goes on
   */
  public void when(CompletableFuture<Answer> future, Duration timeout) {
    when(future, timeout, this::send, answer -> answer.body().length() <= SMALL);
  }

  /**
   * Answers with a document in pieces when the future completes. A piece is made when the client has taken those before it.
   *
   * @param type its media type
   * @param timeout as for {@link #when}
   */
  void whenPieces(
      String type, CompletableFuture<? extends Iterator<String>> future, Duration timeout) {
    when(future, timeout, pieces -> sendPieces(type, pieces), pieces -> false);
  }

  private <T> void when(
      CompletableFuture<T> future, Duration timeout, Consumer<T> send, Predicate<T> small) {
    if (future.isDone()) {
      finish(future, send);
      return;
    }
    AsyncContext async = request.startAsync(request, response);
    async.setTimeout(timeout.toMillis());
    AtomicBoolean answered = new AtomicBoolean();
    async.addListener(new Timeout(answered));
    var unused =
        future.whenComplete(
            (answer, failure) -> {
              if (!answered.compareAndSet(false, true)) {
                return;
              }
              try {
                if (answer == null || small.test(answer)) {
                  finishAsync(async, future, send);
                } else {
                  async.start(() -> finishAsync(async, future, send));
                }
              } catch (RuntimeException e) {
                // The container has given the request up: the client is gone, or the server stops.
                LOG.debug("an answer found no request any more", e);
              }
            });
  }

  private <T> void finishAsync(AsyncContext async, CompletableFuture<T> future, Consumer<T> send) {
    try {
      finish(future, send);
    } finally {
      async.complete();
    }
  }

  private <T> void finish(CompletableFuture<T> future, Consumer<T> send) {
    T answer;
    try {
      answer = future.join();
    } catch (RuntimeException e) {
      fail(e);
      return;
    }
    send.accept(answer);
  }

  private void sendPieces(String type, Iterator<String> pieces) {
    response.setStatus(OK);
    response.setContentType(type);
    try {
      while (pieces.hasNext()) {
        response.getOutputStream().write(pieces.next().getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      goneAway(e);
    }
  }

  private void send(int status, String type, byte[] body) {
    response.setStatus(status);
    response.setContentType(type);
    response.setContentLength(body.length);
    try {
      response.getOutputStream().write(body);
    } catch (IOException e) {
      goneAway(e);
    }
  }

  private final class Timeout implements AsyncListener {
    private final AtomicBoolean answered;

    Timeout(AtomicBoolean answered) {
      this.answered = answered;
    }

    @Override
    public void onTimeout(AsyncEvent event) {
      if (answered.compareAndSet(false, true)) {
        send(noAnswerInTime());
        event.getAsyncContext().complete();
      }
    }

    @Override
    public void onError(AsyncEvent event) {
      answered.set(true);
    }

    @Override
    public void onComplete(AsyncEvent event) {
      answered.set(true);
    }

    @Override
    public void onStartAsync(AsyncEvent event) {}
  }
}
