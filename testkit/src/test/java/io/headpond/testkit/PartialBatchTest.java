package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheStatus;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.FlushReport;
import io.headpond.PendingEntry;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A batch is committed without the rows that the database does not take: what is there is settled, and nothing else is. */
@Timeout(60)
class PartialBatchTest {
  private static final Duration DELAY = Duration.ofSeconds(1);
  private static final Duration RETRY = Duration.ofSeconds(2);
  private static final DatabaseError LOCKED =
      new DatabaseError(ErrorClass.LOCKED, "55P03", "canceling statement due to lock timeout");

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private void open() {
    t.open(t.builder().maxRetries(0).retryDelay(DELAY));
  }

  private void refuse(long... ids) {
    t.database.refuse(
        mutation -> Arrays.stream(ids).anyMatch(id -> mutation.key().equals(key(id))));
  }

  private void lock(long... ids) {
    t.database.delayWith(
        mutation ->
            Arrays.stream(ids).anyMatch(id -> mutation.key().equals(key(id))) ? LOCKED : null);
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  private PendingEntry pending() {
    return t.environment.await(t.cache().pendingAsync("", null, 1)).entries().get(0);
  }

  private CompletableFuture<Receipt> through(long id) {
    return t.write(id, "v" + id, Durability.DATABASE);
  }

  private List<CompletableFuture<Receipt>> asOneBatch(long... ids) {
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes = Arrays.stream(ids).mapToObj(this::through).toList();
    t.environment.run();
    t.store().release();
    t.environment.run();
    return writes;
  }

  @Test
  void aLockedRowIsDeferredWithoutBeingCountedAndItsNeighboursArrive() {
    open();
    lock(1);
    t.put(1, "locked");
    t.put(2, "good");
    t.linger();
    assertThat(t.database.rows()).containsOnlyKeys(key(2));
    assertThat(pending())
        .returns(0, PendingEntry::attempts)
        .returns(LOCKED, PendingEntry::error)
        .doesNotReturn(null, PendingEntry::due);
    t.environment.advance(Duration.ofHours(1));
    assertThat(status()).returns(1, CacheStatus::deferred).returns(0, CacheStatus::parked);
    assertThat(status().counters().rejected()).isZero();
    lock();
    t.environment.advance(Duration.ofSeconds(30));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("locked"));
    assertThat(status().health()).isEqualTo(CacheStatus.Health.UP);
  }

  /** About as long as it has been failing, so that pauses double; 30 s at most. */
  @Test
  void whatIsNotCountedIsTriedLessAndLessOften() {
    open();
    lock(1);
    t.put(1, "locked");
    t.linger();
    t.environment.advance(Duration.ofMinutes(1));
    int first = t.database.batches().size();
    assertThat(first).isBetween(5, 14);
    t.environment.advance(Duration.ofMinutes(10));
    assertThat(t.database.batches().size() - first).isBetween(20, 40);
    lock();
    t.environment.advance(Duration.ofSeconds(30));
    assertThat(status().pendingEntries()).isZero();
  }

  @Test
  void aTryThatIsNotCountedLeavesTheAttemptsAsTheyWere() {
    t.open(t.builder().maxRetries(3).retryDelay(DELAY));
    refuse(1);
    t.put(1, "bad");
    t.linger();
    assertThat(pending().attempts()).isEqualTo(1);
    refuse();
    lock(1);
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(pending().attempts()).isEqualTo(1);
    assertThat(status().counters().rejected()).isEqualTo(1);
  }

  @Test
  void aFlushTellsOfThemAndDoesNotWaitForThem() {
    open();
    lock(1, 2);
    refuse(3);
    for (int i = 0; i < 10; i++) {
      t.put(i, "v");
    }
    var flush = t.cache().flushAsync();
    t.environment.run();
    assertThat(done(flush))
        .returns(7, FlushReport::applied)
        .returns(2, FlushReport::retried)
        .returns(1, FlushReport::rejected)
        .returns("refused on command", FlushReport::error);
    assertThat(t.database.batches()).hasSize(1);
  }

