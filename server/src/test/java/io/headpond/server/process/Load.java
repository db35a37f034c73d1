package io.headpond.server.process;

import io.headpond.testkit.HistoryChecker;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Clients that write over HTTP and tell a checker what they were told: a hot set, new keys, removes. */
final class Load {
  private static final int HOT = 40;
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final AtomicLong NEXT = new AtomicLong();

  private final HistoryChecker<String, String> history;
  private final String[] datasets;
  private final Set<String> touched = ConcurrentHashMap.newKeySet();
  private final AtomicLong acknowledged = new AtomicLong();
  private final AtomicLong unexpected = new AtomicLong();
  private volatile int badIn100;
  private volatile boolean ended;
  private volatile String firstUnexpected = "";

  Load(HistoryChecker<String, String> history, String... datasets) {
    this.history = history;
    this.datasets = datasets;
  }

  /** So many in a hundred values begin with {@code bad} from now on, for a database that refuses such. */
  Load badValues(int in100) {
    badIn100 = in100;
    return this;
  }

  /** The clients end after the write that they are at. */
  void end() {
    ended = true;
  }

  /** Starts clients that end when their connection does, or after so many writes each. */
  List<Thread> start(int port, int clients, long writesEach, int newKeysIn100, long seed) {
    ended = false;
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      Random random = new Random(seed * 31 + i);
      Thread thread = new Thread(() -> run(port, writesEach, newKeysIn100, random), "client-" + i);
      thread.start();
      threads.add(thread);
    }
    return threads;
  }

  /** Waits until so many further writes have been acknowledged. */
  void awaitAcknowledged(int more) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    synchronized (acknowledged) {
      long goal = acknowledged.get() + more;
      while (acknowledged.get() < goal) {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (left <= 0) {
          throw new IllegalStateException(
              "only " + acknowledged + " of " + goal + " acknowledged; " + unexpected());
        }
        acknowledged.wait(left);
      }
    }
  }

  /** Keys ({@code dataset/key}) written since the last call. */
  Set<String> takeTouched() {
    Set<String> taken = Set.copyOf(touched);
    touched.clear();
    return taken;
  }

  /** Answers that no client should get, and the first of them. */
  String unexpected() {
    return unexpected.get() == 0 ? "" : unexpected.get() + " such as " + firstUnexpected;
  }

  private void run(int port, long writes, int newKeysIn100, Random random) {
    try (Wire wire = new Wire(port)) {
      for (long i = 0; i < writes && !ended; i++) {
        if (!write(wire, newKeysIn100, random)) {
          return;
        }
      }
    } catch (ConnectException e) {
      // The server is gone already; nothing was sent.
    } catch (IOException e) {
      // The attempt under way was noted as unknown.
    }
  }

  private boolean write(Wire wire, int newKeysIn100, Random random) throws IOException {
    String dataset = datasets[random.nextInt(datasets.length)];
    boolean fresh = random.nextInt(100) < newKeysIn100;
    String key = fresh ? "new " + NEXT.incrementAndGet() : "hot/" + random.nextInt(HOT);
    boolean remove = random.nextInt(10) == 0;
    String kind = random.nextInt(100) < badIn100 ? "bad" : "v";
    String value = remove ? null : kind + NEXT.incrementAndGet();
    String target =
        Wire.entry(dataset, key)
            + (random.nextBoolean() ? "?durability=journal" : "?durability=disk");
    String name = dataset + "/" + key;
    touched.add(name);
    HistoryChecker<String, String>.Attempt attempt = history.begin(name, value);
    try {
      Wire.Answer answer =
          remove
              ? wire.send("DELETE", target, "")
              : wire.send("PUT", target, "{\"value\": \"" + value + "\"}");
      switch (answer.status()) {
        case 202 -> {
          attempt.acknowledged(answer.number("version"));
          synchronized (acknowledged) {
            acknowledged.incrementAndGet();
            acknowledged.notifyAll();
          }
        }
        case 503 -> attempt.failed();
        case 504 -> attempt.unknown();
        default -> {
          attempt.unknown();
          firstUnexpected = answer.toString();
          unexpected.incrementAndGet();
        }
      }
      return true;
    } catch (IOException | RuntimeException e) {
      attempt.unknown();
      return false;
    }
  }
}
