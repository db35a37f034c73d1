package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.headpond.ConfigurationException;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.OutcomeUnknownException;
import io.headpond.PendingEntry;
import io.headpond.UnavailableException;
import io.headpond.journal.JournalStore;
import io.headpond.journal.JournalTool;
import io.headpond.spi.Letter;
import io.headpond.spi.Letter.Fate;
import io.headpond.spi.Mutation;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** What a person asked of dead letters survives as it was answered, and bytes that are kept beside the journal are never half. */
class JournalLettersTest {
  private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.headpond.journal");

  @BeforeAll
  static void keepQuiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void speakAgain() {
    LOG.setLevel(null);
  }

  private enum Asked {
    RETRY,
    DISCARD;

    CompletionStage<Fate> of(JournalFixture fixture, Mutation letter) {
      return this == RETRY
          ? fixture.store.retry(letter.key(), letter.version())
          : fixture.store.discard(letter.key(), letter.version());
    }
  }

  private static Mutation letter(JournalFixture fixture, String id) {
    Mutation write = fixture.put(id, "bad");
    fixture.take(5);
    fixture.park(write);
    return write;
  }

  /** Done and durable when it is answered; before that, one or the other. */
  @Test
  void atEachOperationOfADyingDiskItIsTheOneOrTheOther() {
    for (Asked asked : Asked.values()) {
      for (int at = 0; at < 6; at++) {
        for (int seed = 0; seed < 4; seed++) {
          JournalFixture one = new JournalFixture();
          one.environment.run();
          Mutation letter = letter(one, "a");
          one.disk.crashAt(one.disk.operations() + at);
          boolean answered = false;
          try {
            answered = one.await(asked.of(one, letter)) == Fate.DONE;
          } catch (UnavailableException | OutcomeUnknownException e) {
            // The process has died.
          }
          SimulatedDisk after = seed == 0 ? one.disk.crashProcess() : one.disk.losePower(seed);
          one.restart(after);
          Letter found = one.await(one.store.letter(letter.key()));
          String when = asked + " at operation " + at + " seed " + seed;
          if (answered) {
            assertThat(found).as(when).isNull();
          }
          int pending = one.store.stats(0).pending();
          assertThat(pending).as(when).isEqualTo(found == null && asked == Asked.RETRY ? 1 : 0);
          assertThat(one.store.stats(0).parked()).as(when).isEqualTo(found == null ? 0 : 1);
        }
      }
    }
  }

  @Test
  void aDiskThatCannotForceLeavesTheOutcomeUnknown() {
    for (Asked asked : Asked.values()) {
      JournalFixture one = new JournalFixture();
      Mutation letter = letter(one, "a");
      one.disk.failForces(true);
      CompletionStage<Fate> stage = asked.of(one, letter);
      one.environment.run();
      assertThat(stage.toCompletableFuture())
          .failsWithin(java.time.Duration.ZERO)
          .withThrowableThat()
          .withCauseInstanceOf(OutcomeUnknownException.class);
    }
  }

  /** The records of a letter are written again and again as segments go; the last word counts. */
  @Test
  void whatWasAskedSurvivesTheRewritingOfOldSegments() {
    JournalFixture fixture = new JournalFixture();
    Mutation retried = letter(fixture, "retried");
    Mutation discarded = letter(fixture, "discarded");
    Mutation kept = letter(fixture, "kept");
    Mutation again = letter(fixture, "again");
    for (int i = 0; i < 200; i++) {
      if (i == 60) {
        assertThat(fixture.await(Asked.RETRY.of(fixture, retried))).isEqualTo(Fate.DONE);
        assertThat(fixture.await(Asked.DISCARD.of(fixture, discarded))).isEqualTo(Fate.DONE);
        assertThat(fixture.await(Asked.RETRY.of(fixture, again))).isEqualTo(Fate.DONE);
      }
      if (i == 61) {
        fixture.park(again);
      }
      Mutation write = fixture.put("k" + i % 7, JournalFixture.LONG);
      fixture.settle(write);
      fixture.environment.run();
      if (i > 60 && i % 10 == 0) {
        assertRecovered(fixture, retried, kept, again);
      }
    }
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeLessThanOrEqualTo(6);
    assertThat(JournalFixture.newest(fixture.disk)).isGreaterThan(20);
    fixture.restart(fixture.disk.crashProcess());
    assertRecovered(fixture, retried, kept, again);
  }

  private void assertRecovered(
      JournalFixture fixture, Mutation retried, Mutation kept, Mutation again) {
    fixture.environment.forgetTasks();
    JournalFixture other = new JournalFixture();
    other.restart(fixture.disk.copy());
    assertThat(other.store.stats(0).pending()).isEqualTo(1);
    assertThat(other.store.stats(0).deferred()).isEqualTo(1);
    assertThat(other.take(5).mutations()).containsExactly(retried);
    assertThat(other.await(other.store.letters(DeadLetterFilter.all(), null, 9)))
        .extracting(Letter::mutation)
        .containsExactly(again, kept);
  }

