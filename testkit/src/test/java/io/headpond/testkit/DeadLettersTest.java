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
import io.headpond.DatabaseError;
import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterGoneException;
import io.headpond.DeadLetterGoneException.Reason;
import io.headpond.DeadLetterPage;
import io.headpond.DeadLetters;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.KeyColumn;
import io.headpond.Overload;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Mutation;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** What a person does with dead letters. */
@Timeout(60)
class DeadLettersTest {
  private static final DatabaseError REFUSAL =
      new DatabaseError(ErrorClass.CONSTRAINT, "23514", "no");
  private static final Duration ALL_TRIES = Duration.ofSeconds(8);
  private static final DeadLetters.Archive<Key, Row> NOWHERE = letter -> {};

  private final EngineFixture t = new EngineFixture();

  @AfterEach
  void nothingLostNothingBack() {
    assertThat(t.violationsWithPending()).isEmpty();
  }

  private CacheBuilder<Key, Row> builder() {
    return t.builder().maxRetries(2).retryDelay(Duration.ofSeconds(1));
  }

  private DeadLetters<Key, Row> letters() {
    return t.cache().deadLetters();
  }

  private void refuse(String... names) {
    List<Row> refused = java.util.Arrays.stream(names).map(EngineFixture::row).toList();
    t.database.refuseWith(
        m -> m instanceof Mutation.Put put && refused.contains(put.row()) ? REFUSAL : null);
  }

  /** A letter of this value; the database goes on to refuse that. */
  private long letter(long id, String name) {
    refuse(name);
    long version = done(t.put(id, name)).version();
    t.environment.advance(ALL_TRIES);
    assertThat(done(letters().get(key(id))).version()).isEqualTo(version);
    return version;
  }

  private <T> T await(CompletableFuture<T> future) {
    return t.environment.await(future);
  }

  /** A retry that gives a letter's value a new version, as a write of its own. */
  private CompletableFuture<Void> retryAnew(long id, String name) {
    t.checker.begin(key(id), row(name)).unknown();
    return letters().retry(key(id), 0);
  }

  private @Nullable String stored(long id) {
    FakeDatabase.Stored stored = t.database.row(key(id));
    return stored == null ? null : (String) stored.value().get("name");
  }

  private void assertGone(CompletableFuture<?> future, Reason reason) {
    t.environment.run();
    assertThat(future)
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(DeadLetterGoneException.class)
        .havingCause()
        .satisfies(e -> assertThat(((DeadLetterGoneException) e).reason()).isEqualTo(reason));
  }

  /** A discard, and the word of it to the checker. */
  private CompletableFuture<Void> discard(
      long id, long version, DeadLetters.Archive<Key, Row> archive) {
    return letters()
        .discard(key(id), version, archive)
        .whenComplete(
            (done, failure) -> {
              if (failure == null) {
                t.checker.discarded(key(id), version);
              }
            });
  }

  // Looking

  @Test
  void aLetterShowsWhatWasRefusedAndWhy() {
    t.open(builder());
    Instant before = instant();
    long version = letter(1, "bad");
    DeadLetter<Key, Row> letter = done(letters().get(key(1)));
    assertThat(letter.key()).isEqualTo(key(1));
    assertThat(letter.keyText()).isEqualTo("1");
    assertThat(letter.value()).isEqualTo(row("bad"));
    assertThat(letter.version()).isEqualTo(version);
    assertThat(letter.attempts()).isEqualTo(3);
    assertThat(letter.error()).isEqualTo(REFUSAL);
    assertThat(letter.first()).isBetween(before, before.plusMillis(200));
    assertThat(letter.last()).isBetween(before.plusMillis(1_500), before.plusSeconds(4));
    t.kill();
    t.open(builder());
    assertThat(done(letters().get(key(1)))).isEqualTo(letter);
  }

  private Instant instant() {
    return Instant.ofEpochMilli(t.environment.wallMicros() / 1_000);
  }

  @Test
  void aRemovalThatWasRefusedHasNoValue() {
    t.open(builder());
    t.put(1, "there");
    t.linger();
    t.database.refuseWith(m -> m instanceof Mutation.Remove ? REFUSAL : null);
    t.remove(1);
    t.environment.advance(ALL_TRIES);
    assertThat(done(letters().get(key(1))).value()).isNull();
  }

