package io.headpond.testkit;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Time that stands still until it is moved, and one thread: the caller's. Tasks run when {@link #run} or {@link #advance} is called, in the
 * order in which they came or, {@linkplain #shuffled if asked for}, in one that a seed decides, as several threads might; randomness comes from a seed. So a run repeats exactly.
 *
 * <p>Not thread-safe: all of a test happens on one thread.
 */
public final class ManualEnvironment implements Environment {
  /** A task bound is an error of the test, not a long run. */
  private static final int MAX_TASKS = 10_000_000;

  private record Alarm(long atNanos, long order, Runnable task) {}

  private final ArrayDeque<Runnable> ready = new ArrayDeque<>();
  private final PriorityQueue<Alarm> alarms =
      new PriorityQueue<>(Comparator.comparingLong(Alarm::atNanos).thenComparing(Alarm::order));
  private final Random random;

  /** Decides which task is next; null for the one that came first. */
  private final @Nullable Random turns;

  private long nanos;
  private long wallMicros = 1_800_000_000_000_000L;
  private long order;

  /** An environment whose randomness comes from the seed 1. */
  public ManualEnvironment() {
    this(1);
  }

  /** An environment whose randomness comes from this seed. */
  public ManualEnvironment(long seed) {
    this(seed, null);
  }

  private ManualEnvironment(long seed, @Nullable Random turns) {
    this.random = new Random(seed);
    this.turns = turns;
  }

  /** An environment whose randomness comes from this seed, and with it which of the tasks that are ready runs next. */
  public static ManualEnvironment shuffled(long seed) {
    return new ManualEnvironment(seed, new Random(~seed));
  }

  /** Runs all tasks that are ready, and those that they make ready; time does not move. */
  public void run() {
    for (int i = 0; i < MAX_TASKS; i++) {
      if (!step()) {
        return;
      }
    }
    throw new IllegalStateException("more than " + MAX_TASKS + " tasks without an end");
  }

  /**
   * Runs one task that is ready.
   *
   * @return whether there was one
   */
  public boolean step() {
    if (turns != null && ready.size() > 1) {
      for (int behind = turns.nextInt(ready.size()); behind > 0; behind--) {
        ready.add(ready.remove());
      }
    }
    Runnable task = ready.poll();
    if (task != null) {
      task.run();
    }
    return task != null;
  }

  /**
   * Moves time on to when the next task falls due, at most by so much; that task is ready then.
   *
   * @return whether there is one
   */
  public boolean advanceToNext(Duration atMost) {
    long until = nanos + atMost.toNanos();
    if (alarms.isEmpty() || alarms.peek().atNanos > until) {
      moveTo(until);
      return false;
    }
    toNextAlarm();
    return true;
  }

  /** Moves time on, running what falls due on the way at its time. */
  public void advance(Duration duration) {
    long until = nanos + duration.toNanos();
    run();
    while (!alarms.isEmpty() && alarms.peek().atNanos <= until) {
      toNextAlarm();
      run();
    }
    moveTo(until);
  }

  /** Sets the wall clock, also back; the monotonic clock is not touched. */
  public void setWallMicros(long micros) {
    wallMicros = micros;
  }

  /** Forgets all tasks and alarms, as the death of a process does. */
  public void forgetTasks() {
    ready.clear();
    alarms.clear();
  }

  @Override
  public long wallMicros() {
    return wallMicros;
  }

  @Override
  public long nanos() {
    return nanos;
  }

  @Override
  public long random() {
    return random.nextLong();
  }

  @Override
  public void execute(Runnable task) {
    ready.add(task);
  }

  @Override
  public void executeBlocking(Runnable task) {
    ready.add(task);
  }

  @Override
  public void executeCallback(Runnable task) {
    ready.add(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    Alarm alarm = new Alarm(nanos + Math.max(0, delay.toNanos()), order++, task);
    alarms.add(alarm);
    return () -> alarms.remove(alarm);
  }

  /** Runs tasks, and moves time to the next alarm when there is none left, until the stage completes. */
  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    var future = stage.toCompletableFuture();
    while (!future.isDone()) {
      if (!step()) {
        if (alarms.isEmpty()) {
          throw new IllegalStateException("nothing is left to run and the stage is not complete");
        }
        toNextAlarm();
      }
    }
    try {
      return future.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  private void toNextAlarm() {
    Alarm alarm = alarms.remove();
    moveTo(Math.max(nanos, alarm.atNanos));
    ready.add(alarm.task);
  }

  private void moveTo(long target) {
    // Of the whole, not of each step: else many steps of less than a microsecond would stand still.
    wallMicros += target / 1_000 - nanos / 1_000;
    nanos = target;
  }
}
