package io.headpond.journal;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is pending in all partitions, and how much may be. Parked entries do not count as entries but their bytes do: a heap is full of them as
 * well as of others, while a limit on entries that letters could fill would also keep out what might free them. What the database has refused,
 * parked or not, is counted once more by itself: no flush frees it, so nobody is slowed down for its sake. Thread-safe.
 */
final class Limits {
  private final int maxEntries;
  private final long maxBytes;
  private final AtomicInteger entries = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();

  /** Those of the entries that are deferred. */
  private final AtomicInteger refusedEntries = new AtomicInteger();

  /** Those of the bytes that deferred and parked entries have. */
  private final AtomicLong refusedBytes = new AtomicLong();

  Limits(int maxEntries, long maxBytes) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
  }

  /** Counts a new entry and its bytes, if there is room for both. */
  boolean admit(long size) {
    if (entries.incrementAndGet() > maxEntries) {
      entries.decrementAndGet();
      return false;
    }
    if (!admitBytes(size)) {
      entries.decrementAndGet();
      return false;
    }
    return true;
  }

  /** Counts the difference that another value of an entry makes; less always fits. */
  boolean admitBytes(long difference) {
    if (difference == 0) {
      return true;
    }
    if (bytes.addAndGet(difference) > maxBytes && difference > 0) {
      bytes.addAndGet(-difference);
      return false;
    }
    return true;
  }

  /** Counts what is there already, whatever the limit. */
  void add(int moreEntries, long moreBytes) {
    entries.addAndGet(moreEntries);
    bytes.addAndGet(moreBytes);
  }

  /** Of what is counted already, so much more is deferred or, in bytes, parked. */
  void addRefused(int moreEntries, long moreBytes) {
    refusedEntries.addAndGet(moreEntries);
    refusedBytes.addAndGet(moreBytes);
  }

  /**
   * How much of the room that refused entries leave is used, of that for entries or of that for bytes, whichever is greater; 1 is full. It may be a
   * little off while entries come and go.
   */
  double usage() {
    return Math.max(
        share(entries.get(), refusedEntries.get(), maxEntries),
        share(bytes.get(), refusedBytes.get(), maxBytes));
  }

  private static double share(long used, long refused, long limit) {
    long room = limit - refused;
    return used - refused < room ? (double) (used - refused) / room : 1;
  }

  int entries() {
    return entries.get();
  }

  long bytes() {
    return bytes.get();
  }
}
