package io.headpond.engine;

import io.headpond.Key;
import io.headpond.spi.TenantColumn;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts who waits: at most so many, since they hold memory that the limits of the store do not count, and of one tenant only a part, so that there is
 * room for the others. Not thread-safe.
 */
final class WaitingRoom {
  private static final int MAX = 10_000;

  private final @Nullable TenantColumn column;
  private final Map<Key, Integer> byTenant = new HashMap<>();
  private int all;

  WaitingRoom(@Nullable TenantColumn column) {
    this.column = column;
  }

  /** Counts a writer of this key, if there is room. */
  boolean enter(Key key) {
    if (all >= MAX) {
      return false;
    }
    TenantColumn of = column;
    if (of != null) {
      Key tenant = of.of(key);
      int own = byTenant.getOrDefault(tenant, 0);
      if (!TenantColumn.admits(own, all, MAX)) {
        return false;
      }
      byTenant.put(tenant, own + 1);
    }
    all++;
    return true;
  }

  /** A writer of this key waits no longer. */
  void leave(Key key) {
    all--;
    TenantColumn of = column;
    if (of != null) {
      byTenant.computeIfPresent(of.of(key), (tenant, own) -> own == 1 ? null : own - 1);
    }
  }

  int size() {
    return all;
  }
}