  @Test
  void lettersAreListedInPagesAndByFilter() {
    t.open(builder());
    t.database.refuseWith(
        m ->
            (Long) EngineFixture.TYPE.components(m.key()).get(0) < 3
                ? REFUSAL
                : DatabaseError.of(ErrorClass.VALUE, "too long"));
    for (int i = 1; i <= 5; i++) {
      t.put(i, "bad" + i);
    }
    t.environment.advance(ALL_TRIES);
    DeadLetterPage<Key, Row> first = await(letters().list(DeadLetterFilter.all(), null, 2));
    assertThat(first.letters()).extracting(DeadLetter::keyText).containsExactly("1", "2");
    DeadLetterPage<Key, Row> second =
        await(letters().list(DeadLetterFilter.all(), first.next(), 3));
    assertThat(second.letters()).extracting(DeadLetter::keyText).containsExactly("3", "4", "5");
    assertThat(second.next()).isNull();
    assertThat(await(letters().list(DeadLetterFilter.of(ErrorClass.VALUE), null, 9)).letters())
        .hasSize(3);
    assertThatThrownBy(() -> await(letters().list(DeadLetterFilter.all(), null, 0)))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("limit");
    t.put(1, "good");
    assertGone(letters().get(key(1)), Reason.NONE);
    t.database.refuse(m -> false);
    await(letters().retryAll(DeadLetterFilter.all()));
    t.linger();
  }

  @Test
  void lettersHaveTheTypesOfTheCache() {
    record Thing(@KeyColumn long id, @Nullable String name) {}
    FakeDatabase database = new FakeDatabase(t.environment);
    database.refuse(m -> true);
    try (WriteBehindCache<Long, Thing> cache =
        WriteBehindCache.builder(Long.class, Thing.class)
            .store(JournalStore.on(new SimulatedDisk()))
            .systemOfRecord(database)
            .environment(t.environment)
            .maxRetries(0)
            .build()) {
      cache.put(7L, new Thing(7, "bad"));
      t.linger();
      DeadLetter<Long, Thing> letter = done(cache.deadLetters().get(7L));
      assertThat(letter.key()).isEqualTo(7L);
      assertThat(letter.value()).isEqualTo(new Thing(7, "bad"));
      database.refuse(m -> false);
      assertThat(await(cache.deadLetters().edit(7L, 0, new Thing(7, "good"))).version())
          .isGreaterThan(letter.version());
      t.linger();
      assertThat(cache.get(7L)).isEqualTo(new Thing(7, "good"));
    }
  }

  // Trying again

  @Test
  void aRetriedLetterIsWrittenAtOnce() {
    t.open(builder());
    long version = letter(1, "bad");
    t.database.refuse(m -> false);
    await(letters().retry(key(1), version));
    t.environment.run();
    assertThat(stored(1)).isEqualTo("bad");
    assertThat(t.database.row(key(1)).version()).isEqualTo(version);
    assertThat(t.cache().status().parked()).isZero();
    assertThat(done(t.cache().settledAsync(key(1), version))).isNull();
    assertGone(letters().retry(key(1), version), Reason.NONE);
    assertGone(letters().retry(key(1), 0), Reason.NONE);
  }

  @Test
  void aRetriedLetterHasAllItsTriesAgain() {
    t.open(builder());
    long version = letter(1, "bad");
    long before = t.database.batches().size();
    await(letters().retry(key(1), 0));
    assertGone(letters().retry(key(1), version), Reason.RETRIED);
    t.environment.run();
    assertThat(t.cache().status().deferred()).isEqualTo(1);
    CompletableFuture<Void> settled = t.cache().settledAsync(key(1), version);
    assertThat(settled).isNotDone();
    assertGone(discard(1, version, NOWHERE), Reason.RETRIED);
    t.environment.advance(ALL_TRIES);
    assertThat(t.database.batches().size() - before).isEqualTo(3);
    assertThat(done(letters().get(key(1))).attempts()).isEqualTo(3);
    assertThat(settled)
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(RejectedException.class);
  }

