package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Overload;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Writers are slowed down before the limit is reached, as much as the database makes necessary and no more. */
@Timeout(60)
class ThrottleTest {
  private static final Duration MAX_PAUSE = Duration.ofMillis(200);

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violations()).isEmpty();
  }

  /** How long the acknowledgement of a new entry is held back. */
  private Duration pause(long id) {
    return pause(id, "v" + id);
  }

  private Duration pause(long id, String value) {
    CompletableFuture<Receipt> receipt = t.put(id, value);
    Duration waited = Duration.ZERO;
    while (!receipt.isDone()) {
      t.environment.advance(Duration.ofMillis(1));
      waited = waited.plusMillis(1);
    }
    return waited;
  }

  @Test
  void withTheDatabaseAwayPausesGrowFromHalfOfTheLimitOn() {
    t.open(t.builder().maxPendingEntries(100).overload(Overload.reject()));
    t.database.setAway(true);
    List<Duration> pauses = new ArrayList<>();
    for (int i = 1; i <= 100; i++) {
      pauses.add(pause(i));
    }
    assertThat(pauses.subList(0, 50)).containsOnly(Duration.ZERO);
    assertThat(pauses.get(50)).isPositive().isLessThan(Duration.ofMillis(10));
    assertThat(pauses.subList(50, 100)).isSorted();
    assertThat(pauses.get(99)).isEqualTo(MAX_PAUSE);
    assertThat(t.cache().status().counters().pauses()).isEqualTo(50);
    assertThat(t.put(101, "too much")).isCompletedExceptionally();
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
  }

  @Test
  void aWriteThatTakesThePlaceOfAnotherIsNotHeldBack() {
    t.open(t.builder().maxPendingEntries(10));
    t.database.setAway(true);
    for (int i = 1; i <= 10; i++) {
      pause(i);
    }
    for (int i = 1; i <= 10; i++) {
      assertThat(t.put(i, "again")).isCompleted();
    }
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
  }

  @Test
  void writersComeToRestAtTheRateOfTheDatabaseWithoutEverReachingTheLimit() {
    int limit = 1_000;
    t.open(
        t.builder()
            .maxPendingEntries(limit)
            .maxBatchSize(10)
            .linger(Duration.ZERO)
            .overload(Overload.reject()));
    t.database.holdReplies();
    int writers = 50;
    Queue<CompletableFuture<Receipt>> waiting = new ArrayDeque<>();
    long id = 0;
    int most = 0;
    long atRest = 0;
    int milliseconds = 8_000;
    for (int ms = 0; ms < milliseconds; ms++) {
      // The database takes a batch of ten each 10 ms: 1,000 entries a second.
      if (ms % 10 == 0) {
        t.database.releaseReplies();
        t.database.holdReplies();
      }
      for (int i = waiting.size(); i > 0; i--) {
        CompletableFuture<Receipt> receipt = waiting.remove();
        if (!receipt.isDone()) {
          waiting.add(receipt);
        } else {
          assertThat(receipt).isCompleted();
        }
      }
      // As many writers as fast as they are let: fifty new entries each millisecond if nothing
      // slows them.
      while (waiting.size() < writers) {
        waiting.add(t.put(++id, "v"));
      }
      t.environment.advance(Duration.ofMillis(1));
      most = Math.max(most, t.cache().status().pendingEntries());
      atRest += ms >= milliseconds / 2 ? t.cache().status().pendingEntries() : 0;
    }
    assertThat(most).isLessThanOrEqualTo(limit);
    assertThat(t.cache().status().counters().refused()).isZero();
    // Three quarters of the limit is where the factor is 1.
    assertThat(atRest / (milliseconds / 2)).isBetween(limit / 2L, 9L * limit / 10);
    assertThat(t.cache().status().flushRate()).isBetween(900.0, 1_100.0);
    t.database.releaseReplies();
    t.environment.advance(Duration.ofSeconds(60));
  }

  @Test
  void withATargetLagWritersAreSlowedLongBeforeTheLimit() {
    t.open(
        t.builder()
            .maxPendingEntries(1_000_000)
            .targetLag(Duration.ofSeconds(10))
            .linger(Duration.ZERO));
    t.database.setAway(true);
    assertThat(pause(1)).isZero();
    t.environment.advance(Duration.ofMillis(4_900));
    assertThat(pause(2)).isZero();
    t.environment.advance(Duration.ofMillis(2_600));
    assertThat(pause(3)).isBetween(Duration.ofMillis(90), Duration.ofMillis(110));
    t.environment.advance(Duration.ofSeconds(60));
    // Slowed down, never refused: the limit is what refuses.
    assertThat(pause(4)).isEqualTo(MAX_PAUSE);
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(pause(5)).isZero();
    t.environment.advance(Duration.ofSeconds(31));
  }

  /** Letters have limits of their own. */
  @Test
  void lettersSlowNobodyDown() {
    t.open(t.builder().maxPendingBytes(1 << 20).maxRetries(0).overload(Overload.reject()));
    refuseFrom(1_000);
    String big = "x".repeat(9_000);
    int letters = 93;
    for (int i = 0; i < letters; i++) {
      t.put(1_000 + i, big);
      t.linger();
    }
    assertThat(t.cache().status().parked()).isEqualTo(letters);
    assertThat(t.cache().status().parkedBytes()).isBetween(820_000L, 860_000L);
    assertThat(t.cache().status().pendingBytes()).isZero();
    t.database.setAway(true);
    assertThat(pause(1)).isZero();
    assertPausesFromHalfOfTheRestOn(2, big);
    t.database.setAway(false);
    putRight(1_000, letters);
  }

  @Test
  void entriesThatAreTriedAgainSlowNobodyDown() {
    t.open(
        t.builder()
            .maxPendingEntries(100)
            .maxRetries(100)
            .retryDelay(Duration.ofSeconds(30))
            .overload(Overload.reject()));
    refuseFrom(1_000);
    int deferred = 50;
    for (int i = 0; i < deferred; i++) {
      t.put(1_000 + i, "bad");
      t.linger();
    }
    assertThat(t.cache().status().deferred()).isEqualTo(deferred);
    t.database.setAway(true);
    assertThat(assertPausesFromHalfOfTheRestOn(1, "v")).isEqualTo(50);
    t.database.setAway(false);
    putRight(1_000, deferred);
  }

  /** Writes new entries up to the limit; returns how many there were room for. */
  private int assertPausesFromHalfOfTheRestOn(int first, String value) {
    List<Duration> pauses = new ArrayList<>();
    for (int i = first; t.cache().status().counters().refused() == 0; i++) {
      pauses.add(pause(i, value));
    }
    int fitted = pauses.size() - 1;
    assertThat(fitted).isGreaterThan(15);
    assertThat(pauses.subList(0, fitted / 2)).containsOnly(Duration.ZERO);
    assertThat(pauses.subList(fitted / 2 + 1, fitted)).doesNotContain(Duration.ZERO).isSorted();
    assertThat(pauses.get(fitted - 1)).isGreaterThan(Duration.ofMillis(160));
    return fitted;
  }

  private void refuseFrom(long id) {
    t.database.refuse(
        mutation -> (Long) EngineFixture.TYPE.components(mutation.key()).get(0) >= id);
  }

  private void putRight(long first, int count) {
    t.database.refuse(mutation -> false);
    // What takes the place of a letter needs room like a new entry.
    t.environment.advance(Duration.ofSeconds(61));
    for (int i = 0; i < count; i++) {
      t.put(first + i, "good");
    }
    t.environment.advance(Duration.ofSeconds(61));
    assertThat(t.cache().status().pendingBytes()).isZero();
  }

  @Test
  void aCloseHoldsNothingBack() {
    t.open(t.builder().maxPendingEntries(2).overload(Overload.reject()));
    t.put(1, "a");
    CompletableFuture<Receipt> held = t.put(2, "b");
    assertThat(held).isNotDone();
    t.cache().close();
    t.environment.run();
    assertThat(held).isCompleted();
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("b"));
  }

  @Test
  void whoIsRefusedLearnsWhenThereWillBeRoom() {
    t.open(t.builder().maxPendingEntries(1_000).maxBatchSize(100).overload(Overload.reject()));
    t.database.setAway(true);
    for (int i = 0; i < 1_000; i++) {
      t.put(i, "v");
    }
    assertThat(refused(2_000).retryAfter()).isEqualTo(Duration.ofSeconds(10));
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(9));
    t.database.setAway(true);
    for (int i = 0; i < 1_000; i++) {
      t.put(i, "w");
    }
    // 1,000 entries over the last ten seconds; 51 have to go first.
    assertThat(t.cache().status().flushRate()).isBetween(90.0, 112.0);
    assertThat(refused(2_001).retryAfter()).isEqualTo(Duration.ofSeconds(1));
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
  }

  private OverloadedException refused(long id) {
    return (OverloadedException) t.put(id, "too much").handle((receipt, failure) -> failure).join();
  }
}
