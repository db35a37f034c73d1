package io.headpond.journal;

import io.headpond.Key;
import io.headpond.spi.TenantColumn;
import io.headpond.spi.Usage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What is pending in all partitions, and how much may be; and what is parked, which has limits of its own, as many entries and bytes again, so that
 * letters keep no writer out. Those of the pending that are deferred are counted once more by themselves: no flush frees them for
 * sure, so nobody is slowed down for their sake.
 *
 * <p>Where there are tenants, each may have a part only, see {@link TenantColumn}. The limit of all is checked in one step with the counting; that of a
 * tenant by numbers that may change meanwhile.
 *
 * <p>Thread-safe.
 */
final class Limits {
  private final int maxEntries;
  private final long maxBytes;
  private final AtomicInteger entries = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();

  /** Those of the pending that are deferred. */
  private final AtomicInteger deferredEntries = new AtomicInteger();

  private final AtomicLong deferredBytes = new AtomicLong();
  private final AtomicInteger letters = new AtomicInteger();
  private final AtomicLong letterBytes = new AtomicLong();

  /** Null if the store has none. */
  private final @Nullable TenantColumn column;

  private final ConcurrentHashMap<Key, Tenant> tenants = new ConcurrentHashMap<>();

  Limits(int maxEntries, long maxBytes, @Nullable TenantColumn column) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
    this.column = column;
  }

  /**
   * Counts a new entry and its bytes, if there is room for both.
   *
   * @return whose it is; null if there is no room
   */
  @Nullable Tenant admit(Key key, int size) {
    if (entries.incrementAndGet() > maxEntries) {
      entries.decrementAndGet();
      return null;
    }
    if (bytes.addAndGet(size) > maxBytes) {
      entries.decrementAndGet();
      bytes.addAndGet(-size);
      return null;
    }
    TenantColumn of = column;
    if (of == null) {
      return Tenant.EVERYBODY;
    }
    Tenant tenant = Tenant.enter(tenants, of.of(key), size);
    if (TenantColumn.admits(tenant.entries() - 1L, entries.get() - 1L, maxEntries)
        && TenantColumn.admits(tenant.bytes() - size, bytes.get() - size, maxBytes)) {
      return tenant;
    }
    remove(tenant, size);
    return null;
  }

  /** Counts the difference that another value of an entry makes, if there is room; less always fits. */
  boolean admitBytes(Tenant tenant, int difference) {
    if (difference == 0) {
      // Most writes of an entry that is there: not even a counter that all threads share.
      return true;
    }
    if (difference < 0) {
      grow(tenant, difference);
      return true;
    }
    if (bytes.addAndGet(difference) > maxBytes
        || (tenant != Tenant.EVERYBODY
            && !TenantColumn.admits(tenant.bytes(), bytes.get() - difference, maxBytes))) {
      bytes.addAndGet(-difference);
      return false;
    }
    if (tenant != Tenant.EVERYBODY) {
      tenant.grow(difference);
    }
    return true;
  }

  /** Counts an entry whatever the limit. */
  Tenant add(Key key, int size) {
    entries.incrementAndGet();
    bytes.addAndGet(size);
    return column == null ? Tenant.EVERYBODY : Tenant.enter(tenants, column.of(key), size);
  }

  /** An entry is not pending any more. */
  void remove(Tenant tenant, int size) {
    entries.decrementAndGet();
    bytes.addAndGet(-size);
    if (tenant != Tenant.EVERYBODY) {
      tenant.leave(tenants, size);
    }
  }

  /** An entry has so many bytes more, whatever the limit. */
  void grow(Tenant tenant, int more) {
    bytes.addAndGet(more);
    if (tenant != Tenant.EVERYBODY) {
      tenant.grow(more);
    }
  }

  /** Of what is counted as pending, so much more is deferred. */
  void addDeferred(Tenant tenant, int moreEntries, int moreBytes) {
    deferredEntries.addAndGet(moreEntries);
    deferredBytes.addAndGet(moreBytes);
    if (tenant != Tenant.EVERYBODY) {
      tenant.defer(moreEntries, moreBytes);
    }
  }

  /** So much more is parked. */
  void addLetters(int moreEntries, int moreBytes) {
    letters.addAndGet(moreEntries);
    letterBytes.addAndGet(moreBytes);
  }

  /** Whether so many bytes more fit, of something pending or of a letter. */
  boolean fits(long moreBytes, boolean letter) {
    return (letter ? letterBytes.get() : bytes.get()) + moreBytes <= maxBytes;
  }

  /** Whether deferred entries take half of a limit. */
  boolean deferredFull() {
    return deferredEntries.get() * 2L >= maxEntries
        || deferredBytes.get() >= maxBytes - deferredBytes.get();
  }

  /** Whether letters have reached a limit of theirs. */
  boolean lettersFull() {
    return letters.get() >= maxEntries || letterBytes.get() >= maxBytes;
  }

  /**
   * How much of the room that deferred entries leave is used, of that for entries or of that for bytes, whichever is greater; 1 is full. Of a tenant: how much of what it
   * may have is used by entries that are not deferred; no more than half while that is less than half of its share. It may be a little off while entries come and go.
   */
  double usage(Tenant tenant) {
    if (tenant == Tenant.EVERYBODY) {
      return Math.max(
          Usage.ofAll(entries.get(), deferredEntries.get(), maxEntries),
          Usage.ofAll(bytes.get(), deferredBytes.get(), maxBytes));
    }
    return Math.max(
        Usage.ofTenant(
            tenant.entries() - tenant.deferredEntries(), entries.get(), maxEntries, tenants()),
        Usage.ofTenant(tenant.bytes() - tenant.deferredBytes(), bytes.get(), maxBytes, tenants()));
  }

  /** Whether a tenant has at least an equal part of the entries or bytes that are pending and not deferred: so it delays the others more than they do it. */
  boolean delays(Tenant tenant) {
    if (tenant == Tenant.EVERYBODY) {
      return true;
    }
    long count = tenants();
    return (tenant.entries() - tenant.deferredEntries()) * count
            >= entries.get() - deferredEntries.get()
        || (tenant.bytes() - tenant.deferredBytes()) * count >= bytes.get() - deferredBytes.get();
  }

  int entries() {
    return entries.get();
  }

  /** Of how many tenants anything is pending. */
  long tenants() {
    return tenants.mappingCount();
  }
}