  @Test
  void aRetrySurvivesWhateverComesNext() {
    t.open(builder());
    long version = letter(1, "bad");
    t.database.setAway(true);
    await(letters().retry(key(1), version));
    t.losePower(3);
    t.database.setAway(false);
    t.database.refuse(m -> false);
    t.open(builder());
    t.environment.run();
    assertThat(stored(1)).isEqualTo("bad");
  }

  @Test
  void aLetterThatWasWrittenAgainIsSuperseded() {
    t.open(builder());
    long version = letter(1, "bad");
    t.database.setAway(true);
    t.put(1, "newer");
    assertGone(letters().retry(key(1), version), Reason.SUPERSEDED);
    assertGone(letters().edit(key(1), version, row("edited")), Reason.SUPERSEDED);
    assertGone(discard(1, version, NOWHERE), Reason.SUPERSEDED);
    assertGone(letters().get(key(1)), Reason.NONE);
    assertGone(letters().retry(key(2), 5), Reason.NONE);
    assertGone(letters().edit(key(2), 0, row("x")), Reason.NONE);
    assertGone(discard(2, 5, NOWHERE), Reason.NONE);
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(stored(1)).isEqualTo("newer");
  }

  @Test
  void aNewerWriteWhileTheRetryIsUnderWayFollows() {
    t.open(builder());
    long version = letter(1, "bad");
    t.database.refuse(m -> false);
    t.database.holdReplies();
    await(letters().retry(key(1), version));
    t.environment.run();
    t.put(1, "newer");
    t.database.releaseReplies();
    t.linger();
    assertThat(stored(1)).isEqualTo("newer");
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void allThatAreMeantAreRetried() {
    t.open(builder().maxRetries(0).maxBatchSize(5_000));
    int count = 2_100;
    t.database.refuseWith(m -> REFUSAL);
    for (int i = 0; i < count; i++) {
      t.put(i, "bad" + i);
    }
    t.put(90_000, "other");
    t.linger();
    assertThat(t.cache().status().parked()).isEqualTo(count + 1);
    t.put(5, "newer");
    t.linger();
    t.database.refuse(m -> false);
    // Superseded, found again as a letter of another version: retried all the same.
    assertThat(await(letters().retryAll(new DeadLetterFilter("9000", null, null, null, null))))
        .isEqualTo(1);
    assertThat(await(letters().retryAll(DeadLetterFilter.of(ErrorClass.VALUE)))).isZero();
    assertThat(await(letters().retryAll(DeadLetterFilter.of(ErrorClass.CONSTRAINT))))
        .isEqualTo(count);
    t.linger();
    assertThat(t.cache().status().parked()).isZero();
    assertThat(stored(5)).isEqualTo("newer");
    assertThat(t.database.rows()).hasSize(count + 1);
  }

  @Test
  void aLetterThatCannotBeRetriedDoesNotKeepTheOthersFromIt() {
    t.open(builder());
    for (int i = 1; i <= 4; i++) {
      letter(i, "bad");
    }
    t.database.refuse(m -> false);
    t.store().failNext(2);
    Logger logger = (Logger) LoggerFactory.getLogger("io.headpond.engine.Letters");
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    logger.addAppender(lines);
    logger.setLevel(Level.WARN);
    try {
      assertThat(await(letters().retryAll(DeadLetterFilter.all()))).isEqualTo(2);
    } finally {
      logger.detachAppender(lines);
      logger.setLevel(null);
    }
    assertThat(lines.list)
        .extracting(ILoggingEvent::getFormattedMessage)
        .containsExactly(
            "t: 2 dead letters could not be tried again and stay; the first: failed on command");
    assertThat(await(letters().retryAll(DeadLetterFilter.all()))).isEqualTo(2);
    t.environment.advance(ALL_TRIES);
    assertThat(t.database.rows()).hasSize(4);
  }

  /** Whatever kind of letter: a retry is a person's decision. */
  @Test
  void aRetryIsNeverRefusedForLackOfRoom() {
    t.open(builder().maxPendingEntries(10).overload(Overload.reject()));
    conflict(1);
    letter(2, "bad");
    letter(3, "bad");
    letter(4, "bad");
    refuse("bad", "good");
    t.database.holdReplies();
    CompletableFuture<Receipt> write = t.write(4, "good", Durability.DATABASE);
    t.environment.run();
    for (int i = 0; i < 9; i++) {
      t.put(100 + i, "v");
    }
    t.checker.begin(key(1), row("ours")).unknown();
    t.checker.begin(key(4), row("bad")).unknown();
    CompletableFuture<Integer> retried = letters().retryAll(DeadLetterFilter.all());
    t.environment.run();
    assertThat(t.cache().status().pendingEntries()).isEqualTo(9 + 3);
    assertThat(retried).isNotDone();
    t.store().holdTake();
    t.database.releaseReplies();
    t.environment.run();
    assertThat(write).isCompletedExceptionally();
    assertThat(t.cache().status().pendingEntries()).isEqualTo(9 + 4);
    assertThat(await(retried)).isEqualTo(4);
    t.store().release();
    t.database.refuse(m -> false);
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.database.rows()).hasSize(13);
    assertThat(stored(1)).isEqualTo("ours");
    assertThat(stored(4)).isEqualTo("bad");
  }

