package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.headpond.spi.Failure;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** What a store keeps when its process dies, when the power goes, when the disk is full and when it fails. */
class JournalCrashTest {
  private static final int KEYS = 12;
  private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.headpond.journal");

  /** Thousands of stores die here, and each says so. */
  @BeforeAll
  static void keepQuiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void speakAgain() {
    LOG.setLevel(null);
  }

  /** What a test knows of a key. */
  private static final class Known {
    /** All writes, by version; each was offered to the store. */
    final Map<Long, String> written = new HashMap<>();

    /** The highest version that was acknowledged so that it must be there. */
    long kept;

    /** The highest version that the store has offered to be applied, whether or not that was settled. */
    long offered;

    long settled;
  }

  private final JournalFixture fixture = new JournalFixture();
  private final Map<String, Known> known = new HashMap<>();

  /** A random history that dies at a random change of the disk, over and over. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatWasAcknowledgedIsThereAfterEachCrash(boolean power) {
    for (long seed = 0; seed < 400; seed++) {
      Random random = new Random(seed);
      known.clear();
      fixture.environment.forgetTasks();
      fixture.restart(new SimulatedDisk());
      for (int life = 0; life < 4; life++) {
        live(random, power);
        crash(random, power, seed);
        checkRecovered("seed " + seed + ", life " + life, power);
      }
    }
  }

  private void live(Random random, boolean power) {
    fixture.disk.crashAt(fixture.disk.operations() + random.nextInt(120));
    try {
      fixture.await(fixture.store.open(0, 1, 0, false));
      for (int i = 0; i < 200; i++) {
        step(random, power);
      }
    } catch (UnavailableException | OutcomeUnknownException e) {
      // The process has died.
    }
  }

  private void step(Random random, boolean power) {
    String id = "k" + random.nextInt(KEYS);
    Known of = known.computeIfAbsent(id, k -> new Known());
    int what = random.nextInt(20);
    if (what < 12) {
      String value =
          random.nextInt(8) == 0
              ? null
              : (what == 0 ? JournalFixture.LONG : "v") + random.nextInt();
      Durability durability = Durability.values()[random.nextInt(3)];
      write(id, of, value, durability, power);
    } else if (what < 17) {
      Taken taken = fixture.take(1 + random.nextInt(6));
      for (Mutation mutation : taken.mutations()) {
        Known taking = known.get(id(mutation.key()));
        taking.offered = Math.max(taking.offered, mutation.version());
      }
      if (random.nextInt(3) > 0) {
        fixture.settle(taken.frontier(), taken.mutations().toArray(new Mutation[0]));
        for (Mutation mutation : taken.mutations()) {
          Known settling = known.get(id(mutation.key()));
          settling.settled = Math.max(settling.settled, mutation.version());
        }
      } else if (!taken.mutations().isEmpty() && random.nextBoolean()) {
        fixture.defer(taken.mutations().get(0), 1);
      }
    } else if (what == 17) {
      fixture.environment.advance(Duration.ofHours(random.nextInt(2)));
    } else {
      fixture.environment.step();
    }
  }

  private static String id(Key key) {
    return JournalFixture.TYPE.keyText(key);
  }

  private void write(String id, Known of, String value, Durability durability, boolean power) {
    CompletionStage<WriteOutcome> stage =
        fixture.store.put(new Write(JournalFixture.key(id), JournalFixture.row(value), durability));
    // A write that dies under way may be found: what it would have been is known by its value.
    WriteOutcome.Written written = (WriteOutcome.Written) fixture.await(stage);
    long version = written.mutation().version();
    of.written.put(version, String.valueOf(value));
    boolean keeps = durability == Durability.DISK || (durability == Durability.JOURNAL && !power);
    if (keeps) {
      of.kept = version;
    }
  }

  private void crash(Random random, boolean power, long seed) {
    SimulatedDisk after =
        power && random.nextBoolean()
            ? fixture.disk.losePower(random.nextLong())
            : fixture.disk.crashProcess();
    // Half of the recoveries die as well, at any change.
    for (int i = 0; i < 3 && random.nextBoolean(); i++) {
      after.crashAt(after.operations() + random.nextInt(15));
      fixture.environment.forgetTasks();
      try {
        fixture.open(after);
      } catch (ConfigurationException e) {
        assertThat(e).as("seed %s", seed).hasMessageContaining("cannot be opened");
      }
      after = power ? after.losePower(random.nextLong()) : after.crashProcess();
    }
    fixture.restart(after);
  }

  private void checkRecovered(String when, boolean power) {
    for (Map.Entry<String, Known> of : known.entrySet()) {
      Known was = of.getValue();
      Lookup lookup = fixture.await(fixture.store.get(JournalFixture.key(of.getKey())));
      if (lookup.miss()) {
        // Nothing is owed: what had to be kept was settled, or is older than what was offered.
        assertThat(was.kept).as(when + " " + of.getKey()).isLessThanOrEqualTo(was.settled);
        continue;
      }
      assertThat(lookup.version()).as(when).isGreaterThanOrEqualTo(was.kept);
      // Never older than what may be in the database.
      assertThat(lookup.version()).as(when).isGreaterThanOrEqualTo(was.offered);
      String value = was.written.get(lookup.version());
      if (value == null) {
        // The write that was under way; nothing newer was acknowledged.
        was.written.put(lookup.version(), String.valueOf(name(lookup)));
      } else {
        assertThat(String.valueOf(name(lookup))).as(when).isEqualTo(value);
      }
      was.kept = lookup.version();
    }
  }

  private static Object name(Lookup lookup) {
    return lookup.row() == null ? null : lookup.row().get("name");
  }

  @Test
  void whatIsRecoveredIsForcedBeforeTheOldSegmentsGo() {
    fixture.put("a", "1", Durability.JOURNAL);
    SimulatedDisk killed = fixture.disk.crashProcess();
    fixture.restart(killed);
    assertThat(fixture.take(5).mutations()).hasSize(1);
    // Read from the memory of the operating system, offered to the database; now the power goes.
    fixture.restart(fixture.disk.losePower(3));
    assertThat(fixture.state().entries()).hasSize(1);
  }

  @Test
  void aRecoveryThatLosesPowerIsRecovered() {
    for (int at = 0; at < 60; at++) {
      JournalFixture one = new JournalFixture();
      one.environment.run();
      Mutation kept = one.put("kept", "x");
      for (int i = 0; i < 12; i++) {
        one.put("k" + i, JournalFixture.LONG, Durability.JOURNAL);
      }
      SimulatedDisk killed = one.disk.crashProcess();
      killed.crashAt(at);
      one.environment.forgetTasks();
      try {
        one.open(killed);
      } catch (ConfigurationException e) {
        assertThat(e).hasMessageContaining("cannot be opened");
      }
      one.restart(killed.losePower(at));
      assertThat(one.await(one.store.get(JournalFixture.key("kept"))).version())
          .as("operation %s", at)
          .isEqualTo(kept.version());
    }
  }

  @Test
  void aFlushedWriteInMemoryIsNeverFollowedByAnOlderOne() {
    fixture.put("a", "5", Durability.DISK);
    Mutation newer = fixture.put("a", "6", Durability.MEMORY);
    assertThat(fixture.take(5).mutations()).containsExactly(newer);
    for (int seed = 0; seed < 20; seed++) {
      SimulatedDisk lost = fixture.disk.copyWithHistory().losePower(seed);
      assertThat(fixture.recovered(lost).entries().get(0).lookup().version())
          .isEqualTo(newer.version());
    }
  }

  @Test
  void aWriteInMemoryThatWasNotTakenLeavesTheOlderOne() {
    Mutation older = fixture.put("a", "5", Durability.DISK);
    fixture.put("a", "6", Durability.MEMORY);
    fixture.restart(fixture.disk.crashProcess());
    assertThat(fixture.take(5).mutations()).containsExactly(older);
  }

  @Test
  void aLostSettlementOnlyOffersTheSameAgain() {
    Mutation a = fixture.put("a", "1");
    Taken taken = fixture.take(5);
    SimulatedDisk before = fixture.disk.copy();
    fixture.settle(taken.frontier(), a);
    fixture.restart(before);
    assertThat(fixture.take(5).mutations()).containsExactly(a);
  }

  @Test
  void theAgeOfWhatABatchCarriedSurvives() {
    Mutation first = fixture.put("a", "1");
    fixture.take(5);
    fixture.environment.advance(Duration.ofSeconds(1));
    Mutation second = fixture.put("a", "2");
    assertThat(fixture.recovered(fixture.disk).stats().oldest()).isEqualTo(first.version());
    fixture.settle(first);
    // It may look older than it is, as the record of what was carried may be gone, but not that
    // old.
    assertThat(fixture.recovered(fixture.disk).stats().oldest())
        .isGreaterThan(first.version())
        .isLessThanOrEqualTo(second.version());
  }

  @Test
  void aFailedForceIsFinal() {
    fixture.put("a", "1");
    fixture.disk.failForces(true);
    assertThatThrownBy(() -> fixture.put("b", "1")).isInstanceOf(OutcomeUnknownException.class);
    fixture.disk.failForces(false);
    fixture.environment.run();
    assertThat(fixture.store.failure()).isNotNull();
    for (Durability durability :
        List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK, Durability.DATABASE)) {
      assertThatThrownBy(() -> fixture.put("c", "1", durability))
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining("has failed");
    }
    assertThatThrownBy(() -> fixture.take(5)).isInstanceOf(UnavailableException.class);
    assertThat(fixture.await(fixture.store.get(JournalFixture.key("a"))).state())
        .isEqualTo(EntryState.PENDING);
    long operations = fixture.disk.operations();
    fixture.store.close();
    assertThat(fixture.disk.operations()).as("never forced again").isEqualTo(operations);
  }

  @Test
  void aFailedWriteIsFinalAndOfUnknownOutcome() {
    fixture.environment.run();
    fixture.disk.failWrites(true);
    assertThatThrownBy(() -> fixture.put("b", "1", Durability.JOURNAL))
        .isInstanceOf(OutcomeUnknownException.class);
    fixture.disk.failWrites(false);
    assertThatThrownBy(() -> fixture.put("b", "1")).isInstanceOf(UnavailableException.class);
    assertThat(fixture.store.failure()).isNotNull();
  }

  @Test
  void allWhoWaitForAFailedForceLearnThatTheOutcomeIsUnknown() {
    List<CompletionStage<WriteOutcome>> stages = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      stages.add(
          fixture.store.put(
              new Write(JournalFixture.key("k" + i), JournalFixture.row("1"), Durability.DISK)));
    }
    fixture.disk.failForces(true);
    fixture.environment.run();
    for (CompletionStage<WriteOutcome> stage : stages) {
      assertThatThrownBy(() -> fixture.await(stage)).isInstanceOf(OutcomeUnknownException.class);
    }
  }

  @Test
  void oneForceServesAllWhoWait() {
    fixture.environment.run();
    List<CompletionStage<WriteOutcome>> stages = new ArrayList<>();
    long before = fixture.disk.operations();
    for (int i = 0; i < 50; i++) {
      stages.add(
          fixture.store.put(
              new Write(JournalFixture.key("k" + i), JournalFixture.row("1"), Durability.DISK)));
    }
    stages.forEach(stage -> assertThat(stage.toCompletableFuture()).isNotDone());
    fixture.environment.run();
    stages.forEach(stage -> assertThat(stage.toCompletableFuture()).isCompleted());
    assertThat(fixture.disk.operations() - before).isEqualTo(51);
  }

  @Test
  void aFullDiskRefusesWritesAndSettlementsMakeRoom() {
    fixture.environment.run();
    fixture.disk.capacity(4L * JournalFixture.SEGMENT);
    int accepted = fillUp();
    assertThatThrownBy(() -> fixture.put("more", JournalFixture.LONG))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("disk is full")
        .hasMessageContaining("65536 bytes")
        .hasMessageContaining("spare.seg");
    assertThat(fixture.store.failure()).isNull();
    assertThat(JournalFixture.segments(fixture.disk)).hasSize(4);
    // Reads, takes and deferrals go on.
    Taken taken = fixture.take(8);
    assertThat(taken.mutations()).hasSize(8);
    fixture.settle(taken.frontier(), taken.mutations().toArray(new Mutation[0]));
    fixture.environment.run();
    Mutation again = fixture.put("more", JournalFixture.LONG);
    fixture.disk.capacity(6L * JournalFixture.SEGMENT);
    fixture.restart(fixture.disk.losePower(1));
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeLessThanOrEqualTo(5);
    assertThat(fixture.state().entries()).hasSize(accepted - 8 + 1);
    assertThat(fixture.state().entries().get(accepted - 8).lookup().version())
        .isEqualTo(again.version());
  }

  private int fillUp() {
    for (int i = 0; ; i++) {
      try {
        fixture.put(String.format("k%03d", i), JournalFixture.LONG);
        fixture.environment.run();
      } catch (UnavailableException e) {
        return i;
      }
    }
  }

  @Test
  void theNameOfANewSegmentIsForcedBeforeAnythingInItIsAcknowledged() {
    fixture.environment.run();
    // No further spare can be made, whose making would force the folder as well.
    fixture.disk.capacity(2L * JournalFixture.SEGMENT);
    Mutation last = null;
    for (int i = 0; JournalFixture.segments(fixture.disk).size() < 2; i++) {
      last = fixture.put("k" + i, JournalFixture.LONG);
    }
    for (int seed = 0; seed < 30; seed++) {
      SimulatedDisk lost = fixture.disk.copyWithHistory().losePower(seed);
      lost.capacity(Long.MAX_VALUE);
      assertThat(fixture.recovered(lost).entries())
          .as("seed %s", seed)
          .extracting(seen -> seen.lookup().version())
          .contains(last.version());
    }
  }

  @Test
  void aFullDiskGoesOnByItselfWhenThereIsRoom() {
    fixture.environment.run();
    fixture.disk.capacity(4L * JournalFixture.SEGMENT);
    fillUp();
    fixture.disk.capacity(Long.MAX_VALUE);
    fixture.environment.advance(Duration.ofSeconds(2));
    fixture.put("more", JournalFixture.LONG);
  }

  @Test
  void onAFullDiskThereIsRoomToSettleEverything() {
    fixture.environment.run();
    fixture.disk.capacity(4L * JournalFixture.SEGMENT);
    int accepted = fillUp();
    int settled = 0;
    while (settled < accepted) {
      Taken taken = fixture.take(1);
      fixture.settle(taken.frontier(), taken.mutations().toArray(new Mutation[0]));
      settled += taken.mutations().size();
    }
    assertThat(fixture.store.stats(0).pending()).isZero();
  }

  @Test
  void anOldEntryThatNobodySettlesDoesNotKeepTheJournal() {
    Mutation parked = fixture.put("parked", "x");
    fixture.park(parked);
    Mutation deferred = fixture.put("deferred", "y");
    fixture.defer(deferred, 2);
    long most = 0;
    for (int i = 0; i < 1_000; i++) {
      Mutation write = fixture.put("k" + i % 7, JournalFixture.LONG);
      fixture.take(5);
      fixture.settle(write);
      fixture.environment.run();
      most = Math.max(most, JournalFixture.segments(fixture.disk).size());
    }
    assertThat(most).isLessThanOrEqualTo(5);
    assertThat(JournalFixture.newest(fixture.disk)).isGreaterThan(100);
    JournalFixture.State state = fixture.state();
    assertThat(state.entries()).hasSize(2);
    assertThat(fixture.recovered(fixture.disk)).isEqualTo(state);
  }

  /** The journal is long because of what the database said against its entries, and rewriting would not make it shorter. */
  @Test
  void lettersWithLongMessagesAreNotRewrittenForEver() {
    // Who rewrites for ever meets the end of the disk.
    fixture.disk.crashAt(20_000);
    Failure failure = new Failure(DatabaseError.of(ErrorClass.VALUE, "長".repeat(2_000)), 7);
    for (int i = 0; i < 400; i++) {
      Mutation write = fixture.put("k" + i, "x", Durability.JOURNAL);
      fixture.await(fixture.store.park(0, 1, write, 4, failure));
      fixture.environment.run();
    }
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeGreaterThan(30);
    assertThat(JournalFixture.segments(fixture.disk).get(0)).isEqualTo(1);
    assertThat(fixture.store.stats(0).parked()).isEqualTo(400);
  }

