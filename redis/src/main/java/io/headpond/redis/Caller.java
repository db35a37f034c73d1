package io.headpond.redis;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.OverloadedException;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStoreFactory.Settings;
import io.headpond.spi.TenantColumn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs the scripts of a store's partitions, and keeps what their answers say of how these stand. Thread-safe.
 *
 * <p>A process that was told to go by its own clock gives the scripts its own time; otherwise they take the server's.
 */
final class Caller {
  /** When a full server is worth another try. */
  private static final Duration SOON = Duration.ofSeconds(1);

  final Wire wire;
  final Settings settings;
  final Environment environment;
  final Keys keys;
  final KeyTexts texts;
  final Shard[] shards;
  final int maxEntries;
  final long maxBytes;

  private final boolean ownTime;
  private final byte[] channel;
  private final byte[] tenant;

  /** Told of each partition that was found closed. */
  private volatile IntConsumer closed = partition -> {};

  private volatile boolean stopped;

  Caller(Wire wire, String prefix, Settings settings, boolean ownTime) {
    this.wire = wire;
    this.settings = settings;
    this.environment = settings.environment();
    this.keys = new Keys(prefix, settings.dataset());
    this.texts = new KeyTexts(settings.rowType());
    this.ownTime = ownTime;
    this.channel = keys.signals();
    this.tenant = Keys.bytes(tenantPart(settings));
    this.maxEntries = (int) ceilDiv(settings.maxPendingEntries(), settings.partitions());
    this.maxBytes = ceilDiv(settings.maxPendingBytes(), settings.partitions());
    this.shards = new Shard[settings.partitions()];
    for (int i = 0; i < shards.length; i++) {
      int number = i;
      shards[i] = new Shard(i, keys, new WriteQueue(batch -> Writes.send(this, number, batch)));
    }
  }

  private static long ceilDiv(long all, int partitions) {
    return all / partitions + (all % partitions == 0 ? 0 : 1);
  }

  private static int tenantPart(Settings settings) {
    String name = settings.tenant();
    if (TenantColumn.of(settings.rowType(), name) == null) {
      return 0;
    }
    List<String> columns =
        settings.rowType().keyColumns().stream().map(column -> column.name()).toList();
    return columns.size() == 1 ? -1 : columns.indexOf(name) + 1;
  }

  void onClosed(IntConsumer told) {
    closed = told;
  }

  void stop() {
    stopped = true;
  }

  void checkOpen() {
    if (stopped) {
      throw new UnavailableException("the hot store of " + settings.dataset() + " is closed");
    }
  }

  Shard shard(Key key) {
    return shards[key.partition(shards.length)];
  }

  Shard shard(int partition) {
    if (partition < 0 || partition >= shards.length) {
      throw new IllegalArgumentException(
          "partition: " + partition + ": must be from 0 to " + (shards.length - 1));
    }
    return shards[partition];
  }

  byte[] entry(Key key) {
    return shard(key).entry(Keys.bytes(texts.text(key)));
  }

  /** A script without keys of its own. */
  CompletableFuture<Items> run(Shard shard, Script script, List<byte[]> args) {
    return run(shard, script, List.of(), args, Durability.MEMORY);
  }

  /** A script about one entry. */
  CompletableFuture<Items> run(Key key, Script script, List<byte[]> args) {
    return run(shard(key), script, List.of(entry(key)), args, Durability.MEMORY);
  }

