package io.headpond.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Clears old {@link Tombstones} away behind batches, in portions: one in a minute, and while there are more, behind each. Thread-safe. */
final class Sweep {
  private static final Logger log = LoggerFactory.getLogger(Sweep.class);
  private static final Duration PAUSE = Duration.ofMinutes(1);

  private final Tombstones tombstones;
  private final AtomicLong next = new AtomicLong(System.nanoTime());

  Sweep(Tombstones tombstones) {
    this.tombstones = tombstones;
  }

  /** On a connection between two transactions. A failure harms nobody. */
  void now(Connection connection) {
    long due = next.get();
    long now = System.nanoTime();
    if (now - due < 0 || !next.compareAndSet(due, now + PAUSE.toNanos())) {
      return;
    }
    try {
      int cleared = tombstones.sweep(connection);
      connection.commit();
      if (cleared == Tombstones.PORTION) {
        next.set(System.nanoTime());
      }
    } catch (SQLException e) {
      log.warn("old removals could not be cleared away: {}", e.getMessage());
      rollback(connection);
    }
  }

  private static void rollback(Connection connection) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      log.debug("the connection was lost", e);
    }
  }
}
