package io.headpond.redis;

import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.api.StatefulRedisConnection;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * A connection to one server process, for as long as it lasts. It is never made again: who needs another asks the {@link Connector}, and learns which process answers there.
 *
 * <p>What is sent in one call arrives without anything in between. Requests that were sent when the connection is lost fail with {@link
 * OutcomeUnknownException}, those that come later with {@link UnavailableException}: they are not sent. Thread-safe; nothing blocks.
 */
final class Connection {
  private record Sent(Request request, long nanos) {}

  private final Address address;
  private final StatefulRedisConnection<byte[], byte[]> lettuce;
  private final Connector connector;
  private final String name;
  private final CompletableFuture<String> lost = new CompletableFuture<>();
  private final Object lock = new Object();
  private final Deque<Sent> inFlight = new ArrayDeque<>();
  private volatile @Nullable String run;
  private @Nullable String closed;

  /**
   * Takes over a connection that Lettuce has made.
   *
   * @param connector which has made it
   */
  Connection(
      Address address, StatefulRedisConnection<byte[], byte[]> lettuce, Connector connector) {
    this.address = address;
    this.lettuce = lettuce;
    this.connector = connector;
    this.name = Problems.where(connector.url(), address);
    lettuce.addListener(
        new RedisConnectionStateListener() {
          @Override
          public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
            close(lost(null));
          }
        });
    if (!lettuce.isOpen()) {
      close(lost(null));
    }
  }

  Address address() {
    return address;
  }

  /** Run id of the process at the other end; known from before the connection is first given to anybody. */
  String run() {
    String known = run;
    if (known == null) {
      throw new IllegalStateException("the run id of " + name + " is not known yet");
    }
    return known;
  }

  void leadsTo(String process) {
    run = process;
  }

  CompletableFuture<@Nullable Object> send(Request request) {
    send(List.of(request));
    return request.answer();
  }

  /** Sends some requests behind one another. If they cannot be sent, each of them fails with {@link UnavailableException}. */
  void send(List<Request> requests) {
    for (Request request : requests) {
      request.sentOn(this);
    }
    String why;
    synchronized (lock) {
      why = closed;
      if (why == null) {
        while (!inFlight.isEmpty() && inFlight.getFirst().request().answer().isDone()) {
          inFlight.removeFirst();
        }
        long now = System.nanoTime();
        for (Request request : requests) {
          inFlight.addLast(new Sent(request, now));
        }
        // Within the lock, so that they are sent in the order in which they stand in the queue.
        dispatch(requests);
      }
    }
    if (why != null) {
      for (Request request : requests) {
        request.refuse(new UnavailableException(why + "; nothing was sent"));
      }
    }
  }

  private void dispatch(List<Request> requests) {
    try {
      if (requests.size() == 1) {
        lettuce.dispatch(requests.get(0));
      } else {
        lettuce.dispatch(requests);
      }
    } catch (RuntimeException e) {
      // Lettuce looks whether it is connected before it writes anything.
      for (Request request : requests) {
        request.refuse(new UnavailableException(lost(e) + "; nothing was sent", e));
      }
    }
  }

  /** Ends it if a request has waited for its answer for longer than this. */
  void checkTimeout(Duration timeout) {
    boolean late;
    synchronized (lock) {
      while (!inFlight.isEmpty() && inFlight.getFirst().request().answer().isDone()) {
        inFlight.removeFirst();
      }
      Sent oldest = inFlight.peekFirst();
      late = oldest != null && System.nanoTime() - oldest.nanos() > timeout.toNanos();
    }
    if (late) {
      close(name + " has not answered for " + timeout.toMillis() + " ms");
    }
  }

  /** One of its requests will not be answered: nor will any other. */
  void broken(Throwable cause) {
    close(lost(cause));
  }

  private String lost(@Nullable Throwable cause) {
    String why = cause == null ? null : cause.getMessage();
    return "the connection to " + name + " was lost" + (why == null ? "" : ": " + why);
  }

  Executor executor() {
    return connector.executor();
  }

  /** Whether nothing is under way. */
  boolean idle() {
    synchronized (lock) {
      return inFlight.stream().allMatch(sent -> sent.request().answer().isDone());
    }
  }

  /** Completes with the reason when the connection is over. */
  CompletableFuture<String> lost() {
    return lost;
  }

  /** Ends it. What was not answered has an unknown outcome. */
  void close(String why) {
    List<Sent> unanswered;
    synchronized (lock) {
      if (closed != null) {
        return;
      }
      closed = why;
      unanswered = new ArrayList<>(inFlight);
      inFlight.clear();
    }
    for (Sent sent : unanswered) {
      sent.request().lost(why + "; it is not known whether the command was carried out");
    }
    connector.end(lettuce);
    connector.executor().execute(() -> lost.complete(why));
  }
}
