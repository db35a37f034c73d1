package io.headpond.redis;

import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.headpond.redis.Wire.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The calls of which the replicas must have what they wrote, on a connection of their own: a burst of scripts, then one WAIT for all of them; what comes meanwhile is the next
 * burst. WAIT counts for the connection on which it is sent, and holds up what is behind it. Behind it INFO tells how many replicas there are by then: if there are more than have acknowledged, WAIT is
 * asked again. Thread-safe.
 */
final class Replicator {
  /** A call of a burst, and who waits for it. */
  private record Entry(
      Call call,
      boolean asking,
      CompletableFuture<Call.Done> carried,
      CompletableFuture<Void> replicas) {
    Entry(Call call, boolean asking) {
      this(call, asking, new CompletableFuture<>(), new CompletableFuture<>());
    }
  }

  private final Link link;
  private final IntSupplier replicas;
  private final Runnable fewer;
  private final Duration patience;
  private List<Entry> next = new ArrayList<>();
  private boolean busy;

  /**
   * Nothing is under way.
   *
   * @param replicas how many must acknowledge
   * @param fewer told when fewer did
   * @param patience how long to wait for them; less than the timeout of the connection
   */
  Replicator(Link link, IntSupplier replicas, Runnable fewer, Duration patience) {
    this.link = link;
    this.replicas = replicas;
    this.fewer = fewer;
    this.patience = patience;
  }

  /** As {@link Node#run}. */
  CompletableFuture<Call.Done> run(Call call, boolean asking) {
    Entry entry = new Entry(call, asking);
    synchronized (this) {
      next.add(entry);
      if (busy) {
        return entry.carried();
      }
      busy = true;
    }
    burst();
    return entry.carried();
  }

  private void burst() {
    List<Entry> entries;
    synchronized (this) {
      entries = next;
      if (entries.isEmpty()) {
        busy = false;
        return;
      }
      next = new ArrayList<>();
    }
    Connection connection = link.current();
    if (connection == null) {
      RuntimeException why =
          link.beginning() ? new NotYetException(link.why()) : new UnavailableException(link.why());
      entries.forEach(entry -> entry.carried().completeExceptionally(why));
      burst();
      return;
    }
    send(connection, entries, false);
  }

  private void send(Connection connection, List<Entry> entries, boolean text) {
    List<Request> requests = new ArrayList<>();
    List<Request> all = new ArrayList<>();
    for (Entry entry : entries) {
      Request request = text ? entry.call().withText(connection) : entry.call().request(connection);
      requests.add(request);
      if (entry.asking()) {
        all.add(Request.of(Request.Word.ASKING));
      }
      all.add(request);
    }
    Acknowledgement acknowledgement =
        new Acknowledgement(connection, System.nanoTime() + patience.toNanos());
    all.addAll(acknowledgement.ask(replicas.getAsInt()));
    connection.send(all);
    CompletableFuture<?>[] answers = new CompletableFuture<?>[requests.size()];
    for (int i = 0; i < answers.length; i++) {
      Entry entry = entries.get(i);
      answers[i] =
          requests
              .get(i)
              .answer()
              .handle(
                  (reply, failure) -> {
                    if (failure == null) {
                      Answer answer = new Answer(connection.run(), reply);
                      entry.carried().complete(new Call.Done(answer, entry.replicas()));
                    } else if (text || !isUnknownScript(failure)) {
                      entry.carried().completeExceptionally(failure);
                    }
                    return null;
                  });
    }
    CompletableFuture.allOf(answers)
        .thenRun(
            () -> {
              List<Entry> again = new ArrayList<>();
              List<Entry> done = new ArrayList<>();
              for (Entry entry : entries) {
                (entry.carried().isDone() ? done : again).add(entry);
              }
              acknowledgement.await().whenComplete((enough, why) -> finish(done, why));
              if (again.isEmpty()) {
                acknowledgement.await().whenComplete((enough, why) -> burst());
              } else {
                send(connection, again, true);
              }
            });
  }

  private static boolean isUnknownScript(Throwable failure) {
    return failure instanceof ServerErrorException error && error.is("NOSCRIPT");
  }

  /** Those that were carried out are told; the others know already. */
  private static void finish(List<Entry> entries, @Nullable Throwable why) {
    for (Entry entry : entries) {
      if (!entry.carried().isCompletedExceptionally()) {
        if (why == null) {
          entry.replicas().complete(null);
        } else {
          entry.replicas().completeExceptionally(Problems.unwrap(why));
        }
      }
    }
  }

  /** Asks the replicas of the master at the other end of a connection whether they have what was sent on it. */
  private final class Acknowledgement {
    private final Connection connection;
    private final long deadline;
    private final CompletableFuture<Void> enough = new CompletableFuture<>();
    private int asked;

    Acknowledgement(Connection connection, long deadline) {
      this.connection = connection;
      this.deadline = deadline;
    }

    CompletableFuture<Void> await() {
      return enough;
    }

    /** What to send. */
    List<Request> ask(int number) {
      asked = number;
      long millis = Math.max(1, (deadline - System.nanoTime()) / 1_000_000);
      Request wait = Request.of(Request.Word.WAIT, Integer.toString(asked), Long.toString(millis));
      Request info = Request.of(Request.Word.INFO, "replication");
      wait.answer()
          .thenCombine(info.answer(), this::judge)
          .whenComplete(
              (judged, failure) -> {
                if (failure != null) {
                  enough.completeExceptionally(
                      new OutcomeUnknownException(
                          "it was written, but nobody knows whether the replicas have it: "
                              + Problems.unwrap(failure).getMessage(),
                          failure));
                }
              });
      return List.of(wait, info);
    }

    private boolean judge(@Nullable Object acknowledged, @Nullable Object info) {
      long have = acknowledged instanceof Long number ? number : 0;
      int known = new ServerFacts(ServerFacts.info(info), null, 0).replicas();
      int needed = Math.max(known, replicas.getAsInt());
      if (have >= needed) {
        enough.complete(null);
      } else if (have >= asked && System.nanoTime() < deadline) {
        connection.send(ask(needed));
      } else {
        fewer.run();
        enough.completeExceptionally(
            new OutcomeUnknownException(
                "it was written, but only " + have + " of " + needed + " replicas have it"));
      }
      return true;
    }
  }
}