  /** The database holds a newer version of another program's: only a new version goes over it. */
  @Test
  void aConflictIsWrittenAgainOverTheForeignRow() {
    t.open(builder());
    long foreign = conflict(1);
    await(retryAnew(1, "ours"));
    t.linger();
    assertThat(stored(1)).isEqualTo("ours");
    assertThat(t.database.row(key(1)).version()).isGreaterThan(foreign);
    assertThat(t.cache().status().parked()).isZero();
  }

  /** How far the clock was raised is not forgotten, also where the foreign version lies far ahead of it. */
  @Test
  void aConflictIsWrittenAgainAfterARestartToo() {
    for (int i = 0; i < 2; i++) {
      t.open(builder());
      long foreign = conflict(1 + i);
      if (i == 0) {
        t.kill();
      } else {
        t.losePower(1);
      }
      t.open(builder());
      await(retryAnew(1 + i, "ours"));
      t.linger();
      assertThat(stored(1 + i)).isEqualTo("ours");
      assertThat(t.database.row(key(1 + i)).version()).isGreaterThan(foreign);
      t.kill();
    }
    t.open(builder());
  }

  /** Returns the version of the other program's row. */
  private long conflict(long id) {
    long version = done(t.put(id, "first")).version();
    t.linger();
    long foreign = version + Duration.ofDays(400).toNanos() / 1_000;
    t.foreign(id, "theirs", foreign);
    t.put(id, "ours");
    t.linger();
    assertThat(done(letters().get(key(id))).error().errorClass()).isEqualTo(ErrorClass.CONFLICT);
    assertThat(t.get(id)).isEqualTo("theirs");
    return foreign;
  }

  // Putting right

  @Test
  void anEditTakesTheLettersPlace() {
    t.open(builder());
    long version = letter(1, "bad");
    Receipt receipt = await(letters().edit(key(1), version, written(1, "good")));
    acknowledged(receipt);
    assertThat(t.get(1)).isEqualTo("good");
    assertThat(receipt.version()).isGreaterThan(version);
    t.linger();
    assertThat(receipt.settled()).isCompleted();
    assertThat(stored(1)).isEqualTo("good");
    assertGone(letters().edit(key(1), version, row("again")), Reason.NONE);
  }

  private HistoryChecker<Key, Row>.@Nullable Attempt edit;

  /** The row, which the checker is told of. */
  private Row written(long id, String name) {
    edit = t.checker.begin(key(id), row(name));
    return row(name);
  }

  private void acknowledged(Receipt receipt) {
    edit.acknowledged(receipt.version());
  }

  @Test
  void anEditMayRemove() {
    t.open(builder());
    t.put(1, "there");
    t.linger();
    long version = letter(1, "bad");
    edit = t.checker.begin(key(1), null);
    acknowledged(await(letters().edit(key(1), version, null)));
    t.linger();
    assertThat(t.database.rows()).isEmpty();
  }

  @Test
  void anEditThatIsNoValueOfTheColumnsIsRefusedAndTheLetterStays() {
    t.open(builder());
    long version = letter(1, "bad");
    Row other =
        io.headpond.RowType.builder()
            .key("id", io.headpond.ColumnType.BIGINT)
            .column("name", io.headpond.ColumnType.INTEGER)
            .build()
            .rowOf(7);
    assertThatThrownBy(() -> await(letters().edit(key(1), version, other)))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("name");
    assertThat(done(letters().get(key(1))).version()).isEqualTo(version);
  }

