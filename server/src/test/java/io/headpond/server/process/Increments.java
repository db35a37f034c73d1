package io.headpond.server.process;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Clients that increment counters over HTTP. Each sends one request at a time under an {@code Idempotency-Key}, and again under the same one
 * until it is acknowledged, however often the server dies meanwhile: so the sum of every counter is known exactly.
 */
final class Increments {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int LARGEST = 9;

  private final String dataset;
  private final int counters;
  private final List<Client> clients = new ArrayList<>();
  private final long total;
  private final AtomicLong acknowledged = new AtomicLong();
  private final AtomicLong repeated = new AtomicLong();
  private volatile String unexpected = "";
  private volatile String again = "";

  Increments(String dataset, int clients, int counters, long total, long seed) {
    this.dataset = dataset;
    this.counters = counters;
    this.total = total / clients * clients;
    for (int i = 0; i < clients; i++) {
      this.clients.add(new Client(i, total / clients, new Random(seed * 31 + i)));
    }
  }

  /** Starts all clients where they were; each ends when all of its own is acknowledged, or its connection ends. */
  List<Thread> start(int port) {
    List<Thread> threads = new ArrayList<>();
    for (Client client : clients) {
      Thread thread = new Thread(() -> client.run(port), "client-" + client.number);
      thread.start();
      threads.add(thread);
    }
    return threads;
  }

  /** Waits until so many have been acknowledged in all. */
  void awaitAcknowledged(long goal) throws InterruptedException {
    synchronized (acknowledged) {
      long before = acknowledged.get();
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (acknowledged.get() < Math.min(goal, total)) {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (left <= 0 && acknowledged.get() == before) {
          throw new IllegalStateException(
              "only " + before + " of " + goal + " acknowledged; " + again + unexpected);
        }
        if (left <= 0) {
          before = acknowledged.get();
          deadline = System.nanoTime() + PATIENCE.toNanos();
          continue;
        }
        acknowledged.wait(left);
      }
    }
  }

  long total() {
    return total;
  }

  long acknowledged() {
    return acknowledged.get();
  }

  /** Requests that were sent again, because nobody knew what had become of them. */
  long repeated() {
    return repeated.get();
  }

  /** The first answer that no client should get; empty if there was none. */
  String unexpected() {
    return unexpected;
  }

  /** What was acknowledged, by counter. To be asked when all clients have ended. */
  Map<String, Long> sums() {
    Map<String, Long> sums = new HashMap<>();
    for (Client client : clients) {
      client.sums.forEach((counter, sum) -> sums.merge(counter, sum, Long::sum));
    }
    return sums;
  }

  /** One at a time: who is asked again for the same thing must get the same answer. */
  private final class Client {
    final int number;
    final Map<String, Long> sums = new HashMap<>();
    private final long goal;
    private final Random random;
    private long done;
    private boolean sent;
    private String counter = "";
    private long amount;

    Client(int number, long goal, Random random) {
      this.number = number;
      this.goal = goal;
      this.random = random;
      choose();
    }

    private void choose() {
      counter = "counter " + random.nextInt(counters);
      amount = 1 + random.nextInt(LARGEST);
      sent = false;
    }

    void run(int port) {
      try (Wire wire = new Wire(port)) {
        while (done < goal) {
          if (!increment(wire)) {
            return;
          }
        }
      } catch (IOException | RuntimeException e) {
        // The server is gone; the request under way is sent again to the next one.
      }
    }

    private boolean increment(Wire wire) throws IOException {
      if (sent) {
        repeated.incrementAndGet();
      }
      sent = true;
      Wire.Answer answer =
          wire.send(
              "POST",
              Wire.entry(dataset, counter)
                  + ":increment?create=true&durability="
                  + (done % 2 == 0 ? "journal" : "disk"),
              "{\"n\": " + amount + "}",
              "Idempotency-Key: \"" + number + "/" + done + "\"");
      switch (answer.status()) {
        case 200, 202 -> {
          sums.merge(counter, amount, Long::sum);
          done++;
          choose();
          synchronized (acknowledged) {
            acknowledged.incrementAndGet();
            acknowledged.notifyAll();
          }
        }
        case 409, 503, 504 -> {
          // Under way, not taken, or unknown: the same again. A 503 closes the connection.
          again = answer.toString();
          return answer.status() == 409;
        }
        default -> {
          unexpected = answer.toString();
          return false;
        }
      }
      return true;
    }
  }
}
