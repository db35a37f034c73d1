package io.headpond.redis;

import static io.headpond.redis.ServerFacts.text;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The masters of a cluster and their slots, as one of its nodes knows them: CLUSTER SLOTS, since it has the addresses for clients; of CLUSTER NODES which replicas there are, since
 * the other one leaves some out.
 */
final class ClusterTopology implements Topology {
  private final Connector connector;

  ClusterTopology(Connector connector) {
    this.connector = connector;
  }

  @Override
  public CompletionStage<Layout> discover(Collection<Connection> masters) {
    List<Connection> known = new ArrayList<>(masters);
    Collections.shuffle(known);
    List<Address> seeds = new ArrayList<>(connector.url().addresses());
    Collections.shuffle(seeds);
    return askKnown(known, 0, seeds);
  }

  /** The nodes that we are connected to know more than the URL does. */
  private CompletionStage<Layout> askKnown(List<Connection> known, int index, List<Address> seeds) {
    if (index == known.size()) {
      return askSeeds(seeds, 0, null);
    }
    return ask(known.get(index))
        .handle(
            (layout, failure) ->
                failure == null
                    ? CompletableFuture.completedFuture(layout)
                    : askKnown(known, index + 1, seeds))
        .thenCompose(next -> next);
  }

  private CompletionStage<Layout> askSeeds(
      List<Address> seeds, int index, @Nullable HeadpondException last) {
    if (index == seeds.size()) {
      return CompletableFuture.failedFuture(
          last == null ? new UnavailableException("there are no nodes") : last);
    }
    Address seed = seeds.get(index);
    return connector
        .connect(seed)
        .thenCompose(
            connection ->
                ask(connection).whenComplete((layout, failure) -> connection.close("it was asked")))
        .handle(
            (layout, failure) ->
                failure == null
                    ? CompletableFuture.completedFuture(layout)
                    : askSeeds(
                        seeds, index + 1, Problems.connecting(connector.url(), seed, failure)))
        .thenCompose(next -> next);
  }

  private CompletionStage<Layout> ask(Connection connection) {
    Request slots = Request.of(Request.Word.CLUSTER, "SLOTS");
    Request nodes = Request.of(Request.Word.CLUSTER, "NODES");
    Request info = Request.of(Request.Word.CLUSTER, "INFO");
    connection.send(List.of(slots, nodes, info));
    return slots
        .answer()
        .exceptionally(failure -> noCluster(connection.address(), failure))
        .thenCombine(
            nodes.answer(),
            (ranges, lines) -> shards(connection.address().host(), ranges, replicas(text(lines))))
        .thenCombine(info.answer(), (shards, state) -> new Layout(shards, trouble(shards, state)));
  }

  private Object noCluster(Address address, Throwable failure) {
    if (failure instanceof ServerErrorException error
        && (error.text().contains("cluster support disabled")
            || error.text().contains("unknown command"))) {
      throw new ConfigurationException(
          Problems.where(connector.url(), address)
              + " is a single server, no node of a cluster; needed: redis://",
          failure);
    }
    throw failure instanceof RuntimeException unchecked
        ? unchecked
        : new IllegalStateException(failure);
  }

  /** Of each master, by its id, the replicas that may be promoted. */
  static Map<String, Set<Address>> replicas(String nodes) {
    Map<String, Set<Address>> replicas = new HashMap<>();
    for (String line : nodes.split("\n")) {
      String[] words = line.strip().split(" ");
      if (words.length < 4) {
        continue;
      }
      List<String> flags = List.of(words[2].split(","));
      boolean promotable =
          flags.contains("slave")
              && Collections.disjoint(flags, Set.of("fail", "noaddr", "handshake", "nofailover"));
      Address address = promotable ? address(words[1]) : null;
      if (address != null) {
        replicas.computeIfAbsent(words[3], master -> new HashSet<>()).add(address);
      }
    }
    return replicas;
  }

  /** {@code 127.0.0.1:6379@16379,name}: the name is what clients use if there is one. */
  private static @Nullable Address address(String word) {
    String[] parts = word.split(",", 3);
    String before = parts[0].split("@", 2)[0];
    int colon = before.lastIndexOf(':');
    if (colon < 0) {
      return null;
    }
    String name = parts.length > 1 && !parts[1].isEmpty() ? parts[1] : before.substring(0, colon);
    return new Address(name, Integer.parseInt(before.substring(colon + 1)));
  }

  private static List<Shard> shards(
      String asked, @Nullable Object ranges, Map<String, Set<Address>> replicas) {
    Map<Address, Shard> shards = new LinkedHashMap<>();
    if (ranges instanceof List<?> list) {
      for (Object one : list) {
        if (one instanceof List<?> range
            && range.size() > 2
            && range.get(2) instanceof List<?> node) {
          String host = text(node.get(0));
          // A node that does not know its own address leaves it out: it is the one that was asked.
          Address master =
              new Address(host.isEmpty() || host.equals("?") ? asked : host, number(node.get(1)));
          String id = node.size() > 2 ? text(node.get(2)) : "";
          shards
              .computeIfAbsent(
                  master,
                  address ->
                      new Shard(address, replicas.getOrDefault(id, Set.of()), new ArrayList<>()))
              .slots()
              .add(new int[] {number(range.get(0)), number(range.get(1))});
        }
      }
    }
    return List.copyOf(shards.values());
  }

  private static int number(@Nullable Object reply) {
    return reply instanceof Long number ? number.intValue() : 0;
  }

  private @Nullable String trouble(List<Shard> shards, @Nullable Object info) {
    int slots = 0;
    for (Shard shard : shards) {
      for (int[] range : shard.slots()) {
        slots += range[1] - range[0] + 1;
      }
    }
    String state = ServerFacts.info(info).getOrDefault("cluster_state", "?");
    if (slots < Slots.COUNT) {
      return connector.url()
          + ": "
          + (Slots.COUNT - slots)
          + " of the cluster's slots have no master; needed: all "
          + Slots.COUNT;
    }
    return state.equals("ok")
        ? null
        : connector.url() + " has cluster_state:" + state + "; needed: ok";
  }
}
