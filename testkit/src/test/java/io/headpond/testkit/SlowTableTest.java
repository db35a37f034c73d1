package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.CacheStatus;
import io.headpond.Durability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A table where each row takes its time is written with batches that it can take. A statement may last 15 s. */
@Timeout(60)
class SlowTableTest {
  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private void open(Duration rowTime) {
    t.open(t.builder().maxBatchSize(1_000).maxRetries(0).retryDelay(Duration.ofSeconds(1)));
    t.database.setRowTime(rowTime);
  }

  /** Faster ones, some that fit sixty times into a statement, and some that hardly fit once. */
  @Test
  void atLeastAThirdOfWhatTheTableCanTakeArrives() {
    for (int millis : new int[] {10, 16, 20, 29, 50, 200, 1_000, 4_000, 14_000}) {
      EngineFixture f = new EngineFixture(millis);
      f.open(f.builder().maxBatchSize(1_000).maxRetries(0).retryDelay(Duration.ofSeconds(1)));
      Duration rowTime = Duration.ofMillis(millis);
      f.database.setRowTime(rowTime);
      int rows = Math.max(200, 120_000 / millis);
      LongStream.range(0, rows).forEach(id -> f.put(id, "v"));
      // Each of the ten halvings at the beginning costs 25 s, the search for nothing included.
      Duration halvings = Duration.ofSeconds(250);
      for (int i = 0; i < 10; i++) {
        f.environment.advance(rowTime.multipliedBy(3L * rows).plus(halvings).dividedBy(10));
        assertThat(f.cache().status().deferred()).as(millis + " ms").isZero();
      }
      assertThat(f.database.rows()).as(millis + " ms").hasSize(rows);
      assertThat(f.violationsWithPending()).isEmpty();
    }
  }

  @Test
  void itGoesOnSo() {
    open(Duration.ofMillis(20));
    LongStream.range(0, 3_000).forEach(id -> t.put(id, "v"));
    t.environment.advance(Duration.ofSeconds(180));
    assertThat(t.database.rows()).hasSize(3_000);
    // For half an hour, always more than it can take.
    for (int second = 0; second < 1_800; second++) {
      for (int i = 0; i < 50; i++) {
        t.put(10_000 + second * 50L + i, "v");
      }
      t.environment.advance(Duration.ofSeconds(1));
    }
    assertThat(t.database.rows().size()).isGreaterThan(3_000 + 1_800 * 50 / 2);
    assertThat(status()).returns(0, CacheStatus::deferred).returns(0, CacheStatus::parked);
  }

  @Test
  void whenItIsFastAgainBatchesAreFullAgain() {
    open(Duration.ofSeconds(2));
    LongStream.range(0, 100).forEach(id -> t.put(id, "v"));
    t.environment.advance(Duration.ofMinutes(4));
    t.database.setRowTime(Duration.ZERO);
    LongStream.range(1_000, 31_000).forEach(id -> t.put(id, "v"));
    t.environment.advance(Duration.ofSeconds(30));
    assertThat(t.database.rows()).hasSize(30_100);
    assertThat(t.database.batches().get(t.database.batches().size() - 2)).hasSize(1_000);
  }

  @Test
  void aDatabaseThatHasNoTimeForASingleRowIsAnOutage() {
    open(Duration.ofSeconds(16));
    LongStream.range(0, 100).forEach(id -> t.put(id, "v"));
    t.environment.advance(Duration.ofMinutes(60));
    assertThat(status().reasons()).anyMatch(reason -> reason.contains("cannot be written to"));
    assertThat(status().parked()).isZero();
    t.database.setRowTime(Duration.ofMillis(1));
    t.environment.advance(Duration.ofMinutes(3));
    assertThat(t.database.rows()).hasSize(100);
    assertThat(status().health()).isEqualTo(CacheStatus.Health.UP);
  }

  @Test
  void callersWhoWaitAreAnsweredWhileTheyAskForNoMoreThanItCanTake() {
    open(Duration.ofMillis(100));
    List<CompletableFuture<?>> writes = new ArrayList<>();
    LongStream.range(0, 200).forEach(id -> writes.add(t.write(id, "v", Durability.DATABASE)));
    t.environment.advance(Duration.ofMinutes(1));
    // The first batch had 200 rows, and that was too much; a burst is not what this is about.
    writes.clear();
    for (int second = 0; second < 300; second++) {
      for (int i = 0; i < 5; i++) {
        writes.add(t.write(1_000 + second * 5L + i, "v", Durability.DATABASE));
      }
      t.environment.advance(Duration.ofSeconds(1));
    }
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(writes).allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
  }

  private CacheStatus status() {
    return t.cache().status();
  }
}
