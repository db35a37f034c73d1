package io.headpond.redis;

import io.headpond.UnavailableException;
import io.headpond.redis.Topology.Layout;
import io.headpond.redis.Topology.Shard;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** Which master has which slot, as far as is known; and the masters. Thread-safe. */
final class Routes {
  private final Topology topology;
  private final Connector connector;
  private final Runnable changed;
  private final Map<Address, Node> nodes = new ConcurrentHashMap<>();
  private final AtomicReferenceArray<@Nullable Node> slots =
      new AtomicReferenceArray<>(Slots.COUNT);
  private @Nullable CompletableFuture<Void> refreshing;
  private boolean closed;
  private volatile @Nullable String trouble;

  /**
   * Nothing is known before the first {@link #refresh}.
   *
   * @param changed told whenever it may be that something else can be promised
   */
  Routes(Topology topology, Connector connector, Runnable changed) {
    this.topology = topology;
    this.connector = connector;
    this.changed = changed;
  }

  /** The master of a slot; null if none is known. */
  @Nullable Node node(int slot) {
    return slots.get(slot);
  }

  /** The node at this address, which another one of the cluster has named; it need not be master of anything yet. */
  @Nullable Node node(Address address) {
    synchronized (this) {
      return closed ? null : nodes.computeIfAbsent(address, new Start()::node);
    }
  }

  /** All masters. */
  Collection<Node> nodes() {
    return List.copyOf(nodes.values());
  }

  String description() {
    return connector.url().toString();
  }

  /** Why not all slots have a master; if they have, that one of them has none. */
  String trouble() {
    String known = trouble;
    return known == null ? description() + " has no master for the slot" : known;
  }

  /** Why not all slots have a master; null if they have. */
  @Nullable String known() {
    return trouble;
  }

  /** Asks anew who is master of what; completes when it is known and new masters were tried to be connected to. */
  CompletableFuture<Void> refresh() {
    CompletableFuture<Void> mine = new CompletableFuture<>();
    synchronized (this) {
      if (refreshing != null) {
        return refreshing;
      }
      refreshing = mine;
    }
    discover()
        .thenCompose(this::become)
        .whenComplete(
            (done, failure) -> {
              synchronized (this) {
                refreshing = null;
              }
              if (failure == null) {
                mine.complete(null);
              } else {
                Throwable cause = Problems.unwrap(failure);
                trouble = cause.getMessage();
                mine.completeExceptionally(cause);
              }
              changed.run();
            });
    return mine;
  }

  private CompletionStage<Layout> discover() {
    List<Connection> masters = new ArrayList<>();
    for (Node node : nodes()) {
      Connection connection = node.connection();
      if (connection != null) {
        masters.add(connection);
      }
    }
    try {
      return topology.discover(masters);
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * Whether a server that says that it is master is the one that the Sentinels mean: one that comes back after another was promoted in its place says so too for a while. A
   * cluster sees to that itself.
   */
  private CompletionStage<Boolean> confirm(Address master) {
    return connector.url().kind() == RedisUrl.Kind.SENTINEL
        ? discover().thenApply(layout -> layout.has(master))
        : CompletableFuture.completedFuture(true);
  }

  /** The connection to a master was lost: perhaps it is no master any more. */
  private void lost() {
    if (connector.url().kind() != RedisUrl.Kind.SINGLE) {
      refresh().exceptionally(failure -> null);
    }
  }

  /** Starts the nodes that are new. */
  private final class Start {
    final List<CompletionStage<?>> started = new ArrayList<>();

    Node node(Address address) {
      Node node =
          new Node(
              address,
              connector,
              new Node.Surroundings(Routes.this::confirm, Routes.this::lost, changed));
      started.add(node.start());
      return node;
    }
  }

  private CompletionStage<?> become(Layout layout) {
    Start start = new Start();
    List<Node> gone = new ArrayList<>();
    synchronized (this) {
      if (closed) {
        return CompletableFuture.failedFuture(new UnavailableException("closed"));
      }
      Set<Address> masters = new HashSet<>();
      Set<Integer> owned = new HashSet<>();
      for (Shard shard : layout.shards()) {
        masters.add(shard.master());
        Node node = nodes.computeIfAbsent(shard.master(), start::node);
        node.replicas(shard.replicas());
        for (int[] range : shard.slots()) {
          for (int slot = range[0]; slot <= range[1]; slot++) {
            slots.set(slot, node);
            owned.add(slot);
          }
        }
      }
      for (int slot = 0; slot < Slots.COUNT; slot++) {
        if (owned.size() < Slots.COUNT && !owned.contains(slot)) {
          slots.set(slot, null);
        }
      }
      for (Node node : nodes()) {
        if (!masters.contains(node.address())) {
          nodes.remove(node.address());
          gone.add(node);
        }
      }
      trouble = layout.trouble();
    }
    gone.forEach(this::retire);
    return CompletableFuture.allOf(
        start.started.stream()
            .map(CompletionStage::toCompletableFuture)
            .toArray(CompletableFuture<?>[]::new));
  }

  /** Closes the node of a former master when what is under way there was answered; then, or after the timeout. */
  private void retire(Node node) {
    retire(node, System.nanoTime() + connector.timeout().toNanos());
  }

  private void retire(Node node, long deadline) {
    if (node.idle() || System.nanoTime() > deadline) {
      node.close(node.address() + " is no master any more");
    } else {
      connector.schedule(Duration.ofMillis(100), () -> retire(node, deadline));
    }
  }

  void close() {
    List<Node> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(nodes());
    }
    all.forEach(node -> node.close(description() + " was closed"));
  }
}
