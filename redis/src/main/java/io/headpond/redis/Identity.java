package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.UnavailableException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Who a store is: a random id that is made with the first process, number of partitions, version of the hash, and what it was told to remember. All of it is kept by each process as well, which puts it back
 * if a server forgot it, before a partition is opened. Thread-safe.
 */
final class Identity {
  private final Caller caller;

  /** Null before the first answer. */
  private volatile @Nullable UUID id;

  private volatile byte @Nullable [] remembered;

  Identity(Caller caller) {
    this.caller = caller;
  }

  /**
   * Asks who the store is, or says so.
   *
   * @return the id; the stage fails with {@link ConfigurationException} if it is another store than before, or has other partitions or another hash than this process
   */
  CompletableFuture<UUID> confirm() {
    UUID known = id;
    String proposed = (known == null ? UUID.randomUUID() : known).toString();
    return Caller.store(
            caller.wire,
            Scripts.IDENTITY,
            caller.keys,
            Keys.bytes(proposed),
            Keys.bytes(caller.shards.length),
            Keys.bytes(Key.HASH_VERSION))
        .toCompletableFuture()
        .thenApply(
            answer -> {
              List<?> there = Caller.list(answer);
              check("partitions", text(there, 1), caller.shards.length);
              check("hash version", text(there, 2), Key.HASH_VERSION);
              return checked(known, text(there, 0));
            })
        .thenCompose(
            confirmed -> {
              byte[] kept = remembered;
              return known == null || kept == null
                  ? CompletableFuture.completedFuture(confirmed)
                  : remember(kept).thenApply(done -> confirmed);
            });
  }

  private UUID checked(@Nullable UUID known, String there) {
    UUID found;
    try {
      found = UUID.fromString(there);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(where() + ": its id is \"" + there + "\", which is none", e);
    }
    if (known != null && !known.equals(found)) {
      throw new ConfigurationException(
          where()
              + ": the store had the id "
              + known
              + " when this process began and has "
              + found
              + " now: it was emptied, and another process has begun a new one there. Stop all of them, and start those that are to go on");
    }
    id = found;
    return found;
  }

  private void check(String what, String there, int ours) {
    if (!there.equals(Integer.toString(ours))) {
      throw new ConfigurationException(
          where()
              + ": the store was made with "
              + what
              + " "
              + there
              + ", this process has "
              + ours
              + ". Partitions cannot be changed while the store is there");
    }
  }

  private String where() {
    return caller.settings.dataset()
        + ": "
        + caller.wire.description()
        + ", "
        + Keys.text(caller.keys.store());
  }

  private static String text(List<?> values, int index) {
    return values.get(index) instanceof byte[] bytes ? Keys.text(bytes) : "";
  }

  /** @throws UnavailableException if nobody has answered yet */
  UUID id() {
    UUID known = id;
    if (known == null) {
      throw new UnavailableException(where() + ": has not said yet who it is");
    }
    return known;
  }

  String description() {
    return where();
  }

  CompletableFuture<@Nullable Void> remember(byte[] bytes) {
    remembered = bytes.clone();
    return Caller.store(caller.wire, Scripts.REMEMBER, caller.keys, Keys.bytes("1"), bytes)
        .toCompletableFuture()
        .<@Nullable Void>thenApply(done -> null);
  }
}