  /** Random letters, retries, discards, newer writes and deaths: nothing that was answered is undone. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void nothingThatWasAnsweredIsUndone(boolean power) {
    for (long seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      JournalFixture one = new JournalFixture();
      List<Mutation> gone = new ArrayList<>();
      List<Mutation> owed = new ArrayList<>();
      for (int life = 0; life < 3; life++) {
        one.disk.crashAt(one.disk.operations() + random.nextInt(60));
        try {
          for (int i = 0; i < 40; i++) {
            step(one, random, gone, owed);
          }
        } catch (UnavailableException | OutcomeUnknownException e) {
          // The process has died.
        }
        SimulatedDisk after =
            power ? one.disk.losePower(random.nextLong()) : one.disk.crashProcess();
        if (random.nextBoolean()) {
          after.crashAt(after.operations() + random.nextInt(12));
          one.environment.forgetTasks();
          try {
            one.open(after);
          } catch (ConfigurationException e) {
            assertThat(e).hasMessageContaining("cannot be opened");
          }
          after = power ? after.losePower(random.nextLong()) : after.crashProcess();
        }
        one.restart(after);
        String when = "seed " + seed + ", life " + life;
        for (Mutation mutation : gone) {
          long version = one.await(one.store.get(mutation.key())).version();
          assertThat(version).as(when + " discarded").isNotEqualTo(mutation.version());
        }
        for (Mutation mutation : owed) {
          long version = one.await(one.store.get(mutation.key())).version();
          assertThat(version).as(when + " owed").isGreaterThanOrEqualTo(mutation.version());
          Letter letter = one.await(one.store.letter(mutation.key()));
          assertThat(letter == null || letter.mutation().version() > mutation.version())
              .as(when + " retried")
              .isTrue();
        }
      }
    }
  }

  /** The letters that are listed are those that a look at each key finds, in the order of their texts, in pages of any size, whatever happens to them. */
  @Test
  void theLettersThatAreListedAreThoseThatAreThere() {
    List<Letter> seen = new ArrayList<>();
    for (long seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      JournalFixture one = new JournalFixture();
      List<Mutation> none = new ArrayList<>();
      for (int i = 0; i < 120; i++) {
        String key = "k" + random.nextInt(12);
        switch (random.nextInt(8)) {
          case 0 -> one.put(key, "newer");
          case 1 -> takeBackOrSettle(one, random, key);
          case 2 -> parkAll(one, random);
          case 3 -> one.restart(one.disk.crashProcess());
          default -> step(one, random, none, none);
        }
        List<Letter> scanned = scan(one, "");
        seen.addAll(scanned);
        String when = "seed " + seed + ", step " + i;
        assertThat(one.store.stats(0).parked()).as(when).isEqualTo(scanned.size());
        assertThat(listed(one, "", 1 + random.nextInt(4))).as(when).isEqualTo(scanned);
        assertThat(listed(one, "k1", 1 + random.nextInt(4))).as(when).isEqualTo(scan(one, "k1"));
      }
    }
    assertThat(seen).hasSizeGreaterThan(1_000);
  }

  private static List<Letter> listed(JournalFixture one, String prefix, int limit) {
    DeadLetterFilter filter = new DeadLetterFilter(prefix, null, null, null, null);
    List<Letter> all = new ArrayList<>();
    String after = null;
    while (true) {
      List<Letter> page = one.await(one.store.letters(filter, after, limit));
      all.addAll(page);
      if (page.size() < limit) {
        return all;
      }
      after = page.get(page.size() - 1).keyText();
    }
  }

  private static List<Letter> scan(JournalFixture one, String prefix) {
    List<Letter> all = new ArrayList<>();
    for (PendingEntry entry : one.await(one.store.pending(prefix, null, 100)).entries()) {
      Letter letter = one.await(one.store.letter(JournalFixture.key(entry.key())));
      if (letter != null) {
        all.add(letter);
      }
    }
    return all;
  }

  /** A staged write of the key that is offered, and then in the database or not; with nothing pending for the key. */
  private static void takeBackOrSettle(JournalFixture one, Random random, String key) {
    WriteOutcome outcome =
        one.await(
            one.store.put(
                new Write(
                    JournalFixture.key(key), JournalFixture.row("staged"), Durability.DATABASE)));
    if (outcome instanceof WriteOutcome.Written staged) {
      if (random.nextBoolean()) {
        while (!one.take(3).mutations().contains(staged.mutation())) {
          // The others have their turn.
        }
      }
      if (random.nextBoolean()) {
        one.settle(staged.mutation());
      } else {
        one.await(one.store.unstage(0, 1, staged.mutation()));
      }
    }
  }