  @Test
  void segmentsGoOldestFirstWhateverTheMomentOfACrash() {
    for (int at = 0; at < 60; at++) {
      JournalFixture one = new JournalFixture();
      one.environment.run();
      Mutation old = one.put("old", "x");
      Mutation kept = one.put("kept", "x");
      // Nothing is tidied up before all of these have only dead writes in them.
      for (int i = 0; i < 40; i++) {
        one.settle(one.put("k" + i % 3, JournalFixture.LONG, Durability.JOURNAL));
      }
      one.settle(old);
      kept = one.put("kept", "y");
      one.disk.crashAt(one.disk.operations() + at);
      one.environment.run();
      SimulatedDisk after = at % 2 == 0 ? one.disk.crashProcess() : one.disk.losePower(at);
      List<Long> numbers = JournalFixture.segments(after);
      assertThat(numbers.get(numbers.size() - 1) - numbers.get(0))
          .as("operation %s", at)
          .isEqualTo(numbers.size() - 1);
      one.restart(after);
      assertThat(one.await(one.store.get(JournalFixture.key("kept"))).version())
          .as("operation %s", at)
          .isEqualTo(kept.version());
    }
  }

  @Test
  void aRewriteStandsBehindNoSettlement() {
    // The rewrite of an entry and its settlement meet at every order of tasks that there is.
    for (int steps = 0; steps < 12; steps++) {
      JournalFixture one = new JournalFixture();
      Mutation old = one.put("old", "x");
      for (int i = 0; i < 35; i++) {
        one.settle(one.put("k", JournalFixture.LONG));
      }
      for (int i = 0; i < steps; i++) {
        one.environment.step();
      }
      one.settle(old);
      one.environment.run();
      assertThat(one.recovered(one.disk).entries()).isEmpty();
    }
  }

  @Test
  void aSecondStoreIsRefused() {
    assertThatThrownBy(() -> fixture.open(fixture.disk))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("in use by process");
    fixture.store.close();
    fixture.restart(fixture.disk);
  }
}
