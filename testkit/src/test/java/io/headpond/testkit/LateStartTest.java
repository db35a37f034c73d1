package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheBuilder;
import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** With the database down at the start, the table as it was the last time serves until it answers. */
@Timeout(60)
class LateStartTest {
  private static final Duration RETRY = Duration.ofSeconds(31);

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CacheBuilder<Key, Row> builder() {
    return t.builder().partitions(2);
  }

  /** A cache that has run before, with the database away from now on. */
  private void openedBefore() {
    t.open(builder());
    t.put(1, "settled");
    t.linger();
    t.put(2, "pending");
    t.database.setAway(true);
    t.kill();
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  @Test
  void writesAreTakenPendingEntriesAreReadAndMissesSayWhy() {
    openedBefore();
    t.open(builder());
    assertThat(status().health()).isEqualTo(Health.DEGRADED);
    assertThat(status().reasons())
        .contains("started without the database; the mapping of 2027-01-15T08:00:00Z serves");
    assertThat(t.get(2)).isEqualTo("pending");
    assertThatThrownBy(() -> t.get(1))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("the database is away");
    Receipt receipt = done(t.put(1, "written without it"));
    assertThat(t.get(1)).isEqualTo("written without it");
    t.environment.advance(Duration.ofMinutes(10));
    assertThat(receipt.settled()).isNotDone();
    assertThat(status().parked()).isZero();

    t.database.setAway(false);
    t.environment.advance(RETRY);
    assertThat(receipt.settled()).isCompleted();
    assertThat(t.database.row(key(1)).version()).isEqualTo(receipt.version());
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("pending"));
    assertThat(status())
        .returns(Health.UP, CacheStatus::health)
        .returns(0, CacheStatus::pendingEntries);
  }

  @Test
  void versionsGivenBeforeTheLeaseAreAboveAllBefore() {
    t.open(builder());
    long before = done(t.put(1, "a")).version();
    t.linger();
    t.database.setAway(true);
    t.kill();
    t.environment.setWallMicros(t.environment.wallMicros() - 3_600_000_000L);
    t.open(builder());
    assertThat(done(t.put(1, "b")).version()).isGreaterThan(before);
    t.database.setAway(false);
    t.environment.advance(RETRY);
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
  }

  @Test
  void whatIsWrittenWithoutTheDatabaseSurvivesTheDeathOfTheProcess() {
    openedBefore();
    for (int i = 0; i < 5; i++) {
      t.open(builder());
      t.put(10 + i, "v");
      t.environment.advance(Duration.ofSeconds(40));
      t.kill();
    }
    t.database.setAway(false);
    t.open(builder());
    t.linger();
    assertThat(t.database.rows()).hasSize(7);
  }

  @Test
  void aWriteThroughWaitsForTheDatabaseOrIsSurelyNotDone() {
    openedBefore();
    t.open(builder());
    var never = t.write(5, "never", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(20));
    var waits = t.write(6, "waits", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(20));
    assertThatThrownBy(() -> done(never))
        .hasCauseInstanceOf(UnavailableException.class)
        .hasMessageContaining("the database has not answered since the start");
    t.database.setAway(false);
    t.cache().flushAsync();
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(waits).isCompleted();
    assertThat(waits).isNotCompletedExceptionally();
    assertThat(t.database.rows()).containsKey(key(6)).doesNotContainKey(key(5));
  }

  @Test
  void aStoreWhoseTableWentToAnotherStopsAcknowledging() {
    openedBefore();
    t.open(builder());
    t.put(3, "kept");
    t.database.setAway(false);
    // Another store adopts the table before this one has reached the database.
    WriteBehindCache<Key, Row> other =
        WriteBehindCache.builder(EngineFixture.TYPE)
            .name("t")
            .partitions(2)
            .store(JournalStore.on(new SimulatedDisk()).segmentSize(1 << 16))
            .systemOfRecord(t.database)
            .environment(t.environment)
            .adopt()
            .build();
    t.environment.advance(RETRY);
    assertThat(status().health()).isEqualTo(Health.DOWN);
    assertThat(status().reasons()).anyMatch(r -> r.contains("belongs to another store"));
    assertThat(t.put(4, "refused")).isCompletedExceptionally();
    assertThat(t.database.rows()).containsOnlyKeys(key(1));
    other.close();
  }

