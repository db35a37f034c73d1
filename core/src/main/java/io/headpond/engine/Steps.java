package io.headpond.engine;

import io.headpond.spi.Environment;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The steps of one partition's flusher, one after the other. They belong to cycles: what a stage brings when the cycle that waited
 * for it is over is ignored. {@link #on} and {@link #then} may be called from anywhere, the others in a step only.
 */
final class Steps {
  private final Environment environment;
  private final SerialExecutor events;
  private final Consumer<Throwable> crashed;
  private volatile int cycle;

  /**
   * @param crashed told, as a step, of what a step threw
   */
  Steps(Environment environment, Consumer<Throwable> crashed) {
    this.environment = environment;
    this.events = new SerialExecutor(environment);
    this.crashed = crashed;
  }

  /** Nothing that is under way goes on. */
  void newCycle() {
    cycle = cycle + 1;
  }

  void on(Runnable step) {
    events.execute(
        () -> {
          try {
            step.run();
          } catch (RuntimeException | Error e) {
            crashed.accept(e);
          }
        });
  }

  /** Goes on when the stage completes, if this cycle is still the one. */
  <T extends @Nullable Object> void then(
      CompletionStage<T> stage, Consumer<? super T> success, Consumer<Throwable> failure) {
    int mine = cycle;
    stage.whenComplete(
        (value, error) ->
            on(
                () -> {
                  if (mine != cycle) {
                    return;
                  }
                  if (error == null) {
                    success.accept(value);
                  } else {
                    failure.accept(error);
                  }
                }));
  }

  /** Goes on after a while, if this cycle is still the one. */
  void after(Duration pause, Runnable step) {
    int mine = cycle;
    environment.schedule(
        pause,
        () ->
            on(
                () -> {
                  if (mine == cycle) {
                    step.run();
                  }
                }));
  }
}
