package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static io.headpond.testkit.SharedFixture.LEASE;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.headpond.CacheStatus.Health;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.testkit.SharedFixture.Node;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** Partitions of a shared store pass from one worker to another; nothing is lost, twice or out of order meanwhile. */
@Timeout(60)
class OwnershipTest {
  private final SharedFixture t = new SharedFixture();

  @AfterEach
  void nothingLostNothingBackNothingTwice() {
    assertThat(t.violations()).isEmpty();
    assertThat(t.twice()).isEmpty();
  }

  @Test
  void aWorkerAloneHasAllPartitions() {
    Node one = t.worker("one");
    assertThat(t.shares(one)).containsExactly(6);
    one.put(1, "a");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(one.cache().status().health()).isEqualTo(Health.UP);
  }

  @Test
  void aWorkerThatJoinsHasItsShareWithinTheTimeOfALease() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    assertThat(t.shares(one)).containsExactly(3, 3);
    t.worker("three");
    t.pass(LEASE);
    assertThat(t.shares(two)).containsExactly(2, 2, 2);
    t.worker("four");
    t.pass(LEASE);
    assertThat(t.shares(two)).containsExactly(1, 1, 2, 2);
  }

  @Test
  void theLogHasALineForAllPartitionsThatComeOrGoTogether() {
    List<String> lines =
        logged(
            () -> {
              t.worker("one");
              t.pass(LEASE);
              t.worker("two");
              t.pass(LEASE);
            });
    assertThat(lines)
        .containsExactly(
            "t: opened all 6 partitions of the store",
            "t: this process brings all 6 partitions to the database, workers: 1",
            "t: this process brings partitions 0-2 to the database, workers: 2",
            "t: this process brings partitions 3-5 to the database, workers: 2");
  }

  @Test
  void aStoreThatHasForgottenIsToldOfInOneLineForAllPartitions() {
    Node one = t.worker("one");
    for (int i = 0; i < 50; i++) {
      one.put(i, "a");
    }
    t.linger();
    List<String> lines =
        logged(
            () -> {
              t.model.empty();
              t.pass(LEASE);
            });
    assertThat(lines)
        .filteredOn(line -> line.contains("forgotten"))
        .singleElement()
        .asString()
        .startsWith(
            "t: the store has forgotten what it was told last of all 6 partitions: it was emptied");
  }

  @Test
  void theLogSaysWhenItIsTheStoreThatIsNotReached() {
    Node one = t.worker("one");
    one.put(1, "a");
    t.environment.run();
    List<String> lines =
        logged(
            () -> {
              t.model.setAway(true);
              t.pass(LEASE.dividedBy(6));
              t.model.setAway(false);
              t.pass(LEASE);
            });
    assertThat(lines)
        .anySatisfy(line -> assertThat(line).contains(" does not reach the hot store (attempt 1"))
        .anySatisfy(line -> assertThat(line).contains(" reaches the hot store again after "))
        .noneSatisfy(line -> assertThat(line).containsPattern("reach(es)? the database"));
  }

  /** What the engine says meanwhile. */
  private static List<String> logged(Runnable action) {
    Logger engine = (Logger) LoggerFactory.getLogger("io.headpond.engine");
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    engine.addAppender(lines);
    engine.setLevel(Level.INFO);
    try {
      action.run();
    } finally {
      engine.detachAppender(lines);
      engine.setLevel(null);
    }
    return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  @Test
  void aStoreThatNoLongerKeepsTheLevelIsAReasonUntilItDoesAgain() {
    Node one = t.worker("one");
    t.model.keep(Durability.MEMORY);
    assertThat(one.cache().status().health()).isEqualTo(Health.DEGRADED);
    assertThat(one.cache().status().reasons())
        .singleElement()
        .asString()
        .startsWith("writes are refused: ")
        .contains(" does not keep REPLICAS any more");
    t.model.keep(Durability.MEMORY, Durability.JOURNAL, Durability.DISK, Durability.REPLICAS);
    assertThat(one.cache().status().health()).isEqualTo(Health.UP);
  }

  @Test
  void aWorkerThatLeavesIsReplacedWithinTheTimeOfALease() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    two.cache().close();
    t.pass(LEASE.dividedBy(2));
    assertThat(t.shares(one)).containsExactly(6);
  }

  @Test
  void aWorkerThatDiesIsReplacedWithinTwoTimesOfALease() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    for (int i = 0; i < 20; i++) {
      one.put(i, "a" + i);
    }
    t.linger();
    two.kill();
    for (int i = 0; i < 20; i++) {
      one.put(i, "b" + i);
    }
    t.pass(LEASE.multipliedBy(2));
    assertThat(t.shares(one)).containsExactly(6);
    for (int i = 0; i < 20; i++) {
      assertThat(t.database.row(key(i)).value()).isEqualTo(row("b" + i));
    }
  }

  @Test
  void leasesAreKeptWhileNothingIsPending() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    List<Integer> mine = one.partitions();
    t.pass(LEASE.multipliedBy(20));
    assertThat(one.partitions()).isEqualTo(mine);
    assertThat(two.partitions()).hasSize(3);
  }

  @Test
  void writesGoOnWhilePartitionsPass() {
    Node one = t.worker("one");
    List<Node> all = new ArrayList<>(List.of(one));
    int word = 0;
    for (int round = 0; round < 60; round++) {
      for (int i = 0; i < 10; i++) {
        all.get(i % all.size()).put(i, "w" + word++);
      }
      if (round % 15 == 5) {
        all.add(t.worker("w" + round));
      }
      if (round == 40) {
        all.remove(1).cache().close();
      }
      t.pass(Duration.ofMillis(1_700));
    }
    t.pass(LEASE);
    assertThat(one.cache().status().pendingEntries()).isZero();
    for (int i = 0; i < 10; i++) {
      assertThat(t.database.row(key(i)).value()).isEqualTo(row("w" + (word - 10 + i)));
    }
  }

  @Test
  void aWorkerThatWasStoppedPastItsLeaseFindsItselfWithoutPartitionsAndCarriesOn() {
    Node one = t.worker("one");
    one.put(1, "v5");
    // Its batch is at the database, and the answer on its way, when it is stopped.
    t.database.holdReplies();
    t.linger();
    one.process.standStill();
    List<Runnable> late = t.database.detachHeld();
    Node two = t.worker("two");
    t.pass(LEASE.multipliedBy(2));
    assertThat(two.partitions()).hasSize(6);
    assertThat(t.environment.await(two.cache().workersAsync()).unowned()).isEmpty();
    two.put(1, "v6");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("v6"));
    one.process.goOn();
    late.forEach(Runnable::run);
    t.pass(Duration.ofSeconds(5));
    assertThat(two.get(1)).isEqualTo("v6");
    assertThat(one.cache().status().health()).isEqualTo(Health.UP);
    one.put(2, "from one");
    t.pass(LEASE);
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("from one"));
    assertThat(t.shares(one)).containsExactly(3, 3);
  }

  /** Hazard 45. */
  @Test
  void aWorkerThatWasStoppedParksNothingLate() {
    Node one = t.open("one", builder -> builder.maxRetries(0));
    t.database.refuse(mutation -> true);
    one.put(1, "v5");
    t.database.holdReplies();
    t.linger();
    one.process.standStill();
    List<Runnable> late = t.database.detachHeld();
    t.database.refuse(mutation -> false);
    Node two = t.worker("two");
    t.pass(LEASE.multipliedBy(2));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("v5"));
    one.process.goOn();
    late.forEach(Runnable::run);
    t.pass(Duration.ofSeconds(5));
    assertThat(two.cache().status().parked()).isZero();
    assertThat(t.environment.await(two.cache().entryAsync(key(1))).state())
        .isEqualTo(EntryState.CLEAN);
  }

  @Test
  void aBatchThatADeadWorkerHadCommittedIsNotSaidToBeRefused() {
    Node one = t.open("one", builder -> builder.maxRetries(0));
    Node two = t.open("two", builder -> builder.flushes(false));
    one.put(1, "a");
    t.database.holdReplies();
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    one.kill();
    t.database.detachHeld();
    t.database.refuse(mutation -> true);
    Node three = t.open("three", builder -> builder.maxRetries(0));
    t.pass(LEASE.multipliedBy(2));
    assertThat(two.cache().status().parked()).isZero();
    assertThat(three.cache().status().pendingEntries()).isZero();
  }

  @Test
  void withTheDatabaseAwayNothingIsFlushedAndItGoesOnByItself() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    t.database.setAway(true);
    one.put(1, "a");
    two.put(2, "b");
    t.pass(LEASE.multipliedBy(3));
    assertThat(one.cache().status().health()).isEqualTo(Health.DEGRADED);
    t.database.setAway(false);
    t.pass(LEASE.multipliedBy(2));
    assertThat(t.database.rows()).hasSize(2);
    assertThat(t.shares(one)).containsExactly(3, 3);
    assertThat(one.cache().status().reasons()).isEmpty();
    assertThat(two.cache().status().reasons()).isEmpty();
  }

  @Test
  void aLostReplyIsFollowedUpByWhoHasTheLeaseThen() {
    Node one = t.worker("one");
    t.database.loseNextReply();
    one.put(1, "a");
    t.pass(Duration.ofSeconds(5));
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
    assertThat(one.cache().status().pendingEntries()).isZero();
  }

  @Test
  void aWorkerThatDoesNotReachTheStoreGivesItsShareToOthers() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    t.model.setAway(two.process, true);
    t.pass(LEASE.multipliedBy(2).plusSeconds(10));
    assertThat(t.shares(one)).containsExactly(6);
    assertThat(two.cache().status().health()).isEqualTo(Health.DEGRADED);
    one.put(1, "a");
    t.linger();
    assertThat(t.database.rows()).hasSize(1);
    t.model.setAway(two.process, false);
    t.pass(LEASE);
    assertThat(t.shares(one)).containsExactly(3, 3);
    assertThat(two.cache().status().reasons()).isEmpty();
  }

  @Test
  void healthTellsIfNobodyIsAWorkerOrPartitionsAreLeft() {
    Node api = t.api("api");
    t.pass(Duration.ofSeconds(1));
    assertThat(api.cache().status().health()).isEqualTo(Health.DEGRADED);
    assertThat(api.cache().status().reasons()).anyMatch(why -> why.contains("no worker is active"));
    t.pass(LEASE.multipliedBy(3));
    assertThat(api.cache().status().reasons())
        .anyMatch(why -> why.startsWith("partitions 0, 1, 2, 3, 4, 5 have had no worker"));
    t.worker("one");
    t.pass(LEASE);
    assertThat(api.cache().status().reasons()).isEmpty();
  }

  @Test
  void whoTheWorkersAreIsToldWithTheirPartitions() {
    Node one = t.worker("one");
    Node api = t.api("api");
    t.pass(Duration.ofSeconds(20));
    api.put(1, "a");
    var workers = t.environment.await(api.cache().workersAsync());
    assertThat(workers.unowned()).isEmpty();
    assertThat(workers.workers()).hasSize(1);
    assertThat(workers.workers().get(0).name()).isEqualTo("one");
    assertThat(workers.workers().get(0).self()).isFalse();
    assertThat(workers.workers().get(0).partitions()).hasSize(6);
    assertThat(t.environment.await(one.cache().workersAsync()).workers().get(0).self()).isTrue();
  }

  @Test
  void theLastWorkerFlushesBeforeItClosesAndOthersDoNot() {
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.pass(LEASE);
    for (int i = 0; i < 10; i++) {
      one.put(i, "a" + i);
    }
    int before = t.database.rows().size();
    one.cache().close();
    assertThat(t.database.rows().size() - before).isLessThan(10);
    t.pass(LEASE);
    assertThat(t.database.rows()).hasSize(10);
    for (int i = 0; i < 10; i++) {
      two.put(i, "b" + i);
    }
    two.cache().close();
    assertThat(t.model.pendingEntries()).isZero();
    for (int i = 0; i < 10; i++) {
      assertThat(t.database.row(key(i)).value()).isEqualTo(row("b" + i));
    }
  }

  @Test
  void whatIsPendingAtTheLastCloseIsWrittenAtTheNextStart() {
    Node one = t.worker("one");
    t.database.delayWith(
        mutation -> DatabaseError.of(ErrorClass.TIMEOUT, "locked by somebody else"));
    one.put(1, "a");
    one.cache().close();
    t.database.delayWith(mutation -> null);
    assertThat(t.database.rows()).isEmpty();
    t.worker("two");
    t.pass(LEASE);
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("a"));
  }

  @Test
  void aStartWithoutTheDatabaseTakesWritesAndGoesOnByItself() {
    Node one = t.worker("one");
    one.put(1, "a");
    t.linger();
    t.database.setAway(true);
    Node two = t.worker("two");
    assertThat(two.put(2, "b", Durability.REPLICAS)).isNotNull();
    t.pass(Duration.ofSeconds(1));
    assertThat(two.get(2)).isEqualTo("b");
    assertThat(two.cache().status().health()).isEqualTo(Health.DEGRADED);
    t.database.setAway(false);
    t.pass(LEASE.multipliedBy(2));
    assertThat(t.database.row(key(2)).value()).isEqualTo(row("b"));
    assertThat(t.shares(two)).containsExactly(3, 3);
    assertThat(two.cache().status().reasons()).isEmpty();
  }
}
