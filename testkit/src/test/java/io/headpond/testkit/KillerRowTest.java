package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheBuilder;
import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A row that costs its batch the connection or the time is found, and harms itself alone. */
@Timeout(60)
class KillerRowTest {
  private static final DatabaseError LOST =
      new DatabaseError(ErrorClass.CONNECTION, "08006", "the connection was lost");
  private static final DatabaseError SLOW =
      new DatabaseError(
          ErrorClass.TIMEOUT, "57014", "canceling statement due to statement timeout");

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CacheBuilder<Key, Row> builder() {
    return t.builder().maxBatchSize(1_000).maxRetries(3).retryDelay(Duration.ofSeconds(1));
  }

  private void kill(DatabaseError error, Set<Key> keys) {
    t.database.killWith(mutation -> keys.contains(mutation.key()) ? error : null);
  }

  private void kill(DatabaseError error, long... ids) {
    kill(error, Arrays.stream(ids).mapToObj(EngineFixture::key).collect(Collectors.toSet()));
  }

  private void putThousand() {
    LongStream.range(0, 1_000).forEach(id -> t.put(id, "v" + id));
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  private List<PendingEntry> pending() {
    return t.environment.await(t.cache().pendingAsync("", null, 1_000)).entries();
  }

  private FlushReport flush() {
    var flush = t.cache().flushAsync();
    t.environment.run();
    return done(flush);
  }

  @Test
  void ofAThousandRowsAllGoodOnesArriveWithinOneFlush() {
    t.open(builder().linger(Duration.ofHours(1)));
    kill(LOST, 617);
    putThousand();
    FlushReport report = flush();
    assertThat(report)
        .returns(999, FlushReport::applied)
        .returns(1, FlushReport::rejected)
        .returns(1, FlushReport::remaining)
        .returns("the connection was lost (SQLSTATE 08006)", FlushReport::error);
    assertThat(t.database.rows()).hasSize(999).doesNotContainKey(key(617));
    assertThat(pending())
        .singleElement()
        .returns(1, PendingEntry::attempts)
        .returns(LOST, PendingEntry::error);
    // Twice all of them, ten halves, the way back up, and the probe.
    assertThat(t.database.batches()).hasSizeLessThan(32);
    assertThat(status().counters().failedBatches()).isLessThan(16);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(status()).returns(1, CacheStatus::parked).returns(0, CacheStatus::pendingEntries);
    assertThat(pending()).singleElement().returns(4, PendingEntry::attempts);
  }

  @Test
  void soItIsWithTenOrWithOnlyBadOnes() {
    for (int seed = 1; seed <= 20; seed++) {
      Random random = new Random(seed);
      Set<Key> killers = new HashSet<>();
      while (killers.size() < 10) {
        killers.add(key(random.nextInt(1_000)));
      }
      EngineFixture f = new EngineFixture(seed);
      f.open(f.builder().maxBatchSize(1_000).linger(Duration.ofHours(1)));
      f.database.killWith(mutation -> killers.contains(mutation.key()) ? LOST : null);
      LongStream.range(0, 1_000).forEach(id -> f.put(id, "v" + id));
      FlushReport report = f.environment.await(f.cache().flushAsync());
      assertThat(report.applied()).as("seed " + seed).isEqualTo(990);
      assertThat(f.database.rows()).hasSize(990).doesNotContainKeys(killers.toArray(Key[]::new));
      assertThat(f.cache().status().deferred()).isEqualTo(10);
      assertThat(f.database.batches()).as("seed " + seed).hasSizeLessThan(200);
      assertThat(f.violationsWithPending()).isEmpty();
    }
    t.open(builder().linger(Duration.ofHours(1)).maxRetries(0));
    t.database.killWith(mutation -> LOST);
    LongStream.range(0, 100).forEach(id -> t.put(id, "v" + id));
    assertThat(flush().rejected()).isEqualTo(100);
    assertThat(status().parked()).isEqualTo(100);
  }

  @Test
  void oneFailureIsACoincidence() {
    t.open(builder());
    putThousand();
    t.database.failNextBatch();
    t.environment.run();
    assertThat(t.database.rows()).hasSize(1_000);
    assertThat(t.database.batches()).extracting(List::size).containsExactly(1_000, 1_000);
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void aRowAloneIsNotBlamedForOneFailureEither() {
    t.open(builder().maxRetries(0));
    t.put(1, "good");
    t.database.failNextBatch();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("good"));
    assertThat(status().parked()).isZero();
  }

  @Test
  void anOutageInTheMiddleOfItParksNobody() {
    for (int steps = 1; steps <= 60; steps++) {
      EngineFixture f = new EngineFixture(steps);
      f.open(f.builder().maxBatchSize(1_000).maxRetries(0).linger(Duration.ofHours(1)));
      f.database.killWith(mutation -> mutation.key().equals(key(617)) ? LOST : null);
      LongStream.range(0, 1_000).forEach(id -> f.put(id, "v" + id));
      f.cache().flushAsync();
      for (int i = 0; i < 3 * steps; i++) {
        f.environment.step();
      }
      f.database.setAway(true);
      f.environment.advance(Duration.ofMinutes(10));
      int parked = f.cache().status().parked();
      assertThat(parked).isEqualTo(f.cache().status().counters().rejected());
      f.database.setAway(false);
      f.environment.advance(Duration.ofMinutes(2));
      assertThat(f.database.rows()).as("after " + steps).hasSize(999);
      assertThat(f.cache().status().parked()).isEqualTo(1);
    }
  }

  @Test
  void aRowIsOnlyBlamedIfTheDatabaseTakesABatchWithoutIt() {
    t.open(builder().maxRetries(0).linger(Duration.ofHours(1)));
    t.put(1, "v");
    // Each try with the row costs the connection, and each probe finds the database away.
    t.database.killWith(
        mutation -> {
          t.environment.execute(() -> t.database.setAway(true));
          return LOST;
        });
    for (int i = 0; i < 10; i++) {
      t.cache().flushAsync();
      t.environment.run();
      t.database.setAway(false);
    }
    assertThat(t.database.batches()).isNotEmpty();
    assertThat(status()).returns(0, CacheStatus::parked).returns(1, CacheStatus::pendingEntries);
    assertThat(status().counters().rejected()).isZero();
    t.database.killWith(mutation -> null);
    flush();
    assertThat(t.database.rows()).hasSize(1);
  }

  @Test
  void aRowThatTakesTooLongIsDeferredAndNeverParked() {
    t.open(builder().maxRetries(0).linger(Duration.ofHours(1)));
    kill(SLOW, 3);
    putThousand();
    assertThat(flush())
        .returns(999, FlushReport::applied)
        .returns(1, FlushReport::retried)
        .returns(0, FlushReport::rejected);
    t.environment.advance(Duration.ofHours(1));
    assertThat(status()).returns(0, CacheStatus::parked).returns(1, CacheStatus::deferred);
    kill(SLOW);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).hasSize(1_000);
  }

