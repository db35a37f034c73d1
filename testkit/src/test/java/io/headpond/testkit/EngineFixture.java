package io.headpond.testkit;

import io.headpond.CacheBuilder;
import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Lookup;
import io.headpond.testkit.HistoryChecker.Held;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The real engine and the real journal store on manual time, a simulated disk and a database in memory. */
final class EngineFixture {
  static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column(new Column("name", ColumnType.TEXT, true))
          .build();
  static final Duration LINGER = Duration.ofMillis(100);

  final ManualEnvironment environment;
  final FakeDatabase database;
  final HistoryChecker<Key, Row> checker = new HistoryChecker<>();
  SimulatedDisk disk = new SimulatedDisk();
  @Nullable FaultyStore store;
  @Nullable WriteBehindCache<Key, Row> cache;

  EngineFixture() {
    this(1);
  }

  EngineFixture(long seed) {
    environment = new ManualEnvironment(seed);
    database = new FakeDatabase(environment);
    database.watch(checker);
  }

  CacheBuilder<Key, Row> builder() {
    return WriteBehindCache.builder(TYPE)
        .name("t")
        .partitions(1)
        .linger(LINGER)
        .store(new Stores())
        .systemOfRecord(database)
        .environment(environment);
  }

  /** Stores on the disk as it is when they are opened. */
  private final class Stores implements HotStoreFactory {
    @Override
    public HotStore open(Settings settings) {
      FaultyStore opened = FaultyStore.open(JournalStore.on(disk).segmentSize(1 << 16), settings);
      store = opened;
      return opened;
    }

    @Override
    public byte @Nullable [] remembered(String dataset) {
      return JournalStore.on(disk).remembered(dataset);
    }
  }

  EngineFixture open() {
    return open(builder());
  }

  EngineFixture open(CacheBuilder<Key, Row> builder) {
    cache = builder.build();
    environment.run();
    return this;
  }

  WriteBehindCache<Key, Row> cache() {
    if (cache == null) {
      throw new IllegalStateException("not open");
    }
    return cache;
  }

  FaultyStore store() {
    if (store == null) {
      throw new IllegalStateException("not open");
    }
    return store;
  }

  static Key key(long id) {
    return TYPE.key(id);
  }

  static Row row(@Nullable String name) {
    return TYPE.rowOf(name);
  }

  /** Writes, and tells the checker what became of it. A null name removes. */
  CompletableFuture<Receipt> write(
      long id, @Nullable String name, io.headpond.Durability durability) {
    var attempt = checker.begin(key(id), name == null ? null : row(name));
    CompletableFuture<Receipt> future =
        name == null
            ? cache().removeAsync(key(id), durability)
            : cache().putAsync(key(id), row(name), durability);
    future.whenComplete(
        (receipt, failure) -> {
          if (failure == null) {
            attempt.acknowledged(receipt.version());
          } else if (failure instanceof OutcomeUnknownException
              || failure.getCause() instanceof OutcomeUnknownException) {
            attempt.unknown();
          } else {
            attempt.failed();
          }
        });
    return future;
  }

  CompletableFuture<Receipt> put(long id, String name) {
    return write(id, name, io.headpond.Durability.JOURNAL);
  }

  CompletableFuture<Receipt> remove(long id) {
    return write(id, null, io.headpond.Durability.JOURNAL);
  }

  /** Another program writes a row. */
  void foreign(long id, String name, long version) {
    database.writeRow(key(id), row(name), version);
    checker.begin(key(id), row(name)).unknown();
  }

  @Nullable String get(long id) {
    Row row = environment.await(cache().getAsync(key(id)));
    return row == null ? null : (String) row.get("name");
  }

  /** What a future has completed with; unlike {@code join} it does not wait for ever for one that has not. */
  static <T> T done(CompletableFuture<T> future) {
    if (!future.isDone()) {
      throw new AssertionError("not done");
    }
    return future.join();
  }

  /** Time passes until all that lingers is due, and everything that runs has run. */
  void linger() {
    environment.advance(LINGER.plusMillis(1));
  }

  /** The process dies; its disk stays as it was written. */
  void kill() {
    environment.forgetTasks();
    disk = disk.crashProcess();
  }

  /** The machine loses power; only what was forced surely stays. */
  void losePower(long seed) {
    environment.forgetTasks();
    disk = disk.losePower(seed);
  }

  /** What breaks the promises, seen from the database alone. */
  List<String> violations() {
    return checker.violations(rows());
  }

  /** What breaks the promises, seen from the database and from what is pending or parked. */
  List<String> violationsWithPending() {
    Map<Key, Held<Row>> present = rows();
    for (Key key : checker.keys()) {
      Lookup lookup = environment.await(store().get(key));
      if (lookup.state() == EntryState.PENDING || lookup.state() == EntryState.PARKED) {
        present.put(key, new Held<>(lookup.row(), lookup.version()));
      }
    }
    return checker.violations(present);
  }

  private Map<Key, Held<Row>> rows() {
    Map<Key, Held<Row>> present = new HashMap<>();
    database
        .rows()
        .forEach((key, stored) -> present.put(key, new Held<>(stored.value(), stored.version())));
    return present;
  }
}