  @Test
  void theFrontierOfABatchThatIsNotWholeIsNotRemembered() {
    open();
    t.put(1, "first");
    t.linger();
    long frontier = t.database.frontier(0);
    lock(1);
    t.put(1, "locked");
    t.put(2, "good");
    t.linger();
    assertThat(t.database.frontier(0)).isEqualTo(frontier);
    assertThat(t.store().frontier(0)).isEqualTo(frontier);
    t.kill();
    open();
    assertThat(status().deferred()).isEqualTo(1);
  }

  @Test
  void whatACommittedBatchLeftOutIsFoundOutThoughItsReplyWasLost() {
    open();
    lock(2);
    t.put(1, "a");
    t.put(2, "b");
    t.put(3, "c");
    t.database.loseNextReply();
    t.linger();
    assertThat(t.database.rows()).containsOnlyKeys(key(1), key(3));
    // The first is there, whatever the second try says of it; the second never was.
    refuse(1);
    t.environment.advance(RETRY);
    assertThat(status()).returns(0, CacheStatus::parked).returns(1, CacheStatus::pendingEntries);
    assertThat(pending()).returns("2", PendingEntry::key).returns(LOCKED, PendingEntry::error);
    assertThat(status().counters().rejected()).isZero();
    lock();
    t.environment.advance(RETRY);
    assertThat(status().pendingEntries()).isZero();
    assertThat(t.database.rows()).hasSize(3);
  }

  @Test
  void theFrontierIsNotRememberedEitherWhereBothTriesTogetherAreWhole() {
    open();
    t.put(1, "first");
    t.linger();
    long frontier = t.database.frontier(0);
    lock(2);
    t.put(1, "a");
    t.put(2, "b");
    t.database.loseNextReply();
    t.linger();
    lock();
    refuse(1);
    t.database.holdReplies();
    t.environment.advance(RETRY);
    while (t.database.rows().size() < 2 || status().pendingEntries() > 0) {
      List<Runnable> replies = t.database.detachHeld();
      t.database.holdReplies();
      replies.forEach(Runnable::run);
      t.environment.run();
    }
    t.database.detachHeld();
    assertThat(t.database.frontier(0)).isEqualTo(frontier);
    t.kill();
    refuse();
    open();
    assertThat(status().health()).isEqualTo(CacheStatus.Health.UP);
  }

  @Test
  void aRowThatIsRefusedBothTimesIsCountedOnce() {
    t.open(t.builder().maxRetries(3).retryDelay(DELAY));
    refuse(2);
    t.put(1, "a");
    t.put(2, "bad");
    t.database.loseNextReply();
    t.linger();
    t.environment.await(t.cache().flushAsync());
    assertThat(pending()).returns("2", PendingEntry::key).returns(1, PendingEntry::attempts);
    assertThat(status().pendingEntries()).isEqualTo(1);
  }

  @Test
  void aRemovalThatWasCommittedIsNotRefusedAndOneThatWasNotIs() {
    open();
    t.put(1, "a");
    t.put(2, "b");
    t.linger();
    lock(2);
    t.remove(1);
    t.remove(2);
    t.database.loseNextReply();
    t.linger();
    lock();
    refuse(1, 2);
    t.environment.advance(RETRY);
    assertThat(t.database.rows()).containsOnlyKeys(key(2));
    assertThat(status()).returns(1, CacheStatus::parked).returns(0, CacheStatus::pendingEntries);
    assertThat(pending().key()).isEqualTo("2");
    assertThat(t.get(2)).isNull();
  }

