package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.redis.Shard.Carried;
import io.headpond.spi.Failure;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.SharedStore.Withdrawal;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The flusher's side of a store: leases, and what becomes of what is pending. Thread-safe.
 *
 * <p>A take is two steps, as a script must name its keys before it runs: one chooses, one reads the values. An entry that is written between is taken with its newer value. What is written after the second step
 * has a version above that step's clock; so when the batch is settled an entry that was written again is owed from there on.
 */
final class Batches {
  private static final Logger log = LoggerFactory.getLogger(Batches.class);

  /** How many entries one script looks at: a server does nothing else meanwhile. */
  private static final int MOST_KEYS = 512;

  private static final int MAX_MESSAGE = 1_995;

  private final Caller caller;
  private final Reads reads;

  Batches(Caller caller, Reads reads) {
    this.caller = caller;
    this.reads = reads;
  }

  CompletableFuture<Opened> open(int partition, long epoch, long highVersion, boolean resumed) {
    if (highVersion >= Mutation.MAX_VERSION) {
      throw new ConfigurationException(
          caller.settings.dataset()
              + ": the database holds version "
              + highVersion
              + "; it must be below 2^53 - 1, for there to be a higher one");
    }
    Shard shard = caller.shard(partition);
    return caller
        .run(
            shard,
            Scripts.OPEN,
            List.of(Keys.bytes(epoch), Keys.bytes(highVersion), Keys.bytes(resumed ? "1" : "0")))
        .thenApply(
            items -> {
              shard.carried.clear();
              return new Opened(items.number(), items.number());
            });
  }

  CompletableFuture<Taken> take(int partition, long epoch, TakeLimits most) {
    Shard shard = caller.shard(partition);
    return caller
        .run(
            shard,
            Scripts.TAKE,
            List.of(
                Keys.bytes(epoch),
                Keys.bytes(most.staged()),
                Keys.bytes(most.ready()),
                Keys.bytes(most.deferred())))
        .thenCompose(items -> chosen(shard, epoch, items));
  }

  private CompletableFuture<Taken> chosen(Shard shard, long epoch, Items items) {
    long turn = items.number();
    long frontier = items.number();
    int remaining = (int) items.number();
    long oldestRemaining = items.number();
    List<Mutation> mutations = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    Map<String, Taken.Tried> tried = new HashMap<>();
    while (items.more()) {
      String text = items.text();
      texts.add(text);
      if (turn == 0) {
        Key key = caller.texts.key(text);
        mutations.add(Stored.parse(items.bytes(), text).mutation(key, caller.settings.rowType()));
      } else if (turn == 2) {
        tried.put(text, new Taken.Tried((int) items.number(), items.number()));
      }
    }
    if (turn == 0) {
      shard.carried.clear();
      return CompletableFuture.completedFuture(
          new Taken(mutations, Map.of(), frontier, remaining, oldestRemaining, true));
    }
    return Caller.inParts(
            texts, MOST_KEYS, part -> carry(shard, epoch, turn == 1 ? "R" : "D", part))
        .thenApply(
            parts -> {
              shard.carried.clear();
              Map<Key, Taken.Tried> triedByKey = new HashMap<>();
              for (List<Value> part : parts) {
                for (Value value : part) {
                  Mutation mutation = value.carried.mutation();
                  mutations.add(mutation);
                  shard.carried.put(mutation.key(), value.carried);
                  Taken.Tried before = tried.get(value.text);
                  if (before != null) {
                    triedByKey.put(mutation.key(), before);
                  }
                }
              }
              return new Taken(mutations, triedByKey, frontier, remaining, oldestRemaining, false);
            });
  }

  private record Value(String text, Carried carried) {}

  private CompletableFuture<List<Value>> carry(
      Shard shard, long epoch, String state, List<String> texts) {
    List<byte[]> keys = texts.stream().map(text -> shard.entry(Keys.bytes(text))).toList();
    return caller
        .run(
            shard,
            Scripts.CARRY,
            keys,
            List.of(Keys.bytes(epoch), Keys.bytes(state)),
            Durability.MEMORY)
        .thenApply(
            items -> {
              List<Value> values = new ArrayList<>(texts.size());
              for (String text : texts) {
                byte[] bytes = items.bytes();
                if (bytes.length == 0) {
                  log.warn(
                      "{}: partition {}: an entry was to be written and its value is not there any more",
                      caller.settings.dataset(),
                      shard.number);
                  continue;
                }
                Mutation mutation =
                    Stored.parse(bytes, text)
                        .mutation(caller.texts.key(text), caller.settings.rowType());
                values.add(new Value(text, new Carried(mutation, items.status().clock())));
              }
              return values;
            });
  }

