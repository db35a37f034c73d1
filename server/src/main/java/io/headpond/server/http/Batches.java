package io.headpond.server.http;

import io.headpond.Durability;
import jakarta.servlet.ServletInputStream;
import java.io.IOException;
import java.util.concurrent.Semaphore;

/**
 * The route of batches. Each holds a thread of the web server while it lasts, so that there may be only so many of them at once: the others
 * find threads left. Thread-safe.
 */
final class Batches {
  /** How many may be under way. */
  static final int MAX_AT_ONCE = 16;

  private static final int OK = 200;

  private final Semaphore places = new Semaphore(MAX_AT_ONCE);

  void serve(Call call) {
    Durability durability = call.durability();
    if (!places.tryAcquire()) {
      throw Problem.later(
          Problem.Kind.OVERLOADED, MAX_AT_ONCE + " batches are under way already", 1);
    }
    try {
      ServletInputStream in = Body.lines(call.request());
      var response = call.reply().stream(OK, "application/x-ndjson");
      new Batch(
              call.dataset(),
              durability,
              new LineReader(in, Body.MAX_BYTES, call.request().getContentLengthLong()),
              response)
          .run();
    } catch (IOException e) {
      call.reply().goneAway(e);
    } finally {
      places.release();
    }
  }
}
