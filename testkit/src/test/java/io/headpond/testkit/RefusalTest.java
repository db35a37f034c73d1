package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.headpond.CacheBuilder;
import io.headpond.CacheListener;
import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.PendingEntry;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** Entries that the database refuses: one bad row harms itself alone. */
@Timeout(60)
class RefusalTest {
  private static final Duration DELAY = Duration.ofSeconds(1);

  /** Longer than all pauses of an entry that is tried four times. */
  private static final Duration ALL_TRIES = Duration.ofSeconds(8);

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CacheBuilder<Key, Row> builder() {
    return t.builder().maxRetries(3).retryDelay(DELAY);
  }

  private void refuse(String name) {
    t.database.refuse(m -> m instanceof Mutation.Put put && put.row().equals(row(name)));
  }

  private void refuse(Set<Key> keys) {
    t.database.refuse(mutation -> keys.contains(mutation.key()));
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  private PendingEntry pending() {
    return t.environment.await(t.cache().pendingAsync("", null, 1)).entries().get(0);
  }

  private long batchesWith(long id) {
    return t.database.batches().stream().filter(batch -> batch.contains(key(id))).count();
  }

  private @Nullable Row stored(long id) {
    FakeDatabase.Stored stored = t.database.row(key(id));
    return stored == null ? null : stored.value();
  }

  @Test
  void itsNeighboursArriveAtOnceThenItIsTriedAgainAndParked() {
    t.open(builder());
    refuse("bad");
    for (int i = 0; i < 50; i++) {
      t.put(i, i == 17 ? "bad" : "good");
    }
    t.linger();
    assertThat(t.database.rows()).hasSize(49);
    assertThat(status())
        .returns(1, CacheStatus::pendingEntries)
        .returns(1, CacheStatus::deferred)
        .returns(0, CacheStatus::parked)
        .returns(Health.DEGRADED, CacheStatus::health);
    assertThat(status().reasons())
        .containsExactly(
            "1 entry is refused by the database and tried again; it said: refused on command");
    assertThat(pending())
        .returns("17", PendingEntry::key)
        .returns(1, PendingEntry::attempts)
        .returns("refused on command", entry -> entry.error().message())
        .doesNotReturn(null, PendingEntry::due);

    t.environment.advance(ALL_TRIES);
    assertThat(batchesWith(17)).isEqualTo(4);
    assertThat(status())
        .returns(0, CacheStatus::pendingEntries)
        .returns(0, CacheStatus::deferred)
        .returns(1, CacheStatus::parked)
        .returns(Health.DEGRADED, CacheStatus::health);
    assertThat(status().reasons())
        .containsExactly(
            "1 entry is parked: the database refused every try; it said: refused on command");
    assertThat(status().counters().rejected()).isEqualTo(4);
    assertThat(pending())
        .returns(EntryState.PARKED, PendingEntry::state)
        .returns(4, PendingEntry::attempts)
        .returns("refused on command", entry -> entry.error().message());
    t.environment.advance(Duration.ofHours(1));
    assertThat(batchesWith(17)).isEqualTo(4);
    assertThat(t.get(17)).isEqualTo("bad");
  }

  @Test
  void theRestOfAFullBatchDoesNotWaitForCompany() {
    t.open(builder().linger(Duration.ofHours(1)).maxBatchSize(10));
    refuse("bad");
    for (int i = 0; i < 10; i++) {
      t.put(i, i == 3 ? "bad" : "good");
    }
    t.environment.run();
    assertThat(t.database.rows()).hasSize(9);
    t.environment.advance(ALL_TRIES);
  }

  @Test
  void pausesDoubleAndJitterOnlyShortensThem() {
    for (int seed = 1; seed <= 200; seed++) {
      EngineFixture f = new EngineFixture(seed);
      List<Long> refusedAt = new ArrayList<>();
      CacheListener clock =
          new CacheListener() {
            @Override
            public void deferred(Refusal event) {
              refusedAt.add(f.environment.nanos());
            }

            @Override
            public void parked(Refusal event) {
              refusedAt.add(f.environment.nanos());
            }
          };
      f.open(f.builder().maxRetries(7).retryDelay(DELAY).listener(clock));
      f.database.refuse(mutation -> true);
      f.put(1, "bad");
      f.environment.advance(Duration.ofMinutes(5));
      assertThat(refusedAt).as("seed " + seed).hasSize(8);
      long longest = DELAY.toNanos();
      for (int i = 1; i < refusedAt.size(); i++) {
        assertThat(refusedAt.get(i) - refusedAt.get(i - 1))
            .as("seed " + seed + ", pause " + i)
            .isBetween(longest / 2, longest + 1_000);
        longest = Math.min(2 * longest, Duration.ofSeconds(30).toNanos());
      }
    }
  }

  @Test
  void withNoRetriesItIsParkedAtOnce() {
    t.open(builder().maxRetries(0));
    refuse("bad");
    t.put(1, "bad");
    t.put(2, "good");
    t.linger();
    assertThat(status().parked()).isEqualTo(1);
    assertThat(stored(2)).isEqualTo(row("good"));
    assertThat(pending().attempts()).isEqualTo(1);
  }

  @Test
  void settledFailsWithTheDatabasesWordsWhenItIsParkedNotBefore() {
    t.open(builder());
    refuse("bad");
    CompletableFuture<Void> settled = done(t.put(1, "bad")).settled();
    t.environment.advance(Duration.ofMillis(500));
    assertThat(status().deferred()).isEqualTo(1);
    assertThat(settled).isNotDone();
    t.environment.advance(ALL_TRIES);
    assertThatThrownBy(() -> done(settled))
        .hasCauseInstanceOf(RejectedException.class)
        .hasMessageContaining("refused on command");
  }

  @Test
  void settledFailsAlsoIfItIsAskedWhileTheEntryIsBeingParked() {
    t.open(builder().maxRetries(0));
    refuse("bad");
    Receipt receipt = done(t.put(1, "bad"));
    var flush = t.cache().flushAsync();
    t.store().holdOwed();
    CompletableFuture<Void> settled = receipt.settled();
    while (t.cache().status().parked() == 0) {
      assertThat(t.environment.step()).isTrue();
    }
    t.store().release();
    assertThatThrownBy(() -> done(settled)).hasCauseInstanceOf(RejectedException.class);
    t.environment.run();
    assertThat(flush).isCompleted();
  }

  @Test
  void settledCompletesWhenALaterTrySucceeds() {
    t.open(builder());
    refuse("bad");
    CompletableFuture<Void> settled = done(t.put(1, "bad")).settled();
    t.linger();
    refuse(Set.of());
    t.environment.advance(DELAY);
    assertThat(settled).isCompleted();
    assertThat(status().health()).isEqualTo(Health.UP);
    assertThat(stored(1)).isEqualTo(row("bad"));
  }

  @Test
  void aLaterWriteSupersedesALetterAndHasAllTriesOfItsOwn() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.environment.advance(ALL_TRIES);
    assertThat(status().parked()).isEqualTo(1);
    t.put(1, "good");
    t.linger();
    assertThat(stored(1)).isEqualTo(row("good"));
    assertThat(status().health()).isEqualTo(Health.UP);
    t.put(1, "bad");
    t.linger();
    assertThat(pending().attempts()).isEqualTo(1);
  }

