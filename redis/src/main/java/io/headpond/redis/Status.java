package io.headpond.redis;

import io.headpond.spi.PartitionStats;
import java.util.List;

/**
 * How a partition stood when its server answered last. Immutable.
 *
 * @param run the server process that answered, in which the partition was open
 * @param atNanos when it was heard, by the monotonic clock of this process
 * @param micros the server's time
 * @param clock the highest time that the partition's clock is known to have reached
 * @param life in which it was opened: clean values of another one are misses
 * @param opened by which lease: fill tokens of another one are misses
 */
record Status(
    String run,
    long atNanos,
    long micros,
    long clock,
    long life,
    long opened,
    long frontier,
    long epoch,
    long deferredBytes,
    PartitionStats stats) {
  /** How many numbers it takes. */
  static final int LENGTH = 18;

  /**
   * The numbers that a script's answer begins with.
   *
   * @param wallMicros the time of this process, in which what is due is told
   */
  static Status of(String run, List<?> reply, long atNanos, long wallMicros) {
    long now = number(reply, 1);
    long nextDue = number(reply, 17);
    PartitionStats stats =
        new PartitionStats(
            (int) number(reply, 7),
            (int) number(reply, 8),
            (int) number(reply, 9),
            (int) number(reply, 10),
            (int) number(reply, 11),
            number(reply, 12),
            number(reply, 14),
            number(reply, 15),
            number(reply, 16),
            nextDue == 0 ? 0 : nextDue - now + wallMicros);
    return new Status(
        run,
        atNanos,
        now,
        number(reply, 2),
        number(reply, 3),
        number(reply, 4),
        number(reply, 5),
        number(reply, 6),
        number(reply, 13),
        stats);
  }

  private static long number(List<?> reply, int index) {
    return (Long) reply.get(index);
  }
}