  CompletableFuture<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    Shard shard = caller.shard(partition);
    if (mutations.isEmpty()) {
      return settle(shard, epoch, List.of(), Keys.bytes(frontier));
    }
    int last = (mutations.size() - 1) / MOST_KEYS * MOST_KEYS;
    return Caller.inParts(
            mutations,
            MOST_KEYS,
            part ->
                settle(
                    shard,
                    epoch,
                    part,
                    part.get(0) == mutations.get(last) ? Keys.bytes(frontier) : new byte[0]))
        .thenApply(done -> null);
  }

  private CompletableFuture<@Nullable Void> settle(
      Shard shard, long epoch, List<Mutation> mutations, byte[] frontier) {
    List<byte[]> keys = new ArrayList<>(mutations.size());
    List<byte[]> args = new ArrayList<>(4 + 3 * mutations.size());
    args.add(Keys.bytes(epoch));
    args.add(frontier);
    args.add(reads.ttl());
    args.add(reads.absentTtl());
    for (Mutation mutation : mutations) {
      keys.add(caller.entry(mutation.key()));
      args.add(Keys.bytes(mutation.version()));
      args.add(Stored.hex(mutation.writeId()));
      Carried carried = shard.carried(mutation);
      args.add(Keys.bytes((carried == null ? mutation.version() : carried.until()) + 1));
    }
    return caller
        .run(shard, Scripts.SETTLE, keys, args, Durability.MEMORY)
        .thenApply(
            items -> {
              mutations.forEach(mutation -> said(shard, mutation));
              return null;
            });
  }

  private static void said(Shard shard, Mutation mutation) {
    Carried carried = shard.carried(mutation);
    if (carried != null) {
      shard.carried.remove(mutation.key(), carried);
    }
  }

  CompletableFuture<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    return trouble(partition, epoch, mutation, "D", dueMicros, attempts, failure);
  }

  CompletableFuture<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return trouble(partition, epoch, mutation, "P", failure.micros(), attempts, failure);
  }

  private CompletableFuture<Boolean> trouble(
      int partition,
      long epoch,
      Mutation mutation,
      String what,
      long dueMicros,
      int attempts,
      Failure failure) {
    Shard shard = caller.shard(partition);
    // The server's clock is not this machine's.
    long wall = caller.environment.wallMicros();
    String code = failure.error().code();
    return caller
        .run(
            shard,
            Scripts.TROUBLE,
            List.of(caller.entry(mutation.key())),
            List.of(
                Keys.bytes(epoch),
                Keys.bytes(mutation.version()),
                Stored.hex(mutation.writeId()),
                Keys.bytes(shard.carried(mutation) == null ? "0" : "1"),
                Keys.bytes(what),
                Keys.bytes(dueMicros - wall),
                Keys.bytes(failure.micros() - wall),
                Keys.bytes(attempts),
                Keys.bytes(failure.micros()),
                Keys.bytes(failure.error().errorClass().name()),
                Keys.bytes(code == null ? "" : code),
                Keys.bytes(cut(failure.error().message()))),
            Durability.MEMORY)
        .thenApply(
            items -> {
              boolean done = items.number() == 1;
              if (done) {
                said(shard, mutation);
              }
              return done;
            });
  }

  private static String cut(String message) {
    if (message.length() <= MAX_MESSAGE) {
      return message;
    }
    int end = MAX_MESSAGE - 3;
    return message.substring(0, Character.isHighSurrogate(message.charAt(end - 1)) ? end - 1 : end)
        + "...";
  }

  CompletableFuture<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    return unstage(caller.shard(partition), Keys.bytes(epoch), mutation)
        .thenApply(result -> result == 1);
  }

  CompletableFuture<Withdrawal> withdraw(Mutation mutation) {
    return unstage(caller.shard(mutation.key()), new byte[0], mutation)
        .thenApply(
            result ->
                switch (result.intValue()) {
                  case 1 -> Withdrawal.WITHDRAWN;
                  case 2 -> Withdrawal.UNDER_WAY;
                  default -> Withdrawal.GONE;
                });
  }

  private CompletableFuture<Long> unstage(Shard shard, byte[] epoch, Mutation mutation) {
    return caller
        .run(
            shard,
            Scripts.UNSTAGE,
            List.of(caller.entry(mutation.key())),
            List.of(epoch, Keys.bytes(mutation.version()), Stored.hex(mutation.writeId())),
            Durability.MEMORY)
        .thenApply(Items::number);
  }
}
