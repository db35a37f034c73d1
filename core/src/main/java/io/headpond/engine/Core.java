package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.CacheSettings;
import io.headpond.HeadpondException;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.SharedStore;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.Write;
import org.jspecify.annotations.Nullable;

/** What every part of one cache's engine works with. */
record Core(
    CacheSettings settings,
    HotStore store,
    SystemOfRecord systemOfRecord,
    Environment environment,
    Statistics statistics,
    Settlements settlements,
    Listeners listeners) {
  /** The store, where several processes use it; null where this one has it to itself. */
  @Nullable SharedStore shared() {
    return store instanceof SharedStore shared ? shared : null;
  }

  /** A write is in the store, or committed. */
  void written(Write write, long version, boolean coalesced) {
    statistics.writes.increment();
    if (coalesced) {
      statistics.coalesced.increment();
    }
    if (listeners.any()) {
      CacheListener.Write event =
          new CacheListener.Write(
              write.key(), version, write.durability(), write.row() == null, coalesced);
      listeners.tell(listener -> listener.written(event));
    }
  }

  /** A write was not taken, or nobody knows. */
  void refused(Throwable why) {
    statistics.refused.increment();
    if (why instanceof HeadpondException reason) {
      listeners.tell(listener -> listener.refused(reason));
    }
  }
}
