package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.UnavailableException;
import io.headpond.redis.WriteQueue.Waiting;
import io.headpond.spi.Expected;
import io.headpond.spi.Mutation;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Takes writes into a store. Thread-safe. */
final class Writes {
  private static final byte[] NONE = new byte[0];

  private final Caller caller;
  private final Requests requests;

  Writes(Caller caller) {
    this.caller = caller;
    this.requests = new Requests(caller, this);
  }

  Requests requests() {
    return requests;
  }

  CompletableFuture<WriteOutcome> put(Write write) {
    try {
      caller.checkOpen();
      checkUsable();
      RequestId request = write.request();
      if (request != null) {
        RequestId.requireKept(write.durability());
      }
      byte[] text = Keys.bytes(caller.texts.text(write.key()));
      byte[] row = Stored.encode(write.row());
      long size = Stored.size(text, row);
      if (size > caller.maxBytes) {
        throw new InvalidValueException(
            "row",
            size + " bytes",
            "must have at most "
                + caller.maxBytes
                + " bytes (maxPendingBytes, divided by the number of partitions)");
      }
      return request != null
          ? requests.put(write, request, text, row)
          : enqueue(write, text, row, null, 0).thenApply(Objects::requireNonNull);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private void checkUsable() {
    if (caller.wire.levels().isEmpty()) {
      throw new UnavailableException(
          "the hot store takes no writes: " + String.join("; ", caller.wire.reasons()));
    }
  }

  /**
   * Sends a write behind those of its partition.
   *
   * @param requestKey where its request is remembered; null if it has none
   * @param generation of the request's claim
   * @return null if the claim was voided
   */
  CompletableFuture<@Nullable WriteOutcome> enqueue(
      Write write, byte[] text, byte[] row, byte @Nullable [] requestKey, long generation) {
    Shard shard = caller.shard(write.key());
    long id = nonZero(caller.environment.random());
    Expected expected = write.expected();
    StringBuilder flags = new StringBuilder(write.row() == null ? "N" : "V");
    flags.append(write.durability() == Durability.DATABASE ? "S" : "");
    List<byte[]> keys = new ArrayList<>(2);
    List<byte[]> args = new ArrayList<>(7);
    keys.add(shard.entry(text));
    args.add(NONE);
    args.add(Stored.hex(id));
    args.add(row);
    if (expected != null) {
      flags.append(expected.letter() ? "EL" : "E").append(expected.retried() ? "A" : "");
      args.add(Keys.bytes(expected.version()));
      args.add(Stored.hex(expected.token()));
    }
    RequestId request = write.request();
    if (request != null && requestKey != null) {
      flags.append('Q');
      keys.add(requestKey);
      args.add(Keys.bytes(generation));
      args.add(Keys.bytes(request.fingerprint()));
    }
    args.set(0, Keys.bytes(flags.toString()));
    Waiting waiting = new Waiting(write, id, keys, args, level(write), new CompletableFuture<>());
    shard.writes.add(waiting);
    return waiting.outcome();
  }

  /** What the answer of the servers to a write stands for. That of one at {@code DATABASE} is not told to anybody. */
  static Durability level(Write write) {
    return write.durability() == Durability.DATABASE ? Durability.MEMORY : write.durability();
  }

  private static long nonZero(long random) {
    return random == 0 ? 1 : random;
  }

  /** Sends some writes of a partition as one call. Called for one partition by one thread at a time. */
  static CompletionStage<?> send(Caller caller, int partition, List<Waiting> batch) {
    List<byte[]> keys = new ArrayList<>();
    List<byte[]> args = new ArrayList<>();
    for (Waiting waiting : batch) {
      keys.addAll(waiting.keys());
      args.addAll(waiting.args());
    }
    CompletableFuture<Items> answer;
    try {
      answer =
          Caller.overloaded(
              caller.run(caller.shards[partition], Scripts.PUT, keys, args, batch.get(0).level()));
    } catch (RuntimeException | Error e) {
      answer = CompletableFuture.failedFuture(e);
    }
    answer.whenComplete(
        (items, e) -> {
          if (e != null) {
            batch.forEach(waiting -> waiting.outcome().completeExceptionally(Caller.cause(e)));
          } else {
            answered(caller, batch, items);
          }
        });
    return answer;
  }

  private static void answered(Caller caller, List<Waiting> batch, Items items) {
    Share share = new Share(caller, items.status(), items.number());
    for (Waiting waiting : batch) {
      try {
        waiting.outcome().complete(outcome(caller, waiting, items.number(), items.next(), share));
      } catch (RuntimeException | Error e) {
        waiting.outcome().completeExceptionally(e);
      }
    }
  }

  private static @Nullable WriteOutcome outcome(
      Caller caller, Waiting waiting, long code, Object value, Share share) {
    Write write = waiting.write();
    if (code < 10) {
      boolean added = (code & 2) != 0;
      List<?> counts = value instanceof List<?> list ? list : List.of(value);
      Mutation mutation = mutation(write, (Long) counts.get(0), waiting.writeId());
      return new WriteOutcome.Written(
          mutation,
          share.ready(),
          (code & 1) != 0,
          added ? share.usage(counts) : 0,
          added && share.delays(counts));
    }
    return switch ((int) code) {
      case 10 -> WriteOutcome.Full.INSTANCE;
      case 11 -> WriteOutcome.KeyPending.INSTANCE;
      case 12 -> {
        Key key = write.key();
        Stored stored = Stored.parse((byte[]) value, caller.texts.text(key));
        yield new WriteOutcome.Mismatch(stored.lookup(key, caller.settings.rowType()));
      }
      case 13 ->
          new WriteOutcome.Repeated(
              Requests.remembered(
                  caller, Objects.requireNonNull(write.request()).id(), (byte[]) value));
      case 14 -> null;
      case 15 -> throw new UnavailableException(Keys.text((byte[]) value));
      case 16 ->
          throw new UnavailableException("the partition's clock is at its end: no version is left");
      default ->
          throw new ConfigurationException(
              "the version column of a row holds "
                  + value
                  + "; it must be from 0 to 2^53 - 2 and belong to Headpond alone");
    };
  }

  private static Mutation mutation(Write write, long version, long id) {
    return write.row() == null
        ? new Mutation.Remove(write.key(), version, id)
        : new Mutation.Put(write.key(), write.row(), version, id);
  }
}
