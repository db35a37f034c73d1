package io.headpond;

/**
 * What a write has survived by the time it is acknowledged. Each level includes the ones before it.
 *
 * <p>A hot store refuses a level that it cannot keep with an {@link UnsupportedDurabilityException}; it never weakens one silently.
 */
public enum Durability {
  /** Survives nothing: the write is in the memory of one process. The fastest. */
  MEMORY,
  /** Handed to the operating system: survives the death of the process ({@code kill -9}). */
  JOURNAL,
  /** Forced to the disk: survives the loss of power. */
  DISK,
  /** On all promotable replicas of a shared hot store. The embedded store refuses it. */
  REPLICAS,
  /**
   * Committed in the system of record. The write is invisible to readers until then, and leaves
   * nothing behind when the database refuses it.
   */
  DATABASE
}
