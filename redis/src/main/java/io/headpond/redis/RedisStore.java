package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.PendingPage;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.spi.Failure;
import io.headpond.spi.Horizon;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.Owed;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Remembered;
import io.headpond.spi.SharedStore;
import io.headpond.spi.StoreId;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The hot store on Redis or Valkey, which many processes use at once: for datasets that are too large for one machine, or served by several.
 *
 * <p><b>Durability</b> is what the servers are set to, looked at again and again: {@link Durability#JOURNAL} and {@link Durability#DISK} where each command is forced to the disk before it is
 * answered, {@link Durability#REPLICAS} where there are replicas, else {@link Durability#MEMORY}; see {@link #reasons()} for what is in the way of more.
 *
 * <p><b>Atomicity, order.</b> Each operation is one script in the server that has the partition. Writes of a partition are carried out in the order in which they are given to this object; those that come while
 * one is under way go together in the next call.
 *
 * <p><b>Limits</b> are each partition's: those of the dataset divided by the number of partitions. What is clean is bounded by the server's own memory limit, see {@code maxmemory} and the {@code volatile-*}
 * policies; {@code cacheSize} means nothing here. A clean entry lives for the time to live, at most for a day where that has no end.
 *
 * <p><b>Failure.</b> A server that was restarted, replaced or emptied may have forgotten something. Then its partitions are closed: they answer nothing but {@link UnavailableException} until they are {@linkplain
 * #open opened} again. What it has forgotten is lost as far as the durability of the write did not cover that.
 *
 * <p><b>Time</b> is the server's. Due times are told in that of this process.
 *
 * <p>Thread-safe. Stages are completed on threads of the connection, which must not be blocked; only {@link #remember} and {@link Factory} block.
 */
public final class RedisStore implements SharedStore {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Caller caller;
  private final Identity identity;
  private final StoreId id;
  private final Writes writes;
  private final Reads reads;
  private final Batches batches;
  private final Letters letters;
  private final Channel channel;
  private final Watch watch;

  private RedisStore(Caller caller) {
    this.caller = caller;
    this.identity = new Identity(caller);
    this.writes = new Writes(caller);
    this.reads = new Reads(caller);
    this.batches = new Batches(caller, reads);
    this.letters = new Letters(caller);
    this.channel = new Channel(caller);
    this.watch = new Watch(caller);
    await(identity.confirm(), caller.keys);
    this.id = new StoreId(identity.id(), identity.description(), true);
  }

  /**
   * Opens stores on the servers that an URL leads to, see docs/configuration.md for its forms. They share one set of connections, which are made when the first is opened.
   *
   * @throws io.headpond.ConfigurationException if it is no such URL
   */
  public static Factory at(String url) {
    RedisUrl.parse(url);
    return new Factory(
        new Connections(() -> Servers.open(url, Servers.TIMEOUT)), "write_queue", false);
  }

  /** Opens stores on Redis or Valkey. Immutable but for its connections. */
  public static final class Factory implements HotStoreFactory, AutoCloseable {
    private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_.:-]{1,100}");

    private final Connections connections;
    private final String prefix;
    private final boolean ownTime;

    /** @param ownTime whether the scripts go by the time of this process, not by the server's */
    Factory(Connections connections, String prefix, boolean ownTime) {
      this.connections = connections;
      this.prefix = prefix;
      this.ownTime = ownTime;
    }

    /**
     * What the keys of all datasets begin with, so that several applications can share servers.
     *
     * @param text 1 to 100 of the letters A to Z and a to z, digits and {@code _ - . :}. Default {@code write_queue}
     * @return a factory with this prefix and the same connections
     */
    public Factory prefix(String text) {
      if (!PREFIX.matcher(text).matches()) {
        throw new ConfigurationException(
            "prefix: \"" + text + "\": must be 1 to 100 letters, digits and _ - . :");
      }
      return new Factory(connections, text, ownTime);
    }

    @Override
    public byte @Nullable [] remembered(String dataset) {
      Keys keys = new Keys(prefix, dataset);
      return await(
          Caller.store(connections.wire(), Scripts.REMEMBER, keys, Keys.bytes("0"))
              .thenApply(answer -> (byte @Nullable []) answer.reply())
              .toCompletableFuture(),
          keys);
    }

    @Override
    public RedisStore open(Settings settings) {
      return RedisStore.open(new Caller(connections.wire(), prefix, settings, ownTime));
    }

    /** Ends all connections; stores that are still open fail with {@link UnavailableException} from then on. */
    @Override
    public void close() {
      connections.close();
    }
  }

  private static RedisStore open(Caller caller) {
    RedisStore store = new RedisStore(caller);
    await(store.watch.begin(), caller.keys);
    return store;
  }

  /** What the server did not say in time is not known. */
  private static <T extends @Nullable Object> T await(CompletableFuture<T> stage, Keys keys) {
    try {
      return stage.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause
          ? cause
          : new HeadpondException(String.valueOf(e.getCause()), e);
    } catch (TimeoutException e) {
      throw new OutcomeUnknownException(
          keys.dataset() + ": the hot store has not answered for " + PATIENCE.toSeconds() + " s",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new OutcomeUnknownException(keys.dataset() + ": interrupted", e);
    }
  }

  @Override
  public StoreId id() {
    return id;
  }

  @Override
  public Durability strongest() {
    return caller.strongest();
  }

  @Override
  public boolean keeps(Durability durability) {
    return durability == Durability.DATABASE || caller.wire.levels().contains(durability);
  }

  @Override
  public CompletionStage<Opened> open(
      int partition, long epoch, long highVersion, boolean resumed) {
    return stage(
        () ->
            identity
                .confirm()
                .thenCompose(same -> batches.open(partition, epoch, highVersion, resumed)));
  }

  @Override
  public CompletionStage<WriteOutcome> put(Write write) {
    return writes.put(write);
  }

  @Override
  public CompletionStage<Lookup> get(Key key) {
    return stage(() -> reads.get(List.of(key)).thenApply(found -> found.get(0)));
  }

  @Override
  public CompletionStage<List<Lookup>> getAll(List<Key> keys) {
    return stage(() -> reads.get(keys));
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    return stage(() -> reads.fill(key, row, version, fillToken));
  }

  @Override
  public CompletionStage<@Nullable EntryState> invalidate(Key key) {
    return stage(() -> reads.invalidate(key));
  }

  @Override
  public CompletionStage<@Nullable Remembered> request(String request) {
    return stage(() -> writes.requests().request(request));
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits most) {
    return stage(() -> batches.take(partition, epoch, most));
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    return stage(() -> batches.settle(partition, epoch, mutations, frontier));
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    return stage(() -> batches.defer(partition, epoch, mutation, dueMicros, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return stage(() -> batches.park(partition, epoch, mutation, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    return stage(() -> batches.unstage(partition, epoch, mutation));
  }

  @Override
  public PartitionStats stats(int partition) {
    Status status = caller.shard(partition).status();
    return status == null ? new PartitionStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0) : status.stats();
  }

  @Override
  public CompletionStage<Horizon> horizon(int partition) {
    return stage(() -> watch.horizon(partition));
  }

  @Override
  public int pendingEntries() {
    int sum = 0;
    for (int i = 0; i < caller.shards.length; i++) {
      PartitionStats stats = stats(i);
      sum += stats.pending() + stats.staged();
    }
    return sum;
  }

  @Override
  public long frontier(int partition) {
    Status status = caller.shard(partition).status();
    return status == null ? 0 : status.frontier();
  }

  @Override
  public long nowMicros(int partition) {
    Status status = caller.shard(partition).status();
    return status == null ? 0 : status.clock();
  }

  @Override
  public CompletionStage<Owed> owed(Key key) {
    return stage(() -> reads.owed(key));
  }

  @Override
  public CompletionStage<PendingPage> pending(String prefix, @Nullable String after, int limit) {
    return stage(() -> letters.pending(prefix, after, limit));
  }

  @Override
  public CompletionStage<List<Letter>> letters(
      DeadLetterFilter filter, @Nullable String after, int limit) {
    return stage(() -> letters.letters(filter, after, limit));
  }

  @Override
  public CompletionStage<@Nullable Letter> letter(Key key) {
    return stage(() -> letters.letter(key));
  }

  @Override
  public CompletionStage<Letter.Fate> retry(Key key, long version) {
    return stage(() -> letters.retry(key, version));
  }

  @Override
  public CompletionStage<Letter.Fate> discard(Key key, long version) {
    return stage(() -> letters.discard(key, version));
  }

  @Override
  public CompletionStage<Letter.Fate> purge(Key key, long version, boolean carried) {
    return stage(() -> letters.purge(key, version, carried));
  }

  @Override
  public boolean deferredFull(int partition) {
    Status status = caller.shard(partition).status();
    return status != null
        && (status.stats().deferred() * 2L >= caller.maxEntries
            || status.deferredBytes() >= caller.maxBytes - status.deferredBytes());
  }

  @Override
  public boolean lettersFull(int partition) {
    PartitionStats stats = stats(partition);
    return stats.parked() >= caller.maxEntries || stats.parkedBytes() >= caller.maxBytes;
  }

  @Override
  public void remember(byte[] bytes) {
    caller.checkOpen();
    await(identity.remember(bytes), caller.keys);
  }

  /** Always null: what keeps a shared store from taking writes goes by. */
  @Override
  public @Nullable Throwable failure() {
    return null;
  }

  @Override
  public List<String> reasons() {
    return caller.wire.reasons();
  }

  @Override
  public void listen(Signals signals) {
    channel.listen(signals);
  }

  @Override
  public long mayHaveForgotten(int partition) {
    Status status = caller.shard(partition).status();
    return status == null ? 0 : status.life();
  }

  @Override
  public CompletionStage<@Nullable Void> askToFlush(int partition) {
    return stage(() -> channel.askToFlush(partition));
  }

  @Override
  public CompletionStage<@Nullable Void> answer(
      Mutation mutation, @Nullable HeadpondException failure) {
    return stage(() -> channel.answer(mutation, failure));
  }

  @Override
  public CompletionStage<Withdrawal> withdraw(Mutation mutation) {
    return stage(() -> batches.withdraw(mutation));
  }

  /** Lets go of the dataset. What is pending stays in the servers; their connections are the {@linkplain Factory factory}'s. */
  @Override
  public void close() {
    caller.stop();
    watch.close();
  }

  private <T extends @Nullable Object> CompletionStage<T> stage(
      Supplier<CompletableFuture<T>> action) {
    try {
      caller.checkOpen();
      return action.get();
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }
}
