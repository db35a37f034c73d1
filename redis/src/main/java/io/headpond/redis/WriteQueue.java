package io.headpond.redis;

import io.headpond.Durability;
import io.headpond.OverloadedException;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The writes of a partition on their way to the server, in their order. One goes at once if none is under way; those that come meanwhile gather and go together: so that one call
 * serves many. A second call goes before the first is answered if there is much to send, so that the server need not wait. Thread-safe.
 */
final class WriteQueue {
  static final int MOST_WRITES = 256;
  private static final int MOST_BYTES = 1 << 20;
  private static final int MANY = 64;
  private static final int MOST_WAITING = 16_384;
  private static final long MOST_WAITING_BYTES = 64L << 20;

  /**
   * A write that is ready to be sent.
   *
   * @param keys its entry, and if it has a request id where that is remembered
   * @param args as {@code put.lua} takes them
   * @param level what the answer of the servers stands for
   */
  record Waiting(
      io.headpond.spi.Write write,
      long writeId,
      List<byte[]> keys,
      List<byte[]> args,
      Durability level,
      CompletableFuture<@Nullable WriteOutcome> outcome) {
    int bytes() {
      int sum = 0;
      for (byte[] arg : args) {
        sum += arg.length;
      }
      return sum + keys.get(0).length;
    }
  }

  private final Function<List<Waiting>, CompletionStage<?>> send;
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
  private long waitingBytes;
  private int underWay;

  /** @param send sends writes as one call, in the order in which it is called, and sees to their outcomes; its stage completes with the answer, and does not fail */
  WriteQueue(Function<List<Waiting>, CompletionStage<?>> send) {
    this.send = send;
  }

  /** @throws OverloadedException if too many wait already: the server does not keep up */
  void add(Waiting write) {
    synchronized (this) {
      if (waiting.size() >= MOST_WAITING || waitingBytes >= MOST_WAITING_BYTES) {
        throw new OverloadedException(
            "the hot store does not keep up: "
                + waiting.size()
                + " writes of one partition wait for it",
            Duration.ofSeconds(1));
      }
      waiting.add(write);
      waitingBytes += write.bytes();
    }
    go();
  }

  /** A loop, not a recursion: while no server can be reached each call has its answer as soon as it is sent. */
  private void go() {
    while (true) {
      CompletableFuture<?> sent;
      synchronized (this) {
        if (waiting.isEmpty() || underWay >= 2 || (underWay == 1 && waiting.size() < MANY)) {
          return;
        }
        underWay++;
        // Under the lock: calls go in the order of their writes.
        sent = send.apply(batch()).toCompletableFuture();
      }
      if (sent.isDone()) {
        answered();
      } else {
        sent.whenComplete(
            (answer, e) -> {
              answered();
              go();
            });
      }
    }
  }

  private synchronized void answered() {
    underWay--;
  }

  private List<Waiting> batch() {
    List<Waiting> batch = new ArrayList<>();
    long bytes = 0;
    for (Waiting next = waiting.peek();
        next != null
            && (batch.isEmpty()
                || (batch.size() < MOST_WRITES
                    && bytes + next.bytes() <= MOST_BYTES
                    && next.level() == batch.get(0).level()));
        next = waiting.peek()) {
      waiting.remove();
      batch.add(next);
      bytes += next.bytes();
    }
    waitingBytes -= bytes;
    return batch;
  }
}
