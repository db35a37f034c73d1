package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.headpond.CacheBuilder;
import io.headpond.CacheStatus;
import io.headpond.DatabaseError;
import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.spi.Mutation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** The limits hold whatever the entries are that fill them, and who waits gets through when the database takes what it had refused. */
@Timeout(60)
class AdmissionPressureTest {
  private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.headpond");
  private static final Duration PATIENCE = Duration.ofMinutes(30);
  private static final long BYTES = 1 << 20;

  @BeforeAll
  static void keepQuiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void speakAgain() {
    LOG.setLevel(null);
  }

  /** One history: what it filled the store with, at the most. */
  private static final class Pressure {
    private final EngineFixture t;
    private final Random random;
    private final int entries;
    private final int values;
    private final int keys;
    private final List<CompletableFuture<Receipt>> patient = new ArrayList<>();
    private int retried;
    private int written;
    private int parkedMost;
    private int deferredMost;
    private int waitingMost;

    Pressure(long seed, boolean byBytes) {
      t = new EngineFixture(seed);
      random = new Random(seed);
      entries = byBytes ? 10_000 : 24;
      values = byBytes ? 9_500 : 40;
      keys = byBytes ? 2_000 : 70;
      t.open(builder());
    }

    private CacheBuilder<Key, Row> builder() {
      return t.builder()
          .maxPendingEntries(entries)
          .maxPendingBytes(BYTES)
          .maxBatchSize(8)
          .maxRetries(random.nextInt(3))
          .retryDelay(Duration.ofSeconds(1))
          .overload(Overload.waitFor(PATIENCE));
    }

    private String value() {
      return (random.nextInt(3) == 0 ? "bad" : "good")
          + written++
          + "x".repeat(random.nextInt(8) == 0 ? 5 : values);
    }

    void step() {
      switch (random.nextInt(20)) {
        case 0 -> t.database.setAway(random.nextInt(3) > 0);
        case 1 -> t.database.retryNext();
        case 2 -> t.environment.advance(Duration.ofMillis(random.nextInt(20_000)));
        case 3, 4, 5 -> t.environment.advance(Duration.ofMillis(random.nextInt(300)));
        case 6 -> letter();
        case 7 -> t.write(random.nextInt(keys), value(), Durability.DATABASE);
        default ->
            patient.add(
                t.write(random.nextInt(keys), value(), Durability.values()[random.nextInt(3)]));
      }
      check();
    }

    private List<DeadLetter<Key, Row>> letters() {
      return t.environment
          .await(t.cache().deadLetters().list(DeadLetterFilter.all(), null, 1_000))
          .letters();
    }

    /** Where a write of its key is or was staged, a retry is a write of its own. */
    private void retries(DeadLetter<Key, Row> letter) {
      t.checker.begin(letter.key(), letter.value()).unknown();
    }

    private void letter() {
      List<DeadLetter<Key, Row>> letters = letters();
      if (letters.isEmpty()) {
        return;
      }
      DeadLetter<Key, Row> one = letters.get(random.nextInt(letters.size()));
      if (random.nextBoolean()) {
        retried++;
        retries(one);
        t.cache().deadLetters().retry(one.key(), one.version());
      } else {
        t.cache()
            .deadLetters()
            .discard(one.key(), one.version(), kept -> {})
            .thenRun(() -> t.checker.discarded(one.key(), one.version()));
      }
    }

    private void check() {
      CacheStatus status = t.cache().status();
      // Only a person's retry is never refused.
      assertThat(t.cache().pendingEntries()).isLessThanOrEqualTo(entries + retried);
      assertThat(status.pendingBytes()).isLessThanOrEqualTo(BYTES + retried * 11_000L + 3L * 2_000);
      assertThat(status.parked()).isLessThanOrEqualTo(entries);
      assertThat(status.parkedBytes()).isLessThanOrEqualTo(BYTES + 12_000);
      parkedMost = Math.max(parkedMost, status.parked());
      deferredMost = Math.max(deferredMost, status.deferred());
      waitingMost = Math.max(waitingMost, status.waitingWriters());
    }

    void heal() {
      t.database.setAway(false);
      t.database.refuse(m -> false);
      t.environment.advance(Duration.ofMinutes(5));
      letters().forEach(this::retries);
      t.environment.await(t.cache().deadLetters().retryAll(DeadLetterFilter.all()));
      t.environment.advance(Duration.ofMinutes(5));
    }
  }

  private static @Nullable DatabaseError refusal(Mutation mutation) {
    return mutation instanceof Mutation.Put put
            && String.valueOf(put.row().get("name")).startsWith("bad")
        ? new DatabaseError(ErrorClass.CONSTRAINT, "23514", "no".repeat(400))
        : null;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theLimitsHoldAndNothingIsStuckWhenTheDatabaseHeals(boolean byBytes) {
    int parked = 0;
    int deferred = 0;
    int waiting = 0;
    for (long seed = 0; seed < (byBytes ? 30 : 60); seed++) {
      Pressure one = new Pressure(seed, byBytes);
      one.t.database.refuseWith(AdmissionPressureTest::refusal);
      for (int i = 0; i < (byBytes ? 900 : 300); i++) {
        one.step();
      }
      one.heal();
      CacheStatus status = one.t.cache().status();
      String when = "seed " + seed;
      assertThat(status.pendingEntries()).as(when).isZero();
      assertThat(status.parked()).as(when).isZero();
      assertThat(status.waitingWriters()).as(when).isZero();
      assertThat(status.pendingBytes() + status.parkedBytes()).as(when).isZero();
      assertThat(one.patient)
          .as(when)
          .allSatisfy(write -> assertThat(write).isCompleted().isNotCompletedExceptionally());
      assertThat(one.t.violations()).as(when).isEmpty();
      parked = Math.max(parked, one.parkedMost);
      deferred = Math.max(deferred, one.deferredMost);
      waiting = Math.max(waiting, one.waitingMost);
    }
    // So the limits were tried indeed.
    int most = byBytes ? 60 : 24;
    assertThat(parked).isGreaterThanOrEqualTo(most);
    assertThat(deferred).isGreaterThanOrEqualTo(most / 2);
    assertThat(waiting).isPositive();
  }

  /** Orphans take half of the limit and then become letters; the parent that frees them finds room. */
  @Test
  void theParentThatWouldFreeTheRefusedIsNotKeptOutByThem() {
    EngineFixture t = new EngineFixture();
    t.open(t.builder().maxPendingEntries(20).maxRetries(3).overload(Overload.reject()));
    t.database.refuseWith(
        m ->
            m.key().equals(key(1)) || t.database.row(key(1)) != null
                ? null
                : new DatabaseError(ErrorClass.FOREIGN_KEY, "23503", "no parent"));
    for (int i = 0; i < 25; i++) {
      t.put(100 + i, "child");
      t.linger();
    }
    assertThat(t.cache().status().deferred()).isLessThanOrEqualTo(10);
    assertThat(t.cache().status().deferred() + t.cache().status().parked()).isEqualTo(25);
    t.put(1, "parent");
    t.linger();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("parent"));
    t.environment.await(
        t.cache().deadLetters().retryAll(DeadLetterFilter.of(ErrorClass.FOREIGN_KEY)));
    t.environment.advance(Duration.ofMinutes(2));
    assertThat(t.database.rows()).hasSize(26);
    assertThat(t.violations()).isEmpty();
  }
}
