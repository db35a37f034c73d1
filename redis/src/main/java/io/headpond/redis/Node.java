package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A master: the connections to it, and what it may be trusted with. One connection is for everything, another for what waits for replicas, from the first such call
 * on. Thread-safe.
 */
final class Node {
  /** A replica that does not answer in this time is one that cannot be asked. */
  private static final Duration REPLICA_PATIENCE = Duration.ofSeconds(1);

  /**
   * What a node needs of those around it.
   *
   * @param confirm asks whether others take the server at an address for the master; fails if they do not answer
   * @param lost told when the connection was lost or could not be made
   * @param changed told after each look at its settings
   */
  record Surroundings(
      Function<Address, CompletionStage<Boolean>> confirm, Runnable lost, Runnable changed) {}

  private final Address address;
  private final Connector connector;
  private final Surroundings surroundings;
  private final Link main;
  private final Link replicated;
  private final Replicator replicator;
  private volatile Set<Address> replicas = Set.of();
  private volatile @Nullable Safety safety;
  private volatile @Nullable ServerFacts facts;
  private final AtomicInteger looks = new AtomicInteger();
  private boolean replicating;

  /**
   * Nothing is connected before {@link #start}.
   */
  Node(Address address, Connector connector, Surroundings surroundings) {
    this.address = address;
    this.connector = connector;
    this.surroundings = surroundings;
    String name = Problems.where(connector.url(), address);
    this.main = new Link(name, connector, () -> open(this::check), surroundings.lost());
    this.replicated =
        new Link(
            name, connector, () -> open(CompletableFuture::completedFuture), surroundings.lost());
    this.replicator =
        new Replicator(
            replicated,
            this::expected,
            this::check,
            connector.timeout().multipliedBy(4).dividedBy(5));
  }

  private int expected() {
    Safety known = safety;
    return known == null ? 0 : known.replicas();
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
    boolean other = !known.equals(replicas);
    replicas = known;
    if (other) {
      check();
    }
  }

  /** Whether something is not as it should be, so that it is worth to look again soon. */
  boolean troubled() {
    Safety known = safety;
    return known != null && !known.troubles().isEmpty();
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
    if (call.level() != Durability.MEMORY) {
      Safety known = safety;
      if (known == null) {
        return CompletableFuture.failedFuture(new NotYetException(main.why()));
      }
      if (!known.levels().contains(call.level())) {
        return CompletableFuture.failedFuture(unsupported(call.level(), known));
      }
      if (waitsForReplicas(call.level(), known)) {
        startReplicating();
        return replicator.run(call, asking);
      }
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

  /**
   * Where somebody else decides whom to promote, what is forced here is asked for at the replicas as well, also if there are none that we know of: the {@link Replicator} learns from
   * the master whether there are.
   */
  private boolean waitsForReplicas(Durability level, Safety known) {
    return level == Durability.REPLICAS
        || known.replicas() > 0
        || connector.url().kind() != RedisUrl.Kind.SINGLE;
  }

  private UnsupportedDurabilityException unsupported(Durability level, Safety known) {
    String why = known.refusal() == null ? known.stronger() : known.refusal();
    return new UnsupportedDurabilityException(
        level,
        Problems.where(connector.url(), address)
            + " does not keep "
            + level
            + (why == null ? "" : "; needed: " + why));
  }

  private synchronized void startReplicating() {
    if (!replicating) {
      replicating = true;
      replicated.start();
    }
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
                          return surroundings
                              .confirm()
                              .apply(address)
                              .thenAccept(this::confirmed)
                              .thenCompose(confirmed -> look.apply(seen));
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

  private void confirmed(boolean master) {
    if (!master) {
      throw new UnavailableException(
          Problems.where(connector.url(), address) + " is not what the Sentinels call the master");
    }
  }

  /** Looks at the settings again. One look at a time, so that an old one never takes the place of a newer one. */
  void check() {
    if (looks.getAndIncrement() == 0) {
      look();
    }
  }

  private void look() {
    int asked = looks.get();
    lookOnce()
        .whenComplete(
            (done, failure) -> {
              if (looks.addAndGet(-asked) > 0) {
                look();
              }
            });
  }

  private CompletionStage<?> lookOnce() {
    Connection connection = main.current();
    if (connection == null) {
      return CompletableFuture.completedFuture(null);
    }
    return connector
        .facts(connection)
        .thenCompose(
            seen -> {
              usable(seen);
              // If the Sentinels do not answer, that is no reason to leave the master.
              return surroundings
                  .confirm()
                  .apply(address)
                  .exceptionally(failure -> true)
                  .thenAccept(this::confirmed)
                  .thenCompose(confirmed -> check(seen));
            })
        .<@Nullable Object>thenApply(done -> null)
        .exceptionally(
            failure -> {
              HeadpondException why = Problems.connecting(connector.url(), address, failure);
              connection.close(String.valueOf(why.getMessage()));
              return null;
            });
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
              surroundings.changed().run();
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
