package io.headpond.testkit.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

/**
 * The promises under everything that can go wrong, from many seeds.
 *
 * <ul>
 *   <li>{@code -Dseed=N} runs this seed alone, {@code -Dseeds=N} so many instead of 2,000;
 *   <li>{@code -Dsimulation.minutes=N} runs new seeds for so long.
 * </ul>
 */
class SimulationTest {
  private static final int SEEDS = 2_000;
  private static final Duration PROGRESS = Duration.ofSeconds(30);
  private static final int SHOWN = 3;

  @Test
  void whateverGoesWrongNoPromiseIsBroken() throws InterruptedException {
    Long seed = Long.getLong("seed");
    long minutes = Long.getLong("simulation.minutes", 0);
    if (seed != null) {
      check(new Runs(sequence(seed, 1)).all(1));
    } else if (minutes > 0) {
      long until = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
      Random random = new Random();
      check(
          new Runs(() -> System.nanoTime() < until ? random.nextLong() >>> 16 : -1)
              .all(Runtime.getRuntime().availableProcessors()));
    } else {
      int seeds = Integer.getInteger("seeds", SEEDS);
      Runs runs = new Runs(sequence(0, seeds));
      check(runs.all(Runtime.getRuntime().availableProcessors()));
      if (seeds >= SEEDS) {
        assertThat(runs.coverage.missing())
            .as("what never happened in all these runs: %s", runs.coverage.counts())
            .isEmpty();
      }
    }
  }

  @Test
  void aSeedTellsAllOfARun() {
    for (long seed = 0; seed < 40; seed++) {
      assertThat(Simulation.run(seed).hash())
          .as("seed " + seed)
          .isEqualTo(Simulation.run(seed).hash());
    }
  }

  private static LongSupplier sequence(long first, int count) {
    AtomicLong next = new AtomicLong(first);
    return () -> {
      long seed = next.getAndIncrement();
      return seed < first + count ? seed : -1;
    };
  }

  private static void check(Queue<Simulation.Result> failures) {
    StringBuilder text = new StringBuilder();
    int shown = 0;
    for (Simulation.Result failure : failures) {
      if (shown++ < SHOWN) {
        text.append("\n\n")
            .append(failure.scenario())
            .append("\nTo repeat it: ")
            .append(command(failure));
        failure.trace().forEach(line -> text.append('\n').append(line));
        failure.violations().forEach(violation -> text.append("\nVIOLATION: ").append(violation));
      }
    }
    assertThat(failures.size()).as("%s", text).isZero();
  }

  private static String command(Simulation.Result failure) {
    return "./mvnw -pl core,testkit test -Dquick -Dtest=SimulationTest"
        + " -Dsurefire.failIfNoSpecifiedTests=false -Dseed="
        + failure.seed();
  }

  /** Runs on all processors, each run on one thread. */
  private static final class Runs {
    private final LongSupplier seeds;
    private final Coverage coverage = new Coverage();
    private final Queue<Simulation.Result> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong done = new AtomicLong();
    private long nextProgress = System.nanoTime() + PROGRESS.toNanos();

    Runs(LongSupplier seeds) {
      this.seeds = seeds;
    }

    Queue<Simulation.Result> all(int threads) throws InterruptedException {
      ExecutorService executor = Executors.newFixedThreadPool(threads);
      for (int i = 0; i < threads; i++) {
        executor.execute(this::some);
      }
      executor.shutdown();
      executor.awaitTermination(1, TimeUnit.DAYS);
      return failures;
    }

    private void some() {
      while (failures.size() < SHOWN) {
        long seed = nextSeed();
        if (seed < 0) {
          return;
        }
        Simulation.Result result = Simulation.run(seed);
        if (!result.violations().isEmpty()) {
          failures.add(result);
        }
        finished(result);
      }
    }

    private synchronized long nextSeed() {
      return seeds.getAsLong();
    }

    private synchronized void finished(Simulation.Result result) {
      coverage.add(result.coverage());
      done.incrementAndGet();
      if (System.nanoTime() >= nextProgress) {
        nextProgress = System.nanoTime() + PROGRESS.toNanos();
        Map<String, Long> counts = coverage.counts();
        System.out.println(done + " runs, " + failures.size() + " failed, " + counts);
      }
    }
  }
}