  @Test
  void aNewerWriteOfADeferredEntryWaitsWithIt() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.linger();
    t.put(1, "good");
    t.environment.advance(EngineFixture.LINGER);
    assertThat(batchesWith(1)).isEqualTo(1);
    t.environment.advance(DELAY);
    assertThat(stored(1)).isEqualTo(row("good"));
    assertThat(status().health()).isEqualTo(Health.UP);
  }

  @Test
  void anEntryThatIsParkedDoesNotKeepThoseBackThatWereTriedWithIt() {
    t.open(builder().maxRetries(1));
    refuse(Set.of(key(1), key(2)));
    t.put(1, "bad");
    t.put(2, "bad at first");
    t.linger();
    refuse(Set.of(key(1)));
    t.environment.advance(DELAY);
    assertThat(status().parked()).isEqualTo(1);
    assertThat(stored(2)).isEqualTo(row("bad at first"));
  }

  @Test
  void anEntryThatIsRewrittenWhileItIsRefusedIsNotLost() {
    for (int retries : new int[] {0, 3}) {
      EngineFixture f = new EngineFixture();
      f.open(f.builder().maxRetries(retries).retryDelay(DELAY));
      f.database.refuse(m -> ((Mutation.Put) m).row().equals(row("bad")));
      f.put(1, "bad");
      f.database.holdReplies();
      f.linger();
      Receipt good = done(f.put(1, "good"));
      f.database.releaseReplies();
      f.environment.run();
      assertThat(f.cache().status().parked()).isZero();
      assertThat(f.cache().status().deferred()).isEqualTo(1);
      f.environment.advance(DELAY);
      assertThat(f.database.row(key(1)).version()).isEqualTo(good.version());
      assertThat(f.violations()).isEmpty();
    }
  }

  @Test
  void anEntryThatIsAlwaysRewrittenWhileItIsRefusedIsNotTriedInALoop() {
    t.open(builder().linger(Duration.ZERO));
    refuse(Set.of(key(1)));
    t.put(1, "bad");
    for (int i = 0; i < 3_000; i++) {
      t.database.holdReplies();
      t.environment.advance(Duration.ofMillis(10));
      t.put(1, "worse" + i);
      t.database.releaseReplies();
      t.environment.run();
    }
    // Half a minute, pauses of at most 1, 2, 4, 8, 8, ... s.
    assertThat(batchesWith(1)).isBetween(6L, 10L);
    assertThat(status().parked()).isZero();
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(status().parked()).isEqualTo(1);
  }

  @Test
  void attemptsSurviveTheDeathOfTheProcess() {
    refuse("bad");
    t.open(builder());
    t.put(1, "bad");
    t.linger();
    for (int i = 0; i < 5; i++) {
      t.kill();
      t.open(builder());
      assertThat(status().deferred()).isEqualTo(1);
      assertThat(pending().attempts()).isEqualTo(1);
    }
    t.environment.advance(DELAY);
    assertThat(pending().attempts()).isEqualTo(2);
    t.kill();
    t.open(builder());
    t.environment.advance(ALL_TRIES);
    assertThat(status().parked()).isEqualTo(1);
    assertThat(batchesWith(1)).isEqualTo(4);
    t.losePower(5);
    t.open(builder());
    assertThat(status().parked()).isEqualTo(1);
    assertThat(pending().error().message()).isEqualTo("refused on command");
    t.put(1, "good");
    t.linger();
    assertThat(stored(1)).isEqualTo(row("good"));
  }

  @Test
  void aCrashBetweenTheRefusalAndTheDeferralOnlyForgetsThatAttempt() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.put(2, "good");
    t.store().holdDefer();
    t.linger();
    assertThat(stored(2)).isEqualTo(row("good"));
    t.kill();
    t.open(builder());
    t.linger();
    assertThat(stored(2)).isEqualTo(row("good"));
    assertThat(pending().attempts()).isEqualTo(1);
    t.environment.advance(ALL_TRIES);
    assertThat(status().parked()).isEqualTo(1);
  }

  @Test
  void aCrashBetweenTheDeferralAndTheNextTakeLosesNothing() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.put(2, "good");
    t.database.holdReplies();
    t.linger();
    List<Runnable> reply = t.database.detachHeld();
    t.store().holdTake();
    reply.forEach(Runnable::run);
    t.environment.run();
    assertThat(status().deferred()).isEqualTo(1);
    t.kill();
    t.open(builder());
    assertThat(status().deferred()).isEqualTo(1);
    t.linger();
    assertThat(stored(2)).isEqualTo(row("good"));
    t.environment.advance(ALL_TRIES);
    assertThat(status().parked()).isEqualTo(1);
    assertThat(batchesWith(1)).isEqualTo(4);
  }

  @Test
  void aThousandBadRowsThatAreTheOldestDoNotKeepTheHealthyBack() {
    t.open(builder().maxBatchSize(100));
    t.database.setAway(true);
    Set<Key> bad = new HashSet<>();
    for (int i = 0; i < 1_000; i++) {
      bad.add(key(i));
      t.put(i, "bad");
    }
    refuse(bad);
    for (int i = 1_000; i < 1_100; i++) {
      t.put(i, "good");
    }
    t.database.setAway(false);
    int before = t.database.batches().size();
    t.environment.await(t.cache().flushAsync());
    assertThat(t.database.rows()).hasSize(100);
    assertThat(t.database.batches().size() - before).isLessThanOrEqualTo(11);
    // They are due all the time now, and still a healthy one waits for one batch of them at most.
    for (int i = 2_000; i < 2_050; i++) {
      t.put(i, "good");
      int tries = t.database.batches().size();
      t.linger();
      assertThat(stored(i)).isEqualTo(row("good"));
      List<List<Key>> since = t.database.batches().subList(tries, t.database.batches().size());
      assertThat(since).allMatch(b -> bad.containsAll(b) || b.stream().noneMatch(bad::contains));
    }
    t.environment.advance(ALL_TRIES);
    assertThat(status().parked()).isEqualTo(1_000);
    assertThat(status().counters().rejected()).isEqualTo(4_000);
  }

  @Test
  void anOutageCountsAgainstNoRowAndParksNothing() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.linger();
    t.database.setAway(true);
    t.environment.advance(Duration.ofHours(1));
    assertThat(status().deferred()).isEqualTo(1);
    assertThat(pending().attempts()).isEqualTo(1);
    t.database.setAway(false);
    t.database.retryNext();
    t.database.loseNextRequest();
    t.database.loseNextReply();
    t.environment.advance(Duration.ofMinutes(2));
    assertThat(status().parked()).isEqualTo(1);
    assertThat(status().counters().rejected()).isEqualTo(4);
    assertThat(pending().attempts()).isEqualTo(4);
  }

  @Test
  void whatTheDatabaseSaysToTryAgainIsNotRefused() {
    t.open(builder().maxRetries(0));
    t.put(1, "a");
    t.database.retryNext();
    t.linger();
    assertThat(status().reasons()).anyMatch(reason -> reason.contains("deadlock detected"));
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(stored(1)).isEqualTo(row("a"));
    assertThat(status().counters().rejected()).isZero();
  }

  @Test
  void aRefusalWhoseReplyIsLostIsAskedForAgain() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.put(2, "good");
    t.database.loseNextReply();
    t.linger();
    assertThat(status().deferred()).isZero();
    t.environment.await(t.cache().flushAsync());
    assertThat(stored(2)).isEqualTo(row("good"));
    assertThat(pending().attempts()).isEqualTo(1);
    t.environment.advance(ALL_TRIES);
    assertThat(status().parked()).isEqualTo(1);
  }

  @Test
  void aRefusalByAFencedOwnerChangesNothing() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.store().holdDefer();
    t.linger();
    t.environment.await(t.store().open(0, 1_000, 0, false));
    t.store().release();
    t.environment.run();
    assertThat(status().health()).isEqualTo(Health.DOWN);
    assertThat(status().deferred()).isZero();
    assertThat(pending().attempts()).isZero();
  }

  @Test
  void aRefusalEndsAnOutage() {
    t.open(builder().retryDelay(Duration.ofSeconds(30)));
    refuse("bad");
    t.put(1, "bad");
    t.database.setAway(true);
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(status().reasons()).anyMatch(reason -> reason.contains("cannot be written to"));
    t.database.setAway(false);
    t.cache().flushAsync();
    t.environment.run();
    assertThat(status().reasons()).noneMatch(reason -> reason.contains("cannot be written to"));
    // Not after the pause of the outage.
    t.put(2, "good");
    t.linger();
    assertThat(stored(2)).isEqualTo(row("good"));
  }

  @Test
  void flushTellsOfRefusalsAndDoesNotWaitForThem() {
    t.open(builder().linger(Duration.ofHours(1)));
    refuse("bad");
    for (int i = 0; i < 10; i++) {
      t.put(i, i < 2 ? "bad" : "good");
    }
    var flush = t.cache().flushAsync();
    t.environment.run();
    assertThat(flush).isCompleted();
    FlushReport report = done(flush);
    assertThat(report.applied()).isEqualTo(8);
    assertThat(report.rejected()).isEqualTo(2);
    assertThat(report.remaining()).isEqualTo(2);
    assertThat(report.error()).isEqualTo("refused on command");
    var again = t.cache().flushAsync();
    t.environment.run();
    assertThat(done(again).applied() + done(again).rejected()).isZero();
    assertThat(done(again).error()).isNull();
    t.environment.advance(ALL_TRIES);
    var afterwards = t.cache().flushAsync();
    t.environment.run();
    assertThat(done(afterwards).remaining()).isZero();
  }

  @Test
  void flushDoesNotCountWhatIsTriedAgainMeanwhile() {
    t.open(builder().linger(Duration.ofHours(1)));
    refuse("bad");
    t.put(1, "bad");
    t.environment.await(t.cache().flushAsync());
    t.put(2, "good");
    t.database.holdReplies();
    t.cache().flushAsync();
    t.environment.advance(Duration.ofSeconds(2));
    t.put(2, "better");
    var flush = t.cache().flushAsync();
    t.database.releaseReplies();
    t.environment.run();
    // The entry that was due was tried before the ready one.
    assertThat(pending().attempts()).isEqualTo(2);
    assertThat(done(flush).applied()).isEqualTo(2);
    assertThat(done(flush).rejected()).isZero();
    assertThat(done(flush).error()).isNull();
  }

  @Test
  void flushWithABudgetGoesPastTheRefused() {
    t.open(builder().linger(Duration.ofHours(1)));
    refuse("bad");
    for (int i = 0; i < 10; i++) {
      t.put(i, i < 3 ? "bad" : "good");
    }
    FlushReport report = t.environment.await(t.cache().flushAsync(4));
    assertThat(report.applied()).isEqualTo(4);
    assertThat(report.rejected()).isEqualTo(3);
    assertThat(t.database.rows()).containsOnlyKeys(key(3), key(4), key(5), key(6));
    t.environment.await(t.cache().flushAsync());
  }

  @Test
  void drainWaitsForTheRefusedUntilTheyAreParked() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    t.put(2, "good");
    var drain = t.cache().drainAsync(Duration.ofMinutes(1));
    t.environment.run();
    assertThat(stored(2)).isEqualTo(row("good"));
    assertThat(drain).isNotDone();
    t.environment.advance(ALL_TRIES);
    assertThat(done(drain))
        .returns(1, FlushReport::applied)
        .returns(4, FlushReport::rejected)
        .returns(0, FlushReport::remaining)
        .returns("refused on command", FlushReport::error);
    assertThat(status().parked()).isEqualTo(1);
  }

  @Test
  void drainWaitsForTheRefusedUntilItsDeadline() {
    t.open(builder());
    refuse("bad");
    t.put(1, "bad");
    var drain = t.cache().drainAsync(Duration.ofSeconds(2));
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(done(drain).remaining()).isEqualTo(1);
    assertThat(done(drain).error()).isEqualTo("refused on command");
  }

  @Test
  void theFrontierStaysBehindWhatIsDeferredAndPassesWhatIsParked() {
    t.open(builder().maxRetries(6));
    refuse("bad");
    long bad = done(t.put(1, "bad")).version();
    t.linger();
    for (int i = 0; i < 20; i++) {
      t.put(2, "good" + i);
      t.linger();
      t.environment.advance(Duration.ofSeconds(1));
      assertThat(t.database.frontier(0)).isPositive().isLessThanOrEqualTo(bad);
    }
    t.kill();
    t.open(builder().maxRetries(6));
    t.environment.advance(Duration.ofSeconds(15));
    assertThat(status().deferred()).isEqualTo(1);
    assertThat(t.database.frontier(0)).isLessThanOrEqualTo(bad);
    t.environment.advance(Duration.ofSeconds(60));
    assertThat(status().parked()).isEqualTo(1);
    assertThat(t.database.frontier(0)).isGreaterThan(t.environment.wallMicros() - 11_000_000L);
  }

  @Test
  void conflictsAndRefusalsAreToldApart() {
    t.open(builder().maxRetries(0));
    refuse("bad");
    t.put(1, "bad");
    t.put(2, "bad");
    t.cache().putAsync(key(3), row("ours"), Durability.JOURNAL);
    t.foreign(3, "theirs", t.environment.wallMicros() + 1_000_000_000L);
    t.linger();
    assertThat(status().reasons())
        .containsExactly(
            "2 entries are parked: the database refused every try; it said: refused on command",
            "1 entry is parked: the database has a newer version that is not ours");
    assertThat(status().counters().rejected()).isEqualTo(2);
  }

  @Test
  void deferredEntriesTakeHalfOfTheLimitAndFurtherOnesAreParkedEarly() {
    t.open(builder().maxPendingEntries(8).overload(Overload.reject()));
    refuse("bad");
    for (int i = 0; i < 6; i++) {
      assertThat(t.put(i, "bad")).isNotCompletedExceptionally();
      t.linger();
      assertThat(status().deferred()).isLessThanOrEqualTo(4);
    }
    var good = List.of(t.put(100, "good"), t.put(101, "good"));
    t.linger();
    assertThat(good).noneMatch(CompletableFuture::isCompletedExceptionally);
    assertThat(stored(101)).isEqualTo(row("good"));
    assertThat(
            t.environment.await(t.cache().pendingAsync("", null, 100)).entries().stream()
                .filter(entry -> entry.attempts() == 1 && entry.state() == EntryState.PARKED))
        .isNotEmpty()
        .allMatch(
            letter ->
                letter
                    .error()
                    .message()
                    .equals(
                        "refused on command; parked early: deferred entries take half of the"
                            + " limit"));
    // Those that are deferred already keep their tries.
    t.environment.advance(ALL_TRIES);
    assertThat(status().deferred()).isZero();
    assertThat(
            t.environment.await(t.cache().pendingAsync("", null, 100)).entries().stream()
                .filter(entry -> entry.attempts() == 4))
        .isNotEmpty();
  }

  @Test
  void whereLettersHaveReachedTheirLimitEntriesStayDeferred() {
    t.open(builder().maxRetries(0).maxPendingEntries(4).overload(Overload.reject()));
    refuse("bad");
    for (int i = 0; i < 4; i++) {
      t.put(i, "bad");
      t.linger();
    }
    assertThat(status().parked()).isEqualTo(4);
    t.put(4, "bad");
    t.linger();
    assertThat(status()).returns(4, CacheStatus::parked).returns(1, CacheStatus::deferred);
    int tries = t.database.batches().size();
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.batches().size() - tries).isBetween(9, 11);
    assertThat(status()).returns(4, CacheStatus::parked).returns(1, CacheStatus::deferred);
    // A letter that is put right makes room.
    t.put(0, "good");
    t.linger();
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(status()).returns(4, CacheStatus::parked).returns(0, CacheStatus::deferred);
  }

  @Test
  void whatIsLockedIsNeverParkedEarly() {
    t.open(builder().maxRetries(0).maxPendingEntries(4).overload(Overload.reject()));
    t.database.delayWith(m -> DatabaseError.of(ErrorClass.LOCKED, "locked"));
    for (int i = 0; i < 4; i++) {
      t.put(i, "v");
      t.linger();
    }
    assertThat(status()).returns(0, CacheStatus::parked).returns(4, CacheStatus::deferred);
    t.database.delayWith(m -> DatabaseError.of(ErrorClass.FOREIGN_KEY, "no parent yet"));
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(status()).as("they are deferred already").returns(4, CacheStatus::deferred);
    t.database.delayWith(m -> null);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).hasSize(4);
  }

  @Test
  void whoWaitsForRoomHasItWhenAnEntryIsParked() {
    t.open(builder().maxPendingEntries(1).overload(Overload.waitFor(Duration.ofSeconds(30))));
    refuse("bad");
    t.put(1, "bad");
    t.linger();
    var waiting = t.put(2, "good");
    t.environment.advance(ALL_TRIES);
    assertThat(waiting).isCompleted();
    assertThat(stored(2)).isEqualTo(row("good"));
  }

  @Test
  void noWriterIsSlowedForTheSakeOfARefusedEntry() {
    t.open(builder().maxRetries(9).targetLag(Duration.ofSeconds(1)));
    refuse("bad");
    t.put(1, "bad");
    t.environment.advance(Duration.ofSeconds(20));
    assertThat(status().lag()).isGreaterThan(Duration.ofSeconds(19));
    assertThat(t.put(2, "good")).isCompleted();
    assertThat(status().counters().pauses()).isZero();
    t.linger();
  }

  @Test
  void anOperatorReadsOneLineForWhatHappenedToManyAndNoValue() {
    Logger logger = (Logger) LoggerFactory.getLogger("io.headpond.engine.Refusals");
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    logger.addAppender(lines);
    logger.setLevel(Level.WARN);
    try {
      t.open(builder().maxRetries(1));
      refuse("secret");
      IntStream.range(0, 1_000).forEach(i -> t.put(i, "secret"));
      t.linger();
      t.environment.advance(DELAY);
      assertThat(status().parked()).isEqualTo(1_000);
    } finally {
      logger.detachAppender(lines);
      logger.setLevel(null);
    }
    assertThat(lines.list)
        .extracting(ILoggingEvent::getFormattedMessage)
        .satisfiesExactly(
            first ->
                assertThat(first)
                    .matches(
                        "t: partition 0: 1000 entries, the first of them \\w+ refused, attempt 1 of 2,"
                            + " next try in \\d+ ms: refused on command"),
            second ->
                assertThat(second)
                    .matches(
                        "t: partition 0: 1000 entries, the first of them \\w+ refused, attempt 2 of 2,"
                            + " parked: refused on command"))
        .noneMatch(line -> line.contains("secret"));
  }

  /** Many runs of writes, refusals, outages, lost replies, crashes: nothing is lost, nothing goes back, all that is good arrives. */
  @Test
  void whateverHappensOnlyTheBadAreParked() {
    for (int seed = 1; seed <= 200; seed++) {
      Random random = new Random(seed);
      EngineFixture f = new EngineFixture(seed);
      f.database.refuse(m -> m instanceof Mutation.Put put && isBad(put.row()));
      f.open(f.builder().maxRetries(2).retryDelay(DELAY).maxBatchSize(8).partitions(2));
      for (int i = 0; i < 150; i++) {
        step(f, random, i);
      }
      f.database.setAway(false);
      f.database.delayWith(m -> null);
      f.database.releaseReplies();
      f.store().release();
      f.environment.advance(Duration.ofMinutes(30));
      String run = "seed " + seed;
      assertThat(f.violationsWithPending()).as(run).isEmpty();
      CacheStatus end = f.cache().status();
      assertThat(end.pendingEntries()).as(run + " " + end).isZero();
      var letters = f.environment.await(f.cache().pendingAsync("", null, 1_000)).entries();
      assertThat(letters).as(run).hasSize(end.parked());
      for (PendingEntry letter : letters) {
        assertThat(
                isBad(f.environment.await(f.cache().getAsync(key(Long.parseLong(letter.key()))))))
            .as(run)
            .isTrue();
        assertThat(letter.attempts()).as(run).isEqualTo(3);
      }
    }
  }

  private static boolean isBad(@Nullable Row row) {
    return row != null && row.get("name") instanceof String name && name.startsWith("bad");
  }

  private static void step(EngineFixture f, Random random, int i) {
    switch (random.nextInt(22)) {
      case 0 -> f.database.setAway(true);
      case 1, 2 -> f.database.setAway(false);
      case 3 -> f.database.loseNextReply();
      case 4 -> f.database.loseNextRequest();
      case 5 -> f.database.retryNext();
      case 6 -> f.store().holdDefer();
      case 7 -> f.store().holdTake();
      case 8 -> f.store().holdSettle();
      case 9 -> f.store().release();
      case 10 -> {
        if (random.nextInt(4) == 0) {
          f.database.setAway(false);
          f.database.detachHeld();
          f.kill();
          f.open(f.builder().maxRetries(2).retryDelay(DELAY).maxBatchSize(8).partitions(2));
        }
      }
      case 11 -> f.database.holdReplies();
      case 12 -> f.database.releaseReplies();
      case 13, 14 -> f.environment.advance(Duration.ofMillis(random.nextInt(3_000)));
      case 20 -> {
        Key locked = key(random.nextInt(20));
        DatabaseError error = DatabaseError.of(ErrorClass.LOCKED, "locked");
        f.database.delayWith(m -> m.key().equals(locked) ? error : null);
      }
      case 21 -> f.database.delayWith(m -> null);
      case 15 -> f.remove(random.nextInt(20));
      case 16 ->
          f.write(
              random.nextInt(20), (random.nextInt(3) == 0 ? "bad" : "x") + i, Durability.DATABASE);
      default -> f.put(random.nextInt(20), (random.nextInt(3) == 0 ? "bad" : "good") + i);
    }
    f.environment.run();
  }

  /** What the store has parked before it throws is parked: its writers learn it, and it counts. */
  @Test
  void whatWasParkedIsToldThoughTheStoreThrowsBehindIt() {
    for (int n = 1; n <= 20; n++) {
      EngineFixture f = new EngineFixture(n);
      f.open(f.builder().maxRetries(0).retryDelay(DELAY));
      f.database.refuse(mutation -> true);
      List<CompletableFuture<?>> settled = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        settled.add(done(f.put(i, "bad")).settled());
      }
      f.store().throwAt(n, new StackOverflowError());
      f.environment.advance(Duration.ofMinutes(1));
      assertThat(settled).as("step " + n).allMatch(CompletableFuture::isCompletedExceptionally);
      assertThat(f.cache().status())
          .as("step " + n)
          .returns(4, CacheStatus::parked)
          .returns(4L, status -> status.counters().rejected());
    }
  }
}
