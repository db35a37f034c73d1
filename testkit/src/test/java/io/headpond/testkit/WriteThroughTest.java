package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheListener;
import io.headpond.CacheStatus.Health;
import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Overload;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.WriteOptions;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Writes at DATABASE: many in one transaction, each with its own answer. */
@Timeout(60)
class WriteThroughTest {
  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CompletableFuture<Receipt> through(long id, String name) {
    return t.write(id, name, Durability.DATABASE);
  }

  private List<CompletableFuture<Receipt>> through(int from, int to) {
    return IntStream.range(from, to).mapToObj(id -> through(id, "v" + id)).toList();
  }

  private void refuse(Long... ids) {
    Set<Long> refused = Set.of(ids);
    t.database.refuse(mutation -> refused.stream().anyMatch(id -> mutation.key().equals(key(id))));
  }

  private List<Integer> batchSizes() {
    return t.database.batches().stream().map(List::size).toList();
  }

  @Test
  void thoseThatAreStagedAreOneBatch() {
    t.open();
    List<CompletableFuture<Receipt>> writes = through(0, 50);
    t.environment.run();
    assertThat(writes).allMatch(CompletableFuture::isDone);
    assertThat(t.database.rows()).hasSize(50);
    // The first may have gone alone, before the others came.
    assertThat(batchSizes().size()).isLessThanOrEqualTo(2);
    for (int i = 0; i < 50; i++) {
      assertThat(done(writes.get(i)).version()).isEqualTo(t.database.row(key(i)).version());
    }
    assertThat(t.cache().status().counters().applied()).isEqualTo(50);
    assertThat(t.cache().status().flushRate()).isPositive();
  }

  @Test
  void aBatchHasNoMoreThanItMay() {
    t.open(t.builder().maxBatchSize(20));
    through(0, 50);
    t.environment.run();
    assertThat(t.database.rows()).hasSize(50);
    assertThat(batchSizes()).allMatch(size -> size <= 20);
  }

  @Test
  void aRefusedOneLeavesNothingAndTheOthersAreWrittenAtOnce() {
    t.open();
    refuse(3L, 7L);
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes = through(0, 10);
    t.environment.run();
    t.store().release();
    t.environment.run();
    for (int i = 0; i < 10; i++) {
      CompletableFuture<Receipt> write = writes.get(i);
      if (i == 3 || i == 7) {
        assertThatThrownBy(() -> done(write))
            .hasCauseInstanceOf(RejectedException.class)
            .hasMessageContaining("refused on command");
      } else {
        assertThat(write).isCompleted();
      }
    }
    assertThat(t.database.rows()).hasSize(8);
    assertThat(batchSizes()).containsExactly(10);
    assertThat(t.get(3)).isNull();
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(t.cache().status().parked()).isZero();
    assertThat(t.cache().status().health()).isEqualTo(Health.UP);
    assertThat(t.cache().status().counters().rejected()).isEqualTo(2);
    assertThat(t.cache().status().counters().refused()).isEqualTo(2);
  }

