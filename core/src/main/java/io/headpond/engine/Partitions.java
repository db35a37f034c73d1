package io.headpond.engine;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Names many partitions in few words. */
final class Partitions {
  private Partitions() {}

  /** As {@code all 16 partitions}, {@code partitions 0-7, 9} or {@code no partition}. */
  static String text(BitSet some, int of) {
    int count = some.cardinality();
    if (count == 0) {
      return "no partition";
    }
    if (count == of) {
      return "all " + of + " partitions";
    }
    List<String> runs = new ArrayList<>();
    for (int first = some.nextSetBit(0); first >= 0; ) {
      int end = some.nextClearBit(first);
      runs.add(end == first + 1 ? "" + first : first + "-" + (end - 1));
      first = some.nextSetBit(end);
    }
    return (count == 1 ? "partition " : "partitions ") + String.join(", ", runs);
  }
}
