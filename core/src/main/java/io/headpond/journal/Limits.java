package io.headpond.journal;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is pending in all partitions, and how much may be. Parked entries do not count as entries but their bytes do: a heap is full of them as
 * well as of others, while a limit on entries that letters could fill would also keep out what might free them. Thread-safe.
 */
final class Limits {
  private final int maxEntries;
  private final long maxBytes;
  private final double entryShare;
  private final double byteShare;
  private final AtomicInteger entries = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();

  Limits(int maxEntries, long maxBytes) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
    this.entryShare = 1.0 / maxEntries;
    this.byteShare = 1.0 / maxBytes;
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

  /** The share of the one or the other limit that is used, whichever is greater. */
  double usage() {
    return Math.max(entries.get() * entryShare, bytes.get() * byteShare);
  }

  int entries() {
    return entries.get();
  }

  long bytes() {
    return bytes.get();
  }
}
