package io.headpond.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Threads that write as fast as they are answered: a closed loop, so a write that is not answered holds back
 * those that would have followed. Rates are measured without a look at the clock for each write; latencies with two,
 * one before and one after it, so each contains one.
 */
final class Writers {
  /** Writers look at the clock this often to know whether the time is over. */
  private static final int CHUNK = 64;

  private static final int DIGITS = 3;
  private static final long LONGEST_NANOS = 100_000_000_000L;

  private Writers() {}

  /** A write that returns when it is acknowledged. */
  @FunctionalInterface
  interface Write {
    void write(int entry);
  }

  /** A write whose future completes when it is acknowledged. */
  @FunctionalInterface
  interface AsyncWrite {
    CompletableFuture<?> write(int entry);
  }

  /** Which entry is written next. One for each thread. */
  interface Choice {
    /** From 0; negative when there is none left. */
    int next();

    /** Entries from 0 to {@code count - 1}, any of them, for ever. */
    static Choice any(int count, int seed) {
      return new Choice() {
        private int state = seed * 0x9E3779B1 | 1;

        @Override
        public int next() {
          state ^= state << 13;
          state ^= state >>> 17;
          state ^= state << 5;
          return Integer.remainderUnsigned(state, count);
        }
      };
    }

    /** {@code count} entries from {@code first} on, each once. */
    static Choice each(int first, int count) {
      return new Choice() {
        private int next = first;

        @Override
        public int next() {
          return next < first + count ? next++ : -1;
        }
      };
    }
  }

  /**
   * What was done, and the processor time that the whole process took for it, collector and compiler included.
   */
  record Result(long writes, double seconds, long cpuNanos) {
    double rate() {
      return writes / seconds;
    }

    double cpuNanosEach() {
      return (double) cpuNanos / writes;
    }
  }

  /**
   * One thread for each choice, until the time is over or none is left.
   *
   * @param latencies where each latency goes, in nanoseconds; null to measure the rate only
   */
  static Result blocking(
      List<Choice> choices, Write write, double seconds, @Nullable Histogram latencies) {
    AtomicLong writes = new AtomicLong();
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    CountDownLatch ready = new CountDownLatch(choices.size());
    CountDownLatch start = new CountDownLatch(1);
    long limit = (long) (seconds * 1e9);
    List<Histogram> histograms = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (Choice choice : choices) {
      Histogram own = latencies == null ? null : new Histogram(LONGEST_NANOS, DIGITS);
      if (own != null) {
        histograms.add(own);
      }
      Thread thread =
          new Thread(
              () -> {
                ready.countDown();
                try {
                  start.await();
                  writes.addAndGet(
                      own == null ? plain(choice, write, limit) : timed(choice, write, limit, own));
                } catch (Throwable e) {
                  failures.add(e);
                }
              },
              "bench-writer-" + threads.size());
      threads.add(thread);
      thread.start();
    }
    long began;
    long cpu;
    try {
      ready.await();
      cpu = Machine.cpuNanos();
      began = System.nanoTime();
      start.countDown();
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
    Result result =
        new Result(writes.get(), (System.nanoTime() - began) / 1e9, Machine.cpuNanos() - cpu);
    Throwable failure = failures.peek();
    if (failure != null) {
      throw new IllegalStateException("a writer failed", failure);
    }
    if (latencies != null) {
      histograms.forEach(latencies::add);
    }
    return result;
  }

  private static long plain(Choice choice, Write write, long limitNanos) {
    long began = System.nanoTime();
    long count = 0;
    while (true) {
      for (int i = 0; i < CHUNK; i++) {
        int entry = choice.next();
        if (entry < 0) {
          return count;
        }
        write.write(entry);
        count++;
      }
      if (System.nanoTime() - began > limitNanos) {
        return count;
      }
    }
  }

  private static long timed(Choice choice, Write write, long limitNanos, Histogram latencies) {
    long began = System.nanoTime();
    long count = 0;
    while (true) {
      int entry = choice.next();
      if (entry < 0) {
        return count;
      }
      long before = System.nanoTime();
      write.write(entry);
      long after = System.nanoTime();
      latencies.recordValue(after - before);
      count++;
      if (after - began > limitNanos) {
        return count;
      }
    }
  }

  /** One thread that has at most {@code outstanding} writes under way; the oldest is waited for. */
  static Result asynchronous(
      Choice choice,
      AsyncWrite write,
      int outstanding,
      double seconds,
      @Nullable Histogram latencies) {
    ConcurrentHistogram all =
        latencies == null ? null : new ConcurrentHistogram(LONGEST_NANOS, DIGITS);
    CompletableFuture<?>[] underWay = new CompletableFuture<?>[outstanding];
    long limit = (long) (seconds * 1e9);
    long cpu = Machine.cpuNanos();
    long began = System.nanoTime();
    long count = 0;
    while (true) {
      int slot = (int) (count % outstanding);
      CompletableFuture<?> oldest = underWay[slot];
      if (oldest != null) {
        oldest.join();
      }
      int entry = choice.next();
      if (entry < 0 || (count % CHUNK == 0 && System.nanoTime() - began > limit)) {
        break;
      }
      underWay[slot] = all == null ? write.write(entry) : timed(write, entry, all);
      count++;
    }
    for (CompletableFuture<?> future : underWay) {
      if (future != null) {
        future.join();
      }
    }
    Result result = new Result(count, (System.nanoTime() - began) / 1e9, Machine.cpuNanos() - cpu);
    if (latencies != null && all != null) {
      latencies.add(all);
    }
    return result;
  }

  private static CompletableFuture<?> timed(AsyncWrite write, int entry, Histogram latencies) {
    long before = System.nanoTime();
    return write.write(entry).thenRun(() -> latencies.recordValue(System.nanoTime() - before));
  }
}
