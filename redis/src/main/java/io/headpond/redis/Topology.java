package io.headpond.redis;

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
   * @param replicas those that others know of it; it may itself know more
   * @param slots pairs of the first and the last slot
   */
  record Shard(Address master, Set<Address> replicas, List<int[]> slots) {}

  /**
   * Who is master of what.
   *
   * @param trouble why not all can be used; null if all can
   */
  record Layout(List<Shard> shards, @Nullable String trouble) {}

  /** Asks. Fails with a {@link io.headpond.HeadpondException} that says in one line why it cannot be known. */
  CompletionStage<Layout> discover(Set<Address> known);

  /** One server, which has all slots. */
  static Topology single(Address address) {
    Shard shard = new Shard(address, Set.of(), List.of(new int[] {0, Slots.COUNT - 1}));
    return known -> CompletableFuture.completedFuture(new Layout(List.of(shard), null));
  }
}
