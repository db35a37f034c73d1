package io.headpond.testkit.simulation;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The threads and clocks of one process of a {@link World}. Its tasks stand among those of all others; they are not run any more when it is dead, and
 * wait while it stands still.
 */
final class ProcessEnvironment implements Environment {
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

  private final World world;
  private final Random random;
  private final List<Runnable> held = new ArrayList<>();
  private boolean dead;
  private boolean still;

  ProcessEnvironment(World world, long seed) {
    this.world = world;
    this.random = new Random(seed);
  }

  void die() {
    dead = true;
    held.clear();
  }

  boolean dead() {
    return dead;
  }

  /** Nothing runs until {@link #goOn}; timers that fall due meanwhile are late. */
  void standStill() {
    still = true;
  }

  void goOn() {
    if (!still) {
      return;
    }
    still = false;
    List<Runnable> tasks = List.copyOf(held);
    held.clear();
    tasks.forEach(this::execute);
  }

  private Runnable guarded(Runnable task) {
    return () -> {
      if (still) {
        held.add(task);
      } else if (!dead) {
        task.run();
      }
    };
  }

  @Override
  public long wallMicros() {
    return world.time.wallMicros();
  }

  @Override
  public long nanos() {
    return world.time.nanos();
  }

  @Override
  public long random() {
    return random.nextLong();
  }

  @Override
  public void execute(Runnable task) {
    world.time.execute(guarded(task));
  }

  @Override
  public void executeBlocking(Runnable task) {
    execute(task);
  }

  @Override
  public void executeCallback(Runnable task) {
    execute(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return world.time.schedule(delay, guarded(task));
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    var future = stage.toCompletableFuture();
    long until = nanos() + LONGEST_WAIT.toNanos();
    while (!future.isDone()) {
      if (dead) {
        throw new ProcessDied();
      }
      if (!world.step()) {
        if (nanos() >= until) {
          throw new IllegalStateException("what is waited for never comes");
        }
        world.time.advanceToNext(Duration.ofNanos(until - nanos()));
      }
    }
    if (dead) {
      throw new ProcessDied();
    }
    try {
      return future.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }
}