  @Test
  void aConflictIsAnsweredAndTheOthersAreDone() {
    t.open();
    t.foreign(1, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes = through(0, 3);
    t.environment.run();
    t.store().release();
    t.environment.run();
    assertThat(writes.get(0)).isCompleted();
    assertThat(writes.get(2)).isCompleted();
    assertThatThrownBy(() -> done(writes.get(1)))
        .hasCauseInstanceOf(RejectedException.class)
        .hasMessageContaining("newer version");
    assertThat(t.get(1)).isEqualTo("theirs");
    var next = through(1, "ours");
    t.environment.run();
    assertThat(next).isCompleted();
  }

  @Test
  void oneWhoseCallerHasGoneIsNotTriedAgain() {
    t.open();
    t.database.delayWith(
        m -> m.key().equals(key(0)) ? DatabaseError.of(ErrorClass.LOCKED, "locked") : null);
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes = through(0, 3);
    t.environment.advance(Duration.ofSeconds(15));
    t.database.holdReplies();
    t.store().release();
    var late = through(5, "late");
    t.environment.advance(Duration.ofSeconds(16));
    assertThat(writes).allMatch(CompletableFuture::isCompletedExceptionally);
    assertThatThrownBy(() -> done(writes.get(0))).hasCauseInstanceOf(OutcomeUnknownException.class);
    t.database.delayWith(m -> null);
    t.database.releaseReplies();
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(late).isCompleted();
    assertThat(t.database.rows()).containsOnlyKeys(key(1), key(2), key(5));
    assertThat(t.get(0)).isNull();
  }

  @Test
  void inAnOutageAllAreTakenBackAtTheirDeadline() {
    t.open();
    t.database.setAway(true);
    List<CompletableFuture<Receipt>> writes = through(0, 5);
    t.environment.advance(Duration.ofSeconds(31));
    for (CompletableFuture<Receipt> write : writes) {
      assertThatThrownBy(() -> done(write)).hasCauseInstanceOf(UnavailableException.class);
    }
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(t.database.rows()).isEmpty();
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void aLostReplyIsCaughtUpForAll() {
    t.open();
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes = through(0, 5);
    t.environment.run();
    t.database.loseNextReply();
    t.store().release();
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(writes).allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
    assertThat(t.database.log()).hasSize(5);
  }

  @Test
  void whatMayHaveBeenCommittedIsNeverSaidToBeTakenBack() {
    t.open(t.builder().retryDelay(Duration.ofSeconds(30)));
    // It is committed and its reply lost; then the database is away.
    t.database.loseNextReply();
    var write = through(1, "a");
    t.environment.run();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    t.database.setAway(true);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(() -> done(write)).hasCauseInstanceOf(OutcomeUnknownException.class);
    t.database.setAway(false);
    t.environment.advance(Duration.ofMinutes(30));
    assertThat(t.get(1)).isEqualTo("a");
  }

  @Test
  void aCrashBetweenCommitAndSettlementForgetsOnlyTheAnswers() {
    t.open();
    t.store().holdSettle();
    List<CompletableFuture<Receipt>> writes = through(0, 3);
    t.environment.run();
    t.kill();
    assertThat(writes).noneMatch(CompletableFuture::isDone);
    t.open();
    t.put(0, "next");
    t.linger();
    assertThat(t.database.row(key(0)).value()).isEqualTo(row("next"));
  }

  @Test
  void theyTakeTurnsWithTheRefusedAndTheReady() {
    t.open(t.builder().retryDelay(Duration.ofSeconds(1)));
    refuse(1L);
    t.put(1, "bad");
    t.linger();
    t.put(2, "ready");
    t.environment.advance(Duration.ofSeconds(1));
    List<CompletableFuture<Receipt>> writes = through(10, 20);
    t.linger();
    assertThat(writes).allMatch(CompletableFuture::isDone);
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("ready"));
    assertThat(t.database.batches()).noneMatch(b -> b.size() > 1 && b.contains(key(1)));
    t.put(1, "still bad");
  }

  @Test
  void oneOfADeferredEntryWaitsUntilItIsParkedAndSupersedesIt() {
    t.open(t.builder().maxRetries(1).retryDelay(Duration.ofSeconds(1)));
    t.database.refuse(m -> m instanceof Mutation.Put put && put.row().equals(row("bad")));
    t.put(1, "bad");
    t.linger();
    var write = through(1, "good");
    t.environment.run();
    assertThat(write).isNotDone();
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(write).isCompleted();
    assertThat(t.cache().status().parked()).isZero();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("good"));
  }

  private CompletableFuture<Receipt> putIf(
      long id, String name, Condition condition, Durability at) {
    var attempt = t.checker.begin(key(id), row(name));
    CompletableFuture<Receipt> put =
        t.cache().putAsync(key(id), row(name), WriteOptions.onlyIf(condition).durability(at));
    put.whenComplete(
        (receipt, failure) -> {
          if (failure == null) {
            attempt.acknowledged(receipt.version());
          } else {
            attempt.failed();
          }
        });
    return put;
  }

