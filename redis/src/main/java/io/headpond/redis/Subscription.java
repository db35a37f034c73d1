package io.headpond.redis;

import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears what is published in some channels, on one connection, and on another one when that is lost. It is asked for a sign of life every few seconds, since one that has been cut off says nothing either.
 * Thread-safe.
 */
final class Subscription {
  private static final Logger log = LoggerFactory.getLogger(Subscription.class);
  private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(5);
  private static final long LONGEST_PAUSE_MILLIS = 2000;

  private record Listener(byte[] channel, Consumer<byte[]> heard, Runnable missed) {}

  private final Connector connector;
  private final Supplier<@Nullable Address> server;
  private final Function<Address, CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>>>
      open;
  private final Map<String, Listener> listeners = new ConcurrentHashMap<>();
  private volatile @Nullable StatefulRedisPubSubConnection<byte[], byte[]> current;
  private volatile boolean closed;
  private boolean started;
  private int failures;

  /**
   * Nothing is connected before the first {@link #add}.
   *
   * @param server where to connect to now; null if nobody knows
   * @param open connects
   */
  Subscription(
      Connector connector,
      Supplier<@Nullable Address> server,
      Function<Address, CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>>> open) {
    this.connector = connector;
    this.server = server;
    this.open = open;
  }

  void add(byte[] channel, Consumer<byte[]> heard, Runnable missed) {
    Listener listener = new Listener(channel.clone(), heard, missed);
    listeners.put(ServerFacts.text(channel), listener);
    StatefulRedisPubSubConnection<byte[], byte[]> connection;
    synchronized (this) {
      connection = current;
      if (!started) {
        started = true;
        connect();
        return;
      }
    }
    if (connection != null) {
      subscribe(connection, listener);
    }
  }

  private void connect() {
    Address address = server.get();
    if (closed) {
      return;
    }
    if (address == null) {
      again();
      return;
    }
    open.apply(address)
        .whenComplete(
            (connection, failure) -> {
              if (failure == null) {
                connected(connection);
              } else {
                log.debug("no subscription at {}", address, failure);
                again();
              }
            });
  }

  private void connected(StatefulRedisPubSubConnection<byte[], byte[]> connection) {
    AtomicBoolean over = new AtomicBoolean();
    connection.addListener(
        new RedisPubSubAdapter<byte[], byte[]>() {
          @Override
          public void message(byte[] channel, byte[] message) {
            Listener listener = listeners.get(ServerFacts.text(channel));
            if (listener != null) {
              tell(() -> listener.heard().accept(message));
            }
          }
        });
    connection.addListener(
        new RedisConnectionStateListener() {
          @Override
          public void onRedisDisconnected(RedisChannelHandler<?, ?> handler) {
            lost(connection, over);
          }
        });
    synchronized (this) {
      current = connection;
      failures = 0;
    }
    if (closed) {
      connector.end(connection);
      return;
    }
    listeners.values().forEach(listener -> subscribe(connection, listener));
    signOfLife(connection, over);
    if (!connection.isOpen()) {
      lost(connection, over);
    }
  }

  /** What was published before the server has confirmed it may have been missed. */
  private void subscribe(
      StatefulRedisPubSubConnection<byte[], byte[]> connection, Listener listener) {
    connection
        .async()
        .subscribe(listener.channel())
        .whenComplete(
            (done, failure) -> {
              if (failure == null) {
                tell(listener.missed());
              } else {
                log.warn("{} does not let us subscribe: {}", connector.url(), failure.getMessage());
                connector.end(connection);
              }
            });
  }

  private static void tell(Runnable listener) {
    try {
      listener.run();
    } catch (RuntimeException e) {
      log.error("a listener failed", e);
    }
  }

  private void signOfLife(
      StatefulRedisPubSubConnection<byte[], byte[]> connection, AtomicBoolean over) {
    if (over.get() || closed) {
      return;
    }
    connection
        .async()
        .ping()
        .toCompletableFuture()
        .orTimeout(connector.timeout().toMillis(), TimeUnit.MILLISECONDS)
        .whenComplete(
            (pong, failure) -> {
              if (failure == null) {
                connector.schedule(SIGN_OF_LIFE, () -> signOfLife(connection, over));
              } else {
                lost(connection, over);
              }
            });
  }

  private void lost(StatefulRedisPubSubConnection<byte[], byte[]> connection, AtomicBoolean over) {
    if (over.compareAndSet(false, true)) {
      connector.end(connection);
      again();
    }
  }

  private void again() {
    long pause;
    synchronized (this) {
      current = null;
      failures++;
      pause = Math.min(LONGEST_PAUSE_MILLIS, 100L << Math.min(failures, 10));
    }
    if (!closed) {
      long jittered = ThreadLocalRandom.current().nextLong(pause / 2, pause + 1);
      connector.schedule(Duration.ofMillis(jittered), this::connect);
    }
  }

  void close() {
    closed = true;
    StatefulRedisPubSubConnection<byte[], byte[]> connection = current;
    if (connection != null) {
      connector.end(connection);
    }
  }
}