  /**
   * A script of a partition. Fails with {@link UnavailableException} if the partition is closed, and with {@link FencedException} if a higher epoch was seen.
   *
   * @param keys its own, behind those of the partition
   * @param args its own, behind those of all scripts
   * @param level what its answer stands for
   */
  CompletableFuture<Items> run(
      Shard shard, Script script, List<byte[]> keys, List<byte[]> args, Durability level) {
    List<byte[]> allKeys = new ArrayList<>(shard.keys.size() + keys.size());
    allKeys.addAll(shard.keys);
    allKeys.addAll(keys);
    List<byte[]> allArgs = new ArrayList<>(7 + args.size());
    allArgs.add(ownTime ? Keys.bytes(environment.wallMicros()) : new byte[0]);
    allArgs.add(channel);
    allArgs.add(Keys.bytes(shard.number));
    allArgs.add(tenant);
    allArgs.add(Keys.bytes(maxEntries));
    allArgs.add(Keys.bytes(maxBytes));
    allArgs.add(Keys.bytes(settings.maxBatchSize()));
    allArgs.addAll(args);
    long call = shard.begun();
    return wire.script(script, allKeys, allArgs, level)
        .thenApply(answer -> items(shard, call, answer))
        .toCompletableFuture();
  }

  private Items items(Shard shard, long call, Wire.Answer answer) {
    List<?> reply = list(answer);
    long code = (Long) reply.get(0);
    if (code == -1) {
      throw closed(shard);
    }
    if (code == -2) {
      throw new FencedException(
          settings.dataset()
              + ": partition "
              + shard.number
              + " has been opened with epoch "
              + reply.get(1)
              + ", this is a lower one");
    }
    Status status = Status.of(answer.run(), reply, environment.nanos(), environment.wallMicros());
    shard.heard(call, status);
    return new Items(reply, status);
  }

  private UnavailableException closed(Shard shard) {
    closed.accept(shard.number);
    return new UnavailableException(
        settings.dataset()
            + ": partition "
            + shard.number
            + " is closed: the Redis server was restarted, replaced or emptied since it was opened, and nobody knows yet whether it remembers all."
            + " A worker that reaches the database opens it");
  }

  static List<?> list(Wire.Answer answer) {
    if (answer.reply() instanceof List<?> list) {
      return list;
    }
    throw new IllegalStateException("a script answered " + answer.reply() + " instead of a list");
  }

  /** A full server's refusal as one that goes by, for who may wait. */
  static <T extends @Nullable Object> CompletableFuture<T> overloaded(CompletableFuture<T> stage) {
    return stage.exceptionallyCompose(
        e -> {
          Throwable cause = cause(e);
          String message = cause.getMessage();
          boolean full =
              cause instanceof UnavailableException
                  && message != null
                  && message.contains("OOM command not allowed");
          return CompletableFuture.failedFuture(
              full
                  ? new OverloadedException(
                      "the Redis server has reached its maxmemory, and takes no writes until flushing or expiry frees some: "
                          + message,
                      SOON)
                  : cause);
        });
  }

  static Throwable cause(Throwable e) {
    return e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
  }

  /** All of them in their order, or the first failure. */
  static <T> CompletableFuture<List<T>> all(List<CompletableFuture<T>> stages) {
    return CompletableFuture.allOf(stages.toArray(CompletableFuture<?>[]::new))
        .thenApply(done -> stages.stream().map(CompletableFuture::join).toList());
  }

  /** Does something with each part of a list that is no longer than so many, one behind the other. */
  static <T, R> CompletableFuture<List<R>> inParts(
      List<T> list, int most, Function<List<T>, CompletableFuture<R>> step) {
    List<CompletableFuture<R>> parts = new ArrayList<>();
    for (int from = 0; from < list.size(); from += most) {
      parts.add(step.apply(list.subList(from, Math.min(list.size(), from + most))));
    }
    return all(parts);
  }

  /** The strongest level that the servers keep now. */
  Durability strongest() {
    Durability strongest = Durability.MEMORY;
    for (Durability level : wire.levels()) {
      strongest = level.compareTo(strongest) > 0 ? level : strongest;
    }
    return strongest;
  }

  static CompletionStage<Wire.Answer> store(Wire wire, Script script, Keys keys, byte[]... args) {
    return wire.script(script, List.of(keys.store()), List.of(args), Durability.MEMORY);
  }
}
