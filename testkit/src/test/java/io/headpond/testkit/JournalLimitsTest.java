package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.spi.Failure;
import io.headpond.spi.Letter;
import io.headpond.spi.Mutation;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a journal store counts against its limits: all that grows with what is pending, and nothing that is gone. */
class JournalLimitsTest {
  private static final int LONGEST = 1_995;
  private static final List<Durability> LEVELS =
      List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK, Durability.DATABASE);

  private final JournalFixture fixture = new JournalFixture();

  @BeforeEach
  void open() {
    fixture.maxEntries = 1_000;
    fixture.maxBytes = 1 << 20;
    fixture.restart(fixture.disk.crashProcess());
    fixture.await(fixture.store.open(0, 1, 0, false));
  }

  private void defer(Mutation mutation, String message) {
    Failure failure =
        new Failure(
            DatabaseError.of(ErrorClass.CONSTRAINT, message), fixture.environment.wallMicros());
    assertThat(
            fixture.await(
                fixture.store.defer(0, 1, mutation, fixture.environment.wallMicros(), 1, failure)))
        .isTrue();
  }

  private void park(Mutation mutation, String message) {
    Failure failure =
        new Failure(
            DatabaseError.of(ErrorClass.CONSTRAINT, message), fixture.environment.wallMicros());
    assertThat(fixture.await(fixture.store.park(0, 1, mutation, 1, failure))).isTrue();
  }

  /** Of all that is pending or parked. */
  private long bytes() {
    return fixture.store.stats(0).bytes() + parkedBytes();
  }

  private long parkedBytes() {
    return fixture.store.stats(0).parkedBytes();
  }

  private WriteOutcome write(String id, String name) {
    return fixture.await(
        fixture.store.put(
            new Write(JournalFixture.key(id), JournalFixture.row(name), Durability.JOURNAL)));
  }

  /** Nothing is left, and the store counts as little as one that was never used. */
  private void assertNothingIsCounted() {
    assertThat(bytes()).isZero();
    assertThat(fixture.store.pendingEntries()).isZero();
    WriteOutcome.Written probe = (WriteOutcome.Written) write("p", "x".repeat(8_000));
    assertThat(probe.usage()).isEqualTo((double) bytes() / fixture.maxBytes);
    fixture.settle(probe.mutation());
    assertThat(bytes()).isZero();
  }

  private void restart() {
    long before = bytes();
    int entries = fixture.store.pendingEntries();
    fixture.restart(fixture.disk.crashProcess());
    fixture.await(fixture.store.open(0, 1, 0, false));
    assertThat(bytes()).isEqualTo(before);
    assertThat(fixture.store.pendingEntries()).isEqualTo(entries);
  }

  @Test
  void theTextOfARefusalCountsAsLongAsItIsKept() {
    Mutation first = fixture.put("a", "one");
    long alone = bytes();
    fixture.take(1);
    defer(first, "x".repeat(3_000));
    assertThat(bytes()).isEqualTo(alone + LONGEST);
    restart();
    fixture.take(1);
    defer(first, "\u00e4\u20ac");
    assertThat(bytes()).isEqualTo(alone + 5);
    // It waits with the earlier one's trouble.
    Mutation second = fixture.put("a", "newer");
    assertThat(bytes()).isEqualTo(alone + 2 + 5);
    restart();
    park(second, "x".repeat(100));
    assertThat(bytes()).isEqualTo(alone + 2 + 100);
    restart();
    Mutation third = fixture.put("a", "one");
    assertThat(bytes()).isEqualTo(alone);
    // The database takes what it had refused, while a newer value is there.
    fixture.take(1);
    defer(third, "no");
    fixture.take(1);
    Mutation fourth = fixture.put("a", "two");
    assertThat(bytes()).isEqualTo(alone + 2);
    fixture.settle(third);
    assertThat(bytes()).isEqualTo(alone);
    // Sent again as it is, and taken at last.
    fixture.take(1);
    park(fourth, "no");
    Mutation again = fixture.put("a", "two", Durability.MEMORY);
    assertThat(bytes()).isEqualTo(alone);
    fixture.take(1);
    defer(again, "no");
    fixture.take(1);
    fixture.settle(again);
    assertNothingIsCounted();
  }

  @Test
  void aStagedWriteThatSupersedesALetterFreesItsText() {
    Mutation letter = fixture.put("a", "one");
    park(letter, "x".repeat(500));
    Mutation staged = fixture.put("a", "two", Durability.DATABASE);
    fixture.take(1);
    fixture.settle(staged);
    assertNothingIsCounted();
  }

  private List<Mutation> fillWith(String value) {
    List<Mutation> all = new ArrayList<>();
    while (write("k" + all.size(), value) instanceof WriteOutcome.Written written) {
      all.add(written.mutation());
    }
    return all;
  }

  /** Its text is cut where that has no room; class and SQLSTATE are always kept. */
  @Test
  void noRefusalIsRefusedForLackOfRoom() {
    List<Mutation> all = fillWith("x".repeat(8_000));
    assertThat(all).hasSizeGreaterThan(100);
    fixture.take(1_000);
    for (Mutation mutation : all) {
      Failure failure =
          new Failure(new DatabaseError(ErrorClass.CONSTRAINT, "23514", "y".repeat(1_000)), 1);
      assertThat(fixture.await(fixture.store.defer(0, 1, mutation, 0, 1, failure))).isTrue();
    }
    assertThat(fixture.store.deferredFull(0)).isTrue();
    assertThat(bytes()).isBetween(fixture.maxBytes - 8_000, fixture.maxBytes + 3L * all.size());
    restart();
    assertThat(write("new", "z".repeat(8_000))).isInstanceOf(WriteOutcome.Full.class);
    assertThat(fixture.await(fixture.store.pending("", null, 1_000)).entries())
        .hasSameSizeAs(all)
        .extracting(entry -> entry.error().code())
        .containsOnly("23514");
    for (Taken taken = fixture.take(100); !taken.mutations().isEmpty(); taken = fixture.take(100)) {
      fixture.settle(taken.mutations().toArray(new Mutation[0]));
    }
    assertNothingIsCounted();
  }

  /** So letters keep nobody out who might free them. */
  @Test
  void lettersHaveLimitsOfTheirOwn() {
    List<Mutation> all = fillWith("x".repeat(8_000));
    int letters = 0;
    while (!fixture.store.lettersFull(0)) {
      park(all.get(letters++), "y".repeat(1_000));
    }
    assertThat(letters).isGreaterThan(100);
    assertThat(parkedBytes()).isBetween(fixture.maxBytes, fixture.maxBytes + 9_000);
    for (Mutation mutation : all.subList(letters, all.size())) {
      fixture.settle(mutation);
    }
    assertThat(fixture.store.stats(0).bytes()).isZero();
    assertThat(fixture.store.deferredFull(0)).isFalse();
    int more = 0;
    while (write("more" + more, "x".repeat(8_000)) instanceof WriteOutcome.Written written) {
      assertThat(written.usage())
          .isEqualTo((double) fixture.store.stats(0).bytes() / fixture.maxBytes);
      more++;
    }
    assertThat(more).isGreaterThan(100);
    restart();
    assertThat(write("new", "z".repeat(8_000))).isInstanceOf(WriteOutcome.Full.class);
    // One letter more than there may be is kept all the same, without its text.
    long before = parkedBytes();
    Mutation last = fixture.put("more0", "w".repeat(8_000));
    park(last, "y".repeat(1_000));
    assertThat(parkedBytes() - before).isLessThan(8_200);
    // Writing in a letter's place needs room among what is pending; it frees that of the letter.
    assertThat(write("k1", "x".repeat(8_000))).isInstanceOf(WriteOutcome.Written.class);
    assertThat(write("k2", "x".repeat(8_000))).isInstanceOf(WriteOutcome.Full.class);
    assertThat(fixture.store.stats(0).parked()).isEqualTo(letters);
  }

  @Test
  void lettersAreFullByTheirNumberToo() {
    for (int i = 0; i < 1_000; i++) {
      assertThat(fixture.store.lettersFull(0)).isFalse();
      park(fixture.put("k" + i, "x", Durability.MEMORY), "");
    }
    assertThat(fixture.store.lettersFull(0)).isTrue();
    restart();
    assertThat(fixture.store.lettersFull(0)).isTrue();
    fixture.put("k7", "better", Durability.MEMORY);
    assertThat(fixture.store.lettersFull(0)).isFalse();
  }

  @Test
  void deferredEntriesAreTooManyFromHalfOfTheLimitOn() {
    for (int i = 0; i < 500; i++) {
      assertThat(fixture.store.deferredFull(0)).isFalse();
      defer(fixture.put("k" + i, "x", Durability.MEMORY), "");
    }
    assertThat(fixture.store.deferredFull(0)).isTrue();
    fixture.settle(fixture.take(1).mutations().toArray(new Mutation[0]));
    assertThat(fixture.store.deferredFull(0)).isFalse();
  }

  /** A retried letter takes room again, whatever the limit; a discarded one frees its own. */
  @Test
  void anOperatorIsNeverRefusedForLackOfRoom() {
    List<Mutation> letters = fillWith("x".repeat(8_000));
    letters.forEach(letter -> park(letter, "no"));
    List<Mutation> all = new ArrayList<>();
    while (write("more" + all.size(), "x".repeat(8_000)) instanceof WriteOutcome.Written written) {
      all.add(written.mutation());
    }
    long each = parkedBytes() / letters.size();
    for (int i = 0; i < letters.size(); i++) {
      Mutation letter = letters.get(i);
      var stage =
          i % 2 == 0
              ? fixture.store.retry(letter.key(), letter.version())
              : fixture.store.discard(letter.key(), letter.version());
      assertThat(fixture.await(stage)).isEqualTo(Letter.Fate.DONE);
    }
    assertThat(parkedBytes()).isZero();
    assertThat(bytes()).isGreaterThan(fixture.maxBytes + each * (letters.size() / 2 - 1));
    assertThat(write("new", "x")).isInstanceOf(WriteOutcome.Full.class);
    restart();
    for (Taken taken = fixture.take(100); !taken.mutations().isEmpty(); taken = fixture.take(100)) {
      fixture.settle(taken.mutations().toArray(new Mutation[0]));
    }
    assertNothingIsCounted();
  }

  /** The longest row with the longest text must be recovered under the same size of segments. */
  @Test
  void theLongestRowWithTheLongestTextIsRecovered() {
    int length = JournalFixture.SEGMENT / 4;
    WriteOutcome outcome = null;
    while (outcome == null) {
      try {
        outcome = write("a", "x".repeat(length));
      } catch (io.headpond.InvalidValueException e) {
        length--;
      }
    }
    park(((WriteOutcome.Written) outcome).mutation(), "\u20ac".repeat(LONGEST));
    restart();
    assertThat(fixture.store.stats(0).parked()).isEqualTo(1);
  }

  @Test
  void whateverHappensNothingDrifts() {
    for (int seed = 0; seed < 50; seed++) {
      Random random = new Random(seed);
      for (int i = 0; i < 200; i++) {
        step(random);
      }
      putRight();
      assertNothingIsCounted();
    }
  }

  private void step(Random random) {
    int what = random.nextInt(20);
    if (what < 9) {
      String value = what == 0 ? null : "x".repeat(random.nextInt(200));
      fixture.await(
          fixture.store.put(
              new Write(
                  JournalFixture.key("k" + random.nextInt(8)),
                  JournalFixture.row(value),
                  LEVELS.get(random.nextInt(4)))));
    } else if (what < 18) {
      Taken taken = fixture.take(1 + random.nextInt(4));
      for (Mutation mutation : taken.mutations()) {
        if (random.nextInt(4) == 0) {
          fixture.put("k" + random.nextInt(8), "late", Durability.JOURNAL);
        }
        Failure failure =
            new Failure(
                DatabaseError.of(
                    random.nextBoolean() ? ErrorClass.CONFLICT : ErrorClass.CONSTRAINT,
                    "e".repeat(random.nextInt(50))),
                random.nextInt());
        String key = "k" + random.nextInt(8);
        Letter letter = fixture.await(fixture.store.letter(JournalFixture.key(key)));
        if (letter != null && random.nextBoolean()) {
          long version = letter.mutation().version();
          fixture.await(
              random.nextInt(3) == 0
                  ? fixture.store.discard(letter.mutation().key(), version)
                  : fixture.store.retry(letter.mutation().key(), version));
        }
        switch (random.nextInt(taken.staged() ? 2 : 4)) {
          case 0 -> fixture.settle(mutation);
          case 1 -> fixture.await(fixture.store.unstage(0, 1, mutation));
          case 2 -> fixture.await(fixture.store.defer(0, 1, mutation, 0, 1, failure));
          default -> fixture.await(fixture.store.park(0, 1, mutation, 1, failure));
        }
      }
    } else if (what == 18) {
      fixture.environment.run();
    } else {
      // What is staged is forgotten, and what was written at MEMORY falls back.
      fixture.restart(fixture.disk.crashProcess());
      fixture.await(fixture.store.open(0, 1, 0, false));
    }
  }

  /** Takes and settles everything; letters are written again. */
  private void putRight() {
    for (int i = 0; i < 8; i++) {
      fixture.put("k" + i, "good");
    }
    for (Taken taken = fixture.take(100); !taken.mutations().isEmpty(); taken = fixture.take(100)) {
      fixture.settle(taken.mutations().toArray(new Mutation[0]));
    }
  }
}
