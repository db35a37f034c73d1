package io.headpond.redis;

import io.headpond.UnavailableException;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.MaintNotificationsConfig;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.SslOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.metrics.CommandLatencyRecorder;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import io.lettuce.core.resource.NettyCustomizer;
import io.netty.channel.Channel;
import io.netty.handler.flush.FlushConsolidationHandler;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes connections, and has the threads that serve them. Whatever Lettuce does by itself when a connection is lost is off: it neither connects again nor sends anything again. Thread-safe.
 */
final class Connector implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Connector.class);
  private static final long CLOSE_SECONDS = 2;
  private static final int IO_THREADS = 2;
  private static final int OTHER_THREADS = 2;

  private final RedisUrl url;
  private final Duration timeout;
  private final ClientResources resources;
  private final RedisClient client;
  private final Set<StatefulConnection<?, ?>> open = ConcurrentHashMap.newKeySet();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final Map<StatefulConnection<?, ?>, CompletableFuture<Void>> ending =
      new ConcurrentHashMap<>();
  private final Set<CompletableFuture<?>> begun = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /**
   * Nothing is connected yet.
   *
   * @param timeout for connecting, and for an answer
   */
  Connector(RedisUrl url, Duration timeout) {
    this.url = url;
    this.timeout = timeout;
    this.resources =
        DefaultClientResources.builder()
            .ioThreadPoolSize(IO_THREADS)
            .computationThreadPoolSize(OTHER_THREADS)
            .nettyCustomizer(new Gathering())
            .commandLatencyRecorder(CommandLatencyRecorder.disabled())
            .threadFactoryProvider(pool -> threads())
            .build();
    this.client = RedisClient.create(resources);
    client.setOptions(options());
  }

  /** What several threads send at the same time goes to the network in one call, not each command in one of its own: that is three times as much. */
  private static final class Gathering implements NettyCustomizer {
    private static final int MOST = 256;

    @Override
    public void afterChannelInitialized(Channel channel) {
      channel.pipeline().addFirst(new FlushConsolidationHandler(MOST, true));
    }
  }

  private static ThreadFactory threads() {
    AtomicInteger number = new AtomicInteger();
    return task -> {
      // A thread of Netty's own kind, since it keeps its buffers by thread.
      Thread thread = new FastThreadLocalThread(task, "headpond-redis-" + number.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  private ClientOptions options() {
    ClientOptions.Builder options =
        ClientOptions.builder()
            .autoReconnect(false)
            .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
            .protocolVersion(ProtocolVersion.RESP2)
            .maintNotificationsConfig(MaintNotificationsConfig.disabled())
            .timeoutOptions(TimeoutOptions.builder().timeoutCommands(false).build())
            .socketOptions(
                SocketOptions.builder()
                    .connectTimeout(timeout)
                    .tcpNoDelay(true)
                    .keepAlive(true)
                    .build());
    Path cacert = url.cacert();
    if (cacert != null) {
      options.sslOptions(
          SslOptions.builder().jdkSslProvider().trustManager(cacert.toFile()).build());
    }
    return options.build();
  }

  RedisUrl url() {
    return url;
  }

  Duration timeout() {
    return timeout;
  }

  /** A connection to a server with data. */
  CompletionStage<Connection> connect(Address address) {
    return connect(address, uri(address, url.database(), true));
  }

  /** A connection to a Sentinel, with or without our user and password. */
  CompletionStage<Connection> connectToSentinel(Address address, boolean login) {
    return connect(address, uri(address, 0, login));
  }

  private CompletionStage<Connection> connect(Address address, RedisURI uri) {
    return connecting(() -> client.connectAsync(ByteArrayCodec.INSTANCE, uri))
        .<Connection>thenApply(
            lettuce -> {
              begin(lettuce);
              Connection connection = new Connection(address, lettuce, this);
              connections.add(connection);
              connection.lost().thenRun(() -> connections.remove(connection));
              return connection;
            });
  }

  /** Ends connections on which an answer is late; also those that are not in use yet, since who makes one waits for what its server says of itself. */
  void checkTimeouts() {
    connections.forEach(connection -> connection.checkTimeout(timeout));
  }

  /** A connection to subscribe on, to a server with data. */
  CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> connectToSubscribe(
      Address address) {
    return subscribing(uri(address, url.database(), true));
  }

  /** A connection to a Sentinel to subscribe on, with or without our user and password. */
  CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> connectToSubscribeAtSentinel(
      Address address, boolean login) {
    return subscribing(uri(address, 0, login));
  }

  private CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> subscribing(RedisURI uri) {
    return connecting(() -> client.connectPubSubAsync(ByteArrayCodec.INSTANCE, uri))
        .<StatefulRedisPubSubConnection<byte[], byte[]>>thenApply(
            lettuce -> {
              begin(lettuce);
              return lettuce;
            });
  }

  /** Does not end before all that was begun has ended: its threads would be gone. */
  private <T> CompletionStage<T> connecting(Supplier<CompletionStage<T>> connect) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    begun.add(done);
    if (closed) {
      begun.remove(done);
      return CompletableFuture.failedFuture(new UnavailableException(url + " was closed"));
    }
    return connect
        .get()
        .whenComplete(
            (connection, failure) -> {
              begun.remove(done);
              done.complete(null);
            });
  }

  private void begin(StatefulConnection<?, ?> lettuce) {
    open.add(lettuce);
    if (closed) {
      end(lettuce);
    }
  }

  /** Closes a connection, once however often it is called. */
  void end(StatefulConnection<?, ?> lettuce) {
    if (open.remove(lettuce)) {
      CompletableFuture<Void> done = lettuce.closeAsync();
      ending.put(lettuce, done);
      done.whenComplete((nothing, failure) -> ending.remove(lettuce));
    }
  }

  private RedisURI uri(Address address, int database, boolean login) {
    RedisURI.Builder uri =
        RedisURI.builder()
            .withHost(address.host())
            .withPort(address.port())
            .withSsl(url.tls())
            .withDatabase(database)
            .withTimeout(timeout);
    String password = url.password();
    String user = url.user();
    if (login && password != null) {
      if (user == null) {
        uri.withPassword(password.toCharArray());
      } else {
        uri.withAuthentication(user, password.toCharArray());
      }
    }
    return uri.build();
  }

  /** Asks a server about itself. */
  CompletionStage<ServerFacts> facts(Connection connection) {
    Request info = Request.of(Request.Word.INFO);
    Request log = Request.of(Request.Word.CONFIG, "GET", "append*");
    Request rewrite = Request.of(Request.Word.CONFIG, "GET", "no-appendfsync-on-rewrite");
    long before = System.currentTimeMillis();
    connection.send(List.of(info, log, rewrite));
    return info.answer()
        .thenCombine(
            config(log).thenCombine(config(rewrite), Connector::both),
            (reply, config) -> {
              Map<String, String> lines = ServerFacts.info(reply);
              return new ServerFacts(lines, config, ahead(lines, before));
            })
        .thenApply(
            facts -> {
              connection.leadsTo(facts.run());
              return facts;
            });
  }

  /** Null if it is not allowed, or not there. */
  private static CompletionStage<@Nullable Map<String, String>> config(Request request) {
    return request
        .answer()
        .handle(
            (reply, failure) -> {
              if (failure == null) {
                return ServerFacts.config(reply);
              }
              if (failure instanceof ServerErrorException) {
                return null;
              }
              throw failure instanceof RuntimeException unchecked
                  ? unchecked
                  : new IllegalStateException(failure);
            });
  }

  private static @Nullable Map<String, String> both(
      @Nullable Map<String, String> one, @Nullable Map<String, String> other) {
    if (one == null || other == null) {
      return null;
    }
    Map<String, String> all = new HashMap<>(one);
    all.putAll(other);
    return Map.copyOf(all);
  }

  /** Since we do not know when between question and answer it looked at its clock, what fits in between is no difference. */
  private static long ahead(Map<String, String> info, long before) {
    long after = System.currentTimeMillis();
    String micros = info.get("server_time_usec");
    if (micros == null) {
      return 0;
    }
    long there = Long.parseLong(micros) / 1000;
    return there < before ? there - before : Math.max(0, there - after);
  }

  /** Runs a task soon, on a thread that must not be blocked. */
  Executor executor() {
    return resources.eventExecutorGroup();
  }

  /** Runs a task later. After {@link #close} nothing is run any more. */
  void schedule(Duration delay, Runnable task) {
    try {
      resources.eventExecutorGroup().schedule(task, delay.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // Closed.
    }
  }

  @Override
  public void close() {
    closed = true;
    open.forEach(this::end);
    try {
      CompletableFuture.allOf(begun.toArray(new CompletableFuture<?>[0]))
          .get(CLOSE_SECONDS, TimeUnit.SECONDS);
      CompletableFuture.allOf(ending.values().toArray(new CompletableFuture<?>[0]))
          .get(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      log.debug("connections do not close", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    client.shutdown(0, CLOSE_SECONDS, TimeUnit.SECONDS);
    resources.shutdown(0, CLOSE_SECONDS, TimeUnit.SECONDS);
  }
}