  /** Those of a batch become letters, some twice, or are tried again later. */
  private static void parkAll(JournalFixture one, Random random) {
    for (Mutation mutation : one.take(5).mutations()) {
      if (random.nextInt(3) == 0) {
        one.defer(mutation, 1);
      } else {
        one.park(mutation);
        if (random.nextBoolean()) {
          one.park(mutation);
        }
      }
    }
  }

  private static void step(
      JournalFixture one, Random random, List<Mutation> gone, List<Mutation> owed) {
    String id = "k" + random.nextInt(5);
    Letter letter = one.await(one.store.letter(JournalFixture.key(id)));
    if (letter == null) {
      // What is retried may be superseded, refused again or taken by the database.
      owed.removeIf(mutation -> mutation.key().equals(JournalFixture.key(id)));
      String value = random.nextInt(6) == 0 ? JournalFixture.LONG : "v";
      Mutation write = one.put(id, value, Durability.values()[random.nextInt(3)]);
      if (random.nextInt(4) == 0) {
        one.take(3);
        one.settle(write);
      } else {
        one.park(write);
      }
    } else if (random.nextInt(3) == 0) {
      if (one.await(Asked.DISCARD.of(one, letter.mutation())) == Fate.DONE) {
        gone.add(letter.mutation());
      }
    } else if (random.nextBoolean()) {
      if (one.await(Asked.RETRY.of(one, letter.mutation())) == Fate.DONE) {
        owed.add(letter.mutation());
      }
    } else {
      one.environment.step();
    }
  }

  // What is kept beside the journal

  @Test
  void whatIsRememberedIsTheOldOrTheNewAtEachOperation() {
    byte[] old = new byte[3_000];
    byte[] fresh = new byte[5_000];
    java.util.Arrays.fill(old, (byte) 1);
    java.util.Arrays.fill(fresh, (byte) 2);
    boolean wasOld = false;
    boolean wasNew = false;
    for (int at = 0; at < 8; at++) {
      for (int seed = 0; seed < 20; seed++) {
        JournalFixture one = new JournalFixture();
        one.environment.run();
        one.store.remember(old);
        one.disk.crashAt(one.disk.operations() + at);
        boolean done = false;
        try {
          one.store.remember(fresh);
          done = true;
        } catch (UnavailableException e) {
          // The process has died.
        }
        SimulatedDisk after = seed == 0 ? one.disk.crashProcess() : one.disk.losePower(seed);
        byte[] found = JournalStore.on(after).remembered("things");
        if (done) {
          assertThat(found).isEqualTo(fresh);
        } else {
          assertThat(found).isIn(old, fresh);
          wasOld |= found.length == old.length;
          wasNew |= found.length == fresh.length;
        }
        // What is left of it is in nobody's way.
        one.restart(after);
        one.store.remember(fresh);
        assertThat(JournalStore.on(after).remembered("things")).isEqualTo(fresh);
      }
    }
    assertThat(wasOld && wasNew).isTrue();
  }

  @Test
  void damageToWhatIsRememberedIsNotTakenForIt() {
    JournalFixture one = new JournalFixture();
    one.store.remember(new byte[] {1, 2, 3});
    byte[] file = one.disk.contents("mapping");
    for (int at = 0; at < file.length; at++) {
      file[at] ^= 0x10;
      assertThat(JournalStore.on(one.disk).remembered("things")).as("byte " + at).isNull();
      file[at] ^= 0x10;
    }
    for (int length = 0; length < file.length; length++) {
      one.disk.put("mapping", java.util.Arrays.copyOf(file, length));
      assertThat(JournalStore.on(one.disk).remembered("things")).as("length " + length).isNull();
    }
    one.disk.put("mapping", file);
    assertThat(JournalStore.on(one.disk).remembered("things")).containsExactly(1, 2, 3);
  }

  @Test
  void noToolTakesItForASegment() {
    JournalFixture one = new JournalFixture();
    one.put("a", "1");
    one.store.remember(new byte[] {1, 2, 3});
    one.store.close();
    one.environment.run();
    assertThat(JournalTool.check(one.disk).sound()).isTrue();
    assertThat(JournalTool.check(one.disk).pending()).isEqualTo(1);
    SimulatedDisk salvaged = new SimulatedDisk();
    assertThat(JournalTool.salvage(one.disk, salvaged).pending()).isEqualTo(1);
    assertThat(JournalStore.on(salvaged).remembered("things")).isNull();
    one.restart(one.disk);
    assertThat(one.store.stats(0).pending()).isEqualTo(1);
  }

  @Test
  void aFullDiskKeepsWhatIsRememberedAndTheStoreGoesOn() {
    JournalFixture one = new JournalFixture();
    one.environment.run();
    one.store.remember(new byte[] {1});
    one.disk.capacity(one.disk.used());
    org.assertj.core.api.Assertions.assertThatThrownBy(() -> one.store.remember(new byte[9_000]))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("mapping")
        .hasMessageContaining("No space left");
    assertThat(JournalStore.on(one.disk).remembered("things")).containsExactly(1);
    assertThat(one.store.failure()).isNull();
  }
}