  @Test
  void aDatabaseThatIsTooSlowForAnyRowIsAnOutage() {
    t.open(builder().linger(Duration.ofHours(1)));
    t.database.killWith(mutation -> SLOW);
    putThousand();
    FlushReport report = flush();
    assertThat(report.error()).contains("statement timeout");
    assertThat(t.database.batches()).hasSizeLessThan(20);
    assertThat(status().reasons()).anyMatch(reason -> reason.contains("cannot be written to"));
    t.environment.advance(Duration.ofMinutes(10));
    assertThat(status().parked()).isZero();
    assertThat(t.database.batches()).hasSizeLessThan(150);
    t.database.killWith(mutation -> null);
    t.environment.advance(Duration.ofMinutes(2));
    assertThat(t.database.rows()).hasSize(1_000);
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void manyRowsInARowThatTakeTooLongDoNotStandInTheWayForEver() {
    t.open(builder());
    kill(SLOW, 0, 1, 2, 3, 4, 5, 6, 7);
    LongStream.range(0, 20).forEach(id -> t.put(id, "v" + id));
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.rows()).hasSize(12);
    assertThat(status()).returns(0, CacheStatus::parked).returns(8, CacheStatus::deferred);
  }

  @Test
  void ofStagedWritesEachHasItsOwnAnswer() {
    t.open(builder());
    kill(LOST, 3);
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes =
        LongStream.range(0, 8).mapToObj(id -> t.write(id, "v" + id, Durability.DATABASE)).toList();
    t.environment.run();
    t.store().release();
    t.environment.run();
    for (int i = 0; i < 8; i++) {
      CompletableFuture<Receipt> write = writes.get(i);
      if (i == 3) {
        assertThatThrownBy(() -> done(write))
            .hasCauseInstanceOf(RejectedException.class)
            .hasMessageContaining("the connection was lost");
      } else {
        assertThat(done(write).version()).isEqualTo(t.database.row(key(i)).version());
      }
    }
    assertThat(status()).returns(0, CacheStatus::pendingEntries).returns(0, CacheStatus::parked);
  }

