package io.headpond.redis.servers;

import java.util.List;
import java.util.stream.Stream;

/** A master with a replica, and one Sentinel that decides alone. Not thread-safe. */
public final class TestSentinel implements AutoCloseable {
  /** By which the Sentinel knows the master. */
  public static final String NAME = "orders";

  private final TestServer first;
  private final TestServer second;
  private final TestServer sentinel;

  private TestSentinel(TestServer first, TestServer second, TestServer sentinel) {
    this.first = first;
    this.second = second;
    this.sentinel = sentinel;
  }

  /**
   * Starts them. Blocks until the Sentinel knows both and the replica follows.
   *
   * @param options further ones for master and replica
   */
  public static TestSentinel start(ServerBinary binary, String... options) {
    String[] all =
        Stream.concat(
                Stream.of("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"),
                Stream.of(options))
            .toArray(String[]::new);
    TestServer first = TestServer.start(binary, all);
    TestServer second = TestServer.start(binary, all);
    second.call("REPLICAOF", "127.0.0.1", Integer.toString(first.port()));
    TestServer sentinel = TestServer.startSentinel(binary, conf(first));
    TestSentinel started = new TestSentinel(first, second, sentinel);
    TestCluster.await(
        () -> {
          List<?> replicas = (List<?>) sentinel.call("SENTINEL", "SLAVES", NAME);
          return replicas != null
              && replicas.size() == 1
              && String.valueOf(second.call("INFO", "replication"))
                  .contains("master_link_status:up")
              && String.valueOf(first.call("INFO", "replication")).contains("state=online");
        });
    return started;
  }

  private static String conf(TestServer master) {
    return """
        sentinel monitor %1$s 127.0.0.1 %2$d 1
        sentinel down-after-milliseconds %1$s 1000
        sentinel failover-timeout %1$s 5000
        """
        .formatted(NAME, master.port());
  }

  /** The server that began as master. */
  public TestServer first() {
    return first;
  }

  /** The server that began as replica. */
  public TestServer second() {
    return second;
  }

  public TestServer sentinel() {
    return sentinel;
  }

  public String url() {
    return "redis-sentinel://127.0.0.1:" + sentinel.port() + "#" + NAME;
  }

  /** The port of the server that the Sentinel takes for the master. */
  public int masterPort() {
    List<?> address = (List<?>) sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
    return address == null ? 0 : Integer.parseInt(String.valueOf(address.get(1)));
  }

  /** Makes the replica master, and blocks until it is. The former master goes on as its replica. */
  public void failOver() {
    int before = masterPort();
    TestCluster.await(
        () -> {
          try {
            sentinel.call("SENTINEL", "FAILOVER", NAME);
            return true;
          } catch (Resp.ErrorReply e) {
            // It knows no replica that is good enough yet.
            return false;
          }
        });
    TestCluster.await(() -> masterPort() != before);
  }

  @Override
  public void close() {
    sentinel.close();
    second.close();
    first.close();
  }
}