  @Test
  void aConditionalWriteWaitsForTheStagedOneOfItsKeyAndSeesWhatItBecame() {
    t.open();
    t.database.holdReplies();
    var through = through(1, "through");
    t.environment.run();
    var absent = putIf(1, "if absent", Condition.absent(), Durability.JOURNAL);
    t.environment.run();
    assertThat(absent).isNotDone();
    t.database.releaseReplies();
    t.environment.run();
    assertThat(through).isCompleted();
    assertThatThrownBy(() -> done(absent)).hasCauseInstanceOf(ConditionFailedException.class);
    assertThat(t.cache().status().counters().refused()).isZero();
    var matching =
        putIf(1, "matching", Condition.version(done(through).version()), Durability.JOURNAL);
    t.environment.run();
    assertThat(matching).isCompleted();
    t.linger();
  }

  @Test
  void aConditionalWriteIsAcknowledgedAtItsOwnLevelWhenTheStagedOneIsRefused() {
    List<CacheListener.Write> written = new ArrayList<>();
    t.open(
        t.builder()
            .listener(
                new CacheListener() {
                  @Override
                  public void written(Write event) {
                    written.add(event);
                  }
                }));
    refuse(1L);
    t.get(1);
    t.database.holdReplies();
    var through = through(1, "through");
    t.environment.run();
    var absent = putIf(1, "if absent", Condition.absent(), Durability.JOURNAL);
    t.environment.run();
    assertThat(absent).isNotDone();
    List<Runnable> reply = t.database.detachHeld();
    t.database.holdReplies();
    reply.forEach(Runnable::run);
    t.environment.run();
    assertThat(through).isCompletedExceptionally();
    refuse();
    t.database.releaseReplies();
    t.environment.run();
    assertThat(absent).isCompleted();
    assertThat(written)
        .singleElement()
        .returns(Durability.JOURNAL, CacheListener.Write::durability);
    assertThat(t.cache().status().pendingEntries()).isEqualTo(1);
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("if absent"));
  }

  @Test
  void ofConditionalWritesAtDatabaseExactlyOneSucceeds() {
    t.open();
    List<CompletableFuture<Receipt>> writes = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      writes.add(putIf(1, "v" + i, Condition.absent(), Durability.DATABASE));
    }
    t.environment.run();
    assertThat(writes).allMatch(CompletableFuture::isDone);
    assertThat(writes).filteredOn(write -> !write.isCompletedExceptionally()).hasSize(1);
    assertThat(t.database.log()).hasSize(1);
    assertThat(t.cache().status().counters().refused()).isZero();
  }

  @Test
  void listenersHearOfWritesAndRefusals() {
    List<String> heard = new ArrayList<>();
    t.open(
        t.builder()
            .listener(
                new CacheListener() {
                  @Override
                  public void written(Write event) {
                    heard.add("written " + event.version() + " " + event.durability());
                  }

                  @Override
                  public void refused(HeadpondException reason) {
                    heard.add("refused " + reason.getMessage());
                  }

                  @Override
                  public void flushed(Flush event) {
                    List<Key> keys = event.entries().stream().map(Version::key).toList();
                    heard.add("flushed " + keys.size() + " " + event.failure());
                  }
                }));
    var good = through(1, "a");
    t.environment.run();
    refuse(2L);
    through(2, "b");
    t.environment.run();
    assertThat(heard)
        .containsExactlyInAnyOrder(
            "written " + done(good).version() + " DATABASE",
            "flushed 1 null",
            "flushed 0 1 of 1 entries were refused: refused on command",
            "refused refused on command");
  }

  @Test
  void atTheLimitOnesBehindEachOtherHaveTheirTurn() {
    t.open(t.builder().maxPendingEntries(2).overload(Overload.waitFor(Duration.ofSeconds(5))));
    List<CompletableFuture<Receipt>> writes = through(0, 20);
    t.environment.run();
    assertThat(writes).allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
    assertThat(t.database.rows()).hasSize(20);
  }
}
