package io.headpond.redis;

import io.headpond.Durability;
import io.headpond.redis.Wire.Answer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What somebody wants of the servers: a script, or some values. Immutable but for its {@link #result}.
 *
 * @param script null to get the values of the keys
 * @param level what an answer stands for
 * @param result completes with what the caller gets
 */
record Call(
    int slot,
    @Nullable Script script,
    List<byte[]> keys,
    List<byte[]> args,
    Durability level,
    CompletableFuture<Answer> result) {

  /**
   * A server has carried a call out.
   *
   * @param replicas completes when the replicas have it; null if nobody waits for them
   */
  record Done(Answer answer, @Nullable CompletableFuture<?> replicas) {}

  /** The command for the server at the other end of this connection. */
  Request request(Connection connection) {
    return script == null
        ? Request.mget(keys)
        : Request.evalsha(script, keys, args, connection.run());
  }

  /** The command for a server that does not know the script; it surely has not run it. */
  Request withText(Connection connection) {
    if (script == null) {
      throw new IllegalStateException("no script");
    }
    return Request.eval(script, keys, args, connection.run());
  }
}
