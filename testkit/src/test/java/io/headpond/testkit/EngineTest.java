package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheStatus.Health;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.EntryState;
import io.headpond.FlushReport;
import io.headpond.OutcomeUnknownException;
import io.headpond.Overload;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The promises of the engine, each failure placed between two exact steps. */
@Timeout(60)
class EngineTest {
  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violations()).isEmpty();
  }

  @Test
  void aWriteIsAcknowledgedBeforeTheDatabaseHasIt() {
    t.open();
    assertThat(t.put(1, "a")).isCompleted();
    assertThat(t.database.row(key(1))).isNull();
    assertThat(t.cache().status().pendingEntries()).isEqualTo(1);
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void putRemovePutOfOneKeyInOneBatchIsOneRow() {
    t.open();
    t.put(1, "a");
    t.remove(1);
    t.put(1, "b");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
    assertThat(t.database.log()).hasSize(1);
    assertThat(t.cache().status().counters().coalesced()).isEqualTo(2);
  }

  @Test
  void aRemoveReachesTheDatabase() {
    t.open();
    t.put(1, "a");
    t.linger();
    t.remove(1);
    assertThat(t.get(1)).isNull();
    t.linger();
    assertThat(t.database.row(key(1))).isNull();
    assertThat(t.get(1)).isNull();
  }

  @Test
  void aFullBatchDoesNotLinger() {
    t.open(t.builder().maxBatchSize(3));
    t.put(1, "a");
    t.put(2, "b");
    t.environment.run();
    assertThat(t.database.rows()).isEmpty();
    t.put(3, "c");
    t.environment.run();
    assertThat(t.database.rows()).hasSize(3);
  }

  @Test
  void lingerCountsFromTheFirstWriteOfAnEntry() {
    t.open();
    t.put(1, "a");
    t.environment.advance(Duration.ofMillis(60));
    t.put(1, "b");
    t.environment.advance(Duration.ofMillis(41));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
  }

  @Test
  void aWriteDuringTheFlushOfItsKeyStaysPendingAndFollows() {
    t.open();
    t.put(1, "a");
    t.database.holdReplies();
    t.linger();
    t.put(1, "b");
    t.database.releaseReplies();
    t.environment.run();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(t.cache().status().pendingEntries()).isEqualTo(1);
    assertThat(t.get(1)).isEqualTo("b");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void aLoadThatReturnsAfterANewerWriteWasFlushedAndEvictedIsNotServed() {
    t.foreign(1, "old", 5);
    t.open(t.builder().cacheSize(0));
    t.database.holdReplies();
    CompletableFuture<Row> reader = t.cache().getAsync(key(1));
    t.environment.run();
    releaseAllButReader(t);
    CompletableFuture<Row> joined = t.cache().getAsync(key(1));
    t.environment.run();
    // The first load has read "old" and its answer is still on its way.
    t.database.releaseReplies();
    t.environment.run();
    assertThat(reader).isCompleted();
    assertThat(reader.join()).isEqualTo(row("new"));
    assertThat(joined.join()).isEqualTo(row("new"));
  }

  /** Puts, flushes and settles a newer value while the load's answer is held. */
  private static void releaseAllButReader(EngineFixture t) {
    List<Runnable> loads = t.database.detachHeld();
    t.put(1, "new");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("new"));
    assertThat(t.cache().status().pendingEntries()).isZero();
    t.database.holdReplies();
    t.database.attachHeld(loads);
  }

  @Test
  void aReaderThatComesAfterTheWriteDoesNotJoinTheOldLoad() {
    t.foreign(1, "old", 5);
    t.open(t.builder().cacheSize(0));
    t.database.holdReplies();
    CompletableFuture<Row> first = t.cache().getAsync(key(1));
    t.environment.run();
    List<Runnable> oldLoad = t.database.detachHeld();
    t.put(1, "new");
    t.linger();
    long loads = t.cache().status().counters().loads();
    CompletableFuture<Row> second = t.cache().getAsync(key(1));
    t.environment.run();
    assertThat(t.cache().status().counters().loads()).isEqualTo(loads + 1);
    assertThat(second.join()).isEqualTo(row("new"));
    oldLoad.forEach(Runnable::run);
    t.environment.run();
    assertThat(first.join()).isEqualTo(row("new"));
  }

  @Test
  void readersOfOneKeyShareOneLoad() {
    t.foreign(1, "a", 5);
    t.open();
    CompletableFuture<Row> one = t.cache().getAsync(key(1));
    CompletableFuture<Row> two = t.cache().getAsync(key(1));
    t.environment.run();
    assertThat(one.join()).isEqualTo(row("a"));
    assertThat(two.join()).isEqualTo(row("a"));
    assertThat(t.cache().status().counters().loads()).isEqualTo(1);
    assertThat(t.get(1)).isEqualTo("a");
    assertThat(t.cache().status().counters().hits()).isEqualTo(1);
  }

  @Test
  void whatIsOnItsWayIsCounted() {
    t.open(t.builder().maxBatchSize(2));
    t.put(1, "a");
    t.database.holdReplies();
    t.linger();
    t.put(2, "b");
    assertThat(t.cache().status().inFlight()).isEqualTo(1);
    assertThat(t.cache().status().pendingEntries()).isEqualTo(2);
    t.database.releaseReplies();
    t.environment.run();
    assertThat(t.cache().status().inFlight()).isZero();
    t.linger();
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void aLoadPastTheCacheShowsTheDatabaseAndCachesNothing() {
    t.foreign(1, "old", 5);
    t.open();
    t.put(1, "new");
    assertThat(t.environment.await(t.cache().loadAsync(key(1)))).isEqualTo(row("old"));
    assertThat(t.environment.await(t.cache().loadAsync(key(2)))).isNull();
    assertThat(t.get(1)).isEqualTo("new");
    assertThat(t.environment.await(t.cache().entryAsync(key(2))).loaded()).isTrue();
    assertThat(t.cache().status().counters().loads()).isEqualTo(3);
    t.linger();
    assertThat(t.environment.await(t.cache().loadAsync(key(1)))).isEqualTo(row("new"));
    t.database.setAway(true);
    CompletableFuture<Row> failed = t.cache().loadAsync(key(1));
    t.environment.run();
    assertThat(failed)
        .isCompletedExceptionally()
        .failsWithin(Duration.ZERO)
        .withThrowableThat()
        .withCauseInstanceOf(UnavailableException.class);
  }

  @Test
  void severalKeysAreLoadedWithOneStatement() {
    t.foreign(1, "a", 5);
    t.foreign(2, "b", 6);
    t.open();
    var values = t.cache().getAllAsync(List.of(key(1), key(2), key(3)));
    t.environment.run();
    assertThat(values.join()).containsOnlyKeys(key(1), key(2));
    assertThat(t.cache().status().counters().loads()).isEqualTo(1);
  }

  @Test
  void anAbsentRowIsRememberedForAShortTime() {
    t.open();
    assertThat(t.get(1)).isNull();
    assertThat(t.get(1)).isNull();
    assertThat(t.cache().status().counters().loads()).isEqualTo(1);
    t.environment.advance(Duration.ofSeconds(6));
    t.foreign(1, "a", 5);
    assertThat(t.get(1)).isEqualTo("a");
  }

  @Test
  void theTimeToLiveStartsAtSettling() {
    t.open(t.builder().ttl(Duration.ofSeconds(10)).linger(Duration.ofSeconds(8)));
    t.put(1, "a");
    t.environment.advance(Duration.ofSeconds(9));
    t.environment.advance(Duration.ofSeconds(6));
    assertThat(t.environment.await(t.cache().entryAsync(key(1))).loaded()).isFalse();
    t.environment.advance(Duration.ofSeconds(6));
    assertThat(t.environment.await(t.cache().entryAsync(key(1))).loaded()).isTrue();
  }

  @Test
  void aFailedLoadFailsItsReadersAndTheNextReadTriesAgain() {
    t.foreign(1, "a", 5);
    t.open();
    t.database.setAway(true);
    CompletableFuture<Row> failed = t.cache().getAsync(key(1));
    t.environment.run();
    assertThat(failed).isCompletedExceptionally();
    t.database.setAway(false);
    assertThat(t.get(1)).isEqualTo("a");
  }

  @Test
  void whatTheDatabaseHasWasForcedBeforeItWasWritten() {
    // v5 at DISK, v6 at MEMORY, v6 committed, power loss: v5 must not come back over v6.
    t.open();
    var five = t.write(1, "five", Durability.DISK);
    t.environment.run();
    assertThat(five).isCompleted();
    t.write(1, "six", Durability.MEMORY);
    t.store().holdSettle();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("six"));
    t.losePower(7);
    t.open();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("six"));
  }

  @Test
  void aLostSettlementRepeatsTheSameValueOnly() {
    t.open();
    t.put(1, "a");
    t.store().holdSettle();
    t.linger();
    int changes = t.database.log().size();
    assertThat(changes).isEqualTo(1);
    t.kill();
    t.open(t.builder().linger(Duration.ofHours(1)));
    assertThat(t.cache().status().pendingEntries()).isEqualTo(1);
    assertThat(t.environment.await(t.cache().flushAsync()).applied()).isEqualTo(1);
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(t.database.log()).hasSize(changes);
  }

  @Test
  void aVersionColumnAheadOfTheClockIsOvertaken() {
    long ahead = t.environment.wallMicros() + Duration.ofDays(400).toNanos() / 1_000;
    t.foreign(1, "future", ahead);
    t.open();
    t.put(1, "now");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("now"));
    assertThat(t.database.row(key(1)).version()).isGreaterThan(ahead);
  }

  @Test
  void aForeignNewerVersionParksTheEntryAndReadsShowTheDatabase() {
    t.open();
    t.put(1, "ours");
    long ahead = t.environment.wallMicros() + 1_000_000_000L;
    t.foreign(1, "theirs", ahead);
    t.linger();
    assertThat(t.cache().status().parked()).isEqualTo(1);
    assertThat(t.cache().status().health()).isEqualTo(Health.DEGRADED);
    assertThat(t.get(1)).isEqualTo("theirs");
    // The next write of the row gets a version above theirs and goes through.
    t.put(1, "next");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("next"));
    assertThat(t.cache().status().parked()).isZero();
  }

  @Test
  void aLostReplyIsAppliedOnceAndUnderANewEpoch() {
    t.open();
    t.put(1, "a");
    t.database.loseNextReply();
    t.linger();
    assertThat(t.cache().status().health()).isEqualTo(Health.DEGRADED);
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(t.cache().status().health()).isEqualTo(Health.UP);
    assertThat(t.database.log()).hasSize(1);
  }

  @Test
  void anOutageKeepsEverythingAndEndsByItself() {
    t.open();
    t.database.setAway(true);
    for (int i = 0; i < 20; i++) {
      t.put(i % 7, "v" + i);
      t.environment.advance(Duration.ofSeconds(1));
    }
    assertThat(t.cache().status().pendingEntries()).isEqualTo(7);
    assertThat(t.cache().status().parked()).isZero();
    assertThat(t.cache().status().reasons()).anyMatch(r -> r.contains("the database is away"));
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(t.cache().status().health()).isEqualTo(Health.UP);
  }

  @Test
  void aStoreThatLostItsLeaseStopsAcknowledging() {
    t.open();
    t.put(1, "a");
    // The same journal in a second process: it takes the leases over at once.
    var disk = t.disk.copy();
    var second =
        io.headpond.WriteBehindCache.builder(EngineFixture.TYPE)
            .name("t")
            .partitions(1)
            .store(io.headpond.journal.JournalStore.on(disk).segmentSize(1 << 16))
            .systemOfRecord(t.database)
            .environment(t.environment)
            .build();
    t.linger();
    assertThat(t.cache().status().health()).isEqualTo(Health.DOWN);
    assertThatThrownBy(() -> t.environment.await(t.cache().putAsync(key(2), row("b"))))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("lost its lease");
    second.close();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void aDatabaseThatWentBackStopsFlushing() {
    t.open();
    t.put(1, "a");
    t.linger();
    Runnable goBack = t.database.savePoint();
    t.environment.advance(Duration.ofSeconds(30));
    t.checker.begin(key(1), row("b")).unknown();
    t.cache().putAsync(key(1), row("b"), Durability.JOURNAL);
    t.linger();
    goBack.run();
    t.cache().putAsync(key(2), row("c"), Durability.JOURNAL);
    t.linger();
    assertThat(t.cache().status().health()).isEqualTo(Health.DEGRADED);
    assertThat(t.database.row(key(2))).isNull();
    assertThat(t.get(2)).isEqualTo("c");
    t.kill();
    assertThatThrownBy(t::open)
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("went back by 30 s");
  }

  @Test
  void anotherStoreOnTheTableIsRefusedUnlessItAdopts() {
    t.open();
    t.put(1, "a");
    t.linger();
    t.cache().close();
    t.disk = new SimulatedDisk();
    assertThatThrownBy(t::open)
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("belongs to store");
    t.disk = new SimulatedDisk();
    t.open(t.builder().adopt());
    t.put(1, "b");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
  }

  @Test
  void anOlderCopyOfTheJournalIsRefused() {
    t.open();
    t.put(1, "a");
    t.linger();
    SimulatedDisk copy = t.disk.copy();
    t.environment.advance(Duration.ofSeconds(1));
    t.put(1, "b");
    t.linger();
    t.cache().close();
    t.disk = copy;
    assertThatThrownBy(t::open)
        .isInstanceOf(ConfigurationException.class)
        .hasMessageMatching("(?s).*(older copy|went back).*");
  }

  @Test
  void atTheLimitAWriteIsRejected() {
    t.open(t.builder().maxPendingEntries(2).overload(Overload.reject()));
    t.database.setAway(true);
    t.put(1, "a");
    t.put(2, "b");
    assertThat(t.put(3, "c"))
        .isCompletedExceptionally()
        .failsWithin(Duration.ZERO)
        .withThrowableOfType(ExecutionException.class)
        .withCauseInstanceOf(OverloadedException.class);
    // A write to an entry that is pending already needs no room.
    assertThat(t.put(1, "a2")).isCompleted();
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(5));
    assertThat(t.database.rows()).hasSize(2);
  }

  @Test
  void atTheLimitAWriteWaitsForRoomInOrder() {
    t.open(t.builder().maxPendingEntries(1).overload(Overload.waitFor(Duration.ofSeconds(60))));
    t.database.setAway(true);
    t.put(1, "a");
    var second = t.put(2, "b");
    var third = t.put(2, "c");
    t.environment.advance(Duration.ofSeconds(10));
    assertThat(second).isNotDone();
    assertThat(t.cache().status().waitingWriters()).isEqualTo(2);
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(40));
    assertThat(second).isCompleted();
    assertThat(third).isCompleted();
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("c"));
    assertThat(t.cache().status().waitingWriters()).isZero();
  }

  @Test
  void aWriteThatWaitsTooLongIsOverloaded() {
    t.open(t.builder().maxPendingEntries(1).overload(Overload.waitFor(Duration.ofSeconds(2))));
    t.database.setAway(true);
    t.put(1, "a");
    var second = t.put(2, "b");
    t.environment.advance(Duration.ofSeconds(3));
    assertThat(second).isCompletedExceptionally();
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(t.database.row(key(2))).isNull();
  }

  @Test
  void aRefusedValueCanBePutRightWhileTheLimitIsReached() {
    t.open(t.builder().maxPendingEntries(1).overload(Overload.waitFor(Duration.ofSeconds(60))));
    t.database.refuse(
        m -> m instanceof io.headpond.spi.Mutation.Put put && put.row().equals(row("bad")));
    t.put(1, "bad");
    t.linger();
    var waiting = t.put(2, "b");
    t.environment.advance(Duration.ofSeconds(1));
    assertThat(waiting).isNotDone();
    assertThat(t.put(1, "good")).isCompleted();
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(waiting).isCompleted();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("good"));
    t.linger();
  }

  @Test
  void aDatabaseWriteIsInvisibleUntilItIsCommitted() {
    t.open();
    t.put(1, "a");
    t.linger();
    t.database.holdReplies();
    var write = t.write(1, "b", Durability.DATABASE);
    t.environment.run();
    assertThat(write).isNotDone();
    CompletableFuture<Entry<Row>> seen = t.cache().entryAsync(key(1));
    assertThat(seen.join().value()).isEqualTo(row("a"));
    t.database.releaseReplies();
    t.environment.run();
    assertThat(write).isCompleted();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
    assertThat(t.get(1)).isEqualTo("b");
    assertThat(t.environment.await(t.cache().entryAsync(key(1))).state())
        .isEqualTo(EntryState.CLEAN);
  }

  @Test
  void aDatabaseWriteWaitsForWhatItsKeyHasPending() {
    t.open();
    t.put(1, "a");
    var write = t.write(1, "b", Durability.DATABASE);
    t.environment.run();
    assertThat(write).isCompleted();
    assertThat(t.database.log()).hasSize(2);
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
  }

  @Test
  void aRefusedDatabaseWriteLeavesNothing() {
    t.open();
    t.put(1, "a");
    t.linger();
    t.database.refuse(
        m -> m instanceof io.headpond.spi.Mutation.Put put && put.row().equals(row("bad")));
    var write = t.write(1, "bad", Durability.DATABASE);
    t.environment.run();
    assertThatThrownBy(write::join)
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(RejectedException.class)
        .hasMessageContaining("refused on command");
    assertThat(t.get(1)).isEqualTo("a");
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(t.cache().status().health()).isEqualTo(Health.UP);
    t.put(1, "c");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("c"));
  }

  @Test
  void aDatabaseWriteInAnOutageIsTakenBackAtItsDeadline() {
    t.open();
    t.database.setAway(true);
    var write = t.write(1, "a", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(write::join).hasCauseInstanceOf(UnavailableException.class);
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(t.database.row(key(1))).isNull();
    assertThat(t.get(1)).isNull();
  }

  @Test
  void aDatabaseWriteUnderWayAtItsDeadlineHasAnUnknownOutcome() {
    t.open();
    t.database.holdReplies();
    var write = t.write(1, "a", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(write::join).hasCauseInstanceOf(OutcomeUnknownException.class);
    t.database.releaseReplies();
    t.environment.run();
    assertThat(t.get(1)).isEqualTo("a");
  }

  @Test
  void writesBehindAStagedOneFollowIt() {
    t.open();
    t.database.holdReplies();
    var through = t.write(1, "first", Durability.DATABASE);
    t.environment.run();
    t.put(1, "second");
    t.linger();
    t.database.releaseReplies();
    t.environment.run();
    assertThat(through).isCompleted();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("second"));
    assertThat(t.database.log()).hasSize(2);
  }

  @Test
  void settledCompletesWhenTheDatabaseHasTheVersionOrANewerOne() {
    t.open();
    Receipt first = t.put(1, "a").join();
    var settled = first.settled();
    assertThat(settled).isNotDone();
    t.put(1, "b");
    t.linger();
    assertThat(settled).isCompleted();
    assertThat(first.settled()).isCompleted();
  }

  @Test
  void settledFailsWhenTheEntryIsParked() {
    t.open();
    Receipt receipt = t.cache().putAsync(key(1), row("ours"), Durability.JOURNAL).join();
    var settled = receipt.settled();
    t.foreign(1, "theirs", receipt.version() + 1_000_000);
    t.linger();
    assertThatThrownBy(settled::join).hasCauseInstanceOf(RejectedException.class);
  }

  @Test
  void flushReportsAndDoesNotLinger() {
    t.open(t.builder().partitions(4).maxBatchSize(3).linger(Duration.ofHours(1)));
    for (int i = 0; i < 10; i++) {
      t.put(i, "v");
    }
    // A full batch goes by itself.
    t.environment.run();
    int before = t.database.rows().size();
    FlushReport report = t.environment.await(t.cache().flushAsync());
    assertThat(report.applied()).isEqualTo(10 - before);
    assertThat(report.remaining()).isZero();
    assertThat(report.error()).isNull();
    assertThat(t.database.rows()).hasSize(10);
  }

  @Test
  void flushWithABudgetTakesTheOldest() {
    t.open(t.builder().linger(Duration.ofHours(1)));
    for (int i = 0; i < 10; i++) {
      t.put(i, "v");
    }
    FlushReport report = t.environment.await(t.cache().flushAsync(4));
    assertThat(report.applied()).isEqualTo(4);
    assertThat(report.remaining()).isEqualTo(6);
    assertThat(t.database.rows()).containsOnlyKeys(key(0), key(1), key(2), key(3));
    t.environment.await(t.cache().flushAsync());
  }

  @Test
  void flushReturnsWhenTheDatabaseIsAway() {
    t.open();
    t.put(1, "a");
    t.database.setAway(true);
    var flush = t.cache().flushAsync();
    t.environment.run();
    assertThat(flush).isCompleted();
    assertThat(flush.join().error()).contains("away");
    assertThat(flush.join().remaining()).isEqualTo(1);
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(5));
  }

  @Test
  void flushEndsUnderConstantWrites() {
    t.open(t.builder().linger(Duration.ofHours(1)));
    t.put(1, "a");
    t.database.holdReplies();
    var flush = t.cache().flushAsync();
    t.environment.run();
    t.put(1, "b");
    t.put(2, "c");
    t.database.releaseReplies();
    t.environment.run();
    assertThat(flush).isCompleted();
    t.environment.await(t.cache().flushAsync());
  }

  @Test
  void drainTakesNoMoreWritesAndWritesWhatIsPending() {
    t.open();
    t.put(1, "a");
    var drain = t.cache().drainAsync(Duration.ofSeconds(10));
    assertThat(t.put(2, "b")).isCompletedExceptionally();
    t.environment.run();
    assertThat(drain.join().applied()).isEqualTo(1);
    assertThat(drain.join().remaining()).isZero();
  }

  @Test
  void drainGivesUpAtItsDeadlineAndSaysWhatRemains() {
    t.open();
    t.put(1, "a");
    t.database.setAway(true);
    var drain = t.cache().drainAsync(Duration.ofSeconds(10));
    t.environment.advance(Duration.ofSeconds(11));
    assertThat(drain.join().remaining()).isEqualTo(1);
    assertThat(drain.join().error()).contains("away");
    t.kill();
    t.database.setAway(false);
    t.open();
    t.linger();
  }

  @Test
  void closeFlushesAndWhatIsLeftIsThereAtTheNextStart() {
    t.open();
    t.write(1, "a", Durability.MEMORY);
    t.database.setAway(true);
    t.cache().close();
    t.database.setAway(false);
    t.open();
    assertThat(t.get(1)).isEqualTo("a");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void acknowledgedAtJournalSurvivesTheDeathOfTheProcess() {
    t.open();
    t.put(1, "a");
    t.remove(2);
    t.put(3, "c");
    t.kill();
    t.open();
    assertThat(t.cache().status().pendingEntries()).isEqualTo(3);
    assertThat(t.get(1)).isEqualTo("a");
    t.linger();
    assertThat(t.database.rows()).containsOnlyKeys(key(1), key(3));
  }

  @Test
  void acknowledgedAtDiskSurvivesTheLossOfPower() {
    t.open();
    var write = t.write(1, "a", Durability.DISK);
    assertThat(write).isNotDone();
    t.environment.run();
    assertThat(write).isCompleted();
    t.losePower(3);
    t.open();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void theFrontierSaysHowCurrentTheDatabaseIs() {
    t.open();
    long before = t.environment.wallMicros();
    t.put(1, "a");
    t.environment.advance(Duration.ofMillis(50));
    t.database.holdReplies();
    t.environment.advance(Duration.ofMillis(60));
    t.put(2, "b");
    long second = t.environment.wallMicros();
    t.database.releaseReplies();
    t.environment.run();
    assertThat(t.database.frontier(0)).isGreaterThan(before).isLessThanOrEqualTo(second);
    t.linger();
    t.environment.advance(Duration.ofMinutes(1));
    // Idle, the renewal of the lease moves it.
    assertThat(t.database.frontier(0)).isGreaterThan(t.environment.wallMicros() - 11_000_000L);
  }

  @Test
  void aLevelThatTheStoreCannotKeepIsRefused() {
    t.open();
    assertThat(t.write(1, "a", Durability.REPLICAS))
        .isCompletedExceptionally()
        .failsWithin(Duration.ZERO)
        .withThrowableOfType(ExecutionException.class)
        .withCauseInstanceOf(UnsupportedDurabilityException.class);
  }

  @Test
  void whatIsPendingIsListedByPrefixAndPage() {
    t.open();
    for (long id : new long[] {1, 12, 13, 2, 14}) {
      t.put(id, "v");
    }
    var first = t.environment.await(t.cache().pendingAsync("1", null, 3));
    assertThat(first.entries()).extracting("key").containsExactly("1", "12", "13");
    var next = t.environment.await(t.cache().pendingAsync("1", first.next(), 3));
    assertThat(next.entries()).extracting("key").containsExactly("14");
    assertThat(next.next()).isNull();
    t.linger();
  }

  @Test
  void aDatabaseWriteWhoseDeadlinePassesDuringTheTakeIsNotSaidToHaveFailed() {
    t.open();
    t.store().holdTake();
    var write = t.write(1, "a", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    t.store().release();
    t.environment.run();
    assertThatThrownBy(write::join).hasCauseInstanceOf(OutcomeUnknownException.class);
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void aDatabaseWriteWhoseDeadlinePassesDuringTheSettlementIsNotSaidToHaveFailed() {
    t.open();
    t.store().holdSettle();
    var write = t.write(1, "a", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(write::join).hasCauseInstanceOf(OutcomeUnknownException.class);
    t.store().release();
    t.environment.run();
    assertThat(t.get(1)).isEqualTo("a");
  }

  @Test
  void aDatabaseWriteFailsAtOnceWhenFlushingHasStopped() {
    t.open();
    t.put(1, "a");
    t.linger();
    Runnable goBack = t.database.savePoint();
    t.checker.begin(key(1), row("b")).unknown();
    t.cache().putAsync(key(1), row("b"), Durability.JOURNAL);
    t.linger();
    goBack.run();
    t.cache().putAsync(key(2), row("c"), Durability.JOURNAL);
    var before = t.write(3, "d", Durability.DATABASE);
    t.linger();
    var after = t.write(4, "e", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(before).isCompletedExceptionally();
    assertThatThrownBy(after::join)
        .hasCauseInstanceOf(UnavailableException.class)
        .hasMessageContaining("lost batch");
  }

  @Test
  void databaseWritesDoNotStarveTheOthers() {
    t.open();
    t.put(1, "a");
    for (int i = 10; i < 20; i++) {
      t.write(i, "through", Durability.DATABASE);
    }
    var flush = t.cache().flushAsync();
    int steps = 0;
    while (t.database.row(key(1)) == null) {
      assertThat(t.environment.step()).isTrue();
      // There are always more of them.
      if (++steps % 20 == 0) {
        t.write(100 + steps, "through", Durability.DATABASE);
      }
      assertThat(steps).isLessThan(1_000);
    }
    t.environment.run();
    assertThat(flush).isCompleted();
  }

  @Test
  void databaseWritesOfOneKeyKeepTheirOrder() {
    t.open();
    t.put(1, "pending");
    var first = t.write(1, "first", Durability.DATABASE);
    var second = t.write(1, "second", Durability.DATABASE);
    var third = t.write(1, "third", Durability.DATABASE);
    t.environment.run();
    assertThat(first.join().version()).isLessThan(second.join().version());
    assertThat(second.join().version()).isLessThan(third.join().version());
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("third"));
  }

  @Test
  void aDatabaseWriteSupersedesALetter() {
    t.open();
    t.put(1, "ours");
    t.foreign(1, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    t.linger();
    assertThat(t.cache().status().parked()).isEqualTo(1);
    var write = t.write(1, "through", Durability.DATABASE);
    t.environment.run();
    assertThat(write).isCompleted();
    assertThat(t.cache().status().parked()).isZero();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("through"));
  }

  @Test
  void aRefusedDatabaseWriteMakesRoom() {
    t.open(t.builder().maxPendingEntries(1).overload(Overload.waitFor(Duration.ofSeconds(5))));
    t.database.refuse(m -> m.key().equals(key(1)));
    t.database.holdReplies();
    var bad = t.write(1, "bad", Durability.DATABASE);
    t.environment.run();
    var waiting = t.put(2, "b");
    t.environment.run();
    assertThat(waiting).isNotDone();
    t.database.releaseReplies();
    t.environment.run();
    assertThat(bad).isCompletedExceptionally();
    assertThat(waiting).isCompleted();
    t.linger();
  }

  @Test
  void aRefusedDatabaseWriteDoesNotEndAFlush() {
    t.open(t.builder().linger(Duration.ofHours(1)));
    t.put(2, "b");
    t.database.refuse(m -> m.key().equals(key(1)));
    t.write(1, "bad", Durability.DATABASE);
    var flush = t.cache().flushAsync();
    t.environment.run();
    assertThat(flush.join().applied()).isEqualTo(1);
    assertThat(flush.join().error()).isNull();
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("b"));
  }

  @Test
  void settledFailsAlsoWhenItIsAskedAfterTheConflict() {
    t.open();
    Receipt receipt = t.put(1, "ours").join();
    t.foreign(1, "theirs", receipt.version() + 1_000_000);
    t.linger();
    var settled = receipt.settled();
    t.environment.run();
    assertThatThrownBy(settled::join).hasCauseInstanceOf(RejectedException.class);
  }

  @Test
  void adoptingEndsARefusalBecauseTheDatabaseWentBack() {
    t.open();
    t.put(1, "a");
    t.linger();
    Runnable goBack = t.database.savePoint();
    t.environment.advance(Duration.ofSeconds(30));
    t.cache().close();
    goBack.run();
    assertThatThrownBy(t::open).hasMessageContaining("went back");
    t.open(t.builder().adopt()).cache().close();
    t.open();
    t.put(1, "b");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
  }

  @Test
  void aFirstStartThatDiedHalfwayIsNoOlderCopy() {
    t.foreign(1, "old", 5);
    // The table was tied to the store, then the process died before a partition was opened.
    var record = t.database.connect("t", EngineFixture.TYPE);
    var settings =
        new io.headpond.spi.HotStoreFactory.Settings(
            "t", EngineFixture.TYPE, 1, 100, 1 << 20, 100, Duration.ZERO, t.environment);
    var half = io.headpond.journal.JournalStore.on(t.disk).segmentSize(1 << 16).open(settings);
    t.environment.await(record.bind(half.id(), 1, false));
    t.kill();
    t.open();
    t.put(1, "new");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("new"));
  }

  @Test
  void aClockThatIsAheadInOnePartitionDoesNotHurryTheOthers() {
    t.open(t.builder().partitions(8));
    long far = t.environment.wallMicros() + Duration.ofDays(1).toNanos() / 1_000;
    t.foreign(1, "ahead", far);
    assertThat(t.get(1)).isEqualTo("ahead");
    for (int i = 2; i < 40; i++) {
      t.put(i, "v");
    }
    t.environment.advance(Duration.ofMillis(50));
    assertThat(t.database.rows()).hasSize(1);
    assertThat(t.cache().status().lag()).isLessThan(Duration.ofSeconds(1));
    t.linger();
    assertThat(t.database.rows()).hasSize(39);
  }

  @Test
  void afterAnOutageOnePartitionWakesTheOthers() {
    t.open(t.builder().partitions(8).retryDelay(Duration.ofSeconds(30)));
    t.database.setAway(true);
    for (int i = 0; i < 40; i++) {
      t.put(i, "v");
    }
    t.environment.advance(Duration.ofMinutes(5));
    t.database.setAway(false);
    var one = t.cache().flushAsync(1);
    t.environment.run();
    assertThat(one.join().applied()).isPositive();
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void drainTriesAtOnceAlsoInTheMiddleOfALongPause() {
    t.open(t.builder().retryDelay(Duration.ofSeconds(30)));
    t.database.setAway(true);
    t.put(1, "a");
    t.environment.advance(Duration.ofMinutes(2));
    t.database.setAway(false);
    var drain = t.cache().drainAsync(Duration.ofSeconds(5));
    t.environment.run();
    assertThat(drain.join().remaining()).isZero();
  }

  @Test
  void aSecondDrainWaitsForItself() {
    t.open();
    t.database.setAway(true);
    t.put(1, "a");
    var brief = t.cache().drainAsync(Duration.ofSeconds(1));
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(brief.join().remaining()).isEqualTo(1);
    var patient = t.cache().drainAsync(Duration.ofMinutes(1));
    t.environment.advance(Duration.ofSeconds(5));
    assertThat(patient).isNotDone();
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(5));
    assertThat(patient.join().remaining()).isZero();
  }

  @Test
  void afterTheCloseEverythingFailsClearly() {
    t.open();
    t.cache().close();
    for (CompletableFuture<?> future :
        List.of(
            t.cache().putAsync(key(1), row("a")),
            t.cache().putAsync(key(1), row("a"), Durability.DATABASE),
            t.cache().removeAsync(key(1)),
            t.cache().getAsync(key(1)),
            t.cache().flushAsync(),
            t.cache().flushAsync(1),
            t.cache().pendingAsync("", null, 1))) {
      assertThat(future).isCompletedExceptionally();
      assertThatThrownBy(future::join).hasCauseInstanceOf(UnavailableException.class);
    }
    t.cache().close();
  }

  @Test
  void closeOnAnInterruptedThreadStillClosesEverything() {
    t.open();
    t.write(1, "a", Durability.MEMORY);
    Thread.currentThread().interrupt();
    t.cache().close();
    assertThat(Thread.interrupted()).isTrue();
    // The lock is free and what was in memory is in the journal.
    t.open();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void theLeaseIsRenewedWhileAnEntryLingers() {
    t.open(t.builder().linger(Duration.ofHours(1)));
    long since = t.put(1, "a").join().version();
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.row(key(1))).isNull();
    assertThat(t.database.frontier(0)).isPositive().isLessThanOrEqualTo(since);
    t.environment.await(t.cache().flushAsync());
  }

  @Test
  void closeAfterADrainDoesNotWaitOnceMore() {
    t.open();
    t.database.setAway(true);
    t.put(1, "a");
    t.environment.await(t.cache().drainAsync(Duration.ofSeconds(1)));
    long before = t.environment.nanos();
    t.cache().close();
    assertThat(t.environment.nanos() - before).isLessThan(Duration.ofSeconds(6).toNanos());
    t.database.setAway(false);
    t.open();
    t.linger();
  }

  @Test
  void aDatabaseWriteIsAnsweredAlsoWhenFlushingStopsDuringTheTake() {
    t.open(t.builder().partitions(2));
    Runnable goBack = t.database.savePoint();
    t.store().holdTake();
    var write = t.write(1, "a", Durability.DATABASE);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(write).isNotDone();
    goBack.run();
    // The other partition notices when it renews its lease.
    t.environment.advance(Duration.ofSeconds(11));
    assertThat(t.cache().status().reasons()).anyMatch(r -> r.contains("lost batch"));
    assertThat(write).isCompletedExceptionally();
    assertThatThrownBy(write::join).hasCauseInstanceOf(UnavailableException.class);
  }

  @Test
  void aFillThatArrivesAfterANewerWriteIsRefused() {
    t.foreign(1, "old", 5);
    t.open(t.builder().cacheSize(0));
    t.store().holdFill();
    CompletableFuture<Row> reader = t.cache().getAsync(key(1));
    t.environment.run();
    t.put(1, "new");
    t.linger();
    t.store().release();
    t.environment.run();
    assertThat(reader).isCompletedWithValue(row("new"));
  }

  @Test
  void aBatchThatDidNotArriveIsTakenAnewWithWhatCoalescedSince() {
    t.open();
    t.put(1, "a");
    t.database.loseNextRequest();
    t.linger();
    t.put(1, "b");
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));
    assertThat(t.database.log()).hasSize(1);
  }
}
