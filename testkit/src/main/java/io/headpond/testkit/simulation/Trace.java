package io.headpond.testkit.simulation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The last events of a run, in their order. Nothing is made into text before somebody asks. */
final class Trace {
  private static final int MOST = 2500;

  private record Event(long nanos, @Nullable Object[] parts) {}

  private final Deque<Event> events = new ArrayDeque<>();
  private long hash;

  void add(long nanos, @Nullable Object... parts) {
    if (events.size() == MOST) {
      events.remove();
    }
    events.add(new Event(nanos, parts));
    // Not of the parts: an object's own hash is another one in each run.
    hash = hash * 31 + nanos + parts.length;
  }

  /** Tells this run from another one. */
  long hash() {
    return hash;
  }

  List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (Event event : events) {
      StringBuilder line = new StringBuilder(String.format("%12.6f s ", event.nanos / 1e9));
      for (@Nullable Object part : event.parts) {
        line.append(' ').append(Values.show(part));
      }
      lines.add(line.length() > 400 ? line.substring(0, 400) + " ..." : line.toString());
    }
    return lines;
  }
}