  @Test
  void anOlderCopyOfTheJournalStopsAcknowledging() {
    t.open(builder().partitions(1));
    t.put(1, "a");
    t.linger();
    SimulatedDisk copy = t.disk.copy();
    t.environment.advance(Duration.ofSeconds(1));
    t.put(1, "b");
    t.linger();
    t.kill();
    t.database.setAway(true);
    t.disk = copy;
    t.open(builder().partitions(1));
    var acknowledged = t.put(7, "acknowledged, for who could know");
    assertThat(acknowledged).isCompleted();
    t.database.setAway(false);
    t.environment.advance(RETRY);
    assertThat(status().health()).isEqualTo(Health.DOWN);
    assertThat(status().reasons()).anyMatch(r -> r.contains("older copy"));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
    assertThat(t.database.rows()).hasSize(1);
  }

  @Test
  void aDatabaseThatWentBackMeanwhileIsNotWritten() {
    t.open(builder().partitions(1));
    Runnable back = t.database.savePoint();
    t.put(1, "a");
    t.linger();
    t.database.setAway(true);
    t.kill();
    t.open(builder().partitions(1));
    t.put(2, "b");
    back.run();
    t.database.setAway(false);
    t.environment.advance(RETRY);
    assertThat(status().reasons()).anyMatch(r -> r.contains("the database went back"));
    assertThat(t.database.rows()).isEmpty();
    // It is only given up here so that the test can end: the settled row is gone with the database.
    t.foreign(1, "a", t.environment.wallMicros() + 1);
  }

  @Test
  void aTableThatNoLongerFitsBlocks() {
    openedBefore();
    t.open(builder());
    t.database.failWith(new ConfigurationException("table t: column name is missing"));
    t.database.setAway(false);
    t.environment.advance(RETRY);
    assertThat(status().health()).isEqualTo(Health.DEGRADED);
    assertThat(status().reasons())
        .anyMatch(r -> r.contains("nothing is written to the database until somebody acts"));
    assertThat(t.put(9, "taken")).isCompleted();
    t.database.failWith(null);
    t.environment.advance(RETRY);
    assertThat(status().health()).isEqualTo(Health.UP);
    assertThat(t.database.rows()).hasSize(3);
  }

  @Test
  void withoutAnythingRememberedItDoesNotStart() {
    t.database.setAway(true);
    assertThatThrownBy(() -> t.open(builder()))
        .isInstanceOf(UnavailableException.class)
        .hasMessage("the database is away");
    assertThatThrownBy(t::cache).isInstanceOf(IllegalStateException.class);
    t.database.setAway(false);
    t.open(builder());
  }

  @Test
  void anAdapterThatCannotBeginWithoutItDoesNotStart() {
    openedBefore();
    assertThatThrownBy(
            () -> t.open(builder().systemOfRecord((name, type) -> t.database.connect(name, type))))
        .isInstanceOf(UnavailableException.class)
        .hasMessage(
            "the database is away; nor can it begin without the database: the database must be"
                + " there at the start");
    t.open(builder());
  }

  @Test
  void anAdoptionNeedsTheDatabase() {
    openedBefore();
    assertThatThrownBy(() -> t.open(builder().adopt())).isInstanceOf(UnavailableException.class);
    t.open(builder());
  }

  @Test
  void aCloseBeforeTheDatabaseHasAnsweredIsBounded() {
    openedBefore();
    t.open(builder());
    t.put(3, "kept");
    long before = t.environment.nanos();
    t.cache().close();
    assertThat(Duration.ofNanos(t.environment.nanos() - before)).isLessThan(Duration.ofMinutes(1));
    t.database.setAway(false);
    t.open(builder());
    t.linger();
    assertThat(t.database.rows()).hasSize(3);
  }
}
