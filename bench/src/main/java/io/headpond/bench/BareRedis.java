package io.headpond.bench;

import io.lettuce.core.RedisClient;
import io.lettuce.core.ZAddArgs;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * The limit of writes through Redis: the same client, the same bytes under the same names, as the two commands that cannot be left out, {@code SET} and {@code
 * ZADD NX}, one behind the other in one pipeline. Thread-safe.
 */
final class BareRedis implements AutoCloseable {
  /** What stands before a row, as a plain text of the same length. */
  private static final int HEADER_BYTES = 53;

  private static final ZAddArgs ONCE = ZAddArgs.Builder.nx();

  private final RedisClient client;
  private final StatefulRedisConnection<byte[], byte[]> connection;
  private final RedisAsyncCommands<byte[], byte[]> commands;
  private final byte[][] names;
  private final byte[][] queues;
  private final byte[][] members;
  private final byte[][] values;

  BareRedis(String url, Kv entries, int partitions) {
    client = RedisClient.create(url);
    connection = client.connect(ByteArrayCodec.INSTANCE);
    commands = connection.async();
    int count = entries.size();
    names = new byte[count][];
    queues = new byte[count][];
    members = new byte[count][];
    values = new byte[count][];
    for (int i = 0; i < count; i++) {
      String partition = "bare:{kv:" + entries.key(i).partition(partitions) + "}";
      members[i] = entries.key(i).toBytes();
      names[i] = bytes(partition + ":entry:" + new String(members[i], StandardCharsets.US_ASCII));
      queues[i] = bytes(partition + ":ready");
      values[i] = new byte[HEADER_BYTES + 2 + Kv.VALUE_BYTES];
      byte[] value = bytes((String) Objects.requireNonNull(entries.row(i).cell(0)));
      System.arraycopy(value, 0, values[i], HEADER_BYTES + 2, value.length);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Completes when both commands are answered. */
  CompletableFuture<?> write(int i) {
    commands.set(names[i], values[i]);
    return commands
        .zadd(queues[i], ONCE, (double) System.currentTimeMillis() * 1_000, members[i])
        .toCompletableFuture();
  }

  /** One round trip that does nothing but carry the same bytes there: what any blocking write pays at least. */
  CompletableFuture<?> roundTrip(int i) {
    return commands.set(names[i], values[i]).toCompletableFuture();
  }

  /** How much memory the server uses. */
  long usedMemory() {
    String info = connection.sync().info("memory");
    int at = info.indexOf("used_memory:") + "used_memory:".length();
    return Long.parseLong(info.substring(at, info.indexOf('\r', at)));
  }

  void flushAll() {
    connection.sync().flushall();
  }

  @Override
  public void close() {
    connection.close();
    client.shutdown();
  }
}
