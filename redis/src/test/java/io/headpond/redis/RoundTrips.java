package io.headpond.redis;

import io.headpond.Durability;
import io.headpond.redis.servers.Resp;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Where the time of one blocking call goes: a program, no test. Prints the median of each kind of round trip, from a socket alone to a script of the wire; they take turns, so that the
 * machine's moods meet all of them.
 */
final class RoundTrips {
  private static final int ROUNDS = 40;
  private static final int CALLS = 500;

  private RoundTrips() {}

  public static void main(String[] args) throws Exception {
    Script nothing = Script.text("nothing", "return 1");
    Script write = Script.text("write", "return redis.call('SET', KEYS[1], ARGV[1])");
    String value = "v".repeat(100);
    try (TestServer server =
            TestServer.start(
                ServerBinary.here().get(args.length > 0 ? Integer.parseInt(args[0]) : 0));
        Resp socket = server.connect();
        Servers wire = Servers.open(server.url(), Servers.TIMEOUT)) {
      RedisClient client = RedisClient.create(RedisURI.create(server.url()));
      var lettuce = client.connect().sync();
      String sha =
          (String) socket.call("SCRIPT", "LOAD", "return redis.call('SET', KEYS[1], ARGV[1])");
      List<byte[]> key = List.of(Keys.bytes("{a}:b"));
      List<byte[]> bytes = List.of(Keys.bytes(value));
      List<String> names =
          List.of(
              "socket: PING",
              "socket: SET",
              "socket: EVALSHA that sets",
              "Lettuce, blocking: PING",
              "Lettuce, blocking: SET",
              "wire: MGET",
              "wire: EVALSHA of nothing",
              "wire: EVALSHA that sets");
      List<Callable<?>> kinds =
          List.of(
              () -> socket.call("PING"),
              () -> socket.call("SET", "{a}:b", value),
              () -> socket.call("EVALSHA", sha, "1", "{a}:b", value, "run"),
              lettuce::ping,
              () -> lettuce.set("{a}:b", value),
              () -> wire.get(key).toCompletableFuture().join(),
              () ->
                  wire.script(nothing, key, bytes, Durability.MEMORY).toCompletableFuture().join(),
              () -> wire.script(write, key, bytes, Durability.MEMORY).toCompletableFuture().join());
      List<long[]> times = new ArrayList<>();
      kinds.forEach(kind -> times.add(new long[ROUNDS * CALLS]));
      for (int round = -10; round < ROUNDS; round++) {
        for (int kind = 0; kind < kinds.size(); kind++) {
          for (int call = 0; call < CALLS; call++) {
            long before = System.nanoTime();
            kinds.get(kind).call();
            if (round >= 0) {
              times.get(kind)[round * CALLS + call] = System.nanoTime() - before;
            }
          }
        }
      }
      for (int kind = 0; kind < kinds.size(); kind++) {
        long[] all = times.get(kind);
        Arrays.sort(all);
        System.out.printf(
            "%-28s p50 %6.1f us   p99 %7.1f us%n",
            names.get(kind), all[all.length / 2] / 1e3, all[all.length * 99 / 100] / 1e3);
      }
      client.shutdown();
    }
  }
}
