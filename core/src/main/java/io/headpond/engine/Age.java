package io.headpond.engine;

import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import org.jspecify.annotations.Nullable;

/**
 * How long the oldest of some entries of a partition has been pending. The store's clock tells, but it stands still while it is ahead of
 * the wall clock; so the time since the entry was first seen counts too. Thread-safe.
 */
final class Age {
  private record Seen(long since, long nanos) {}

  private final HotStore store;
  private final Environment environment;
  private final int partition;
  private volatile @Nullable Seen seen;

  Age(Core core, int partition) {
    this.store = core.store();
    this.environment = core.environment();
    this.partition = partition;
  }

  /**
   * How long it has been pending.
   *
   * @param since since when, by the store's clock; 0 if there is none
   */
  long nanos(long since) {
    if (since == 0) {
      return 0;
    }
    Seen known = seen;
    long now = environment.nanos();
    if (known == null || known.since != since) {
      known = new Seen(since, now);
      seen = known;
    }
    long byClock = Math.max(0, store.nowMicros(partition) - since) * 1_000;
    return Math.max(byClock, now - known.nanos);
  }
}
