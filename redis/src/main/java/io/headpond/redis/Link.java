package io.headpond.redis;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A place where a connection should be: one is made, and after it is lost another one, until this is closed. While there is none nothing can be sent, and {@link
 * #why} says why. Thread-safe.
 */
final class Link {
  private static final Logger log = LoggerFactory.getLogger(Link.class);
  private static final long FIRST_PAUSE_MILLIS = 100;
  private static final long LONGEST_PAUSE_MILLIS = 2000;

  private final String name;
  private final Connector connector;
  private final Supplier<CompletionStage<Connection>> open;
  private final Runnable lost;
  private final CompletableFuture<Connection> first = new CompletableFuture<>();
  private volatile @Nullable Connection current;
  private volatile String why;
  private volatile boolean closed;
  private volatile boolean failed;
  private int failures;

  /**
   * Nothing is connected before {@link #start}.
   *
   * @param name where it leads, for people
   * @param open makes a connection that can be used at once
   * @param lost told when a connection was lost or could not be made
   */
  Link(
      String name, Connector connector, Supplier<CompletionStage<Connection>> open, Runnable lost) {
    this.name = name;
    this.connector = connector;
    this.open = open;
    this.lost = lost;
    this.why = name + " is being connected to";
  }

  /** Begins to connect; the stage tells how the first try ended. Once. */
  CompletionStage<Connection> start() {
    connect();
    return first;
  }

  /** The connection; null while there is none. */
  @Nullable Connection current() {
    return current;
  }

  /** Whether the first try has not ended yet. */
  boolean beginning() {
    return current == null && !failed && !closed;
  }

  /** Why there is no connection. */
  String why() {
    return why;
  }

  private void connect() {
    if (closed) {
      first.completeExceptionally(new IllegalStateException(name + " was closed"));
      return;
    }
    CompletionStage<Connection> opening;
    try {
      opening = open.get();
    } catch (RuntimeException e) {
      opening = CompletableFuture.failedFuture(e);
    }
    opening.whenComplete(
        (connection, failure) -> {
          if (failure == null) {
            connected(connection);
          } else {
            failed(Problems.unwrap(failure));
          }
        });
  }

  private void connected(Connection connection) {
    failures = 0;
    current = connection;
    if (closed) {
      connection.close(name + " was closed");
    }
    if (failed) {
      log.info("{} is connected again", name);
    }
    first.complete(connection);
    connection
        .lost()
        .thenAccept(
            reason -> {
              current = null;
              failed = true;
              why = reason;
              if (!closed) {
                log.warn("{}; connecting again", reason);
              }
              again();
            });
  }

  private void failed(Throwable failure) {
    String reason = String.valueOf(failure.getMessage());
    if (failed && !reason.equals(why) && !closed) {
      log.warn("{}", reason);
    }
    why = reason;
    failed = true;
    failures++;
    first.completeExceptionally(failure);
    again();
  }

  /** Tries are not made by all clients at the same moments. */
  private void again() {
    if (!closed) {
      lost.run();
      long pause = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(failures, 10));
      long jittered = ThreadLocalRandom.current().nextLong(pause / 2, pause + 1);
      connector.schedule(Duration.ofMillis(jittered), this::connect);
    }
  }

  void close(String reason) {
    closed = true;
    why = reason;
    Connection connection = current;
    if (connection != null) {
      connection.close(reason);
    }
  }
}
