package io.headpond.redis.servers;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A cluster of three masters, each with a replica. Not thread-safe. */
public final class TestCluster implements AutoCloseable {
  private static final int MASTERS = 3;
  private static final int SLOTS = 16384;

  private final List<TestServer> nodes = new ArrayList<>();

  private TestCluster() {}

  /**
   * Starts six servers and makes a cluster of them. Blocks until it is ready.
   *
   * @param options further ones for each node
   */
  public static TestCluster start(ServerBinary binary, String... options) {
    TestCluster cluster = new TestCluster();
    try {
      String[] all =
          Stream.concat(
                  Stream.of(
                      "--cluster-enabled",
                      "yes",
                      "--cluster-node-timeout",
                      "2000",
                      "--repl-diskless-sync-delay",
                      "0",
                      "--repl-ping-replica-period",
                      "1"),
                  Stream.of(options))
              .toArray(String[]::new);
      for (int i = 0; i < 2 * MASTERS; i++) {
        cluster.nodes.add(TestServer.start(binary, all));
      }
      cluster.form();
      return cluster;
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  private void form() {
    for (int i = 0; i < nodes.size(); i++) {
      nodes.get(i).call("CLUSTER", "SET-CONFIG-EPOCH", Integer.toString(i + 1));
      nodes.get(0).call("CLUSTER", "MEET", "127.0.0.1", Integer.toString(nodes.get(i).port()));
    }
    for (int i = 0; i < MASTERS; i++) {
      List<String> command = new ArrayList<>(List.of("CLUSTER", "ADDSLOTS"));
      for (int slot = i * SLOTS / MASTERS; slot < (i + 1) * SLOTS / MASTERS; slot++) {
        command.add(Integer.toString(slot));
      }
      nodes.get(i).call(command.toArray(String[]::new));
    }
    await(() -> nodes.stream().allMatch(node -> lines(node) == nodes.size()));
    for (int i = 0; i < MASTERS; i++) {
      String id = id(nodes.get(i));
      TestServer replica = nodes.get(MASTERS + i);
      await(
          () -> {
            try {
              replica.call("CLUSTER", "REPLICATE", id);
              return true;
            } catch (Resp.ErrorReply e) {
              // It does not know the master yet.
              return false;
            }
          });
    }
    await(() -> nodes.stream().allMatch(TestCluster::ready));
  }

  private static boolean ready(TestServer node) {
    return text(node, "CLUSTER", "INFO").contains("cluster_state:ok")
        && text(node, "CLUSTER", "NODES").lines().filter(line -> line.contains("slave")).count()
            == MASTERS
        && (text(node, "INFO", "replication").contains("master_link_status:up")
            || text(node, "INFO", "replication").contains("state=online"));
  }

  private static long lines(TestServer node) {
    return text(node, "CLUSTER", "NODES")
        .lines()
        .filter(line -> !line.contains("handshake"))
        .count();
  }

  private static String text(TestServer node, String... command) {
    return String.valueOf(node.call(command));
  }

  /** What the cluster knows a node by. */
  public static String id(TestServer node) {
    return text(node, "CLUSTER", "MYID");
  }

  /** The nodes; the first three began as masters, the others as their replicas in the same order. */
  public List<TestServer> nodes() {
    return nodes;
  }

  /** The node that is master of a slot, as the first running node knows it. */
  public TestServer masterOf(int slot) {
    TestServer asked = nodes.stream().filter(TestServer::running).findFirst().orElseThrow();
    List<?> ranges = (List<?>) asked.call("CLUSTER", "SLOTS");
    for (Object one : ranges == null ? List.of() : ranges) {
      List<?> range = (List<?>) one;
      if ((Long) range.get(0) <= slot && slot <= (Long) range.get(1)) {
        long port = (Long) ((List<?>) range.get(2)).get(1);
        return nodes.stream().filter(node -> node.port() == port).findFirst().orElseThrow();
      }
    }
    throw new IllegalStateException("slot " + slot + " has no master");
  }

  public String url() {
    return "redis-cluster://127.0.0.1:" + nodes.get(0).port() + ",127.0.0.1:" + nodes.get(4).port();
  }

  /** Moves a slot with all its keys, key by key, as redis-cli does. */
  public void move(int slot, TestServer from, TestServer to) {
    String number = Integer.toString(slot);
    to.call("CLUSTER", "SETSLOT", number, "IMPORTING", id(from));
    from.call("CLUSTER", "SETSLOT", number, "MIGRATING", id(to));
    while (true) {
      List<?> keys = (List<?>) from.call("CLUSTER", "GETKEYSINSLOT", number, "10");
      if (keys == null || keys.isEmpty()) {
        break;
      }
      for (Object key : keys) {
        from.call(
            "MIGRATE", "127.0.0.1", Integer.toString(to.port()), String.valueOf(key), "0", "5000");
      }
    }
    to.call("CLUSTER", "SETSLOT", number, "NODE", id(to));
    from.call("CLUSTER", "SETSLOT", number, "NODE", id(to));
  }

  /** Waits, at most a minute. */
  public static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("it has not come true in a minute");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  @Override
  public void close() {
    nodes.forEach(TestServer::close);
  }
}
