package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.Durability;
import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.journal.JournalStore;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Histories that the simulation has found, each in as few steps as it takes. */
class FoundBySimulationTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  private final EngineFixture f = new EngineFixture();

  private void openWithoutRetries() {
    f.open(f.builder().maxRetries(0));
  }

  private void park(long id, String value) {
    f.database.refuse(mutation -> true);
    f.put(id, value);
    f.environment.advance(Duration.ofSeconds(5));
    f.database.refuse(mutation -> false);
    assertThat(f.cache().status().parked()).isEqualTo(1);
  }

  /** The letter would be read instead of the newer value that was acknowledged. */
  @Test
  void aLetterWhosePlaceADatabaseWriteTookDoesNotComeBackAfterALossOfPower() {
    openWithoutRetries();
    park(1, "bad");
    var write = f.write(1, "good", Durability.DATABASE);
    f.environment.advance(Duration.ofSeconds(1));
    done(write);
    f.losePower(3);
    openWithoutRetries();
    assertThat(f.get(1)).isEqualTo("good");
    assertThat(f.cache().status().parked()).isZero();
  }

  @Test
  void whatALetterHadIsNotSettledBeforeItsSuccessorIs() {
    openWithoutRetries();
    f.database.refuse(mutation -> true);
    var first = done(f.put(1, "bad"));
    f.environment.advance(Duration.ofSeconds(5));
    f.database.refuse(mutation -> false);
    f.database.setAway(true);
    f.put(1, "good");
    CompletableFuture<Void> settled = first.settled();
    f.environment.run();
    assertThat(settled).isNotDone();
    f.database.setAway(false);
    f.environment.advance(LONG);
    assertThat(settled).isCompleted();
  }

  /** What has been refused is read as a dead letter meanwhile. */
  @Test
  void aLetterIsNotSettled() {
    openWithoutRetries();
    f.database.refuse(mutation -> true);
    var receipt = done(f.put(1, "bad"));
    f.environment.advance(Duration.ofSeconds(5));
    assertThat(receipt.settled()).isCompletedExceptionally();
    assertThatThrownBy(() -> f.environment.await(receipt.settled()))
        .isInstanceOf(RejectedException.class);
  }

  /** Its segment may be gone by then, with the word since when it is owed. */
  @Test
  void whatABatchCarriedIsStillOwedAfterACrashThoughItsRecordIsGone() {
    f.open(
        f.builder().store(settings -> JournalStore.on(f.disk).segmentSize(1 << 16).open(settings)));
    f.database.holdReplies();
    var first = done(f.put(1, "first"));
    f.database.loseNextRequest();
    f.linger();
    // The batch is under way. What follows fills segments, so that the first record goes.
    f.put(1, "second");
    for (int i = 0; i < 40; i++) {
      f.put(2, "x".repeat(4_000) + i);
      f.environment.run();
    }
    f.database.detachHeld();
    f.kill();
    f.database.setAway(true);
    f.database.setAway(false);
    f.open(f.builder().linger(LONG));
    assertThat(f.cache().settledAsync(key(1), first.version())).isNotDone();
  }

  @Test
  void anAdoptionIsForGood() {
    f.open();
    f.put(1, "a");
    f.linger();
    Runnable goBack = f.database.savePoint();
    f.put(1, "b");
    f.linger();
    goBack.run();
    f.kill();
    assertThatThrownBy(() -> f.open()).hasMessageContaining("went back");
    f.open(f.builder().adopt());
    f.losePower(1);
    f.open();
    assertThat(f.get(1)).isEqualTo("a");
  }

  /** A backup is of a time when the store had been started less often. */
  @Test
  void aDatabaseThatWentBackByManyStartsIsAdopted() {
    f.open();
    f.put(1, "a");
    f.linger();
    Runnable goBack = f.database.savePoint();
    for (int i = 0; i < 20; i++) {
      f.kill();
      f.open();
    }
    f.put(1, "b");
    f.linger();
    goBack.run();
    f.kill();
    f.open(f.builder().adopt());
    done(f.put(1, "c"));
    f.linger();
    assertThat(f.database.row(key(1)).value()).isEqualTo(row("c"));
  }

  /** A cache that is opened again in the same process must find its journal free. */
  @Test
  void aJournalThatCannotBeClosedProperlyLetsGoOfItsLock() {
    f.open();
    f.put(1, "a");
    f.linger();
    f.disk.failWrites(true);
    f.cache().close();
    f.disk.failWrites(false);
    f.open();
    assertThat(f.get(1)).isEqualTo("a");
  }

  /** Where the store takes its time, as one across a network does. */
  @Test
  void aWriteThatABatchTakesWhileItIsTakenBackIsNotSaidToBeUndone() {
    f.open();
    f.database.setAway(true);
    var write = f.write(1, "a", Durability.DATABASE);
    f.store().holdUnstage();
    f.environment.advance(Duration.ofSeconds(31));
    f.database.setAway(false);
    f.database.holdReplies();
    f.environment.advance(LONG);
    assertThat(f.database.row(key(1))).isNotNull();
    f.store().release();
    f.environment.run();
    assertThat(write).isCompletedExceptionally();
    assertThatThrownBy(() -> f.environment.await(write))
        .isInstanceOf(OutcomeUnknownException.class);
  }

  /** Only what survives as much as it does can take its place. */
  @Test
  void aStaleWriteIsNotSettledForTheSakeOfANewerOneThatACrashWouldTake() {
    f.open();
    f.foreign(1, "foreign", 1_900_000_000_000_000L);
    f.write(1, "kept", Durability.DISK);
    f.environment.run();
    f.database.holdReplies();
    f.linger();
    done(f.write(1, "fleeting", Durability.MEMORY));
    f.store().holdTake();
    f.database.releaseReplies();
    f.environment.run();
    f.kill();
    f.open();
    f.environment.advance(LONG);
    assertThat(f.cache().status().parked()).isEqualTo(1);
  }

  /** Of two clones the newer one goes on; the other would fence it as soon as one of its replies is lost. */
  @Test
  void aCloneThatWasReplacedDoesNotTakeTheLeaseBack() {
    f.open();
    SimulatedDisk copy = f.disk.copy();
    var clone = f.cache();
    f.disk = copy;
    f.open();
    f.database.loseNextReply();
    clone.putAsync(key(1), row("clone"));
    f.environment.advance(LONG);
    done(f.put(2, "b"));
    f.environment.advance(LONG);
    assertThat(f.database.row(key(2)).value()).isEqualTo(row("b"));
    assertThat(f.database.row(key(1))).isNull();
    assertThatThrownBy(() -> f.environment.await(clone.putAsync(key(1), row("x"))))
        .isInstanceOf(UnavailableException.class);
  }
}
