package io.headpond.redis;

import java.nio.charset.StandardCharsets;

/**
 * The names of a dataset's keys. All of a partition have one hash tag, {@code {dataset:partition}}, and so one slot. Immutable.
 *
 * <p>The layout is in docs/design.md.
 */
record Keys(String prefix, String dataset) {
  /** The partition itself: a hash; the other keys of the partition begin with its name and a colon. */
  byte[] partition(int partition) {
    return bytes(partitionText(partition));
  }

  /** A key of a partition. */
  byte[] of(int partition, String what) {
    return bytes(partitionText(partition) + ":" + what);
  }

  /** What is of the whole dataset: a hash. */
  byte[] store() {
    return bytes(prefix + ":{" + dataset + "}");
  }

  /** The channel of its signals. */
  byte[] signals() {
    return bytes(prefix + ":{" + dataset + "}:signals");
  }

  private String partitionText(int partition) {
    return prefix + ":{" + dataset + ":" + partition + "}";
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
