package io.headpond.journal;

import io.headpond.Key;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is pending of one tenant. Where a store has no tenants all entries are {@link #EVERYBODY}'s, of whom nothing is counted. Thread-safe.
 *
 * <p>A counter is there as long as it counts an entry: it comes with the first and goes with the last, both within the map's own step, so that none
 * is counted where nobody looks any more, and no tenant is remembered of whom nothing is pending.
 */
final class Tenant {
  static final Tenant EVERYBODY = new Tenant(Key.ofCanonical(new byte[0]));

  private final Key id;

  /** Changed within the steps of the map only. */
  private volatile int entries;

  private final AtomicLong bytes = new AtomicLong();

  /** Those of the entries that are deferred. */
  private final AtomicInteger deferredEntries = new AtomicInteger();

  private final AtomicLong deferredBytes = new AtomicLong();

  private Tenant(Key id) {
    this.id = id;
  }

  /** An entry more, of so many bytes. */
  static Tenant enter(ConcurrentHashMap<Key, Tenant> all, Key id, long size) {
    return all.compute(
        id,
        (key, known) -> {
          Tenant tenant = known == null ? new Tenant(key) : known;
          tenant.entries = tenant.entries + 1;
          tenant.bytes.addAndGet(size);
          return tenant;
        });
  }

  /** An entry less, of so many bytes. */
  void leave(ConcurrentHashMap<Key, Tenant> all, long size) {
    all.computeIfPresent(
        id,
        (key, same) -> {
          entries = entries - 1;
          bytes.addAndGet(-size);
          return entries == 0 ? null : same;
        });
  }

  /** An entry has so many bytes more. */
  void grow(long more) {
    bytes.addAndGet(more);
  }

  void defer(int moreEntries, long moreBytes) {
    deferredEntries.addAndGet(moreEntries);
    deferredBytes.addAndGet(moreBytes);
  }

  int entries() {
    return entries;
  }

  long bytes() {
    return bytes.get();
  }

  int deferredEntries() {
    return deferredEntries.get();
  }

  long deferredBytes() {
    return deferredBytes.get();
  }
}
