package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import io.headpond.redis.Safety.Replica;
import io.headpond.redis.Wire.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A master: the connections to it, and what it may be trusted with. One connection is for everything, another for what waits for replicas, from the first such call
 * on. Thread-safe.
 */
final class Node {
  /** A replica that does not answer in this time is one that cannot be asked. */
  private static final Duration REPLICA_PATIENCE = Duration.ofSeconds(1);

  private final Address address;
  private final Connector connector;
  private final Runnable changed;
  private final Link main;
  private final Link replicated;
  private final Replicator replicator;
  private volatile Set<Address> replicas;
  private volatile @Nullable Safety safety;
  private volatile @Nullable ServerFacts facts;
  private boolean replicating;

  /**
   * Nothing is connected before {@link #start}.
   *
   * @param replicas those that others know of it
   * @param changed told after each look at its settings
   */
  Node(Address address, Set<Address> replicas, Connector connector, Runnable changed) {
    this.address = address;
    this.replicas = replicas;
    this.connector = connector;
    this.changed = changed;
    String name = Problems.where(connector.url(), address);
    this.main = new Link(name, connector, () -> open(this::check));
    this.replicated = new Link(name, connector, () -> open(CompletableFuture::completedFuture));
    this.replicator =
        new Replicator(
            replicated,
            () -> safety == null ? 0 : safety.replicas(),
            connector.timeout().multipliedBy(4).dividedBy(5));
  }

  Address address() {
    return address;
  }

  /** Connects; the stage tells how the first try ended. Once. */
  CompletionStage<Connection> start() {
    return main.start();
  }

  /** What it may be trusted with; null before it was first connected. */
  @Nullable Safety safety() {
    return safety;
  }

  /** What it said of itself; null before it was first connected. */
  @Nullable ServerFacts facts() {
    return facts;
  }

  /** Why it cannot be used now; null if it can. */
  @Nullable String trouble() {
    return main.current() == null ? main.why() : null;
  }

  /** Which replicas others know of it. */
  void replicas(Set<Address> known) {
    replicas = known;
  }

  @Nullable Connection connection() {
    return main.current();
  }

  /**
   * Sends a call. It fails with a {@link ServerErrorException}, with {@link NotYetException}, or as {@link Wire} says.
   *
   * @param asking whether a node of the cluster has said that this one has the keys already, though the slot is not its own yet
   */
  CompletableFuture<Call.Done> run(Call call, boolean asking) {
    if (call.replicated()) {
      synchronized (this) {
        if (!replicating) {
          replicating = true;
          replicated.start();
        }
      }
      return asking
          ? CompletableFuture.failedFuture(
              new NotYetException("the slot is moving; the replicas cannot be waited for"))
          : replicator.run(call);
    }
    Connection connection = main.current();
    if (connection == null) {
      return CompletableFuture.failedFuture(
          main.beginning()
              ? new NotYetException(main.why())
              : new UnavailableException(main.why()));
    }
    CompletableFuture<Call.Done> done = new CompletableFuture<>();
    send(connection, call.request(connection), asking)
        .whenComplete(
            (reply, failure) -> {
              if (failure == null) {
                done.complete(done(connection, reply));
              } else if (failure instanceof ServerErrorException error && error.is("NOSCRIPT")) {
                send(connection, call.withText(connection), asking)
                    .whenComplete(
                        (second, again) -> {
                          if (again == null) {
                            done.complete(done(connection, second));
                          } else {
                            done.completeExceptionally(again);
                          }
                        });
              } else {
                done.completeExceptionally(failure);
              }
            });
    return done;
  }

  private static CompletableFuture<@Nullable Object> send(
      Connection connection, Request request, boolean asking) {
    if (asking) {
      connection.send(List.of(Request.of(Request.Word.ASKING), request));
      return request.answer();
    }
    return connection.send(request);
  }

  private static Call.Done done(Connection connection, @Nullable Object reply) {
    return new Call.Done(new Answer(connection.run(), reply), null);
  }