  @Test
  void aNewerWriteIsNotLostWhenTheOlderOneWasLeftOut() {
    open();
    lock(1);
    t.put(1, "old");
    t.put(2, "b");
    t.database.loseNextReply();
    t.linger();
    t.put(1, "new");
    t.put(2, "newer");
    t.environment.advance(RETRY);
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("newer"));
    assertThat(status().deferred()).isEqualTo(1);
    lock();
    t.environment.advance(RETRY);
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("new"));
    assertThat(t.database.log()).as("the old value was never written").hasSize(3);
  }

  @Test
  void aStagedWriteIsTriedAgainWhileItsCallerWaits() {
    open();
    lock(2);
    List<CompletableFuture<Receipt>> writes = asOneBatch(1, 2, 3);
    assertThat(writes.get(0)).isCompleted();
    assertThat(writes.get(1)).isNotDone();
    assertThat(writes.get(2)).isCompleted();
    t.environment.advance(Duration.ofSeconds(10));
    assertThat(writes.get(1)).isNotDone();
    assertThat(t.get(2)).isNull();
    lock();
    t.environment.advance(Duration.ofSeconds(10));
    assertThat(writes.get(1)).isCompleted();
    assertThat(done(writes.get(1)).version()).isEqualTo(t.database.row(key(2)).version());
  }

  @Test
  void aStagedWriteThatIsNeverTakenIsSurelyNotDone() {
    open();
    lock(1);
    var write = through(1);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(() -> done(write))
        .hasCauseInstanceOf(UnavailableException.class)
        .hasMessageContaining("lock timeout");
    int tries = t.database.batches().size();
    assertThat(tries).isBetween(4, 40);
    lock();
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).isEmpty();
    assertThat(t.database.batches()).hasSize(tries);
    assertThat(status().pendingEntries()).isZero();
  }

  @Test
  void aWriteOfTheSameKeyIsNotHeldUpByAStagedOneThatIsTriedAgain() {
    open();
    lock(1);
    var staged = through(1);
    t.environment.run();
    var write = t.put(1, "other");
    t.environment.run();
    assertThat(write).isCompleted();
    assertThat(t.get(1)).isEqualTo("other");
    lock();
    t.environment.advance(Duration.ofSeconds(10));
    assertThat(staged).isCompleted();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("v1"));
    assertThat(done(staged).version()).isGreaterThan(done(write).version());
  }

  @Test
  void ofStagedWritesWhoseReplyWasLostEachHasItsOwnAnswer() {
    open();
    refuse(2);
    lock(3);
    t.database.loseNextReply();
    List<CompletableFuture<Receipt>> writes = asOneBatch(1, 2, 3);
    assertThat(writes).noneMatch(CompletableFuture::isDone);
    refuse(1, 2);
    t.environment.advance(RETRY);
    assertThat(writes.get(0)).isCompleted();
    assertThat(writes.get(0)).isNotCompletedExceptionally();
    assertThatThrownBy(() -> done(writes.get(1))).hasCauseInstanceOf(RejectedException.class);
    assertThat(writes.get(2)).isNotDone();
    lock();
    t.environment.advance(Duration.ofSeconds(10));
    assertThat(writes.get(2)).isCompleted();
    Set<Object> there = new HashSet<>(t.database.rows().keySet());
    assertThat(there).containsExactlyInAnyOrder(key(1), key(3));
  }

  @Test
  void whatWasNotLookedAtIsTriedAgainAtOnceAndNotDeferred() {
    t.open(t.builder().maxRetries(0).linger(Duration.ofHours(1)));
    t.database.lookAtMost(100);
    t.database.refuse(mutation -> mutation.version() % 2 == 0);
    for (int i = 0; i < 1_000; i++) {
      t.put(i, "v");
    }
    var flush = t.cache().flushAsync();
    t.environment.run();
    assertThat(done(flush))
        .returns(500, FlushReport::applied)
        .returns(500, FlushReport::rejected)
        .returns(0, FlushReport::retried);
    assertThat(status()).returns(500, CacheStatus::parked).returns(0, CacheStatus::pendingEntries);
    assertThat(t.database.batches().size()).isBetween(10, 12);
  }

  @Test
  void noMoreAreStagedWritesThatWereNotLookedAt() {
    open();
    t.database.lookAtMost(2);
    refuse(1);
    List<CompletableFuture<Receipt>> writes = asOneBatch(1, 2, 3, 4);
    assertThatThrownBy(() -> done(writes.get(0))).hasCauseInstanceOf(RejectedException.class);
    assertThat(writes.subList(1, 4))
        .allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
  }

  @Test
  void aBatchOfWhichNothingIsLookedAtIsAnOutage() {
    open();
    refuse(1);
    t.database.lookAtMost(0);
    t.put(1, "a");
    t.put(2, "b");
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.batches()).hasSizeLessThan(40);
    assertThat(status()).returns(0, CacheStatus::parked).returns(0, CacheStatus::deferred);
    assertThat(status().reasons()).anyMatch(r -> r.contains("not looked at"));
    t.database.lookAtMost(10);
    refuse();
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(t.database.rows()).hasSize(2);
  }

  /** The second try is not whole, however much of the batch the rows show to be there: the database's frontier has not moved. */
  @Test
  void theStoresFrontierIsNeverAheadOfTheDatabasesAfterALostReply() {
    open();
    t.put(9, "first");
    t.linger();
    lock(2);
    t.put(1, "a");
    t.put(2, "b");
    t.database.loseNextReply();
    t.linger();
    t.foreign(2, "foreign", t.environment.wallMicros() + 1_000_000);
    t.database.failNextBatch();
    t.environment.advance(RETRY);
    assertThat(t.store().frontier(0)).isLessThanOrEqualTo(t.database.frontier(0));
    t.kill();
    open();
    assertThat(status().reasons()).singleElement().asString().contains("not ours");
  }

  @Test
  void norIsItAfterARemovalThatWasLeftOutAndIsThere() {
    open();
    t.foreign(2, "theirs", 5);
    t.put(9, "first");
    t.linger();
    lock(2);
    t.put(1, "a");
    t.remove(2);
    t.database.loseNextReply();
    t.linger();
    // Whoever held the row's lock has removed it; the second try costs the connection.
    t.database.removeRow(key(2));
    t.database.failNextBatch();
    for (int i = 0; i < 1_000 && status().pendingEntries() > 0; i++) {
      t.environment.advance(Duration.ofMillis(10));
    }
    assertThat(status().pendingEntries()).isZero();
    assertThat(t.store().frontier(0)).isLessThanOrEqualTo(t.database.frontier(0));
    // A later unknown outcome finds the frontier that it knows of.
    t.database.loseNextCommit();
    t.put(5, "x");
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(status().reasons()).isEmpty();
    assertThat(t.database.row(key(5)).value()).isEqualTo(row("x"));
  }

  /** A batch that is not whole moves no frontier, and the next renewal must not be put off by it. */
  @Test
  void theFrontierMovesThoughEachBatchHasARefusedRow() {
    for (Durability durability : new Durability[] {Durability.JOURNAL, Durability.DATABASE}) {
      EngineFixture f = new EngineFixture();
      f.open(f.builder().maxRetries(0));
      f.database.refuse(
          mutation -> mutation instanceof Mutation.Put p && p.row().equals(row("bad")));
      for (int i = 0; i < 200; i++) {
        f.write(2L * i, "good", durability);
        f.write(2L * i + 1, "bad", durability);
        f.environment.advance(Duration.ofMillis(300));
      }
      long behind = f.environment.wallMicros() - f.database.frontier(0);
      assertThat(behind).as("at " + durability).isLessThan(11_000_000);
      assertThat(f.store().frontier(0)).isEqualTo(f.database.frontier(0));
      assertThat(f.violationsWithPending()).isEmpty();
    }
  }

  /** Nothing of the batch is committed, so whatever fails afterwards nothing of it is unknown. */
  @Test
  void aStagedWriteThatWasNotLookedAtIsSurelyNotDoneThoughTheEngineFailsBehindTheAnswer() {
    for (int n = 1; n <= 8; n++) {
      EngineFixture f = new EngineFixture(n);
      f.open(f.builder().retryDelay(DELAY));
      f.database.lookAtMost(0);
      f.database.holdReplies();
      var write = f.write(1, "v", Durability.DATABASE);
      f.environment.run();
      assertThat(f.database.batches()).hasSize(1);
      f.store().throwAt(n, new StackOverflowError());
      f.database.releaseReplies();
      f.environment.run();
      f.database.setAway(true);
      f.environment.advance(Duration.ofSeconds(31));
      assertThatThrownBy(() -> done(write))
          .as("step " + n)
          .hasCauseInstanceOf(UnavailableException.class);
      f.database.setAway(false);
      f.database.lookAtMost(10);
      f.environment.advance(Duration.ofMinutes(1));
      assertThat(f.database.rows()).isEmpty();
    }
  }
}
