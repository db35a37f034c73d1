package io.headpond.engine;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;

/**
 * What a process is to its dataset.
 *
 * @param flushes whether it brings entries to the database
 * @param instance what it is called; null for host and process id
 */
record Role(boolean flushes, @Nullable String instance) {
  String name() {
    return instance == null ? host() + ":" + ProcessHandle.current().pid() : instance;
  }

  private static String host() {
    String named = System.getenv("HOSTNAME");
    if (named != null && !named.isBlank()) {
      return named;
    }
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }
}
