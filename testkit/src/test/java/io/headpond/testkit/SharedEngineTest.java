package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static io.headpond.testkit.SharedFixture.LEASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheStatus.Health;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.FlushReport;
import io.headpond.OutcomeUnknownException;
import io.headpond.Overload;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.testkit.SharedFixture.Node;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What holds where several processes share the hot store: receipts, answers and flushes across processes, and a store that forgets or does not answer. */
@Timeout(60)
class SharedEngineTest {
  private final SharedFixture t = new SharedFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violations()).isEmpty();
  }

  private static Throwable failure(CompletableFuture<?> future) {
    assertThat(future).isDone();
    try {
      future.get();
      throw new AssertionError("no failure");
    } catch (ExecutionException e) {
      return e.getCause();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  // receipts and answers of other processes (hazard 47)

  @Test
  void aReceiptOfAProcessThatDoesNotFlushCompletesWhenAWorkerHasSettled() {
    t.worker("worker");
    Node api = t.api("api");
    CompletableFuture<Void> settled = t.environment.await(api.put(1, "a")).settled();
    t.environment.run();
    assertThat(settled).isNotDone();
    t.linger();
    assertThat(settled).isCompleted();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void aReceiptCompletesAlsoIfNoSignalArrives() {
    t.worker("worker");
    Node api = t.api("api");
    t.model.setLoseSignals(true);
    CompletableFuture<Void> settled = t.environment.await(api.put(1, "a")).settled();
    t.pass(Duration.ofSeconds(4));
    assertThat(settled).isCompleted();
  }

  @Test
  void aReceiptFailsIfAWorkerHasParkedTheEntry() {
    t.open("worker", builder -> builder.maxRetries(0));
    Node api = t.api("api");
    t.database.refuse(mutation -> true);
    CompletableFuture<Void> heard = t.environment.await(api.put(1, "a")).settled();
    t.linger();
    assertThat(failure(heard)).isInstanceOf(RejectedException.class);
    t.model.setLoseSignals(true);
    CompletableFuture<Void> unheard = t.environment.await(api.put(2, "b")).settled();
    t.pass(Duration.ofSeconds(4));
    assertThat(failure(unheard)).isInstanceOf(RejectedException.class);
  }

  @Test
  void signalsThatComeLateAndTwiceDoNoHarm() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    t.model.setDoubleSignals(true);
    t.model.setSignalDelay(Duration.ofMillis(700));
    for (int i = 0; i < 5; i++) {
      CompletableFuture<Void> settled = t.environment.await(api.put(1, "a" + i)).settled();
      t.environment.await(worker.put(1, "b" + i));
      t.pass(Duration.ofSeconds(3));
      assertThat(settled).isCompleted();
    }
    assertThat(api.get(1)).isEqualTo("b4");
  }

  @Test
  void aWriteAtDatabaseOfAProcessThatDoesNotFlushIsAnsweredByTheWorker() {
    t.worker("worker");
    Node api = t.api("api");
    CompletableFuture<Receipt> put = api.put(1, "a", Durability.DATABASE);
    t.environment.run();
    assertThat(put).isCompleted();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(api.get(1)).isEqualTo("a");
    t.database.refuse(mutation -> true);
    CompletableFuture<Receipt> refused = api.put(1, "b", Durability.DATABASE);
    t.environment.run();
    assertThat(failure(refused)).isInstanceOf(RejectedException.class);
    assertThat(api.get(1)).isEqualTo("a");
  }

  @Test
  void aWriteAtDatabaseWaitsForWhatIsPendingOfItsKey() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    worker.put(1, "pending");
    t.environment.run();
    CompletableFuture<Receipt> put = api.put(1, "through", Durability.DATABASE);
    t.pass(Duration.ofSeconds(3));
    assertThat(put).isCompleted();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("through"));
  }

  @Test
  void aWriteAtDatabaseIsFoundToBeDoneAlsoIfNoSignalArrives() {
    t.worker("worker");
    Node api = t.api("api");
    t.model.setLoseSignals(true);
    CompletableFuture<Receipt> put = api.put(1, "a", Durability.DATABASE);
    CompletableFuture<Receipt> remove = api.put(2, null, Durability.DATABASE);
    t.pass(Duration.ofSeconds(5));
    assertThat(put).isCompleted();
    assertThat(remove).isCompleted();
  }

  @Test
  void aRefusalThatNobodyHearsOfIsAnUnknownOutcome() {
    t.worker("worker");
    Node api = t.api("api");
    t.database.refuse(mutation -> true);
    t.model.setLoseSignals(true);
    CompletableFuture<Receipt> put = api.put(1, "a", Durability.DATABASE);
    t.pass(Duration.ofSeconds(31));
    assertThat(failure(put)).isInstanceOf(OutcomeUnknownException.class);
  }

  @Test
  void aWriteAtDatabaseThatNobodyTakesIsTakenBackAndSurelyNotDone() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    worker.kill();
    CompletableFuture<Receipt> put = api.put(1, "a", Durability.DATABASE);
    t.pass(Duration.ofSeconds(31));
    assertThat(failure(put)).isExactlyInstanceOf(UnavailableException.class);
    t.worker("next");
    t.pass(LEASE.multipliedBy(2));
    assertThat(t.database.rows()).isEmpty();
  }

  @Test
  void aWriteAtDatabaseThatIsUnderWayAtItsDeadlineIsAnUnknownOutcome() {
    t.worker("worker");
    Node api = t.api("api");
    t.database.holdReplies();
    CompletableFuture<Receipt> put = api.put(1, "a", Durability.DATABASE);
    t.pass(Duration.ofSeconds(31));
    assertThat(failure(put)).isInstanceOf(OutcomeUnknownException.class);
    t.database.releaseReplies();
    t.pass(Duration.ofSeconds(5));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(t.model.pendingEntries()).isZero();
  }

  @Test
  void aWriteAtDatabaseOfAProcessThatDiesIsCarriedThrough() {
    t.worker("worker");
    Node api = t.api("api");
    api.put(1, "a", Durability.DATABASE);
    while (t.model.pendingEntries() == 0) {
      t.environment.step();
    }
    api.kill();
    t.pass(Duration.ofSeconds(3));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(t.model.pendingEntries()).isZero();
  }

  @Test
  void aWriteAtDatabaseOutlivesTheWorkerThatHadTakenIt() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    t.database.holdReplies();
    CompletableFuture<Receipt> put = api.put(1, "a", Durability.DATABASE);
    t.environment.run();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    worker.kill();
    t.database.detachHeld();
    t.worker("next");
    t.pass(LEASE.multipliedBy(2));
    assertThat(put).isDone();
    assertThat(t.model.pendingEntries()).isZero();
    assertThat(api.get(1)).isEqualTo("a");
    assertThat(t.twice()).isEmpty();
  }

  // flush

  @Test
  void aFlushInAProcessThatDoesNotFlushAsksTheWorkersAndWaits() {
    t.open("worker", builder -> builder.linger(Duration.ofHours(1)));
    Node api = t.api("api");
    for (int i = 0; i < 20; i++) {
      api.put(i, "a" + i);
    }
    t.environment.run();
    FlushReport report = t.environment.await(api.cache().flushAsync());
    assertThat(t.database.rows()).hasSize(20);
    assertThat(report.applied()).isEqualTo(20);
    assertThat(report.remaining()).isZero();
    assertThat(report.error()).isNull();
  }

  @Test
  void aFlushIsHeardOfAlsoIfTheFirstSignalIsLost() {
    t.open("worker", builder -> builder.linger(Duration.ofHours(1)));
    Node api = t.api("api");
    api.put(1, "a");
    t.environment.run();
    t.model.setLoseSignals(true);
    CompletableFuture<FlushReport> report = api.cache().flushAsync();
    t.pass(Duration.ofMillis(500));
    t.model.setLoseSignals(false);
    t.pass(Duration.ofSeconds(2));
    assertThat(done(report).applied()).isEqualTo(1);
  }

  @Test
  void aFlushEndsAndSaysSoIfNobodyWrites() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    worker.kill();
    api.put(1, "a");
    t.environment.run();
    CompletableFuture<FlushReport> report = api.cache().flushAsync();
    t.pass(Duration.ofSeconds(12));
    assertThat(done(report).error()).contains("no worker");
    assertThat(done(report).remaining()).isEqualTo(1);
  }

  @Test
  void aFlushOverSeveralWorkersCountsWhatWasRefusedElsewhere() {
    t.open("one", builder -> builder.linger(Duration.ofHours(1)));
    Node two = t.open("two", builder -> builder.linger(Duration.ofHours(1)));
    t.pass(LEASE);
    t.database.refuse(mutation -> mutation.key().equals(key(3)));
    for (int i = 0; i < 20; i++) {
      two.put(i, "a" + i);
    }
    t.environment.run();
    CompletableFuture<FlushReport> report = two.cache().flushAsync();
    t.pass(Duration.ofMillis(900));
    assertThat(done(report).applied()).isEqualTo(19);
    assertThat(done(report).rejected()).isEqualTo(1);
    t.database.refuse(mutation -> false);
    t.pass(Duration.ofSeconds(40));
  }

  @Test
  void remoteWritesAreWrittenAlsoIfTheOwnerHearsNothing() {
    t.worker("worker");
    Node api = t.api("api");
    t.model.setLoseSignals(true);
    api.put(1, "a");
    t.pass(Duration.ofSeconds(3));
    assertThat(t.database.rows()).hasSize(1);
  }

  // a store that forgets

  /** Hazard 39: v6 and the settlement of v5 are lost; v5 does not go over v6. */
  @Test
  void aTailThatIsLostBringsNothingBackAndIsNoConflict() {
    Node worker = t.worker("worker");
    t.environment.await(worker.put(1, "v5", Durability.JOURNAL));
    t.model.replicate();
    t.linger();
    t.environment.await(worker.put(1, "v6", Durability.JOURNAL));
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("v6"));
    t.model.failOver();
    t.checker.powerLost();
    t.pass(Duration.ofSeconds(10));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("v6"));
    assertThat(worker.cache().status().parked()).isZero();
    assertThat(worker.cache().status().pendingEntries()).isZero();
    assertThat(worker.get(1)).isEqualTo("v6");
  }

  /** As before, but a process that does not flush opens the partition, and the owner never hears of it. */
  @Test
  void aTailThatIsLostIsKnownAlsoToAnOwnerThatDidNotOpenThePartition() {
    t.partitions = 1;
    Node worker = t.worker("worker");
    Node api = t.api("api");
    t.environment.await(worker.put(1, "v5", Durability.JOURNAL));
    t.model.replicate();
    t.linger();
    t.environment.await(worker.put(1, "v6", Durability.JOURNAL));
    t.linger();
    worker.process.standStill();
    t.model.failOver();
    t.checker.powerLost();
    api.put(2, "x");
    t.pass(Duration.ofSeconds(3));
    worker.process.goOn();
    t.pass(Duration.ofSeconds(5));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("v6"));
    assertThat(api.cache().status().parked()).isZero();
    assertThat(api.get(1)).isEqualTo("v6");
  }

  @Test
  void aRemovalInTheTailThatIsLostIsNotUndone() {
    Node worker = t.worker("worker");
    t.environment.await(worker.put(1, "v5", Durability.JOURNAL));
    t.model.replicate();
    t.linger();
    t.environment.await(worker.put(1, null, Durability.JOURNAL));
    t.linger();
    t.model.failOver();
    t.checker.powerLost();
    t.pass(Duration.ofSeconds(10));
    assertThat(t.database.row(key(1))).isNull();
    assertThat(worker.cache().status().parked()).isZero();
    assertThat(worker.get(1)).isNull();
  }

  @Test
  void whatWasOnAllReplicasSurvivesAFailover() {
    Node worker = t.worker("worker");
    t.environment.await(worker.put(1, "kept", Durability.REPLICAS));
    t.environment.await(worker.put(2, "lost", Durability.JOURNAL));
    t.model.failOver();
    t.checker.powerLost();
    t.pass(Duration.ofSeconds(10));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("kept"));
    assertThat(t.database.row(key(2))).isNull();
  }

  @Test
  void aForeignRowIsAConflictAlsoAfterAFailover() {
    Node worker = t.worker("worker");
    t.environment.await(worker.put(1, "a"));
    t.linger();
    t.model.failOver();
    t.pass(Duration.ofSeconds(5));
    long ahead = t.environment.wallMicros() + 1_000_000_000L;
    t.database.writeRow(key(1), row("foreign"), ahead);
    t.checker.begin(key(1), row("foreign")).unknown();
    worker.put(1, "b");
    t.pass(Duration.ofSeconds(5));
    assertThat(worker.cache().status().parked()).isEqualTo(1);
    assertThat(worker.get(1)).isEqualTo("foreign");
  }

  @Test
  void anEmptiedStoreGoesOnAboveWhatTheDatabaseHas() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    t.environment.await(api.put(1, "settled"));
    t.linger();
    t.environment.setWallMicros(t.environment.wallMicros() - 3_600_000_000L);
    t.model.empty();
    CompletableFuture<Row> early = api.cache().getAsync(key(1));
    t.pass(Duration.ofSeconds(1));
    assertThat(failure(early)).isInstanceOf(UnavailableException.class);
    assertThat(api.get(1)).isEqualTo("settled");
    t.environment.await(api.put(1, "next"));
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("next"));
    assertThat(worker.cache().status().parked()).isZero();
  }

  @Test
  void withoutAWorkerAClosedPartitionIsOpenedByWhoNeedsIt() {
    Node worker = t.worker("worker");
    Node api = t.api("api");
    worker.kill();
    t.model.restart();
    CompletableFuture<Receipt> refused = api.put(1, "a");
    t.environment.run();
    assertThat(failure(refused)).isInstanceOf(UnavailableException.class);
    t.pass(Duration.ofSeconds(2));
    CompletableFuture<Receipt> taken = api.put(1, "b");
    t.environment.run();
    assertThat(taken).isCompleted();
  }

  @Test
  void anAnswerOfADatabaseThatComesAfterARestartIsSettled() {
    Node worker = t.worker("worker");
    worker.put(1, "a");
    t.database.holdReplies();
    t.linger();
    t.model.restart();
    t.database.releaseReplies();
    t.pass(Duration.ofSeconds(5));
    assertThat(worker.cache().status().pendingEntries()).isZero();
    assertThat(t.twice()).isEmpty();
  }

  // a store that does not answer

  @Test
  void whileTheStoreDoesNotAnswerWritesAreRefusedAtOnceAndAllComesBackByItself() {
    Node worker = t.worker("worker");
    t.environment.await(worker.put(1, "a"));
    t.model.setAway(true);
    CompletableFuture<Receipt> put = worker.put(1, "b");
    CompletableFuture<Row> read = worker.cache().getAsync(key(1));
    t.environment.run();
    assertThat(failure(put)).isInstanceOf(UnavailableException.class);
    assertThat(failure(read)).isInstanceOf(UnavailableException.class);
    t.pass(Duration.ofSeconds(30));
    assertThat(worker.cache().status().health()).isEqualTo(Health.DEGRADED);
    assertThat(worker.cache().status().reasons()).anyMatch(why -> why.contains("does not answer"));
    t.model.setAway(false);
    t.pass(Duration.ofSeconds(40));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(worker.cache().status().reasons()).isEmpty();
    t.environment.await(worker.put(1, "c"));
  }

  @Test
  void staleReadsAreMarkedAndNotCached() {
    Node worker = t.open("worker", builder -> builder.staleReads(true));
    t.environment.await(worker.put(1, "old"));
    t.linger();
    t.environment.await(worker.put(1, "new"));
    t.model.setAway(true);
    Entry<Row> entry = t.environment.await(worker.cache().entryAsync(key(1)));
    assertThat(entry.value()).isEqualTo(row("old"));
    assertThat(entry.possiblyStale()).isTrue();
    assertThat(
            t.environment
                .await(worker.cache().entriesAsync(java.util.List.of(key(1), key(9))))
                .values())
        .allMatch(Entry::possiblyStale);
    CompletableFuture<?> update =
        worker
            .cache()
            .updateAsync(key(1), now -> row("changed"), io.headpond.WriteOptions.defaults());
    t.environment.run();
    assertThat(failure(update)).isInstanceOf(UnavailableException.class);
    t.model.setAway(false);
    Entry<Row> again = t.environment.await(worker.cache().entryAsync(key(1)));
    assertThat(again.value()).isEqualTo(row("new"));
    assertThat(again.possiblyStale()).isFalse();
  }

  @Test
  void aReplyOfTheStoreThatIsLostIsAnUnknownOutcome() {
    Node worker = t.worker("worker");
    t.model.loseNextReply(worker.process);
    CompletableFuture<Receipt> put = worker.put(1, "a");
    t.environment.run();
    assertThat(failure(put)).isInstanceOf(OutcomeUnknownException.class);
    t.pass(Duration.ofSeconds(3));
    assertThat(worker.get(1)).isEqualTo("a");
  }

  // limits, roles

  @Test
  void theLimitHoldsAcrossProcessesAndRoomIsSeenAcrossThem() {
    t.database.setAway(false);
    Node one =
        t.open(
            "one",
            builder ->
                builder.maxPendingEntries(4).overload(Overload.waitFor(Duration.ofSeconds(20))));
    Node api =
        t.open(
            "api",
            builder ->
                builder
                    .flushes(false)
                    .maxPendingEntries(4)
                    .overload(Overload.waitFor(Duration.ofSeconds(20))));
    Node hasty =
        t.open(
            "hasty",
            builder -> builder.flushes(false).maxPendingEntries(4).overload(Overload.reject()));
    t.database.setAway(true);
    for (int i = 0; i < 4; i++) {
      one.put(i, "a" + i);
    }
    t.pass(Duration.ofSeconds(1));
    CompletableFuture<Receipt> refused = hasty.put(10, "x");
    CompletableFuture<Receipt> waits = api.put(11, "y");
    t.pass(Duration.ofSeconds(1));
    assertThat(failure(refused)).isInstanceOf(OverloadedException.class);
    assertThat(waits).isNotDone();
    t.model.setLoseSignals(true);
    t.database.setAway(false);
    t.pass(Duration.ofSeconds(15));
    assertThat(waits).isCompleted();
  }

  @Test
  void aProcessThatDoesNotFlushNeedsASharedStore() {
    EngineFixture embedded = new EngineFixture();
    assertThatThrownBy(() -> embedded.open(embedded.builder().flushes(false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("flushes")
        .hasMessageContaining("share");
  }

  @Test
  void aLevelThatTheStoreDoesNotKeepIsRefusedAtTheStart() {
    t.model.keep(Durability.MEMORY, Durability.REPLICAS);
    assertThatThrownBy(() -> t.open("one", builder -> builder.durability(Durability.DISK)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("DISK")
        .hasMessageContaining("MEMORY, REPLICAS");
    assertThat(t.worker("two").cache().durability()).isEqualTo(Durability.REPLICAS);
  }

  @Test
  void anApiOnlyCloseLeavesEverythingToTheWorkers() {
    t.worker("worker");
    Node api = t.api("api");
    t.environment.await(api.put(1, "a"));
    api.cache().close();
    CompletableFuture<Receipt> late = api.cache().putAsync(key(2), row("b"));
    t.environment.run();
    assertThat(failure(late)).isInstanceOf(UnavailableException.class);
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void theEmbeddedStoreHasOneWorker() {
    EngineFixture embedded = new EngineFixture().open();
    var workers = embedded.environment.await(embedded.cache().workersAsync());
    assertThat(workers.workers()).hasSize(1);
    assertThat(workers.workers().get(0).self()).isTrue();
    assertThat(workers.workers().get(0).partitions()).hasSize(1);
    assertThat(workers.unowned()).isEmpty();
  }
}
