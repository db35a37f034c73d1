package io.headpond.server.http;

import io.headpond.CacheSettings;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.lab.Lab;
import io.headpond.server.lab.SimulatedFailures;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.OneThread;
import io.headpond.testkit.SimulatedDisk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  private final Lab lab;
  private final Dataset dataset;

  public TestDataset(String name, RowType type) {
    this(name, type, settings -> settings);
  }

  public TestDataset(
      String name, RowType type, UnaryOperator<CacheSettings.Builder> otherSettings) {
    this(name, type, otherSettings, new Lab());
  }

  TestDataset(
      String name, RowType type, UnaryOperator<CacheSettings.Builder> otherSettings, Lab lab) {
    this.lab = lab;
    CacheSettings settings =
        otherSettings.apply(CacheSettings.builder(name).linger(Duration.ofHours(1))).build();
    WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(type)
            .settings(settings)
            .store(JournalStore.on(disk).segmentSize(SEGMENT))
            .systemOfRecord(new SimulatedFailures(database, lab))
            .build();
    dataset =
        new Dataset(
            new DatasetConfig(settings, name, type, "version", null, null, null, null),
            cache,
            lab,
            new Discarded(temporary()));
  }

  /** A folder of its own, which is empty when the JVM ends unless a letter was discarded. */
  private static Path temporary() {
    try {
      Path folder = Files.createTempDirectory("headpond");
      folder.toFile().deleteOnExit();
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
