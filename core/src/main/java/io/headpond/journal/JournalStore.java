package io.headpond.journal;

import io.headpond.ConfigurationException;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.PendingPage;
import io.headpond.Row;
import io.headpond.spi.Failure;
import io.headpond.spi.Horizon;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.Owed;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Remembered;
import io.headpond.spi.StoreId;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The embedded hot store: for one process, with nothing to install. What is pending is in memory and in an append-only journal, what is clean in a
 * bounded cache.
 *
 * <p><b>Durability.</b> A write at {@link Durability#JOURNAL} has been copied to a mapped file when its stage completes: it survives the death of
 * the process, not that of the machine. At {@link Durability#DISK}, the strongest level, one force serves all who wait. At {@link Durability#MEMORY} nothing is written before a
 * batch takes the entry; if an entry was written at a stronger level before, a crash brings that value back as the pending one.
 *
 * <p><b>Order.</b> Versions rise within a partition, so also for each key.
 *
 * <p><b>Requests.</b> A write with a {@link io.headpond.RequestId} is remembered at {@link Durability#JOURNAL} and {@link Durability#DISK}, in the same
 * group of the journal. How many there may be is limited, see {@link Factory#maxRequestBytes}.
 *
 * <p><b>Other columns.</b> A store may be opened with other columns than before, as long as what is pending means exactly the same in them; else opening it fails
 * and says which entries are in the way, and nothing is changed.
 *
 * <p><b>Failure.</b> A write or force of the journal that fails is the last one: {@link #failure()} says why, reads go on, writes are refused until the process is started
 * again. A full disk is no such failure: writes are refused with the room that is needed, and go on by themselves when it is there.
 *
 * <p><b>What it does not promise.</b> The volume is trusted to keep what it was told to force. A byte that rots behind the last known force of the
 * newest segment cannot be told from a torn write; everywhere else it stops the next start. Settlements are not forced by themselves: after a crash a batch may be offered again,
 * with the same versions.
 *
 * <p>Thread-safe. A write may wait for the next segment of the journal to be made; otherwise nothing but {@link #close} blocks.
 */
public final class JournalStore implements HotStore {
  private static final Logger log = LoggerFactory.getLogger(JournalStore.class);

  private final StoreState store;
  private final StoreId id;
  private final Closeable lock;
  private final Writes writes;
  private final Reads reads;
  private final Batches batches;
  private final Letters letters;
  private final RememberedFile remembered;
  private final Compactor compactor;
  private final AtomicBoolean closing = new AtomicBoolean();

  JournalStore(StoreState store, Disk disk, Closeable lock) {
    this.store = store;
    this.id = new StoreId(store.journal.id(), "journal " + disk);
    this.lock = lock;
    this.compactor = new Compactor(store);
    this.reads = new Reads(store);
    this.writes = new Writes(store, reads);
    this.batches = new Batches(store, compactor::wake);
    this.letters = new Letters(store, compactor::wake);
    this.remembered = new RememberedFile(disk);
    store.journal.onRoll(compactor::wake);
    compactor.wake();
  }

  /** Opens stores whose journals are in {@code folder}, one for each dataset, in a folder of its name. */
  public static Factory in(Path folder) {
    return on(dataset -> Disk.in(folder.resolve(dataset)));
  }

  /** Opens a store whose journal is on this disk, whatever the dataset. */
  public static Factory on(Disk disk) {
    return on((String dataset) -> disk);
  }

  private static Factory on(Function<String, Disk> disks) {
    return new Factory(disks, Factory.DEFAULT_SEGMENT_SIZE, Factory.DEFAULT_MAX_REQUEST_BYTES);
  }

  /** Opens journal stores. Immutable. */
  public static final class Factory implements HotStoreFactory {
    /** The size of a segment if no other is given. */
    public static final int DEFAULT_SEGMENT_SIZE = 64 << 20;

    /** The smallest size of a segment. */
    public static final int MIN_SEGMENT_SIZE = 64 << 10;

    /** The largest size of a segment. */
    public static final int MAX_SEGMENT_SIZE = 1 << 30;

    /** The most bytes of remembered requests if no other number is given. */
    public static final long DEFAULT_MAX_REQUEST_BYTES = 64 << 20;

    private final Function<String, Disk> disks;
    private final int segmentSize;
    private final long maxRequestBytes;

    private Factory(Function<String, Disk> disks, int segmentSize, long maxRequestBytes) {
      this.disks = disks;
      this.segmentSize = segmentSize;
      this.maxRequestBytes = maxRequestBytes;
    }

    /**
     * The size of a segment of the journal; two of them are the least that a journal takes, and a row has at most a quarter of one.
     *
     * @param bytes a multiple of 4,096 from 64 KiB to 1 GiB. Default 64 MiB. May change from start to start
     */
    public Factory segmentSize(int bytes) {
      if (bytes < MIN_SEGMENT_SIZE || bytes > MAX_SEGMENT_SIZE || bytes % 4_096 != 0) {
        throw new ConfigurationException(
            "segmentSize: " + bytes + ": must be a multiple of 4096 from 64 KiB to 1 GiB");
      }
      return new Factory(disks, bytes, maxRequestBytes);
    }

    /**
     * How much memory the {@linkplain io.headpond.RequestId requests} of the last day may take. A request counts the bytes of its id, fingerprint and key, and
     * 280 more. At the limit a write with a request id fails with {@link io.headpond.OverloadedException} until the
     * oldest is a day old; other writes are not concerned.
     *
     * @param bytes at least 4,096. Default 64 MiB: with ids of 36 and fingerprints of 64 characters about 170,000 requests a day
     */
    public Factory maxRequestBytes(long bytes) {
      if (bytes < 4_096) {
        throw new ConfigurationException("maxRequestBytes: " + bytes + ": must be at least 4096");
      }
      return new Factory(disks, segmentSize, bytes);
    }

    @Override
    public byte @Nullable [] remembered(String dataset) {
      return new RememberedFile(disks.apply(dataset)).read();
    }

    @Override
    public JournalStore open(Settings settings) {
      if (settings.rowType().encoding().length() > segmentSize / 16) {
        throw new ConfigurationException(
            "segmentSize: " + segmentSize + ": too small for so many columns");
      }
      return new Recovery(disks.apply(settings.dataset()), segmentSize, maxRequestBytes, settings)
          .open();
    }
  }

  @Override
  public StoreId id() {
    return id;
  }

  @Override
  public Durability strongest() {
    return Durability.DISK;
  }

  @Override
  public CompletionStage<Opened> open(
      int partition, long epoch, long highVersion, boolean resumed) {
    return stage(() -> batches.open(partition(partition), epoch, highVersion, resumed));
  }

  @Override
  public CompletionStage<WriteOutcome> put(Write write) {
    return writes.put(write);
  }

  @Override
  public CompletionStage<Lookup> get(Key key) {
    return now(
        () -> {
          store.checkOpen();
          return reads.get(key);
        });
  }

  @Override
  public CompletionStage<List<Lookup>> getAll(List<Key> keys) {
    return now(
        () -> {
          store.checkOpen();
          List<Lookup> found = new ArrayList<>(keys.size());
          for (Key key : keys) {
            found.add(reads.get(key));
          }
          return found;
        });
  }

  @Override
  public CompletionStage<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    try {
      return CompletableFuture.completedFuture(reads.fill(key, row, version, fillToken));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletionStage<@Nullable EntryState> invalidate(Key key) {
    try {
      return CompletableFuture.completedFuture(reads.invalidate(key));
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletionStage<@Nullable Remembered> request(String id) {
    return stage(() -> writes.request(id));
  }

  @Override
  public CompletionStage<Taken> take(int partition, long epoch, TakeLimits most) {
    return stage(() -> batches.take(partition(partition), epoch, most));
  }

  @Override
  public CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier) {
    return stage(() -> batches.settle(partition(partition), epoch, mutations, frontier));
  }

  @Override
  public CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure) {
    return stage(
        () -> batches.defer(partition(partition), epoch, mutation, dueMicros, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure) {
    return stage(() -> batches.park(partition(partition), epoch, mutation, attempts, failure));
  }

  @Override
  public CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation) {
    return now(() -> batches.unstage(partition(partition), epoch, mutation));
  }

  @Override
  public PartitionStats stats(int partition) {
    Partition of = partition(partition);
    of.lock.lock();
    try {
      return of.stats(store.environment.wallMicros());
    } finally {
      of.lock.unlock();
    }
  }

  @Override
  public CompletionStage<Horizon> horizon(int partition) {
    Partition of = partition(partition);
    of.lock.lock();
    try {
      long wall = store.environment.wallMicros();
      return CompletableFuture.completedFuture(new Horizon(of.now(wall), of.stats(wall)));
    } finally {
      of.lock.unlock();
    }
  }

  @Override
  public int pendingEntries() {
    return store.limits.entries();
  }

  @Override
  public long frontier(int partition) {
    return partition(partition).frontier;
  }

  @Override
  public long nowMicros(int partition) {
    Partition of = partition(partition);
    of.lock.lock();
    try {
      return of.now(store.environment.wallMicros());
    } finally {
      of.lock.unlock();
    }
  }

  @Override
  public CompletionStage<Owed> owed(Key key) {
    return now(() -> reads.owed(key));
  }

  @Override
  public CompletionStage<PendingPage> pending(String prefix, @Nullable String after, int limit) {
    return blocking(() -> reads.pending(prefix, after, limit));
  }

  @Override
  public CompletionStage<List<Letter>> letters(
      DeadLetterFilter filter, @Nullable String after, int limit) {
    return blocking(() -> letters.list(filter, after, limit));
  }

  @Override
  public CompletionStage<@Nullable Letter> letter(Key key) {
    return stage(() -> CompletableFuture.completedFuture(letters.get(key)));
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
    return store.limits.deferredFull();
  }

  @Override
  public boolean lettersFull(int partition) {
    return store.limits.lettersFull();
  }

  @Override
  public void remember(byte[] bytes) {
    store.checkOpen();
    remembered.keep(bytes);
  }

  @Override
  public @Nullable Throwable failure() {
    return store.journal.failure();
  }

  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    compactor.close();
    for (Partition partition : store.partitions) {
      // With each lock once, so that no write is between its check and its append.
      partition.lock.lock();
      store.closed = true;
      partition.lock.unlock();
    }
    try {
      if (store.journal.failure() == null) {
        batches.journalAll();
      }
    } catch (HeadpondException e) {
      log.error(
          "{}: what was written at MEMORY and is still pending could not be kept: {}",
          store.settings.dataset(),
          e.getMessage());
    } finally {
      store.journal.close();
      try {
        lock.close();
      } catch (IOException e) {
        log.warn("{}: the journal's lock could not be released", store.settings.dataset(), e);
      }
    }
  }

  private Partition partition(int number) {
    if (number < 0 || number >= store.partitions.length) {
      throw new IllegalArgumentException(
          "partition: " + number + ": must be from 0 to " + (store.partitions.length - 1));
    }
    return store.partitions[number];
  }

  /** Something that takes as long as there are entries. */
  private <T> CompletionStage<T> blocking(Supplier<T> action) {
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      store.checkOpen();
      store.environment.executeBlocking(
          () -> {
            try {
              result.complete(action.get());
            } catch (RuntimeException | Error e) {
              result.completeExceptionally(e);
            }
          });
    } catch (HeadpondException | RejectedExecutionException e) {
      result.completeExceptionally(e);
    }
    return result;
  }

  private static <T extends @Nullable Object> CompletionStage<T> stage(
      Supplier<CompletableFuture<T>> action) {
    try {
      return action.get();
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static <T> CompletionStage<T> now(Supplier<T> action) {
    try {
      return CompletableFuture.completedFuture(action.get());
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }
}
