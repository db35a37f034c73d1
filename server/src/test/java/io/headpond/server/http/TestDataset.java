package io.headpond.server.http;

import io.headpond.CacheSettings;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.server.config.DatasetConfig;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.OneThread;
import io.headpond.testkit.SimulatedDisk;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A dataset as it is served, with the real engine and the real journal; the disk and the database under them are in memory and fail
 * on command. What is written stays pending until it is flushed, unless the settings say otherwise.
 */
public final class TestDataset implements AutoCloseable {
  /** A row of 1 MiB fits into a quarter of it. */
  private static final int SEGMENT = 8 << 20;

  private final OneThread databaseThread = new OneThread();
  private final FakeDatabase database = new FakeDatabase(databaseThread);
  private final SimulatedDisk disk = new SimulatedDisk();
  private final Dataset dataset;

  public TestDataset(String name, RowType type) {
    this(name, type, settings -> settings);
  }

  public TestDataset(
      String name, RowType type, UnaryOperator<CacheSettings.Builder> otherSettings) {
    CacheSettings settings =
        otherSettings.apply(CacheSettings.builder(name).linger(Duration.ofHours(1))).build();
    WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(type)
            .settings(settings)
            .store(JournalStore.on(disk).segmentSize(SEGMENT))
            .systemOfRecord(database)
            .build();
    dataset =
        new Dataset(new DatasetConfig(settings, name, type, null, null, null, null, null), cache);
  }

  public Dataset dataset() {
    return dataset;
  }

  public WriteBehindCache<Key, Row> cache() {
    return dataset.cache();
  }

  public SimulatedDisk disk() {
    return disk;
  }

  /** Does something with the database between two of its requests. */
  public void database(Consumer<FakeDatabase> command) {
    askDatabase(
        database -> {
          command.accept(database);
          return true;
        });
  }

  /** Looks something up in the database between two of its requests. */
  public <T> T askDatabase(Function<FakeDatabase, T> question) {
    return CompletableFuture.supplyAsync(() -> question.apply(database), databaseThread::execute)
        .join();
  }

  /** The database is there again, takes everything, and gets what is pending; the journal goes. */
  @Override
  public void close() {
    database(
        database -> {
          database.setAway(false);
          database.refuse(mutation -> false);
          database.releaseReplies();
        });
    cache().close();
    databaseThread.close();
  }
}
