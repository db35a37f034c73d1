package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** On real threads: what users attach to a future may block on the same cache. */
class CallbackTest {
  @TempDir Path folder;

  @Test
  @Timeout(60)
  void whatIsAttachedMayBlockOnTheSameCache() throws Exception {
    OneThread databaseThread = new OneThread();
    FakeDatabase database = new FakeDatabase(databaseThread);
    try (WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(EngineFixture.TYPE)
            .name("t")
            .partitions(2)
            .linger(Duration.ofMillis(1))
            .store(JournalStore.in(folder).segmentSize(1 << 20))
            .systemOfRecord(database)
            .build()) {
      List<CompletableFuture<?>> all = new ArrayList<>();
      for (long i = 0; i < 50; i++) {
        Key key = EngineFixture.key(i);
        Key other = EngineFixture.key(1_000 + i);
        all.add(
            cache
                .putAsync(key, EngineFixture.row("disk"), Durability.DISK)
                .thenAccept(r -> cache.put(other, EngineFixture.row("nested"), Durability.DISK)));
        all.add(
            cache
                .putAsync(other, EngineFixture.row("through"), Durability.DATABASE)
                .thenAccept(r -> cache.flush()));
        all.add(
            cache
                .putAsync(key, EngineFixture.row("settled"))
                .thenCompose(r -> r.settled())
                .thenAccept(v -> cache.put(key, EngineFixture.row("again"), Durability.DATABASE)));
        all.add(
            cache
                .getAsync(EngineFixture.key(2_000 + i))
                .thenAccept(v -> cache.get(EngineFixture.key(3_000))));
        all.add(cache.flushAsync().thenAccept(r -> cache.flush()));
      }
      CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new)).get(50, TimeUnit.SECONDS);
      assertThat(cache.drain(Duration.ofSeconds(10)).remaining()).isZero();
    } finally {
      databaseThread.close();
    }
  }
}