  private CompletionStage<Connection> open(Function<ServerFacts, CompletionStage<?>> look) {
    return connector
        .connect(address)
        .thenCompose(
            connection ->
                connector
                    .facts(connection)
                    .thenCompose(
                        seen -> {
                          usable(seen);
                          return look.apply(seen);
                        })
                    .handle(
                        (looked, failure) -> {
                          if (failure != null) {
                            connection.close("the connection to " + address + " is of no use");
                            throw Problems.connecting(connector.url(), address, failure);
                          }
                          return connection;
                        }))
        .handle(
            (connection, failure) -> {
              if (failure != null) {
                throw Problems.connecting(connector.url(), address, failure);
              }
              return connection;
            });
  }

  /** Refuses what is no master of the kind that the URL says. */
  private void usable(ServerFacts seen) {
    String where = Problems.where(connector.url(), address);
    if (seen.run().isEmpty()) {
      throw new ConfigurationException(where + " does not tell its run_id in INFO; is it a Redis?");
    }
    if (seen.sentinel()) {
      throw new ConfigurationException(
          where + " is a Sentinel; needed: redis-sentinel://...#master");
    }
    boolean cluster = connector.url().kind() == RedisUrl.Kind.CLUSTER;
    if (seen.inCluster() && !cluster) {
      throw new ConfigurationException(
          where + " is a node of a cluster; needed: redis-cluster://, without a database");
    }
    if (!seen.inCluster() && cluster) {
      throw new ConfigurationException(
          where + " is a single server, no node of a cluster; needed: redis://");
    }
    if (seen.loading()) {
      throw new UnavailableException(
          where + " is loading its data (" + seen.get("loading_loaded_perc") + " %)");
    }
    if (!seen.master()) {
      String why =
          where
              + " is a replica of "
              + seen.get("master_host")
              + ":"
              + seen.get("master_port")
              + "; needed: the master";
      throw connector.url().kind() == RedisUrl.Kind.SINGLE
          ? new ConfigurationException(why)
          : new UnavailableException(why);
    }
  }

  /** Looks at the settings again. */
  void check() {
    Connection connection = main.current();
    if (connection == null) {
      return;
    }
    connector
        .facts(connection)
        .thenCompose(
            seen -> {
              try {
                usable(seen);
              } catch (HeadpondException e) {
                connection.close(String.valueOf(e.getMessage()));
                throw e;
              }
              return check(seen);
            })
        .exceptionally(failure -> null);
  }

  private CompletionStage<?> check(ServerFacts seen) {
    Set<Address> all = new LinkedHashSet<>(replicas);
    for (int i = 0; i < seen.replicas(); i++) {
      Address replica = seen.replica(i);
      if (replica != null) {
        all.add(replica);
      }
    }
    List<CompletableFuture<Replica>> asked = new ArrayList<>();
    all.forEach(replica -> asked.add(ask(replica)));
    return CompletableFuture.allOf(asked.toArray(new CompletableFuture<?>[0]))
        .thenAccept(
            nothing -> {
              List<Replica> found = asked.stream().map(CompletableFuture::join).toList();
              Safety before = safety;
              boolean settled = before != null && before.logged();
              facts = seen;
              safety = Safety.of(address, seen, found, settled);
              changed.run();
            });
  }

  private CompletableFuture<Replica> ask(Address replica) {
    CompletableFuture<Connection> connecting = connector.connect(replica).toCompletableFuture();
    return connecting
        .thenCompose(connector::facts)
        .<@Nullable ServerFacts>thenApply(found -> found)
        .completeOnTimeout(null, REPLICA_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(failure -> null)
        .thenApply(
            found -> {
              connecting.thenAccept(connection -> connection.close("asked"));
              return new Replica(replica, found);
            });
  }

  /** Ends requests that have waited too long for an answer. */
  void checkTimeout() {
    Connection first = main.current();
    Connection second = replicated.current();
    if (first != null) {
      first.checkTimeout(connector.timeout());
    }
    if (second != null) {
      second.checkTimeout(connector.timeout());
    }
  }

  /** Whether nothing is under way. */
  boolean idle() {
    Connection first = main.current();
    Connection second = replicated.current();
    return (first == null || first.idle()) && (second == null || second.idle());
  }

  void close(String why) {
    main.close(why);
    replicated.close(why);
  }
}
