package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.FlushReport;
import io.headpond.OutcomeUnknownException;
import io.headpond.Overload;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A flusher that fails begins anew, and whatever keeps entries from the database is a reason that one can read. */
@Timeout(60)
class SupervisionTest {
  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  @Test
  void whateverStepOfTheFlusherThrowsItBeginsAnew() {
    int restarts = 0;
    for (int n = 1; n <= 60; n++) {
      EngineFixture f = new EngineFixture(n);
      f.open(f.builder().retryDelay(Duration.ofSeconds(1)).maxRetries(1));
      f.database.refuse(m -> m instanceof Mutation.Put put && put.row().equals(row("bad")));
      f.store().throwAt(n, new StackOverflowError());
      f.put(1, "a");
      f.put(2, "bad");
      var third = f.write(3, "through", Durability.DATABASE);
      f.linger();
      f.put(1, "b");
      var fourth = f.write(4, "through", Durability.DATABASE);
      f.environment.advance(Duration.ofMinutes(2));
      restarts += (int) f.cache().status().counters().flusherRestarts();
      assertThat(f.database.row(key(1)).value()).as("step " + n).isEqualTo(row("b"));
      assertThat(f.cache().status())
          .as("step " + n)
          .returns(0, CacheStatus::pendingEntries)
          .returns(1, CacheStatus::parked);
      assertThat(f.cache().status().reasons()).hasSize(1);
      assertThat(third).as("step " + n).isCompleted().isNotCompletedExceptionally();
      assertThat(fourth).as("step " + n).isCompleted().isNotCompletedExceptionally();
      assertThat(f.cache().status().counters().applied())
          .as("step " + n + ": each change is counted once")
          .isEqualTo(f.database.log().size());
      assertThat(f.violationsWithPending()).as("step " + n).isEmpty();
    }
    assertThat(restarts).isGreaterThan(10);
  }

  @Test
  void soItDoesWhenTheAdapterThrows() {
    for (int n = 1; n <= 6; n++) {
      EngineFixture f = new EngineFixture(n);
      f.open();
      f.database.throwAt(n, new OutOfMemoryError("made up"));
      for (int i = 0; i < 8; i++) {
        f.put(i, "v");
        f.linger();
      }
      f.environment.advance(Duration.ofMinutes(1));
      assertThat(f.database.rows()).as("call " + n).hasSize(8);
      assertThat(f.cache().status())
          .as("call " + n)
          .returns(Health.UP, CacheStatus::health)
          .returns(1L, status -> status.counters().flusherRestarts());
    }
  }