  @Test
  void aStagedWriteThatTakesTooLongIsSurelyNotDoneAtItsDeadline() {
    t.open(builder());
    kill(SLOW, 3);
    var write = t.write(3, "v", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(() -> done(write))
        .hasCauseInstanceOf(UnavailableException.class)
        .hasMessageContaining("statement timeout");
    kill(SLOW);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).isEmpty();
  }

  @Test
  void otherPartitionsAreNotDisturbed() {
    t.open(builder().partitions(2).linger(Duration.ofHours(1)));
    Key killer = key(0);
    kill(LOST, 0);
    putThousand();
    flush();
    int other = 1 - killer.partition(2);
    assertThat(t.database.batches())
        .filteredOn(batch -> batch.get(0).partition(2) == other)
        .hasSize(1);
    assertThat(t.database.rows()).hasSize(999);
  }

  @Test
  void aCommittedBatchThatCostsTheConnectionWhenItIsAppliedAgainIsReadBack() {
    t.open(builder().maxRetries(0));
    t.put(1, "a");
    t.put(2, "b");
    t.database.loseNextReply();
    t.linger();
    kill(LOST, 1);
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(status())
        .returns(0, CacheStatus::pendingEntries)
        .returns(0, CacheStatus::parked)
        .returns(Health.UP, CacheStatus::health);
  }

  /** Batches are still small after a search, and a single lost connection is a coincidence all the same. */
  @Test
  void afterASearchNoOtherRowIsBlamedForOneLostConnection() {
    for (Duration later : new Duration[] {Duration.ofMillis(1), Duration.ofHours(24)}) {
      for (Durability durability : new Durability[] {Durability.JOURNAL, Durability.DATABASE}) {
        EngineFixture f = new EngineFixture();
        f.open(f.builder().maxBatchSize(1_000).maxRetries(0));
        f.database.killWith(mutation -> mutation.key().equals(key(3)) ? LOST : null);
        f.write(3, "killer", durability);
        f.linger();
        assertThat(f.cache().status().counters().rejected()).isEqualTo(1);
        f.database.killWith(mutation -> null);
        f.environment.advance(later);
        var good = f.write(1, "good", durability);
        f.database.failNextBatch();
        f.linger();
        assertThat(f.database.row(key(1)).value()).isEqualTo(row("good"));
        assertThat(good).isCompleted().isNotCompletedExceptionally();
        assertThat(f.cache().status().counters().rejected()).isEqualTo(1);
        assertThat(f.violationsWithPending()).isEmpty();
      }
    }
  }

  @Test
  void aSearchThatHasComeToRestIsForgotten() {
    t.open(builder().maxRetries(0));
    kill(LOST, 3);
    t.put(3, "killer");
    t.linger();
    t.environment.advance(Duration.ofMinutes(2));
    int before = t.database.batches().size();
    putThousand();
    t.environment.run();
    assertThat(t.database.batches().subList(before, before + 1))
        .extracting(List::size)
        .containsExactly(1_000);
  }

