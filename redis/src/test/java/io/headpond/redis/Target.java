package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestCluster;
import io.headpond.redis.servers.TestServer;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * Servers that force each command to the disk, with connections to them: one of a kind for all tests of this JVM, at whose end they are ended.
 *
 * @param masters where the keys are
 * @param masterOf which of them has a slot
 */
record Target(List<TestServer> masters, ToIntFunction<Integer> masterOf, Connections connections) {
  /** The user has no more rights than the documents ask for. */
  private static final String[] FORCED =
      ("--appendonly yes --appendfsync always --user pond on >secret resetchannels ~test* &test* "
              + Problems.RIGHTS)
          .split(" ");

  private static final Map<ServerBinary, Target> ONES = new EnumMap<>(ServerBinary.class);
  private static final Map<ServerBinary, Target> CLUSTERS = new EnumMap<>(ServerBinary.class);

  /** One server. Skips the test loudly if there is no such program here. */
  static synchronized Target one(ServerBinary binary) {
    return ONES.computeIfAbsent(
        binary,
        b -> {
          TestServer server = TestServer.start(b, FORCED);
          return new Target(List.of(server), slot -> 0, connections(server.url()));
        });
  }

  /** Three masters and three replicas. */
  static synchronized Target cluster(ServerBinary binary) {
    return CLUSTERS.computeIfAbsent(
        binary,
        b -> {
          TestCluster cluster = TestCluster.start(b, FORCED);
          return new Target(
              List.copyOf(cluster.nodes().subList(0, 3)),
              slot -> cluster.nodes().indexOf(cluster.masterOf(slot)),
              connections(cluster.url()));
        });
  }

  private static Connections connections(String url) {
    String asUser = url.replace("://", "://pond:secret@");
    return new Connections(() -> Servers.open(asUser, Servers.TIMEOUT));
  }

  /** The server that has a key. */
  TestServer serverOf(String key) {
    return masters.get(masterOf.applyAsInt(Slots.of(Keys.bytes(key))));
  }
}