  @Test
  void whatTheAdapterHadSentWhenItThrewIsNotSaidToBeTakenBack() {
    t.open();
    t.database.throwBehindNextBatch(new StackOverflowError());
    var write = t.write(1, "a", Durability.DATABASE);
    t.environment.run();
    assertThat(t.database.rows()).hasSize(1);
    t.database.setAway(true);
    t.environment.advance(Duration.ofSeconds(31));
    assertThatThrownBy(() -> done(write)).hasCauseInstanceOf(OutcomeUnknownException.class);
    t.database.setAway(false);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.get(1)).isEqualTo("a");
  }

  @Test
  void aRestartIsAReasonUntilABatchHasGoneThrough() {
    t.open(t.builder().retryDelay(Duration.ofSeconds(10)));
    t.database.throwAt(1, new AssertionError("made up"));
    t.put(1, "a");
    t.linger();
    assertThat(status().health()).isEqualTo(Health.DEGRADED);
    assertThat(status().reasons())
        .singleElement()
        .asString()
        .matches(
            "a flusher failed and was restarted: java.lang.AssertionError: made up"
                + " \\(since 2027-01-15T08:00:00Z, 1 attempt, 1 partition\\)");
    assertThat(status().counters().flusherRestarts()).isEqualTo(1);
    t.environment.advance(Duration.ofSeconds(10));
    assertThat(status().health()).isEqualTo(Health.UP);
    assertThat(t.database.rows()).hasSize(1);
  }

  @Test
  void aFlusherThatFailsAgainAndAgainWaitsLongerAndLonger() {
    t.open(t.builder().retryDelay(Duration.ofSeconds(1)));
    t.put(1, "a");
    for (int i = 0; i < 1_000; i++) {
      t.database.throwAt(1, new StackOverflowError());
      t.environment.advance(Duration.ofMillis(100));
    }
    assertThat(status().counters().flusherRestarts()).isBetween(4L, 30L);
    t.database.throwAt(1_000, new StackOverflowError());
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(t.database.rows()).hasSize(1);
  }

  @Test
  void aTableThatNoLongerFitsBlocksAndParksNothing() {
    t.open(t.builder().maxRetries(0).retryDelay(Duration.ofSeconds(1)));
    t.database.failWith(new ConfigurationException("table t: column name is missing"));
    LongStream.range(0, 100).forEach(id -> t.put(id, "v"));
    var through = t.write(500, "through", Durability.DATABASE);
    FlushReport report = t.environment.await(t.cache().flushAsync());
    assertThat(report.error()).contains("column name is missing");
    assertThat(status())
        .returns(Health.DEGRADED, CacheStatus::health)
        .returns(0, CacheStatus::parked);
    assertThat(status().reasons())
        .anyMatch(
            reason ->
                reason.startsWith(
                    "nothing is written to the database until somebody acts: table t: column name"
                        + " is missing"));
    t.environment.advance(Duration.ofSeconds(10));
    t.database.failWith(null);
    t.environment.advance(Duration.ofSeconds(30));
    assertThat(through).isCompleted();
    assertThat(t.database.rows()).hasSize(101);
    assertThat(status())
        .returns(Health.UP, CacheStatus::health)
        .returns(0L, status -> status.counters().rejected());
  }

  @Test
  void anOutageSaysSinceWhenAndHowOften() {
    t.open(t.builder().retryDelay(Duration.ofSeconds(1)));
    t.database.setAway(true);
    t.put(1, "a");
    t.environment.advance(Duration.ofMinutes(2));
    assertThat(status().reasons())
        .anyMatch(
            reason ->
                reason.matches(
                    "the database cannot be written to: the database is away"
                        + " \\(since 2027-01-15T08:00:00Z, \\d+ attempts, 1 partition\\)"))
        .anyMatch(
            reason ->
                reason.matches("the oldest entry has been pending for 1\\d\\d s, more than .*"));
    assertThatThrownBy(() -> t.get(2)).hasMessageContaining("the database is away");
    assertThat(t.get(1)).isEqualTo("a");
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void moreThanHalfFullIsAReason() {
    t.open(t.builder().maxPendingEntries(10).overload(Overload.reject()));
    LongStream.range(0, 5).forEach(id -> t.put(id, "v"));
    assertThat(status().health()).isEqualTo(Health.UP);
    t.put(5, "v");
    assertThat(status().reasons())
        .containsExactly("more than half full: 6 of 10 entries are pending");
    t.linger();
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void anAgeOfTwiceTheTargetIsAReason() {
    t.open(t.builder().targetLag(Duration.ofSeconds(2)).linger(Duration.ofMinutes(1)));
    t.put(1, "a");
    t.environment.advance(Duration.ofSeconds(3));
    assertThat(status().health()).isEqualTo(Health.UP);
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(status().reasons())
        .containsExactly("the oldest entry has been pending for 5 s, more than 4.0 s");
    t.environment.advance(Duration.ofMinutes(1));
  }

  @Test
  void aBatchWithoutAnAnswerIsAReason() {
    t.open();
    t.put(1, "a");
    t.database.holdReplies();
    t.environment.advance(Duration.ofSeconds(62));
    assertThat(status().reasons())
        .anyMatch(r -> r.matches("a batch has been under way for 6\\d s without an answer"));
    t.database.releaseReplies();
    t.environment.run();
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void aDrainOfAnAbsentOrSilentDatabaseEndsAtItsDeadlineAndACloseAtItsOwn() {
    for (boolean silent : new boolean[] {false, true}) {
      EngineFixture f = new EngineFixture();
      f.open();
      if (silent) {
        f.database.holdReplies();
      } else {
        f.database.setAway(true);
      }
      f.put(1, "a");
      f.put(2, "b");
      var drain = f.cache().drainAsync(Duration.ofSeconds(30));
      f.environment.advance(Duration.ofSeconds(30));
      assertThat(done(drain).remaining()).isEqualTo(2);
      long before = f.environment.nanos();
      f.cache().close();
      assertThat(f.environment.nanos() - before)
          .isLessThanOrEqualTo(Duration.ofSeconds(5).toNanos());
      f.database.detachHeld();
      f.database.setAway(false);
      f.open();
      f.linger();
      assertThat(f.database.rows()).hasSize(2);
      assertThat(f.violations()).isEmpty();
    }
  }

  @Test
  void aRowThatTheDatabaseLocksIsAReasonOfItsOwn() {
    t.open();
    t.database.delayWith(m -> DatabaseError.of(ErrorClass.LOCKED, "the row is locked"));
    t.put(1, "a");
    t.linger();
    assertThat(status().reasons())
        .containsExactly(
            "1 entry is refused by the database and tried again; it said: the row is locked");
    t.database.delayWith(m -> null);
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void bytesOfLettersAreNotTakenFromThoseOfWhatIsPending() {
    t.open(t.builder().maxRetries(0).maxPendingBytes(1 << 20).linger(Duration.ofHours(1)));
    String big = "x".repeat(10_000);
    t.database.refuse(m -> m.key().compareTo(key(40)) < 0);
    LongStream.range(0, 40).forEach(id -> t.put(id, big));
    t.cache().flushAsync();
    t.environment.run();
    assertThat(status().parked()).isEqualTo(40);
    LongStream.range(100, 180).forEach(id -> t.put(id, big));
    assertThat(status().reasons())
        .anyMatch(r -> r.matches("more than half full: 8\\d{5} of 1048576 bytes are pending"));
  }

  @Test
  void theNewestRefusalIsToldWhateverPartitionItIsOf() {
    for (int first = 0; first < 2; first++) {
      EngineFixture f = new EngineFixture();
      f.open(f.builder().partitions(2).maxRetries(0));
      int other = 1 - first;
      long one =
          LongStream.range(0, 100).filter(id -> key(id).partition(2) == other).min().orElseThrow();
      long two =
          LongStream.range(0, 100).filter(id -> key(id).partition(2) != other).min().orElseThrow();
      f.database.refuseWith(m -> DatabaseError.of(ErrorClass.CONSTRAINT, "of old"));
      f.put(one, "bad");
      f.linger();
      f.database.refuseWith(m -> null);
      f.put(one, "good");
      f.linger();
      assertThat(f.cache().status().reasons()).isEmpty();
      f.database.refuseWith(m -> DatabaseError.of(ErrorClass.CONSTRAINT, "of now"));
      f.put(two, "bad");
      f.linger();
      assertThat(f.cache().status().reasons())
          .containsExactly("1 entry is parked: the database refused every try; it said: of now");
    }
  }

  @Test
  void aFlusherThatNotEvenHasATimerGoesOnWithTheNextWrite() {
    FailingEnvironment failing = new FailingEnvironment(t.environment);
    t.open(t.builder().environment(failing));
    t.put(1, "a");
    t.environment.run();
    t.database.throwAt(1, new OutOfMemoryError("made up"));
    t.database.beforeThrowing(() -> failing.failSchedules(1));
    t.linger();
    assertThat(status().reasons()).anyMatch(r -> r.startsWith("a flusher failed"));
    t.environment.advance(Duration.ofMinutes(1));
    t.put(2, "b");
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).hasSize(2);
  }

  /** Nothing else comes that would ask for a thread again. */
  @Test
  void whateverThreadCannotBeHadItIsAskedForAgain() {
    for (int n = 1; n <= 30; n++) {
      EngineFixture f = new EngineFixture(n);
      FailingEnvironment failing = new FailingEnvironment(f.environment);
      f.open(f.builder().environment(failing));
      f.environment.run();
      failing.failExecute(n, n % 3);
      for (int i = 0; i < 4; i++) {
        f.put(i, "v");
        f.environment.advance(Duration.ofMillis(150));
      }
      f.environment.advance(Duration.ofMinutes(1));
      assertThat(f.database.rows()).as("thread " + n).hasSize(4);
      assertThat(f.cache().status()).as("thread " + n).returns(Health.UP, CacheStatus::health);
    }
  }

  @Test
  void whoWaitsForAFlushOrADrainIsAnsweredWhateverThrows() {
    for (int n = 1; n <= 25; n++) {
      for (boolean drain : new boolean[] {false, true}) {
        EngineFixture f = new EngineFixture(n);
        f.open(f.builder().retryDelay(Duration.ofSeconds(1)));
        f.put(1, "a");
        f.store().throwAt(n, new StackOverflowError());
        CompletableFuture<FlushReport> report;
        try {
          report = drain ? f.cache().drainAsync(Duration.ofSeconds(30)) : f.cache().flushAsync();
        } catch (StackOverflowError e) {
          // Told at once.
          continue;
        }
        f.environment.advance(Duration.ofMinutes(1));
        assertThat(report.isDone()).as("step " + n + (drain ? " of a drain" : "")).isTrue();
        f.store().throwAt(Integer.MAX_VALUE, new StackOverflowError());
        f.environment.advance(Duration.ofMinutes(1));
        assertThat(f.database.rows()).hasSize(1);
      }
    }
  }

  @Test
  void whoWritesToTheDatabaseIsAnsweredWhateverThrowsAtTheDeadline() {
    for (int n = 1; n <= 40; n++) {
      EngineFixture f = new EngineFixture(n);
      f.open();
      f.database.setAway(true);
      var write = f.write(1, "v", Durability.DATABASE);
      f.environment.advance(Duration.ofMillis(29_990));
      f.store().throwAt(n, new StackOverflowError());
      f.environment.advance(Duration.ofMinutes(1));
      assertThat(write.isDone()).as("step " + n).isTrue();
      f.store().throwAt(Integer.MAX_VALUE, new StackOverflowError());
      f.database.setAway(false);
      f.environment.advance(Duration.ofMinutes(2));
      assertThat(f.violationsWithPending()).isEmpty();
    }
  }

  @Test
  void aPartitionWhoseFlushingHasStoppedGivesItsLeaseBackWhenItIsClosed() {
    EngineFixture f = new EngineFixture();
    f.open();
    f.put(1, "a");
    f.linger();
    Runnable back = f.database.savePoint();
    f.put(1, "b");
    f.linger();
    back.run();
    f.put(1, "c");
    f.linger();
    assertThat(f.cache().status().reasons()).anyMatch(r -> r.contains("lost batch"));
    assertThat(f.database.leased(0)).isTrue();
    f.cache().close();
    assertThat(f.database.leased(0)).isFalse();
  }
}
