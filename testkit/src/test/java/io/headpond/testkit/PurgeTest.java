package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.done;
import static io.headpond.testkit.EngineFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Overload;
import io.headpond.Purged;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a person gives up that is pending. */
@Timeout(60)
class PurgeTest {
  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  /** A purge, and the word of it to the checker. */
  private Purged purge(long id, long version) {
    Purged purged = t.environment.await(t.cache().purgeAsync(key(id), version));
    if (purged == Purged.DONE) {
      t.checker.discarded(key(id), version);
    }
    return purged;
  }

  @Test
  void whatIsPurgedIsNotWrittenAndWhoWaitsForItIsTold() {
    t.open();
    t.put(1, "kept");
    t.linger();
    Receipt receipt = done(t.put(1, "given up"));
    CompletableFuture<Void> settled = receipt.settled();
    assertThat(purge(1, receipt.version())).isEqualTo(Purged.DONE);
    t.environment.run();
    assertThat(settled)
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(RejectedException.class)
        .withMessageContaining("given it up");
    t.linger();
    assertThat(t.get(1)).isEqualTo("kept");
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(purge(1, receipt.version())).isEqualTo(Purged.GONE);
  }

  @Test
  void aLaterWriteIsNotTouched() {
    t.open();
    long first = done(t.put(1, "1")).version();
    t.put(1, "2");
    assertThat(purge(1, first)).isEqualTo(Purged.GONE);
    t.linger();
    assertThat(t.get(1)).isEqualTo("2");
  }

  @Test
  void whatIsOnItsWayToTheDatabaseStays() {
    t.open();
    t.database.holdReplies();
    long version = done(t.put(1, "on its way")).version();
    t.linger();
    assertThat(purge(1, version)).isEqualTo(Purged.UNDER_WAY);
    t.database.releaseReplies();
    t.environment.run();
    assertThat(purge(1, version)).isEqualTo(Purged.GONE);
    assertThat(t.get(1)).isEqualTo("on its way");
  }

  /** The reply of its commit is lost: until the lease is acquired anew it may be there. */
  @Test
  void aBatchOfUnknownOutcomeIsOnItsWay() {
    t.open();
    t.database.loseNextReply();
    long version = done(t.put(1, "perhaps")).version();
    t.environment.advance(EngineFixture.LINGER);
    t.database.setAway(true);
    t.environment.run();
    assertThat(purge(1, version)).isEqualTo(Purged.UNDER_WAY);
    t.database.setAway(false);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.cache().status().pendingEntries()).isZero();
    assertThat(t.get(1)).isEqualTo("perhaps");
  }

  /** Between two tries nothing is on its way, though the last batch has offered it. */
  @Test
  void duringAnOutageAllCanBePurged() {
    t.open(t.builder().maxBatchSize(2));
    t.database.setAway(true);
    long[] versions = new long[5];
    for (int i = 0; i < versions.length; i++) {
      versions[i] = done(t.put(i, "given up")).version();
    }
    t.linger();
    assertThat(t.cache().status().reasons()).isNotEmpty();
    for (int i = 0; i < versions.length; i++) {
      assertThat(purge(i, versions[i])).as("entry " + i).isEqualTo(Purged.DONE);
    }
    t.database.setAway(false);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).isEmpty();
  }

  @Test
  void aPurgeMakesRoomForWhoWaits() {
    t.open(t.builder().maxPendingEntries(1).overload(Overload.waitFor(Duration.ofSeconds(5))));
    t.database.setAway(true);
    CompletableFuture<Receipt> first = t.put(1, "in the way");
    t.environment.advance(Duration.ofSeconds(1));
    long version = done(first).version();
    CompletableFuture<Receipt> waits = t.put(2, "waits");
    t.environment.run();
    assertThat(waits).isNotDone();
    assertThat(purge(1, version)).isEqualTo(Purged.DONE);
    t.environment.advance(Duration.ofSeconds(1));
    assertThat(waits).isCompleted();
  }
}
