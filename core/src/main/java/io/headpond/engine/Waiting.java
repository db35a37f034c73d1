package io.headpond.engine;

import io.headpond.OutcomeUnknownException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** Blocks on futures. */
public final class Waiting {
  private Waiting() {}

  /** The value of a future, or what it failed with; an interrupt leaves the outcome unknown and the flag set. */
  public static <T extends @Nullable Object> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new OutcomeUnknownException(
          "interrupted while waiting; it may still be carried out", e);
    } catch (ExecutionException | CancellationException e) {
      throw Failures.unchecked(e);
    }
  }
}