  @Test
  void anEditIsRefusedAtTheLimitAsAnyWriteIs() {
    t.open(builder().maxPendingEntries(2).overload(Overload.reject()));
    long version = letter(1, "bad");
    t.database.setAway(true);
    t.put(2, "x");
    t.environment.advance(Duration.ofSeconds(1));
    t.put(3, "x");
    t.environment.advance(Duration.ofSeconds(1));
    CompletableFuture<Receipt> refused = letters().edit(key(1), version, row("good"));
    t.environment.run();
    assertThat(refused)
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(OverloadedException.class);
    assertThat(done(letters().get(key(1))).version()).isEqualTo(version);
    // A retry is not: it is a person's decision.
    await(letters().retry(key(1), version));
    t.database.setAway(false);
    t.database.refuse(m -> false);
    t.environment.advance(Duration.ofSeconds(31));
    assertThat(stored(1)).isEqualTo("bad");
  }

  @Test
  void anEditThatTheDatabaseRefusesAtDatabaseLevelLeavesTheLetter() {
    t.open(builder().durability(Durability.DATABASE));
    refuse("bad", "worse");
    long version = done(t.put(1, "bad")).version();
    t.environment.advance(ALL_TRIES);
    CompletableFuture<Receipt> worse = letters().edit(key(1), version, row("worse"));
    t.environment.run();
    assertThat(worse)
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(RejectedException.class);
    assertThat(done(letters().get(key(1))).value()).isEqualTo(row("bad"));
    CompletableFuture<Receipt> good = letters().edit(key(1), version, written(1, "good"));
    acknowledged(await(good));
    assertThat(stored(1)).isEqualTo("good");
    assertGone(letters().get(key(1)), Reason.NONE);
  }

