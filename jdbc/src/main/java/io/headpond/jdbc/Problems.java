package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import java.util.ArrayList;
import java.util.List;

/** What does not fit between a mapping and a database, collected so that all of it is told at once. Not thread-safe. */
final class Problems {
  private final List<String> lines = new ArrayList<>();

  void add(String place, String is, String needed) {
    lines.add(place + ": " + is + "; needed: " + needed);
  }

  /** Throws if there are any, one a line. */
  void refuseIfAny() {
    if (!lines.isEmpty()) {
      throw new ConfigurationException(String.join("\n", lines));
    }
  }
}
