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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one answer to a request, given at once or when a future completes. No thread waits for it.
 *
 * <p>A small answer is put into the response's buffer by the thread that completes the future, which touches no socket;
 * the container sends it. A large one is written by a thread of the container, for as long as its client takes to read it.
 *
 * <p>Only one thread ever touches the response: the one that completes the future, or the one that it hands a large answer to. So the time to wait is
 * measured here and not by the container, which would end the request under the hands of that thread, and give its buffers to another client's.
 */
public final class Reply {
  static final String JSON = "application/json";
  static final String PROBLEM = "application/problem+json";

  /** The header of an answer that may be older than what was acknowledged. */
  static final String POSSIBLY_STALE = "Headpond-Possibly-Stale";

  private static final int OK = 200;
  private static final int SMALL = 4_096;
  private static final Logger LOG = LoggerFactory.getLogger(Reply.class);

  /**
   * What is sent.
   *
   * @param location of what was created; null if nothing was
   * @param possiblyStale whether there may be a newer value than the one that it shows
   */
  public record Answer(
      int status,
      Json body,
      @Nullable String etag,
      @Nullable String location,
      boolean possiblyStale) {
    public Answer(int status, Json body, @Nullable String etag, @Nullable String location) {
      this(status, body, etag, location, false);
    }

    public Answer(int status, Json body) {
      this(status, body, null);
    }

    public Answer(int status, Json body, @Nullable String etag) {
      this(status, body, etag, null);
    }
  }

  private final HttpServletRequest request;
  private final HttpServletResponse response;

  /** Whether the client is gone. */
  private volatile boolean gone;

  Reply(HttpServletRequest request, HttpServletResponse response) {
    this.request = request;
    this.response = response;
  }

  /** Answers now. */
  public void send(Answer answer) {
    if (answer.etag() != null) {
      response.setHeader("ETag", answer.etag());
    }
    if (answer.possiblyStale()) {
      response.setHeader(POSSIBLY_STALE, "true");
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
    Problem.Header header = problem.header();
    if (header != null) {
      response.setHeader(header.name(), header.value());
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
    var unused = when(future, timeout, this::send, answer -> answer.body().length() <= SMALL);
  }

  /**
   * Answers with a document in pieces when the future completes. A piece is made when the client has taken those before it.
   *
   * @param type its media type
   * @param timeout as for {@link #when}; it does not count while the pieces are sent
   * @return completes when the answer has been sent, or nobody waits for it any more; never exceptionally
   */
  CompletableFuture<Void> whenPieces(
      String type, CompletableFuture<? extends Iterator<String>> future, Duration timeout) {
    return when(future, timeout, pieces -> sendPieces(type, pieces), pieces -> false);
  }

  private <T> CompletableFuture<Void> when(
      CompletableFuture<T> future, Duration timeout, Consumer<T> send, Predicate<T> small) {
    CompletableFuture<Void> ended = new CompletableFuture<>();
    if (future.isDone()) {
      try {
        finish(future, send);
      } finally {
        ended.complete(null);
      }
      return ended;
    }
    AsyncContext async = request.startAsync(request, response);
    async.setTimeout(0);
    CompletableFuture<T> inTime = future.copy().orTimeout(timeout.toNanos(), TimeUnit.NANOSECONDS);
    async.addListener(new GivenUp(inTime, ended));
    var unused =
        inTime.whenComplete(
            (answer, failure) -> {
              if (answer == null || small.test(answer)) {
                finishAsync(async, inTime, send, ended);
                return;
              }
              try {
                async.start(() -> finishAsync(async, inTime, send, ended));
              } catch (RuntimeException e) {
                LOG.debug("an answer found no request any more", e);
                ended.complete(null);
              }
            });
    return ended;
  }

  private <T> void finishAsync(
      AsyncContext async,
      CompletableFuture<T> future,
      Consumer<T> send,
      CompletableFuture<Void> ended) {
    try {
      finish(future, send);
    } finally {
      try {
        async.complete();
      } catch (RuntimeException e) {
        // The container has ended the request itself: the client is gone, or the server stops.
        LOG.debug("an answer found no request any more", e);
      }
      ended.complete(null);
    }
  }

  private <T> void finish(CompletableFuture<T> future, Consumer<T> send) {
    T answer;
    try {
      answer = future.join();
    } catch (RuntimeException e) {
      fail(e.getCause() instanceof TimeoutException ? noAnswerInTime() : e);
      return;
    }
    send.accept(answer);
  }

  private void sendPieces(String type, Iterator<String> pieces) {
    response.setStatus(OK);
    response.setContentType(type);
    try {
      OutputStream out = response.getOutputStream();
      while (!gone && pieces.hasNext()) {
        out.write(pieces.next().getBytes(StandardCharsets.UTF_8));
      }
      if (!gone) {
        out.close();
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

  /** The container gives the request up, as the client is gone or the server stops: it must wait for the thread that has the response. */
  private final class GivenUp implements AsyncListener {
    private final CompletableFuture<?> answer;
    private final CompletableFuture<Void> ended;

    GivenUp(CompletableFuture<?> answer, CompletableFuture<Void> ended) {
      this.answer = answer;
      this.ended = ended;
    }

    @Override
    public void onTimeout(AsyncEvent event) {
      await();
    }

    @Override
    public void onError(AsyncEvent event) {
      gone = true;
      await();
    }

    private void await() {
      answer.completeExceptionally(new TimeoutException());
      try {
        ended.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException e) {
        throw new IllegalStateException("it never fails", e);
      }
    }

    @Override
    public void onComplete(AsyncEvent event) {}

    @Override
    public void onStartAsync(AsyncEvent event) {}
  }
}
