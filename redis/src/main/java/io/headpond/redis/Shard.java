package io.headpond.redis;

import io.headpond.Key;
import io.headpond.spi.Mutation;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
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

  void heard(Status now) {
    status = now;
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
