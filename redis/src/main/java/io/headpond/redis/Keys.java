package io.headpond.redis;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/**
 * The names of a dataset's keys. All of a partition have one hash tag, {@code {dataset:partition}}, and so one slot. Immutable.
 *
 * <p>The layout is in docs/design.md.
 */
record Keys(String prefix, String dataset) {
  private static final List<String> OF_A_PARTITION =
      List.of(
          "ready",
          "deferred",
          "deferred:since",
          "parked",
          "refused",
          "conflicts",
          "staged",
          "staged:rows",
          "tenants");

  /** The partition itself, a hash, and what belongs to it, in the order in which the scripts take them. */
  List<byte[]> partition(int partition) {
    return Stream.concat(
            Stream.of(bytes(partitionText(partition))),
            OF_A_PARTITION.stream().map(what -> of(partition, what)))
        .toList();
  }

  /** What the key of an entry begins with; the text of its key follows. */
  byte[] entries(int partition) {
    return of(partition, "entry:");
  }

  /** Where a request is remembered. */
  byte[] request(int partition, String id) {
    return of(partition, "request:" + id);
  }

  /** Where it stands which key a request belongs to. */
  byte[] claim(int partition, String id) {
    return of(partition, "claim:" + id);
  }

  private byte[] of(int partition, String what) {
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

  static byte[] bytes(long number) {
    return bytes(Long.toString(number));
  }

  static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
