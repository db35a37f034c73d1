package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import java.util.EnumMap;
import java.util.Map;

/** A server that forces each command to the disk, with connections to it: one of a kind for all tests of this JVM, at whose end it is ended. */
record OneServer(TestServer server, Connections connections) {
  private static final Map<ServerBinary, OneServer> ALL = new EnumMap<>(ServerBinary.class);

  /** Skips the test loudly if there is no such program here. */
  static synchronized OneServer of(ServerBinary binary) {
    return ALL.computeIfAbsent(
        binary,
        b -> {
          TestServer server = TestServer.start(b, "--appendonly", "yes", "--appendfsync", "always");
          String url = server.url();
          return new OneServer(server, new Connections(() -> Servers.open(url, Servers.TIMEOUT)));
        });
  }
}
