package io.headpond.redis;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Finds out which servers are masters now, and of which slots. Thread-safe; nothing blocks. */
interface Topology {
  /**
   * A master.
   *
   * @param replicas those that may be promoted as far as others know; it may itself know more
   * @param slots pairs of the first and the last slot
   */
  record Shard(Address master, Set<Address> replicas, List<int[]> slots) {}

  /**
   * Who is master of what.
   *
   * @param trouble why not all of it can be used; null if all can
   */
  record Layout(List<Shard> shards, @Nullable String trouble) {
    boolean has(Address master) {
      return shards.stream().anyMatch(shard -> shard.master().equals(master));
    }
  }

  /**
   * Asks. Fails with a {@link io.headpond.HeadpondException} that says in one line why it cannot be known.
   *
   * @param masters connections to masters that there are
   */
  CompletionStage<Layout> discover(Collection<Connection> masters);

  /**
   * Tells whenever another server may have become master.
   *
   * @return to be closed; null if nothing tells
   */
  default @Nullable Subscription watch(Runnable switched) {
    return null;
  }

  /** How to find the masters behind an URL. */
  static Topology of(Connector connector) {
    RedisUrl url = connector.url();
    return switch (url.kind()) {
      case SINGLE -> single(url.addresses().get(0));
      case SENTINEL -> new SentinelTopology(connector);
      case CLUSTER -> new ClusterTopology(connector);
    };
  }

  /** One server, which has all slots. */
  private static Topology single(Address address) {
    Shard shard = new Shard(address, Set.of(), all());
    Layout layout = new Layout(List.of(shard), null);
    return masters -> CompletableFuture.completedFuture(layout);
  }

  /** All slots. */
  static List<int[]> all() {
    return List.of(new int[] {0, Slots.COUNT - 1});
  }
}
