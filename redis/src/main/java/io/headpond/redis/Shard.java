package io.headpond.redis;

import io.headpond.Key;
import io.headpond.spi.Mutation;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What this process knows of a partition. Thread-safe. */
final class Shard {
  final int number;
  final List<byte[]> keys;
  final WriteQueue writes;

  /** What the last batch that this process took carries, until something is said of it. */
  final ConcurrentHashMap<Key, Carried> carried = new ConcurrentHashMap<>();

  private final byte[] entries;

  /** As of the last answer; null before the first. */
  private volatile @Nullable Status status;

  private final AtomicLong calls = new AtomicLong();
  private long heard;
  private volatile boolean looking;

  /**
   * A mutation that a batch carries.
   *
   * @param until what is written later has a version above this one
   */
  record Carried(Mutation mutation, long until) {}

  Shard(int number, Keys keys, WriteQueue writes) {
    this.number = number;
    this.keys = keys.partition(number);
    this.entries = keys.entries(number);
    this.writes = writes;
  }

  /** The key of an entry. */
  byte[] entry(byte[] keyText) {
    byte[] key = new byte[entries.length + keyText.length];
    System.arraycopy(entries, 0, key, 0, entries.length);
    System.arraycopy(keyText, 0, key, entries.length, keyText.length);
    return key;
  }

  @Nullable Status status() {
    return status;
  }

  /** A number for a call that is made now. */
  long begun() {
    return calls.incrementAndGet();
  }

  /**
   * A call was answered. One that waited for replicas may be told after others that were carried out later: what it says is old.
   *
   * @param call its {@linkplain #begun number}
   */
  synchronized void heard(long call, Status now) {
    if (call > heard) {
      heard = call;
      status = now;
    }
  }

  /** Whether nobody is asking how it stands; then the caller is. */
  synchronized boolean look() {
    boolean free = !looking;
    looking = true;
    return free;
  }

  void looked() {
    looking = false;
  }

  /** What a batch carries of a mutation's entry, if it is this mutation. */
  @Nullable Carried carried(Mutation mutation) {
    Carried of = carried.get(mutation.key());
    return of != null && of.mutation().same(mutation) ? of : null;
  }
}
