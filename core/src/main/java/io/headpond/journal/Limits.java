package io.headpond.journal;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is pending in all partitions, and how much may be; and what is parked, which has limits of its own, as many entries and bytes again, so that
 * letters keep no writer out. Those of the pending that are deferred are counted once more by themselves: no flush frees them for
 * sure, so nobody is slowed down for their sake. Thread-safe.
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

  /** Of what is counted as pending, so much more is deferred. */
  void addDeferred(int moreEntries, long moreBytes) {
    deferredEntries.addAndGet(moreEntries);
    deferredBytes.addAndGet(moreBytes);
  }

  /** So much more is parked. */
  void addLetters(int moreEntries, long moreBytes) {
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
   * How much of the room that deferred entries leave is used, of that for entries or of that for bytes, whichever is greater; 1 is full. It may be a
   * little off while entries come and go.
   */
  double usage() {
    return Math.max(
        share(entries.get(), deferredEntries.get(), maxEntries),
        share(bytes.get(), deferredBytes.get(), maxBytes));
  }

  private static double share(long used, long deferred, long limit) {
    long room = limit - deferred;
    return used - deferred < room ? (double) (used - deferred) / room : 1;
  }

  int entries() {
    return entries.get();
  }
}