  @Test
  void ofAnEditAndARetryTheFirstCounts() {
    t.open(builder());
    long version = letter(1, "bad");
    t.database.setAway(true);
    CompletableFuture<Void> retried = letters().retry(key(1), version);
    assertGone(letters().edit(key(1), version, row("late")), Reason.RETRIED);
    assertThat(retried).isCompleted();
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(60));
    CompletableFuture<Receipt> edited = letters().edit(key(1), version, written(1, "good"));
    t.database.setAway(true);
    assertGone(letters().retry(key(1), version), Reason.SUPERSEDED);
    acknowledged(await(edited));
    t.database.setAway(false);
    t.environment.advance(Duration.ofSeconds(60));
    assertThat(stored(1)).isEqualTo("good");
  }

  // A write of its key at DATABASE

  @Test
  void aRetryWaitsForTheWriteOfItsKeyThatIsUnderWay() {
    for (boolean taken : List.of(true, false)) {
      long id = taken ? 1 : 2;
      t.open(builder());
      long version = letter(id, "bad");
      t.database.holdReplies();
      if (!taken) {
        refuse("bad", "good");
      }
      CompletableFuture<Receipt> write = t.write(id, "good", Durability.DATABASE);
      t.environment.run();
      CompletableFuture<Void> retried =
          taken ? letters().retry(key(id), version) : retryAnew(id, "bad");
      t.environment.run();
      assertThat(retried).isNotDone();
      t.database.releaseReplies();
      t.environment.run();
      assertThat(write.isCompletedExceptionally()).isEqualTo(!taken);
      if (taken) {
        assertGone(retried, Reason.NONE);
        assertThat(stored(id)).isEqualTo("good");
      } else {
        assertThat(retried).isCompleted();
        t.database.refuse(m -> false);
        t.environment.advance(ALL_TRIES);
        assertThat(stored(id)).isEqualTo("bad");
      }
      t.kill();
    }
    t.open(builder());
  }

  // Giving up

  @Test
  void aDiscardedLetterIsInTheArchiveAndNowhereElse() {
    t.open(builder());
    t.put(1, "good");
    t.linger();
    long version = letter(1, "bad");
    List<DeadLetter<Key, Row>> archive = new ArrayList<>();
    await(discard(1, version, archive::add));
    assertThat(archive).hasSize(1);
    assertThat(archive.get(0).value()).isEqualTo(row("bad"));
    assertThat(archive.get(0).error()).isEqualTo(REFUSAL);
    assertThat(t.get(1)).isEqualTo("good");
    assertThat(t.cache().status().parked()).isZero();
    assertGone(discard(1, version, archive::add), Reason.NONE);
    assertGone(letters().retry(key(1), version), Reason.NONE);
    assertThat(archive).hasSize(1);
    t.losePower(5);
    t.database.refuse(m -> false);
    t.open(builder());
    t.environment.advance(Duration.ofMinutes(1));
    assertThat(t.get(1)).isEqualTo("good");
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("good"));
  }

  @Test
  void aLetterThatTheArchiveDoesNotTakeStays() {
    t.open(builder());
    long version = letter(1, "bad");
    CompletableFuture<Void> discarded =
        discard(
            1,
            version,
            letter -> {
              throw new IOException("the archive is full");
            });
    t.environment.run();
    assertThat(discarded)
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(IOException.class)
        .withMessageContaining("the archive is full");
    assertThat(done(letters().get(key(1))).version()).isEqualTo(version);
    assertThat(t.get(1)).isEqualTo("bad");
  }

  @Test
  void ofTwoDiscardsAtOnceOneIsToldThatItIsGone() {
    t.open(builder());
    long version = letter(1, "bad");
    CompletableFuture<Void> first = discard(1, version, NOWHERE);
    CompletableFuture<Void> second = letters().discard(key(1), version, NOWHERE);
    t.environment.run();
    assertThat(first).isCompleted();
    assertGone(second, Reason.NONE);
  }

  /** The archive has a line too many then; nothing else is lost. */
  @Test
  void aLetterThatIsWrittenAgainWhileItIsArchivedIsSuperseded() {
    t.open(builder());
    long version = letter(1, "bad");
    CompletableFuture<Void> discarded = discard(1, version, letter -> t.put(1, "newer"));
    assertGone(discarded, Reason.SUPERSEDED);
    t.linger();
    assertThat(stored(1)).isEqualTo("newer");
    long other = letter(2, "bad");
    t.database.setAway(true);
    CompletableFuture<Void> meanwhile = discard(2, other, letter -> letters().retry(key(2), other));
    assertGone(meanwhile, Reason.RETRIED);
    t.database.setAway(false);
  }

  /** Whatever the moment, it is a letter, or gone for good; never owed again. */
  @Test
  void aProcessThatDiesWhileALetterIsDiscardedKeepsItOrHasForgottenIt() {
    for (int at = 0; at < 5; at++) {
      EngineFixture one = new EngineFixture();
      one.open(one.builder().maxRetries(0));
      one.database.refuse(m -> true);
      long version = done(one.put(1, "bad")).version();
      one.linger();
      one.disk.crashAt(one.disk.operations() + at);
      CompletableFuture<Void> discarded =
          one.cache().deadLetters().discard(key(1), version, NOWHERE);
      one.environment.run();
      boolean told = discarded.isDone() && !discarded.isCompletedExceptionally();
      one.kill();
      one.open(one.builder().maxRetries(0));
      int parked = one.cache().status().parked();
      assertThat(parked + one.cache().status().pendingEntries()).isEqualTo(parked);
      if (told) {
        assertThat(parked).isZero();
      }
    }
  }

  @Test
  void aCacheThatTakesNoWritesChangesNoLetters() {
    t.open(builder());
    long version = letter(1, "bad");
    await(t.cache().drainAsync(Duration.ofSeconds(1)));
    List<CompletableFuture<?>> all =
        List.of(
            letters().retry(key(1), version),
            letters().retryAll(DeadLetterFilter.all()),
            letters().edit(key(1), version, row("x")),
            discard(1, version, NOWHERE));
    t.environment.run();
    for (CompletableFuture<?> one : all) {
      assertThat(one)
          .failsWithin(0, TimeUnit.SECONDS)
          .withThrowableThat()
          .withCauseInstanceOf(UnavailableException.class);
    }
    assertThat(done(letters().get(key(1))).version()).isEqualTo(version);
  }
}
