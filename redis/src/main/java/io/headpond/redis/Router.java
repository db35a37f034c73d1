package io.headpond.redis;

import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Brings a call to the master that has its slot. What a server has surely not carried out, because the slot, the master or the server's state is changing, is tried again for a while.
 * Thread-safe.
 */
final class Router {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final long FIRST_PAUSE_MILLIS = 10;
  private static final long LONGEST_PAUSE_MILLIS = 250;

  /** With these a server, or a whole script, was not ready; they pass. */
  private static final Set<String> PASSING =
      Set.of(
          "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "LOADING", "MASTERDOWN", "BUSY");

  /** With these a server refuses a script's first write: it has written nothing. */
  private static final Set<String> REFUSED = Set.of("OOM", "MISCONF", "NOREPLICAS");

  /** How Redis 6.2 wraps the error of a command inside of a script. */
  private static final Pattern INSIDE =
      Pattern.compile(
          "ERR Error running script.*?@user_script: ?\\d+: -?([A-Z]+) .*", Pattern.DOTALL);

  private final Routes routes;
  private final Connector connector;

  /** Those that are tried again after a pause. */
  private final Set<CompletableFuture<Call.Done>> pausing = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  Router(Routes routes, Connector connector) {
    this.routes = routes;
    this.connector = connector;
  }

  CompletableFuture<Call.Done> carry(Call call) {
    CompletableFuture<Call.Done> done = new CompletableFuture<>();
    attempt(call, done, System.nanoTime(), 0, null);
    return done;
  }

  private void attempt(
      Call call,
      CompletableFuture<Call.Done> done,
      long began,
      int tries,
      @Nullable Address asked) {
    Node node = asked == null ? routes.node(call.slot()) : routes.node(asked);
    CompletableFuture<Call.Done> run =
        node == null
            ? CompletableFuture.failedFuture(new NotYetException(routes.trouble()))
            : node.run(call, asked != null);
    run.whenComplete(
        (carried, failure) -> {
          if (failure == null) {
            done.complete(carried);
            return;
          }
          Throwable cause = Problems.unwrap(failure);
          if (!passes(cause)) {
            done.completeExceptionally(
                cause instanceof ServerErrorException error ? failed(error) : cause);
          } else if (System.nanoTime() - began > PATIENCE.toNanos()) {
            done.completeExceptionally(
                new UnavailableException(
                    routes.description()
                        + ": not carried out in "
                        + PATIENCE.toSeconds()
                        + " s: "
                        + cause.getMessage()));
          } else {
            if (node != null && isReadOnly(cause)) {
              node.check();
            }
            again(call, done, began, tries, asked, cause);
          }
        });
  }

  private void again(
      Call call,
      CompletableFuture<Call.Done> done,
      long began,
      int tries,
      @Nullable Address before,
      Throwable cause) {
    Address asked = null;
    if (cause instanceof ServerErrorException error && error.is("ASK")) {
      asked = target(error);
    } else if (before != null && cause instanceof NotYetException) {
      asked = before;
    } else if (!(cause instanceof NotYetException)) {
      routes.refresh();
    }
    Address next = asked;
    long pause =
        asked != null && !asked.equals(before)
            ? 0
            : Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(tries, 10));
    pausing.add(done);
    connector.schedule(
        Duration.ofMillis(pause),
        () -> {
          if (pausing.remove(done)) {
            attempt(call, done, began, tries + 1, next);
          }
        });
    if (closed) {
      close();
    }
  }

  /** Nothing is tried again any more. */
  void close() {
    closed = true;
    for (CompletableFuture<Call.Done> done : pausing) {
      if (pausing.remove(done)) {
        done.completeExceptionally(
            new UnavailableException(routes.description() + " was closed; nothing was sent"));
      }
    }
  }

  /** Whether it surely was not carried out, for a reason that passes. */
  private static boolean passes(Throwable failure) {
    return failure instanceof NotYetException
        || (failure instanceof ServerErrorException error && PASSING.contains(code(error)));
  }

  /** It was a master, and is a replica now. */
  private static boolean isReadOnly(Throwable failure) {
    return failure instanceof ServerErrorException error && code(error).equals("READONLY");
  }

  private static String code(ServerErrorException error) {
    Matcher inside = INSIDE.matcher(error.text());
    return inside.matches() ? inside.group(1) : error.code();
  }

  /** What an error that does not pass says about the outcome. Our own scripts answer with an error only if they have done nothing; one that dies in the middle has done a part. */
  private RuntimeException failed(ServerErrorException error) {
    String text = error.text();
    String what = routes.description() + " refused it: " + text;
    boolean died = text.contains("user_script");
    if (text.startsWith("NOPERM")) {
      return new UnavailableException(what + "; " + Problems.needed());
    }
    return died && !REFUSED.contains(code(error))
        ? new OutcomeUnknownException(
            "a script died in the middle at " + routes.description() + ": " + text)
        : new UnavailableException(what);
  }

  /** Where the server says that the keys are: {@code ASK 3999 127.0.0.1:6381}. */
  private static @Nullable Address target(ServerErrorException error) {
    String[] words = error.text().split(" ");
    int colon = words.length < 3 ? -1 : words[2].lastIndexOf(':');
    return colon <= 0
        ? null
        : new Address(
            words[2].substring(0, colon), Integer.parseInt(words[2].substring(colon + 1)));
  }
}
