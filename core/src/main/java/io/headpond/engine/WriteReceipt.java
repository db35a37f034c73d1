package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Receipt;
import java.util.concurrent.CompletableFuture;

/** The receipt of a write that is in the hot store; it looks for the settlement only when asked. */
record WriteReceipt(
    Settlements settlements, Key key, long version, Durability durability, boolean repeated)
    implements Receipt {
  @Override
  public CompletableFuture<Void> settled() {
    return durability == Durability.DATABASE
        ? CompletableFuture.completedFuture(null)
        : settlements.settled(key, version);
  }
}
