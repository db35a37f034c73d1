package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.CacheStatus;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Overload;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Dead letters that wait for the row that they refer to are tried again when it comes. */
@Timeout(60)
class OrphanTest {
  private static final DatabaseError NO_PARENT =
      new DatabaseError(ErrorClass.FOREIGN_KEY, "23503", "violates foreign key constraint");

  private final EngineFixture t = new EngineFixture();
  private final Set<Object> orphans = new HashSet<>();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private void open(int orphanCount) {
    t.open(t.builder().maxRetries(0));
    LongStream.range(0, orphanCount).forEach(id -> orphans.add(key(id)));
    t.database.refuseWith(mutation -> orphans.contains(mutation.key()) ? NO_PARENT : null);
    LongStream.range(0, orphanCount).forEach(id -> t.put(id, "child"));
    t.linger();
    assertThat(status().parked()).isEqualTo(orphanCount);
  }

  private CacheStatus status() {
    return t.cache().status();
  }

  private long tries() {
    return t.database.batches().size();
  }

  @Test
  void lettersAreTriedAgainWhenTheParentArrives() {
    open(1_200);
    orphans.clear();
    t.database.parentsArrived();
    t.environment.advance(Duration.ofSeconds(1));
    assertThat(t.database.rows()).hasSize(1_200);
    assertThat(status())
        .returns(0, CacheStatus::parked)
        .returns(CacheStatus.Health.UP, CacheStatus::health);
  }

  @Test
  void lettersOfOtherErrorsStay() {
    open(1);
    t.database.refuse(mutation -> mutation instanceof Mutation.Put);
    t.put(5, "bad");
    t.linger();
    t.database.refuse(mutation -> false);
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).containsOnlyKeys(key(0));
    assertThat(status().parked()).isEqualTo(1);
  }

  @Test
  void whereItIsFruitlessThePauseDoublesAndEndsWithASuccess() {
    open(1);
    long before = tries();
    // A parent each 100 ms, for an hour, and never the right one.
    for (int i = 0; i < 36_000; i++) {
      t.database.parentsArrived();
      t.environment.advance(Duration.ofMillis(100));
    }
    // After 1, 2, 4 ... 256 s, then every 300 s.
    assertThat(tries() - before).isBetween(15L, 25L);
    orphans.clear();
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.rows()).hasSize(1);

    orphans.add(key(1));
    t.put(1, "child");
    t.linger();
    t.environment.advance(Duration.ofSeconds(2));
    orphans.clear();
    t.database.parentsArrived();
    t.environment.advance(Duration.ofSeconds(2));
    assertThat(t.database.rows()).hasSize(2);
  }

  @Test
  void aParentThatArrivesDuringAPauseIsNotMissed() {
    open(1);
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMillis(500));
    assertThat(status().parked()).isEqualTo(1);
    orphans.clear();
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMillis(600));
    assertThat(t.database.rows()).hasSize(1);
  }

  @Test
  void lettersThatAreTriedAgainInVainKeepNoWriterOut() {
    t.open(
        t.builder()
            .maxPendingEntries(100)
            .maxRetries(3)
            .retryDelay(Duration.ofSeconds(1))
            .overload(Overload.reject()));
    LongStream.range(0, 100).forEach(id -> orphans.add(key(id)));
    t.database.refuseWith(mutation -> orphans.contains(mutation.key()) ? NO_PARENT : null);
    for (int id = 0; id < 100; id++) {
      t.put(id, "child");
      if (id % 20 == 19) {
        t.environment.advance(Duration.ofMinutes(2));
      }
    }
    assertThat(status().parked()).isEqualTo(100);
    t.database.parentsArrived();
    t.environment.run();
    assertThat(status().deferred()).isEqualTo(50);
    for (int i = 0; i < 100; i++) {
      var write = t.put(1_000 + i, "healthy");
      t.environment.advance(Duration.ofMillis(100));
      assertThat(write).isCompleted().isNotCompletedExceptionally();
    }
    // The others have their turn when there is room again, without a further arrival.
    orphans.clear();
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.rows().size()).isEqualTo(150);
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.rows().size()).isEqualTo(200);
    assertThat(status().parked()).isZero();
  }

  /** A parent that arrives between two rounds may be that of a letter which the first one has tried in vain. */
  @Test
  void aParentThatArrivesWhileARoundWaitsForRoomIsNotMissed() {
    t.open(t.builder().maxPendingEntries(20).maxRetries(0).retryDelay(Duration.ofSeconds(1)));
    LongStream.range(0, 20).forEach(id -> orphans.add(key(id)));
    t.database.refuseWith(mutation -> orphans.contains(mutation.key()) ? NO_PARENT : null);
    for (int id = 0; id < 20; id++) {
      t.put(id, "child");
      t.linger();
    }
    assertThat(status().parked()).isEqualTo(20);
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMillis(500));
    assertThat(status().parked()).isEqualTo(20);
    orphans.clear();
    t.database.parentsArrived();
    t.environment.advance(Duration.ofMinutes(5));
    assertThat(t.database.rows()).hasSize(20);
  }
}
