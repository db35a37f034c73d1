package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheStatus;
import io.headpond.Durability;
import io.headpond.OutcomeUnknownException;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is committed is never said not to be done, whatever fails behind the commit. */
@Timeout(60)
class CommittedBatchTest {
  private static final Duration RETRY = Duration.ofSeconds(2);

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CompletableFuture<Receipt> through(long id) {
    return t.write(id, "v" + id, Durability.DATABASE);
  }

  /** Staged one by one, and taken as one batch. */
  private List<CompletableFuture<Receipt>> asOneBatch(long... ids) {
    t.store().holdTake();
    List<CompletableFuture<Receipt>> writes = Arrays.stream(ids).mapToObj(this::through).toList();
    t.environment.run();
    t.store().release();
    t.environment.run();
    return writes;
  }

  /** A write of a row that another program has moved ahead: it is acknowledged, and will be a conflict. */
  private void loses(long id, String name) {
    t.environment.await(t.cache().putAsync(key(id), row(name)));
  }

  private void refuse(long id) {
    t.database.refuse(mutation -> mutation.key().equals(key(id)));
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  @Test
  void aRefusalOfTheSecondTrySaysNothingOfTheFirst() {
    t.open();
    t.database.loseNextReply();
    var write = through(1);
    t.environment.run();
    refuse(1);
    t.environment.advance(RETRY);
    assertThat(write).isCompleted();
    assertThat(write).isNotCompletedExceptionally();
    assertThat(t.get(1)).isEqualTo("v1");
    assertThat(status().counters().rejected()).isZero();
  }

  @Test
  void norDoesTheRefusalOfANeighbour() {
    t.open();
    t.database.loseNextReply();
    List<CompletableFuture<Receipt>> writes = asOneBatch(1, 2);
    refuse(2);
    t.environment.advance(RETRY);
    t.database.setAway(true);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(writes).allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
    assertThat(t.database.rows()).hasSize(2);
  }

  @Test
  void aDeadlockOfTheSecondTryDoesNotHoldItUp() {
    t.open();
    t.database.loseNextReply();
    t.database.retryNext();
    var write = through(1);
    t.environment.advance(RETRY);
    assertThat(write).isCompleted();
    assertThat(write).isNotCompletedExceptionally();
  }

  @Test
  void pendingEntriesThatTheDatabaseHasAreNeitherDeferredNorParked() {
    t.open(t.builder().maxRetries(0));
    t.put(1, "a");
    t.put(2, "b");
    t.database.loseNextReply();
    t.linger();
    refuse(1);
    t.environment.advance(RETRY);
    assertThat(status())
        .returns(0, CacheStatus::pendingEntries)
        .returns(0, CacheStatus::parked)
        .returns(CacheStatus.Health.UP, CacheStatus::health);
    assertThat(status().counters().rejected()).isZero();
  }

  /** It may have been stale at once, or have been there until somebody wrote over it. */
  @Test
  void ofWhatIsStaleWhenItIsAppliedAgainNobodyKnows() {
    t.open();
    t.foreign(1, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    t.database.loseNextReply();
    List<CompletableFuture<Receipt>> writes = asOneBatch(1, 2);
    refuse(2);
    t.environment.advance(RETRY);
    assertThatThrownBy(() -> done(writes.get(0)))
        .hasCauseInstanceOf(OutcomeUnknownException.class)
        .hasMessageContaining("newer version");
    assertThat(writes.get(1)).isCompleted();
    assertThat(writes.get(1)).isNotCompletedExceptionally();
    assertThat(t.get(1)).isEqualTo("theirs");
  }

  @Test
  void whatWasSurelyNotCommittedIsTakenAnewAndMayBeRefused() {
    t.open();
    t.put(1, "a");
    t.database.loseNextCommit();
    t.linger();
    t.put(1, "b");
    t.environment.advance(RETRY);
    assertThat(t.database.log()).as("the first value was overtaken").hasSize(1);
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("b"));

    refuse(2);
    t.database.loseNextCommit();
    List<CompletableFuture<Receipt>> writes = asOneBatch(2, 3);
    t.environment.advance(RETRY);
    assertThatThrownBy(() -> done(writes.get(0))).hasCauseInstanceOf(RejectedException.class);
    assertThat(writes.get(1)).isCompleted();
    assertThat(t.get(2)).isNull();
  }

  @Test
  void oneWhoseCallerHasGoneAndThatWasNotCommittedIsTakenBack() {
    t.open();
    t.database.loseNextCommit();
    var write = through(1);
    t.environment.run();
    t.database.setAway(true);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(() -> done(write)).hasCauseInstanceOf(OutcomeUnknownException.class);
    t.database.setAway(false);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).isEmpty();
    assertThat(status().pendingEntries()).isZero();
  }

  @Test
  void stagedWritesWhoseNeighbourCannotBeTakenBackAreNotSaidToBeTakenBack() {
    t.open();
    t.foreign(1, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    t.store().failNext(1);
    List<CompletableFuture<Receipt>> writes = asOneBatch(0, 1, 2);
    assertThat(t.database.row(key(0))).isNotNull();
    assertThat(writes).noneMatch(CompletableFuture::isDone);
    t.database.setAway(true);
    t.environment.advance(Duration.ofSeconds(31));
    for (CompletableFuture<Receipt> write : writes) {
      assertThatThrownBy(() -> done(write)).hasCauseInstanceOf(OutcomeUnknownException.class);
    }
    t.database.setAway(false);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.get(0)).isEqualTo("v0");
    assertThat(t.get(1)).isEqualTo("theirs");
    assertThat(status().pendingEntries()).isZero();
  }

  @Test
  void pendingEntriesWhoseNeighbourCannotBeParkedAreSettledAllTheSame() {
    t.open(t.builder().maxRetries(0));
    t.foreign(1, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    t.foreign(3, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    loses(1, "ours");
    t.put(2, "b");
    loses(3, "ours");
    t.store().failNext(1);
    t.linger();
    assertThat(t.get(3)).as("parked, and loaded again").isEqualTo("theirs");
    refuse(2);
    t.environment.advance(RETRY);
    assertThat(status()).returns(0, CacheStatus::pendingEntries).returns(2, CacheStatus::parked);
    assertThat(t.get(1)).isEqualTo("theirs");
    assertThat(t.get(2)).isEqualTo("b");
    assertThat(t.get(3)).isEqualTo("theirs");
    assertThat(status().counters().rejected()).isZero();
  }

  @Test
  void aRowWithTheLastOfAllVersionsIsAConflictOfItsOwn() {
    t.open();
    long last = (1L << 53) - 1;
    t.foreign(1, "theirs", last);
    t.foreign(2, "theirs", Long.MAX_VALUE);
    loses(1, "ours");
    loses(2, "ours");
    t.put(3, "c");
    t.linger();
    assertThat(status()).returns(0, CacheStatus::pendingEntries).returns(2, CacheStatus::parked);
    var write = through(1);
    t.environment.run();
    assertThatThrownBy(() -> done(write)).hasCauseInstanceOf(RejectedException.class);
    t.put(4, "d");
    t.linger();
    assertThat(t.database.row(key(4)).value()).isEqualTo(row("d"));
    assertThat(status().counters().failedBatches()).isZero();
  }
}