  /** A constraint that is checked at the commit names no row; the row alone is refused all the same, and counted. */
  @Test
  void aRowThatIsRefusedAtTheCommitIsFoundAndParked() {
    for (ErrorClass errorClass :
        List.of(ErrorClass.CONSTRAINT, ErrorClass.FOREIGN_KEY, ErrorClass.RAISED)) {
      EngineFixture f = new EngineFixture();
      f.open(f.builder().maxBatchSize(1_000).maxRetries(1).retryDelay(Duration.ofSeconds(1)));
      Set<Key> bad = Set.of(key(3), key(4), key(5));
      f.database.killWith(
          mutation ->
              bad.contains(mutation.key()) ? DatabaseError.of(errorClass, "at the commit") : null);
      LongStream.range(0, 10).forEach(id -> f.put(id, "v"));
      f.environment.advance(Duration.ofSeconds(10));
      assertThat(f.database.rows()).hasSize(7);
      assertThat(f.cache().status())
          .returns(3, CacheStatus::parked)
          .returns(6L, status -> status.counters().rejected());
      assertThat(f.violationsWithPending()).isEmpty();
    }
  }

  @Test
  void aRowThatFailsForNoReasonThatWeKnowIsNotCountedAndManyAreAnOutage() {
    t.open(builder().maxRetries(0));
    kill(DatabaseError.of(ErrorClass.UNKNOWN, "a state that nobody knows"), 3);
    putThousand();
    t.environment.advance(Duration.ofMinutes(10));
    assertThat(t.database.rows()).hasSize(999);
    assertThat(status()).returns(0, CacheStatus::parked).returns(1, CacheStatus::deferred);
    assertThat(status().counters().rejected()).isZero();
    int before = t.database.batches().size();
    t.database.killWith(m -> DatabaseError.of(ErrorClass.UNKNOWN, "a state that nobody knows"));
    LongStream.range(1_000, 2_000).forEach(id -> t.put(id, "v"));
    t.environment.advance(Duration.ofMinutes(10));
    assertThat(t.database.batches().size() - before).isLessThan(150);
    assertThat(status().reasons()).anyMatch(reason -> reason.contains("cannot be written to"));
    t.database.killWith(mutation -> null);
    t.environment.advance(Duration.ofMinutes(2));
    assertThat(t.database.rows()).hasSize(2_000);
  }

  @Test
  void deferredRowsThatTakeTooLongDoNotMakeReadyBatchesSmall() {
    t.open(builder());
    kill(SLOW, 0, 1, 2);
    LongStream.range(0, 3).forEach(id -> t.put(id, "slow"));
    t.environment.advance(Duration.ofMinutes(20));
    int before = t.database.batches().size();
    LongStream.range(1_000, 6_000).forEach(id -> t.put(id, "v"));
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).hasSize(5_000);
    assertThat(t.database.batches().stream().skip(before).filter(batch -> batch.size() > 1))
        .extracting(List::size)
        .containsOnly(1_000);
  }

  @Test
  void deferredRowsThatTakeTooLongHoldUpNothingFresh() {
    t.open(builder());
    kill(SLOW, 0, 1, 2, 3);
    LongStream.range(0, 4).forEach(id -> t.put(id, "slow"));
    for (int i = 0; i < 20; i++) {
      t.environment.advance(Duration.ofMinutes(1));
      var through = t.write(100 + i, "v", Durability.DATABASE);
      t.environment.run();
      assertThat(through).isCompleted();
      t.environment.advance(Duration.ofMinutes(1));
      t.put(200 + i, "v");
      t.linger();
      assertThat(t.database.row(key(200 + i))).isNotNull();
    }
    assertThat(status()).returns(0, CacheStatus::parked).returns(4, CacheStatus::deferred);
  }
}
