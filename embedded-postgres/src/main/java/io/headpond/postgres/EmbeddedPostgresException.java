package io.headpond.postgres;

/**
 * A server could not be started, stopped or reached. The message is one line: what failed, where, and what to do about
 * it.
 */
public final class EmbeddedPostgresException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  EmbeddedPostgresException(String message) {
    super(oneLine(message));
  }

  EmbeddedPostgresException(String message, Throwable cause) {
    super(oneLine(message), cause);
  }

  private static String oneLine(String message) {
    return message.strip().replaceAll("\\s*\\R\\s*", " | ");
  }
}
