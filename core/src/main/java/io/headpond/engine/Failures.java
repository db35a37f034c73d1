package io.headpond.engine;

import io.headpond.HeadpondException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;

/** What is behind the wrappers that futures put around a failure. */
public final class Failures {
  private Failures() {}

  /** What is behind the wrappers. */
  public static Throwable cause(Throwable failure) {
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** What a caller is to be thrown for a failure. */
  public static RuntimeException unchecked(Throwable failure) {
    Throwable cause = cause(failure);
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof RuntimeException runtime
        ? runtime
        : new HeadpondException("failed unexpectedly: " + cause, cause);
  }

  /** The message, or the class where there is none. */
  static String message(Throwable failure) {
    Throwable cause = cause(failure);
    return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
  }

  /** Completes a future as the stage is completed. */
  static <T> void pass(CompletionStage<T> from, CompletableFuture<T> to) {
    from.whenComplete(
        (value, failure) -> {
          if (failure == null) {
            to.complete(value);
          } else {
            to.completeExceptionally(cause(failure));
          }
        });
  }
}
