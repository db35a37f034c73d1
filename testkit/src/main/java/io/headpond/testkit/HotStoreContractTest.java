package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.spi.Expected;
import io.headpond.spi.Failure;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Owed;
import io.headpond.spi.PartitionStats;
import io.headpond.spi.Remembered;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every hot store has to keep. A store's own test gives the store, and a way to let its process die. */
public abstract class HotStoreContractTest {
  protected static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.TEXT)
          .column("name", ColumnType.TEXT)
          .column("n", ColumnType.INTEGER)
          .build();
  protected static final Duration TTL = Duration.ofMinutes(10);
  protected static final Failure FAILURE =
      new Failure(DatabaseError.of(ErrorClass.VALUE, "value too long"), 7);
  private static final Failure CONFLICT =
      new Failure(DatabaseError.of(ErrorClass.CONFLICT, "newer version in the database"), 7);

  protected final ManualEnvironment environment = new ManualEnvironment();
  protected HotStore store;

  /** Opens the store; all calls in one test open the same one. */
  protected abstract HotStoreFactory factory();

  /** The process dies with what it has; {@link #factory} finds what survives that. */
  protected abstract void crash();

  @BeforeEach
  void openStore() {
    store = open(1, 1_000, 1 << 20);
    lease(1);
  }

  @AfterEach
  void closeStore() {
    PartitionStats stats = store.stats(0);
    assertThat(store.pendingEntries()).isEqualTo(stats.pending() + stats.staged());
    store.close();
  }

  protected HotStore open(int partitions, int maxEntries, long maxBytes) {
    return factory()
        .open(
            new HotStoreFactory.Settings(
                "things", TYPE, partitions, maxEntries, maxBytes, 1_000, TTL, environment));
  }

  private void reopen(int maxEntries, long maxBytes) {
    store.close();
    store = open(1, maxEntries, maxBytes);
  }

  private void crashAndReopen() {
    environment.run();
    crash();
    environment.forgetTasks();
    store = open(1, 1_000, 1 << 20);
  }

  protected void lease(long epoch) {
    await(store.open(0, epoch, 0, false));
  }

  protected <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return environment.await(stage);
  }

  protected static Key key(String id) {
    return TYPE.key(id);
  }

  protected static Row row(String name) {
    return TYPE.rowOf(name, 1);
  }

  protected WriteOutcome write(String id, @Nullable String name, Durability durability) {
    return await(store.put(new Write(key(id), name == null ? null : row(name), durability)));
  }

  protected Mutation put(String id, @Nullable String name) {
    return put(id, name, Durability.DISK);
  }

  protected Mutation put(String id, @Nullable String name, Durability durability) {
    return ((WriteOutcome.Written) write(id, name, durability)).mutation();
  }

  protected Lookup get(String id) {
    return await(store.get(key(id)));
  }

  protected Taken take(int max) {
    return await(store.take(0, 1, TakeLimits.of(max)));
  }

  protected void settle(Mutation... mutations) {
    await(store.settle(0, 1, List.of(mutations), 0));
  }

  private void defer(Mutation mutation, Duration delay, int attempts) {
    await(store.defer(0, 1, mutation, due(delay), attempts, FAILURE));
  }

  private long due(Duration delay) {
    return environment.wallMicros() + delay.toNanos() / 1_000;
  }

  protected void park(Mutation mutation) {
    await(store.park(0, 1, mutation, 4, FAILURE));
  }

  protected @Nullable Lookup fill(String id, @Nullable String name, long version, long token) {
    return await(store.fill(key(id), name == null ? null : row(name), version, token));
  }

  protected Lookup filled(String id, @Nullable String name, long version) {
    return Objects.requireNonNull(fill(id, name, version, get(id).fillToken()));
  }

  private static Map<Key, Integer> attempts(Taken taken) {
    Map<Key, Integer> attempts = new HashMap<>();
    taken.tried().forEach((key, tried) -> attempts.put(key, tried.attempts()));
    return attempts;
  }

  /** Asked of the store, not as this handle heard it last. */
  protected PartitionStats stats() {
    PartitionStats stats = await(store.horizon(0)).stats();
    assertThat(store.stats(0)).isEqualTo(stats);
    return stats;
  }

  /** Moves time on, also for what the store itself lets expire. */
  protected void advance(Duration duration) {
    environment.advance(duration);
  }

  private boolean shared() {
    return store.id().shared();
  }

  protected PendingPage pending() {
    return await(store.pending("", null, 100));
  }

  protected static PartitionStats counts(PartitionStats stats) {
    return counts(stats.ready(), stats.deferred(), stats.parked(), stats.staged());
  }

  protected static PartitionStats counts(int ready, int deferred, int parked, int staged) {
    return new PartitionStats(ready, deferred, parked, 0, staged, 0, 0, 0, 0, 0);
  }

  // Writes and reads

  @Test
  void whatWasWrittenIsRead() {
    Mutation write = put("a", "one");
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.PENDING, row("one"), write.version(), 0));
  }

  @Test
  void aRemovalIsReadAsAbsent() {
    put("a", "one");
    Mutation removal = put("a", null);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.PENDING, null, removal.version(), 0));
  }

  @Test
  void versionsRiseEvenIfTheClockJumpsBack() {
    long first = put("a", "one").version();
    environment.setWallMicros(1_000);
    assertThat(put("a", "two").version()).isGreaterThan(first);
    environment.setWallMicros(first + 1_000_000);
    assertThat(put("a", "three").version()).isGreaterThanOrEqualTo(first + 1_000_000);
  }

  @Test
  void writesHaveDifferentIds() {
    assertThat(put("a", "one").writeId()).isNotEqualTo(put("a", "one").writeId());
  }

  @Test
  void readyAndCoalescedAreTold() {
    WriteOutcome.Written first = (WriteOutcome.Written) write("a", "1", Durability.DISK);
    WriteOutcome.Written again = (WriteOutcome.Written) write("a", "2", Durability.DISK);
    WriteOutcome.Written other = (WriteOutcome.Written) write("b", "1", Durability.DISK);
    assertThat(List.of(first.ready(), again.ready(), other.ready())).containsExactly(1, 1, 2);
    assertThat(List.of(first.coalesced(), again.coalesced(), other.coalesced()))
        .containsExactly(false, true, false);
  }

  @Test
  void aWriteWhileABatchIsUnderWayEndsTheIdleness() {
    put("a", "1");
    take(10);
    WriteOutcome.Written during = (WriteOutcome.Written) write("a", "2", Durability.DISK);
    assertThat(during.ready()).isEqualTo(1);
    // A shared store does not know whether the batch that carries the earlier value is still under
    // way.
    assertThat(during.coalesced()).isEqualTo(shared());
  }

  @Test
  void aLevelThatTheStoreCannotKeepIsRefused() {
    if (store.strongest() == Durability.REPLICAS) {
      return;
    }
    assertThatThrownBy(() -> write("a", "one", Durability.REPLICAS))
        .isInstanceOf(UnsupportedDurabilityException.class);
    assertThat(get("a").miss()).isTrue();
  }

  @Test
  void manyAreReadInTheirOrder() {
    put("a", "one");
    put("c", "three");
    List<Lookup> found = await(store.getAll(List.of(key("c"), key("b"), key("a"))));
    assertThat(found).extracting(Lookup::key).containsExactly(key("c"), key("b"), key("a"));
    assertThat(found).extracting(Lookup::miss).containsExactly(false, true, false);
  }

  // Limits

  @Test
  void theLimitOnEntriesRefusesAndChangesNothing() {
    reopen(2, 1 << 20);
    put("a", "1");
    put("b", "1");
    assertThat(write("c", "1", Durability.DISK)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(write("c", "1", Durability.MEMORY)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(write("c", "1", Durability.DATABASE)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(get("c").miss()).isTrue();
    assertThat(stats().pending()).isEqualTo(2);
  }

  @Test
  void aPendingKeyPassesTheLimitOnEntries() {
    reopen(1, 1 << 20);
    put("a", "1");
    assertThat(write("a", "2", Durability.DISK)).isInstanceOf(WriteOutcome.Written.class);
  }

  @Test
  void theLimitOnBytesCountsDifferences() {
    reopen(100, 1_000);
    put("a", "x".repeat(400));
    put("b", "x".repeat(300));
    assertThat(write("a", "x".repeat(700), Durability.DISK)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(get("a").row()).isEqualTo(row("x".repeat(400)));
    put("a", "x");
    assertThat(write("b", "x".repeat(700), Durability.DISK))
        .isInstanceOf(WriteOutcome.Written.class);
  }

  @Test
  void whatIsUnderWayStillCounts() {
    reopen(1, 1 << 20);
    Mutation a = put("a", "1");
    take(10);
    assertThat(write("b", "1", Durability.DISK)).isEqualTo(WriteOutcome.Full.INSTANCE);
    settle(a);
    assertThat(write("b", "1", Durability.DISK)).isInstanceOf(WriteOutcome.Written.class);
    assertThat(stats().bytes()).isPositive();
  }

  @Test
  void lettersDoNotFillTheLimitOnEntries() {
    reopen(1, 1 << 20);
    park(put("a", "1"));
    assertThat(write("b", "1", Durability.DISK)).isInstanceOf(WriteOutcome.Written.class);
    assertThat(write("c", "1", Durability.DISK)).isEqualTo(WriteOutcome.Full.INSTANCE);
  }

  // Misses and fills

  @Test
  void aMissCarriesATokenAndEveryMissTheSame() {
    long token = get("a").fillToken();
    assertThat(token).isNotZero();
    assertThat(get("a").fillToken()).isEqualTo(token);
    assertThat(get("b").fillToken()).isNotEqualTo(token);
  }

  @Test
  void aFillIsServedAsClean() {
    Lookup filled = filled("a", "one", 5);
    assertThat(filled).isEqualTo(new Lookup(key("a"), EntryState.CLEAN, row("one"), 5, 0));
    assertThat(get("a")).isEqualTo(filled);
  }

  @Test
  void aTokenServesOnce() {
    long token = get("a").fillToken();
    fill("a", "one", 5, token);
    assertThat(fill("a", "two", 6, token)).isNull();
    assertThat(get("a").row()).isEqualTo(row("one"));
  }

  @Test
  void aWriteTakesTheTokenAway() {
    long token = get("a").fillToken();
    Mutation write = put("a", "new");
    assertThat(fill("a", "old", 5, token)).isNull();
    settle(write);
    assertThat(fill("a", "old", 5, token)).isNull();
    assertThat(get("a").row()).isEqualTo(row("new"));
  }

  @Test
  void aSettlementTakesTheTokenAway() {
    Mutation staged = put("a", "new", Durability.DATABASE);
    take(1);
    long token = get("a").fillToken();
    settle(staged);
    assertThat(fill("a", "old", 5, token)).isNull();
    assertThat(get("a").row()).isEqualTo(row("new"));
  }

  @Test
  void aNewLeaseTakesTheTokensAway() {
    long token = get("a").fillToken();
    lease(2);
    assertThat(fill("a", "old", 5, token)).isNull();
    assertThat(get("a").fillToken()).isNotEqualTo(token);
  }

  @Test
  void aTokenOfAnotherLifeMeansNothing() {
    long token = get("a").fillToken();
    reopen(1_000, 1 << 20);
    get("a");
    // A shared store lives on without its processes.
    assertThat(fill("a", "old", 5, token) == null).isEqualTo(!shared());
  }

  @Test
  void aWrongTokenLeavesTheRightOneStanding() {
    long token = get("a").fillToken();
    assertThat(fill("a", "one", 5, token + 1)).isNull();
    assertThat(fill("a", "one", 5, 0)).isNull();
    assertThat(fill("a", "one", 5, token)).isNotNull();
  }

  @Test
  void aFillWithoutAVersionIsGivenOne() {
    Lookup filled = filled("a", "one", 0);
    assertThat(filled.version()).isPositive();
    assertThat(put("a", "two").version()).isGreaterThan(filled.version());
  }

  @Test
  void aFillRaisesTheClock() {
    long future = environment.wallMicros() + 1_000_000_000L;
    fill("a", "one", future, get("a").fillToken());
    assertThat(put("a", "two").version()).isGreaterThan(future);
  }

  @Test
  void aMissingRowIsRememberedForAShortTime() {
    Lookup filled = filled("a", null, 0);
    assertThat(filled).isEqualTo(new Lookup(key("a"), EntryState.CLEAN, null, 0, 0));
    assertThat(get("a").miss()).isFalse();
    advance(Duration.ofMinutes(1));
    assertThat(get("a").miss()).isTrue();
  }

  @Test
  void theTimeToLiveBeginsAtTheSettlement() {
    Mutation write = put("a", "one");
    advance(TTL.multipliedBy(2));
    assertThat(get("a").row()).isEqualTo(row("one"));
    settle(write);
    advance(TTL.minusSeconds(1));
    assertThat(get("a").row()).isEqualTo(row("one"));
    advance(Duration.ofSeconds(2));
    assertThat(get("a").miss()).isTrue();
  }

  // Taking and settling

  @Test
  void theOldestAreTakenFirstAndStay() {
    Mutation a = put("a", "1");
    Mutation b = put("b", "1");
    Mutation a2 = put("a", "2");
    put("c", "1");
    Taken taken = take(2);
    assertThat(taken.mutations()).containsExactly(a2, b);
    assertThat(taken.remaining()).isEqualTo(1);
    assertThat(a.version()).isLessThan(b.version());
    assertThat(counts(stats())).isEqualTo(counts(3, 0, 0, 0));
    assertThat(take(2).mutations()).containsExactly(a2, b);
  }

  @Test
  void nothingIsTakenWhereNothingIs() {
    Taken taken = take(5);
    assertThat(taken.mutations()).isEmpty();
    assertThat(taken.remaining()).isZero();
    assertThat(taken.oldestRemaining()).isZero();
    assertThat(taken.frontier()).isGreaterThanOrEqualTo(environment.wallMicros());
  }

  @Test
  void aSettledEntryIsCleanAndTakenNoMore() {
    Mutation a = put("a", "1");
    take(5);
    settle(a);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.CLEAN, row("1"), a.version(), 0));
    assertThat(take(5).mutations()).isEmpty();
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
  }

  @Test
  void aSettledRemovalIsKnownToBeAbsent() {
    Mutation removal = put("a", null);
    settle(removal);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.CLEAN, null, removal.version(), 0));
  }

  @Test
  void whatWasWrittenMeanwhileStaysPending() {
    Mutation first = put("a", "1");
    take(5);
    Mutation second = put("a", "2");
    settle(first);
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    Taken taken = take(5);
    assertThat(taken.mutations()).containsExactly(second);
    settle(second);
    assertThat(get("a").row()).isEqualTo(row("2"));
    assertThat(stats().pending()).isZero();
  }

  @Test
  void anEntryIsOfferedOnceThoughItWasWrittenDuringAFailedBatch() {
    put("a", "1");
    put("b", "1");
    take(5);
    Mutation second = put("a", "2");
    Taken again = take(5);
    assertThat(again.mutations()).hasSize(2).startsWith(second);
    assertThat(again.remaining()).isZero();
  }

  @Test
  void settlingTwiceChangesNothing() {
    Mutation first = put("a", "1");
    settle(first);
    Mutation second = put("a", "2");
    settle(first);
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    assertThat(take(5).mutations()).containsExactly(second);
    assertThat(stats().pending()).isEqualTo(1);
  }

  @Test
  void theWriteIdTellsTwoWritesOfOneVersionApart() {
    Mutation.Put write = (Mutation.Put) put("a", "1");
    settle(new Mutation.Put(write.key(), write.row(), write.version(), write.writeId() + 1));
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    crashAndReopen();
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
  }

  // The frontier

  @Test
  void theFrontierIsNotPastWhatWasNotTaken() {
    Mutation a = put("a", "1");
    advance(Duration.ofSeconds(1));
    Mutation b = put("b", "1");
    advance(Duration.ofSeconds(1));
    Taken taken = take(1);
    assertThat(taken.mutations()).containsExactly(a);
    assertThat(taken.frontier()).isLessThanOrEqualTo(b.version()).isGreaterThan(a.version());
    assertThat(taken.oldestRemaining()).isLessThanOrEqualTo(b.version()).isPositive();
  }

  @Test
  void theFrontierIsNotPastWhatIsDeferred() {
    Mutation a = put("a", "1");
    advance(Duration.ofSeconds(1));
    defer(a, Duration.ofHours(1), 1);
    put("a", "2");
    advance(Duration.ofSeconds(1));
    put("b", "1");
    assertThat(take(5).frontier()).isLessThanOrEqualTo(a.version());
  }

  @Test
  void theFrontierLeavesLettersBehind() {
    Mutation a = put("a", "1");
    park(a);
    advance(Duration.ofSeconds(1));
    assertThat(take(5).frontier()).isGreaterThan(a.version());
  }

  @Test
  void laterVersionsAreBehindTheFrontierThoughTheClockJumpsBack() {
    long frontier = take(5).frontier();
    environment.setWallMicros(1);
    assertThat(put("a", "1").version()).isGreaterThan(frontier);
  }

  @Test
  void aWriteDuringABatchHasItsOwnAge() {
    Mutation first = put("a", "1");
    take(5);
    advance(Duration.ofSeconds(1));
    Mutation second = put("a", "2");
    advance(Duration.ofSeconds(1));
    put("a", "3");
    settle(first);
    assertSince(stats().oldest(), first, second);
  }

  /** An entry is owed since its first write after the batch was taken; a shared store may say since the take. */
  private void assertSince(long since, Mutation taken, Mutation next) {
    assertThat(since).isBetween(shared() ? taken.version() + 1 : next.version(), next.version());
  }

  @Test
  void ofABatchThatFailedTheOlderAgeCounts() {
    Mutation first = put("a", "1");
    take(5);
    advance(Duration.ofSeconds(1));
    put("a", "2");
    put("b", "1");
    take(1);
    assertThat(stats().oldest()).isEqualTo(first.version());
  }

  @Test
  void theFrontierThatTheDatabaseHoldsIsRemembered() {
    assertThat(store.frontier(0)).isZero();
    Mutation a = put("a", "1");
    await(store.settle(0, 1, List.of(a), 500));
    assertThat(store.frontier(0)).isEqualTo(500);
    crashAndReopen();
    assertThat(store.frontier(0)).isEqualTo(500);
    // A database that went back, and was adopted as it is.
    await(store.settle(0, 1, List.of(), 400));
    assertThat(store.frontier(0)).isEqualTo(400);
    crashAndReopen();
    assertThat(store.frontier(0)).isEqualTo(400);
  }

  // Deferral and parking

  @Test
  void aDeferredEntryIsNotOfferedBeforeItsTime() {
    Mutation a = put("a", "1");
    Mutation b = put("b", "1");
    take(5);
    defer(a, Duration.ofSeconds(10), 1);
    assertThat(take(5).mutations()).containsExactly(b);
    assertThat(counts(stats())).isEqualTo(counts(1, 1, 0, 0));
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    advance(Duration.ofSeconds(10));
    assertThat(counts(stats())).isEqualTo(counts(1, 1, 0, 0));
    assertThat(take(5).mutations()).containsExactly(a);
  }

  @Test
  void aNewWriteOfADeferredEntryKeepsTheSuspicion() {
    Mutation a = put("a", "1");
    defer(a, Duration.ofSeconds(10), 3);
    Mutation newer = put("a", "2");
    assertThat(take(5).mutations()).isEmpty();
    assertThat(pending().entries().get(0).attempts()).isEqualTo(3);
    advance(Duration.ofSeconds(10));
    assertThat(take(5).mutations()).containsExactly(newer);
  }

  @Test
  void aDeferralOfAnEntryWrittenMeanwhileKeepsTimeAndAttempts() {
    Mutation a = put("a", "1");
    take(5);
    Mutation newer = put("a", "2");
    defer(a, Duration.ofSeconds(10), 2);
    assertThat(take(5).mutations()).isEmpty();
    PendingEntry entry = pending().entries().get(0);
    assertThat(entry.version()).isEqualTo(newer.version());
    assertThat(entry.attempts()).isEqualTo(2);
    assertThat(entry.due()).isNotNull();
  }

  @Test
  void attemptsAndDueTimeSurvive() {
    Mutation a = put("a", "1");
    defer(a, Duration.ofSeconds(10), 3);
    put("b", "1");
    crashAndReopen();
    assertThat(counts(stats())).isEqualTo(counts(1, 1, 0, 0));
    PendingEntry entry = pending().entries().get(0);
    assertThat(entry.attempts()).isEqualTo(3);
    assertThat(entry.error()).isEqualTo(FAILURE.error());
    advance(Duration.ofSeconds(11));
    assertThat(take(5).tried()).isEmpty();
    assertThat(take(5))
        .returns(List.of(a), Taken::mutations)
        .returns(Map.of(key("a"), 3), HotStoreContractTest::attempts);
  }

  @Test
  void aNewWriteOfADeferredEntryKeepsTheSuspicionThroughACrash() {
    defer(put("a", "1"), Duration.ofSeconds(10), 3);
    put("a", "2");
    crashAndReopen();
    assertThat(pending().entries().get(0).attempts()).isEqualTo(3);
    assertThat(take(5).mutations()).isEmpty();
  }

  @Test
  void aLetterIsServedKeptAndNeverOffered() {
    Mutation a = put("a", "1");
    take(5);
    park(a);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.PARKED, row("1"), a.version(), 0));
    assertThat(take(5).mutations()).isEmpty();
    crashAndReopen();
    advance(Duration.ofDays(10));
    assertThat(get("a").state()).isEqualTo(EntryState.PARKED);
    assertThat(counts(stats())).isEqualTo(counts(0, 0, 1, 0));
    assertThat(take(5).mutations()).isEmpty();
  }

  @Test
  void parkingAnEntryWrittenMeanwhileHasNoEffect() {
    Mutation a = put("a", "1");
    take(5);
    Mutation newer = put("a", "2");
    park(a);
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    assertThat(take(5).mutations()).containsExactly(newer);
  }

  @Test
  void aLaterWriteSupersedesALetter() {
    park(put("a", "1"));
    Mutation newer = put("a", "2");
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    assertThat(pending().entries().get(0).attempts()).isZero();
    assertThat(take(5).mutations()).containsExactly(newer);
    crashAndReopen();
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
  }

  @Test
  void aConflictIsNotServedButTheDatabaseIs() {
    Mutation first = put("a", "1");
    settle(first);
    Mutation second = put("a", "2");
    take(5);
    await(store.park(0, 1, second, 1, CONFLICT));
    long token = get("a").fillToken();
    assertThat(token).isNotZero();
    assertThat(fill("a", "theirs", second.version() + 10, token)).isNotNull();
    assertThat(get("a").row()).isEqualTo(row("theirs"));
    assertThat(get("a").state()).isEqualTo(EntryState.CLEAN);
    assertThat(stats().parked()).isEqualTo(1);
    Mutation third = put("a", "3");
    assertThat(get("a").row()).isEqualTo(row("3"));
    assertThat(third.version()).isGreaterThan(second.version() + 10);
  }

  // Staged writes

  @Test
  void aStagedWriteIsInvisibleUntilItIsSettled() {
    settle(put("a", "old"));
    Mutation staged = put("a", "new", Durability.DATABASE);
    assertThat(get("a").row()).isEqualTo(row("old"));
    assertThat(pending().entries()).isEmpty();
    Taken taken = take(5);
    assertThat(taken.staged()).isTrue();
    assertThat(taken.mutations()).containsExactly(staged);
    assertThat(stats().staged()).isEqualTo(1);
    settle(staged);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.CLEAN, row("new"), staged.version(), 0));
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
  }

  @Test
  void aStagedWriteSupersedesALetterWhenItIsSettled() {
    Mutation bad = put("a", "bad");
    take(5);
    park(bad);
    assertThat(await(store.owed(key("a"))).parked()).isTrue();
    Mutation staged = put("a", "good", Durability.DATABASE);
    assertThat(get("a").state()).isEqualTo(EntryState.PARKED);
    assertThat(take(5).mutations()).containsExactly(staged);
    settle(staged);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.CLEAN, row("good"), staged.version(), 0));
    assertThat(await(store.owed(key("a")))).isEqualTo(Owed.NOTHING);
    crashAndReopen();
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
  }

  @Test
  void aLetterStaysWhenTheStagedWriteOfItsKeyIsTakenBack() {
    Mutation bad = put("a", "bad");
    take(5);
    park(bad);
    Mutation staged = put("a", "worse", Durability.DATABASE);
    assertThat(await(store.unstage(0, 1, staged))).isTrue();
    assertThat(get("a").state()).isEqualTo(EntryState.PARKED);
    assertThat(get("a").row()).isEqualTo(row("bad"));
  }

  @Test
  void anUnstagedWriteLeavesNothing() {
    Mutation staged = put("a", "1", Durability.DATABASE);
    take(5);
    assertThat(await(store.unstage(0, 1, staged))).isTrue();
    assertThat(await(store.unstage(0, 1, staged))).isFalse();
    assertThat(get("a").miss()).isTrue();
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
  }

  @Test
  void aKeyWithAnythingPendingTakesNoStagedWrite() {
    put("a", "1");
    assertThat(write("a", "2", Durability.DATABASE)).isEqualTo(WriteOutcome.KeyPending.INSTANCE);
    put("b", "1", Durability.DATABASE);
    assertThat(write("b", "2", Durability.DATABASE)).isEqualTo(WriteOutcome.KeyPending.INSTANCE);
  }

  /** In a shared store it outlives the process that staged it. */
  @Test
  void aStagedWriteIsForgottenInACrashButItsVersionIsNot() {
    long future = environment.wallMicros() + 3_600_000_000L;
    environment.setWallMicros(future);
    Mutation staged = put("a", "1", Durability.DATABASE);
    take(5);
    environment.setWallMicros(future - 3_600_000_000L);
    crashAndReopen();
    assertThat(get("a").miss()).isTrue();
    assertThat(stats().staged()).isEqualTo(shared() ? 1 : 0);
    assertThat(put("a", "2").version()).isGreaterThan(staged.version());
    if (shared()) {
      // It is its turn, or that of the entries that it does not let pass.
      List<Mutation> taken = new ArrayList<>(take(5).mutations());
      taken.addAll(take(5).mutations());
      assertThat(taken).containsExactly(staged);
    }
  }

  // What is taken together, and what apart and by turns

  @Test
  void refusedEntriesDoNotKeepTheHealthyFromBeingTaken() {
    for (int i = 0; i < 100; i++) {
      defer(put("bad" + i, "1"), Duration.ofSeconds(1), 1);
    }
    advance(Duration.ofSeconds(2));
    Mutation healthy = put("good", "1");
    List<Mutation> taken = new ArrayList<>(take(10).mutations());
    taken.addAll(take(10).mutations());
    assertThat(taken).hasSize(11).contains(healthy);
  }

  @Test
  void healthyEntriesDoNotKeepTheRefusedFromBeingTaken() {
    Mutation bad = put("bad", "1");
    defer(bad, Duration.ofSeconds(1), 1);
    advance(Duration.ofSeconds(2));
    for (int i = 0; i < 100; i++) {
      put("good" + i, "1");
    }
    List<Mutation> taken = new ArrayList<>(take(10).mutations());
    taken.addAll(take(10).mutations());
    assertThat(taken).hasSize(11).contains(bad);
  }

  @Test
  void whatIsDueFirstIsTakenFirst() {
    Mutation late = put("late", "1");
    Mutation early = put("early", "1");
    defer(late, Duration.ofSeconds(2), 1);
    defer(early, Duration.ofSeconds(1), 2);
    advance(Duration.ofSeconds(3));
    Taken taken = take(1);
    assertThat(taken.mutations()).containsExactly(early);
    assertThat(attempts(taken)).isEqualTo(Map.of(key("early"), 2));
    Taken both = take(2);
    assertThat(both.mutations()).containsExactly(late, early);
    assertThat(attempts(both)).isEqualTo(Map.of(key("late"), 1, key("early"), 2));
  }

  @Test
  void theNextDueTimeAndTheOldestReadyEntryAreTold() {
    Mutation bad = put("bad", "1");
    advance(Duration.ofSeconds(1));
    Mutation good = put("good", "1");
    assertThat(stats()).returns(0L, PartitionStats::nextDue);
    assertThat(stats()).returns(bad.version(), PartitionStats::oldestReady);
    long due = due(Duration.ofSeconds(10));
    defer(bad, Duration.ofSeconds(10), 1);
    defer(put("later", "1"), Duration.ofSeconds(20), 1);
    assertThat(stats())
        .returns(due, PartitionStats::nextDue)
        .returns(good.version(), PartitionStats::oldestReady)
        .returns(bad.version(), PartitionStats::oldest);
    take(5);
    assertThat(stats()).returns(good.version(), PartitionStats::oldestReady);
    settle(good);
    assertThat(stats()).returns(0L, PartitionStats::oldestReady);
    advance(Duration.ofSeconds(11));
    assertThat(stats().nextDue()).isPositive().isLessThanOrEqualTo(environment.wallMicros());
    take(5);
    assertThat(stats())
        .returns(0L, PartitionStats::oldestReady)
        .returns(bad.version(), PartitionStats::oldest);
  }

  @Test
  void aClockThatIsSetBackDoesNotKeepAnEntryForEver() {
    Mutation bad = put("bad", "1");
    long now = environment.wallMicros();
    await(
        store.defer(
            0,
            1,
            bad,
            now + 1_000_000,
            1,
            new Failure(DatabaseError.of(ErrorClass.CONSTRAINT, "no"), now)));
    environment.setWallMicros(now - 3_600_000_000L);
    assertThat(stats().nextDue()).isPositive().isLessThanOrEqualTo(environment.wallMicros());
    assertThat(take(5).mutations()).containsExactly(bad);
  }

  @Test
  void anEntryThatIsRewrittenWhileItsNextTryIsUnderWayKeepsTheSuspicionUntilThatSucceeds() {
    Mutation first = put("a", "1");
    defer(first, Duration.ZERO, 2);
    assertThat(take(5).mutations()).containsExactly(first);
    Mutation second = put("a", "2");
    put("b", "1");
    assertThat(counts(stats())).isEqualTo(counts(1, 1, 0, 0));
    assertThat(take(5).tried()).isEmpty();
    // That try has failed: the newer value takes its place.
    Taken again = take(5);
    assertThat(again.mutations()).containsExactly(second);
    assertThat(attempts(again)).isEqualTo(Map.of(key("a"), 2));
    Mutation third = put("a", "3");
    settle(second);
    assertThat(counts(stats())).isEqualTo(counts(2, 0, 0, 0));
    assertThat(take(5))
        .returns(Map.of(), HotStoreContractTest::attempts)
        .extracting(Taken::mutations)
        .asList()
        .contains(third);
    crashAndReopen();
    assertThat(counts(stats())).isEqualTo(counts(2, 0, 0, 0));
  }

  @Test
  void deferringAndParkingTellWhetherTheyHadAnEffect() {
    Mutation first = put("a", "1");
    take(5);
    Mutation second = put("a", "2");
    assertThat(await(store.park(0, 1, first, 4, FAILURE))).isFalse();
    assertThat(await(store.defer(0, 1, first, 0, 4, FAILURE))).isTrue();
    assertThat(await(store.defer(0, 1, first, 0, 4, FAILURE))).isFalse();
    assertThat(await(store.park(0, 1, second, 4, FAILURE))).isTrue();
    settle(put("a", "3"));
    assertThat(await(store.park(0, 1, second, 4, FAILURE))).isFalse();
    assertThat(await(store.defer(0, 1, second, 0, 4, FAILURE))).isFalse();
  }

  @Test
  void conflictsAreCountedAmongTheLetters() {
    park(put("a", "1"));
    await(store.park(0, 1, put("b", "1"), 1, CONFLICT));
    assertThat(stats()).returns(2, PartitionStats::parked);
    assertThat(stats()).returns(1, PartitionStats::conflicts);
    crashAndReopen();
    assertThat(stats()).returns(1, PartitionStats::conflicts);
    put("b", "2");
    assertThat(stats()).returns(0, PartitionStats::conflicts);
  }

  @Test
  void stagedWritesAreTakenTogetherInTurnAndBeforeTheirKeysLaterOnes() {
    Mutation other = put("c", "1");
    List<Mutation> staged = new ArrayList<>();
    for (String id : List.of("d", "a", "b")) {
      staged.add(put(id, "1", Durability.DATABASE));
    }
    Mutation later = put("a", "2");
    Taken taken = take(2);
    assertThat(taken.staged()).isTrue();
    assertThat(taken.mutations()).containsExactlyElementsOf(staged.subList(0, 2));
    Taken turn = take(5);
    assertThat(turn.staged()).isFalse();
    assertThat(turn.mutations()).containsExactly(other);
    settle(other);
    assertThat(take(5).mutations()).containsExactlyElementsOf(staged);
    // One of them was refused; the others are offered again.
    await(store.unstage(0, 1, staged.get(0)));
    assertThat(take(5).mutations()).isEmpty();
    Taken rest = take(5);
    assertThat(rest.mutations()).containsExactly(staged.get(1), staged.get(2));
    settle(staged.get(1), staged.get(2));
    assertThat(get("d").miss()).isTrue();
    assertThat(get("b").row()).isEqualTo(row("1"));
    assertThat(get("a").row()).isEqualTo(row("2"));
    assertThat(take(5).mutations()).containsExactly(later);
  }

  @Test
  void aBatchHasNoMoreThanItsKindMayHave() {
    for (int i = 0; i < 5; i++) {
      defer(put("d" + i, "1"), Duration.ZERO, 1);
      put("r" + i, "1");
      await(store.put(new Write(key("s" + i), row("1"), Durability.DATABASE)));
    }
    TakeLimits most = new TakeLimits(2, 3, 1);
    for (int i = 0; i < 6; i++) {
      Taken taken = await(store.take(0, 1, most));
      assertThat(taken.mutations()).hasSize(taken.staged() ? 2 : taken.tried().isEmpty() ? 3 : 1);
    }
    assertThatThrownBy(() -> new TakeLimits(1, 0, 1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void stagedReadyAndRefusedTakeTurns() {
    Mutation refused = put("a", "1");
    defer(refused, Duration.ZERO, 1);
    Mutation ready = put("b", "1");
    Mutation staged = put("c", "1", Durability.DATABASE);
    List<Mutation> taken = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      taken.addAll(take(5).mutations());
    }
    assertThat(taken).hasSize(6);
    assertThat(taken.subList(0, 3)).containsExactlyInAnyOrder(refused, ready, staged);
    assertThat(taken.subList(3, 6)).isEqualTo(taken.subList(0, 3));
  }

  // Leases

  @Test
  void aLowerEpochIsFencedAndDoesNothing() {
    Mutation a = put("a", "1");
    Mutation staged = put("b", "1", Durability.DATABASE);
    lease(7);
    List<CompletionStage<?>> stages = new ArrayList<>();
    stages.add(store.take(0, 6, TakeLimits.of(5)));
    stages.add(store.settle(0, 6, List.of(a), 99));
    stages.add(store.defer(0, 6, a, 0, 1, FAILURE));
    stages.add(store.park(0, 6, a, 1, FAILURE));
    stages.add(store.unstage(0, 6, staged));
    stages.add(store.open(0, 6, 0, false));
    for (CompletionStage<?> stage : stages) {
      assertThatThrownBy(() -> await(stage)).isInstanceOf(FencedException.class);
    }
    assertThat(counts(stats())).isEqualTo(counts(1, 0, 0, 1));
    assertThat(store.frontier(0)).isZero();
  }

  @Test
  void theEpochSurvives() {
    lease(7);
    crashAndReopen();
    assertThatThrownBy(() -> await(store.take(0, 6, TakeLimits.of(5))))
        .isInstanceOf(FencedException.class);
    lease(7);
  }

  @Test
  void whatIsWrittenAfterTheTimeWasReadHasAHigherVersion() {
    long now = store.nowMicros(0);
    environment.setWallMicros(now - 3_600_000_000L);
    assertThat(put("a", "1").version()).isGreaterThan(now);
  }

  /** As where the cache begins without the database. A shared store is closed until then, and says so. */
  @Test
  void aPartitionTakesWritesBeforeItIsOpened() {
    if (shared()) {
      return;
    }
    Mutation before = put("a", "1");
    crashAndReopen();
    environment.setWallMicros(environment.wallMicros() - 3_600_000_000L);
    Mutation first = put("b", "2");
    Mutation second = put("a", "3");
    assertThat(first.version()).isGreaterThan(before.version());
    assertThat(second.version()).isGreaterThan(first.version());
    assertThat(get("a").row()).isEqualTo(row("3"));
    assertThat(stats().ready()).isEqualTo(2);
    assertThat(store.nowMicros(0)).isGreaterThanOrEqualTo(second.version());
    assertThat(await(store.owed(key("a"))).settled(second.version())).isFalse();
    crashAndReopen();
    assertThat(put("c", "4").version()).isGreaterThan(second.version());
    await(store.open(0, 2, before.version(), true));
    assertThat(await(store.take(0, 2, TakeLimits.of(10))).mutations()).hasSize(3);
  }

  @Test
  void whatAnOlderCopyWasGivenBeforeItIsOpenedDoesNotHideThatItIsOne() {
    if (shared()) {
      return;
    }
    Mutation before = put("a", "1");
    crashAndReopen();
    put("b", "2");
    assertThatThrownBy(() -> await(store.open(0, 2, before.version() + 1, true)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("older copy");
    lease(2);
  }

  @Test
  void openingRaisesTheClockDurably() {
    long high = environment.wallMicros() + 3_600_000_000L;
    await(store.open(0, 2, high, false));
    crashAndReopen();
    assertThat(put("a", "1").version()).isGreaterThan(high);
  }

  @Test
  void anOlderCopyOfTheStoreIsRefused() {
    if (shared()) {
      return;
    }
    Mutation a = put("a", "1");
    crashAndReopen();
    put("b", "1");
    assertThatThrownBy(() -> await(store.open(0, 2, a.version() + 1, true)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("older copy");
    await(store.open(0, 2, a.version(), true));
    await(store.open(0, 3, a.version() + 1, false));
  }

  // Survival

  @Test
  void whatWasForcedSurvives() {
    Mutation a = put("a", "1");
    Mutation b = put("b", null);
    Mutation c = put("c", "1");
    settle(c);
    crashAndReopen();
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.PENDING, row("1"), a.version(), 0));
    assertThat(get("b")).isEqualTo(new Lookup(key("b"), EntryState.PENDING, null, b.version(), 0));
    assertThat(take(5).mutations()).startsWith(a, b);
  }

  @Test
  void whatWasTakenSurvivesThoughItWasWrittenInMemory() {
    put("a", "1");
    Mutation second = put("a", "2", Durability.MEMORY);
    assertThat(take(5).mutations()).containsExactly(second);
    crashAndReopen();
    assertThat(take(5).mutations()).containsExactly(second);
  }

  @Test
  void closingKeepsWhatWasWrittenInMemory() {
    Mutation a = put("a", "1", Durability.MEMORY);
    reopen(1_000, 1 << 20);
    assertThat(take(5).mutations()).containsExactly(a);
  }

  @Test
  void theStoreKeepsItsIdentity() {
    var id = store.id();
    assertThat(id.description()).isNotBlank();
    crashAndReopen();
    assertThat(store.id()).isEqualTo(id);
  }

  @Test
  void versionsRiseAcrossLives() {
    long last = put("a", "1").version();
    environment.setWallMicros(1);
    crashAndReopen();
    assertThat(put("b", "1").version()).isGreaterThan(last);
  }

  // What is pending

  @Test
  void whatIsPendingIsListedInPages() {
    put("a1", "1");
    put("b1", "1");
    defer(put("a2", "1"), Duration.ofSeconds(5), 1);
    park(put("a3", null));
    settle(put("a4", "1"));
    put("a5", "1", Durability.DATABASE);
    PendingPage first = await(store.pending("a", null, 2));
    assertThat(first.entries()).extracting(PendingEntry::key).containsExactly("a1", "a2");
    PendingPage second = await(store.pending("a", first.next(), 2));
    assertThat(second.entries()).extracting(PendingEntry::key).containsExactly("a3");
    assertThat(second.next()).isNull();
    assertThat(first.entries().get(1).attempts()).isEqualTo(1);
    assertThat(second.entries().get(0).state()).isEqualTo(EntryState.PARKED);
    assertThat(second.entries().get(0).remove()).isTrue();
    assertThat(pending().entries()).hasSize(4);
  }

  @Test
  void anEntryTellsItsAge() {
    put("a", "1");
    advance(Duration.ofSeconds(3));
    put("a", "2");
    advance(Duration.ofSeconds(4));
    assertThat(pending().entries().get(0).age())
        .isBetween(Duration.ofMillis(6_999), Duration.ofSeconds(7));
  }

  // Conditional writes

  private WriteOutcome write(String id, @Nullable String name, Durability durability, Expected e) {
    return await(
        store.put(new Write(key(id), name == null ? null : row(name), durability, false, e, null)));
  }

  private static Expected version(Mutation mutation) {
    return new Expected(mutation.version(), 0);
  }

  private static void carriedOut(WriteOutcome outcome) {
    assertThat(outcome).isInstanceOf(WriteOutcome.Written.class);
  }

  @Test
  void aWriteThatExpectsWhatIsResidentIsCarriedOut() {
    for (Durability durability : List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK)) {
      Mutation first = put("a", "1");
      carriedOut(write("a", "2", durability, version(first)));
      Mutation second = take(5).mutations().get(0);
      carriedOut(write("a", "3", durability, version(second)));
      Mutation third = take(5).mutations().get(0);
      settle(third);
      carriedOut(write("a", "4", durability, version(third)));
      assertThat(get("a").row()).isEqualTo(row("4"));
      settle(take(5).mutations().get(0));
    }
    Mutation clean = put("b", "1");
    settle(clean);
    carriedOut(write("b", "2", Durability.DATABASE, version(clean)));
  }

  @Test
  void aWriteThatExpectsAnotherVersionChangesNothingAndLearnsWhatIsThere() {
    Mutation settled = put("b", "1");
    settle(settled);
    Mutation first = put("a", "1");
    Mutation second = put("a", "2");
    for (Durability durability : List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK)) {
      for (Expected other :
          List.of(
              version(first),
              new Expected(second.version() + 1, 0),
              new Expected(0, 0),
              new Expected(second.version(), 77))) {
        assertThat(write("a", "3", durability, other))
            .isEqualTo(new WriteOutcome.Mismatch(get("a")));
      }
    }
    assertThat(write("b", "2", Durability.DATABASE, version(second)))
        .isEqualTo(new WriteOutcome.Mismatch(get("b")));
    assertThat(get("a").version()).isEqualTo(second.version());
    assertThat(counts(stats())).isEqualTo(counts(1, 0, 0, 0));
    crashAndReopen();
    assertThat(get("a").version()).isEqualTo(second.version());
  }

  @Test
  void aRemovalIsExpectedByItsVersionAndAKnownAbsenceByZero() {
    Mutation removal = put("a", null);
    carriedOut(write("a", "1", Durability.DISK, version(removal)));
    filled("b", null, 0);
    assertThat(write("b", "1", Durability.DISK, new Expected(5, 0)))
        .isInstanceOf(WriteOutcome.Mismatch.class);
    carriedOut(write("b", "1", Durability.DISK, new Expected(0, 0)));
  }

  @Test
  void aWriteThatExpectsALoadedRowIsGivenAHigherVersion() {
    long loaded = environment.wallMicros() + 3_600_000_000L;
    long token = get("a").fillToken();
    WriteOutcome outcome = write("a", "1", Durability.DISK, new Expected(loaded, token));
    assertThat(((WriteOutcome.Written) outcome).mutation().version()).isGreaterThan(loaded);
    // Its token is gone, also for a load.
    assertThat(write("a", "2", Durability.DISK, new Expected(loaded, token)))
        .isEqualTo(new WriteOutcome.Mismatch(get("a")));
    assertThat(fill("a", "old", loaded, token)).isNull();
  }

  @Test
  void aTokenThatDoesNotStandIsAMismatchThatGivesTheOneThatDoes() {
    long token = get("a").fillToken();
    assertThat(write("a", "1", Durability.DISK, new Expected(5, token + 1)))
        .isEqualTo(new WriteOutcome.Mismatch(new Lookup(key("a"), null, null, 0, token)));
    assertThat(write("a", "1", Durability.DISK, new Expected(5, 0)))
        .isInstanceOf(WriteOutcome.Mismatch.class);
    assertThat(fill("a", "theirs", 5, token)).isNotNull();
    assertThat(write("a", "1", Durability.DISK, new Expected(5, token)))
        .isEqualTo(new WriteOutcome.Mismatch(get("a")));
    carriedOut(write("a", "1", Durability.DISK, new Expected(5, 0)));
  }

  @Test
  void aWriteBetweenIsSeenThoughItIsGoneFromTheCacheAgain() {
    long token = get("a").fillToken();
    settle(put("a", "between"));
    advance(TTL.plusSeconds(1));
    assertThat(get("a").miss()).isTrue();
    assertThat(write("a", "1", Durability.DISK, new Expected(0, token)))
        .isInstanceOf(WriteOutcome.Mismatch.class);
  }

  @Test
  void anEvictedValueIsAMismatchWhoseTokenLeadsOn() {
    Mutation first = put("a", "1");
    settle(first);
    advance(TTL.plusSeconds(1));
    WriteOutcome outcome = write("a", "2", Durability.DISK, version(first));
    Lookup now = ((WriteOutcome.Mismatch) outcome).now();
    assertThat(now.miss()).isTrue();
    carriedOut(write("a", "2", Durability.DISK, new Expected(first.version(), now.fillToken())));
  }

  @Test
  void whileAWriteOfTheKeyIsStagedNobodyKnows() {
    Mutation clean = put("a", "1");
    settle(clean);
    Mutation staged = put("a", "2", Durability.DATABASE);
    for (Durability durability :
        List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK, Durability.DATABASE)) {
      assertThat(write("a", "3", durability, version(clean)))
          .isEqualTo(WriteOutcome.KeyPending.INSTANCE);
    }
    take(5);
    settle(staged);
    assertThat(write("a", "3", Durability.DISK, version(clean)))
        .isEqualTo(new WriteOutcome.Mismatch(get("a")));
    carriedOut(write("a", "3", Durability.DISK, version(staged)));
  }

  @Test
  void aStagedWriteThatWasTakenBackLeavesNothingToExpect() {
    Mutation clean = put("a", "1");
    settle(clean);
    Mutation staged = put("a", "2", Durability.DATABASE);
    take(5);
    await(store.unstage(0, 1, staged));
    // The database may have it after all: the row has to be read.
    WriteOutcome outcome = write("a", "3", Durability.DISK, version(clean));
    assertThat(((WriteOutcome.Mismatch) outcome).now().miss()).isTrue();
  }

  @Test
  void aLetterIsExpectedByItsVersion() {
    Mutation bad = put("a", "bad");
    park(bad);
    assertThat(write("a", "good", Durability.DISK, new Expected(0, 0)))
        .isEqualTo(new WriteOutcome.Mismatch(get("a")));
    carriedOut(write("a", "good", Durability.DISK, version(bad)));
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
  }

  @Test
  void aConflictIsExpectedAsTheDatabaseHasIt() {
    Mutation ours = put("a", "ours");
    take(5);
    await(store.park(0, 1, ours, 1, CONFLICT));
    long theirs = ours.version() + 3_600_000_000L;
    WriteOutcome outcome = write("a", "2", Durability.DISK, version(ours));
    Lookup now = ((WriteOutcome.Mismatch) outcome).now();
    assertThat(now.miss()).isTrue();
    WriteOutcome written = write("a", "2", Durability.DISK, new Expected(theirs, now.fillToken()));
    assertThat(((WriteOutcome.Written) written).mutation().version()).isGreaterThan(theirs);
  }

  // Invalidation

  @Test
  void invalidatingDropsWhatIsClean() {
    filled("a", "old", 5);
    assertThat(await(store.invalidate(key("a")))).isNull();
    assertThat(get("a").miss()).isTrue();
    filled("a", null, 0);
    await(store.invalidate(key("a")));
    assertThat(get("a").miss()).isTrue();
    assertThat(await(store.invalidate(key("never seen")))).isNull();
  }

  @Test
  void invalidatingEndsALoadThatIsUnderWay() {
    long token = get("a").fillToken();
    await(store.invalidate(key("a")));
    assertThat(fill("a", "old", 5, token)).isNull();
    assertThat(get("a").miss()).isTrue();
    assertThat(write("a", "1", Durability.DISK, new Expected(5, token)))
        .isInstanceOf(WriteOutcome.Mismatch.class);
    assertThat(fill("a", "new", 6, get("a").fillToken())).isNotNull();
  }

  @Test
  void invalidatingLeavesWhatIsOwed() {
    Mutation pending = put("a", "1");
    assertThat(await(store.invalidate(key("a")))).isEqualTo(EntryState.PENDING);
    assertThat(get("a").row()).isEqualTo(row("1"));
    assertThat(take(5).mutations()).containsExactly(pending);
    assertThat(await(store.invalidate(key("a")))).isEqualTo(EntryState.PENDING);
    park(pending);
    assertThat(await(store.invalidate(key("a")))).isEqualTo(EntryState.PARKED);
    assertThat(get("a").state()).isEqualTo(EntryState.PARKED);
    assertThat(counts(stats())).isEqualTo(counts(0, 0, 1, 0));
  }

  @Test
  void whatIsOwedOfAnEntryBeginsWithTheFirstWriteThatTheDatabaseMayNotHave() {
    assertThat(await(store.owed(key("a")))).isEqualTo(Owed.NOTHING);
    Mutation first = put("a", "1");
    Mutation second = put("a", "2");
    assertThat(await(store.owed(key("a")))).isEqualTo(new Owed(first.version(), false));
    take(5);
    Mutation third = put("a", "3");
    assertThat(await(store.owed(key("a")))).isEqualTo(new Owed(first.version(), false));
    settle(second);
    Owed owed = await(store.owed(key("a")));
    assertThat(owed.parked()).isFalse();
    assertSince(owed.since(), second, third);
    assertThat(owed.settled(second.version())).isTrue();
    assertThat(owed.settled(third.version())).isFalse();
    crashAndReopen();
    assertThat(await(store.owed(key("a")))).isEqualTo(owed);
    take(5);
    park(third);
    assertThat(await(store.owed(key("a")))).isEqualTo(new Owed(owed.since(), true));
  }

  @Test
  void invalidatingAConflictDropsWhatTheDatabaseHadAndKeepsTheLetter() {
    Mutation ours = put("a", "ours");
    take(5);
    await(store.park(0, 1, ours, 1, CONFLICT));
    filled("a", "theirs", ours.version() + 10);
    assertThat(await(store.invalidate(key("a")))).isEqualTo(EntryState.PARKED);
    assertThat(get("a").miss()).isTrue();
    assertThat(await(store.owed(key("a"))).parked()).isTrue();
  }

  // Dead letters

  private Letter.Fate retry(Mutation letter) {
    return await(store.retry(letter.key(), letter.version()));
  }

  private Letter.Fate discard(Mutation letter) {
    return await(store.discard(letter.key(), letter.version()));
  }

  private Mutation parked(String id, @Nullable String name) {
    Mutation write = put(id, name);
    park(write);
    return write;
  }

  private Letter letter(String id) {
    return Objects.requireNonNull(await(store.letter(key(id))));
  }

  private void assertNoLetter(String id) {
    assertThat(await(store.letter(key(id)))).isNull();
  }

  private static Expected letter(Mutation letter) {
    return Expected.letter(letter.version());
  }

  private void park(Mutation mutation, ErrorClass errorClass, String code, long micros) {
    Failure failure = new Failure(new DatabaseError(errorClass, code, "no"), micros);
    assertThat(await(store.park(0, 1, mutation, 4, failure))).isTrue();
  }

  @Test
  void aLetterTellsAllOfItsRefusals() {
    Mutation a = put("a", "1");
    take(5);
    await(store.defer(0, 1, a, 0, 0, new Failure(DatabaseError.of(ErrorClass.LOCKED, "held"), 40)));
    await(store.defer(0, 1, a, 0, 1, new Failure(FAILURE.error(), 50)));
    crashAndReopen();
    assertThat(take(5).tried()).containsExactly(Map.entry(key("a"), new Taken.Tried(1, 40)));
    // A newer write is under the same suspicion.
    Mutation newer = put("a", "2");
    assertNoLetter("a");
    DatabaseError error = new DatabaseError(ErrorClass.FOREIGN_KEY, "23503", "no such parent");
    await(store.park(0, 1, newer, 6, new Failure(error, 60)));
    Letter expected = new Letter(newer, "a", 6, 40, new Failure(error, 60));
    assertThat(letter("a")).isEqualTo(expected);
    crashAndReopen();
    assertThat(letter("a")).isEqualTo(expected);
    // One in its place begins anew.
    Mutation fresh = put("a", "3");
    assertNoLetter("a");
    await(store.park(0, 1, fresh, 1, new Failure(error, 90)));
    assertThat(letter("a").firstMicros()).isEqualTo(90);
  }

  @Test
  void whateverTheClassOfTheErrorItSurvives() {
    for (ErrorClass errorClass : ErrorClass.values()) {
      Mutation write = put(errorClass.text(), "1");
      take(99);
      park(write, errorClass, "23" + String.format("%03d", errorClass.ordinal()), 7);
    }
    crashAndReopen();
    for (ErrorClass errorClass : ErrorClass.values()) {
      DatabaseError error = letter(errorClass.text()).failure().error();
      assertThat(error.errorClass()).isEqualTo(errorClass);
      assertThat(error.code()).isEqualTo("23" + String.format("%03d", errorClass.ordinal()));
    }
  }

  @Test
  void lettersAreListedByWhatIsAskedForAndInPages() {
    park(put("b1", "1"), ErrorClass.CONSTRAINT, "23505", 1_000_000);
    park(put("b2", null), ErrorClass.CONSTRAINT, "23514", 2_000_000);
    park(put("a", "1"), ErrorClass.VALUE, "22001", 3_000_000);
    park(put("c", "1"), ErrorClass.CONFLICT, "40001", 4_000_000);
    put("pending", "1");
    defer(put("deferred", "1"), Duration.ofHours(1), 1);
    assertThat(texts(DeadLetterFilter.all(), null, 10)).containsExactly("a", "b1", "b2", "c");
    assertThat(texts(DeadLetterFilter.all(), null, 2)).containsExactly("a", "b1");
    assertThat(texts(DeadLetterFilter.all(), "b1", 2)).containsExactly("b2", "c");
    assertThat(texts(DeadLetterFilter.all(), "c", 2)).isEmpty();
    assertThat(texts(DeadLetterFilter.of(ErrorClass.CONSTRAINT), null, 10))
        .containsExactly("b1", "b2");
    assertThat(texts(DeadLetterFilter.of(ErrorClass.CONSTRAINT), null, 1)).containsExactly("b1");
    assertThat(texts(new DeadLetterFilter("", null, "2351", null, null), null, 10))
        .containsExactly("b2");
    assertThat(texts(new DeadLetterFilter("b", null, null, null, null), "b1", 10))
        .containsExactly("b2");
    Instant two = Instant.ofEpochSecond(2);
    assertThat(texts(new DeadLetterFilter("", null, null, two, two.plusSeconds(2)), null, 10))
        .containsExactly("a", "b2");
    assertThat(await(store.letters(DeadLetterFilter.all(), "b1", 1)).get(0).mutation())
        .isInstanceOf(Mutation.Remove.class);
  }

  private List<String> texts(DeadLetterFilter filter, @Nullable String after, int limit) {
    return await(store.letters(filter, after, limit)).stream().map(Letter::keyText).toList();
  }

  @Test
  void aRetriedLetterIsOfferedAtOnceAsIfItHadNeverBeenRefused() {
    advance(Duration.ofHours(1));
    Mutation a = put("a", "bad");
    take(5);
    await(store.park(0, 1, a, 4, new Failure(FAILURE.error(), environment.wallMicros())));
    advance(Duration.ofHours(1));
    put("ready", "1");
    long before = environment.wallMicros();
    assertThat(retry(a)).isEqualTo(Letter.Fate.DONE);
    assertNoLetter("a");
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.PENDING, row("bad"), a.version(), 0));
    assertThat(counts(stats())).isEqualTo(counts(1, 1, 0, 0));
    assertThat(stats().nextDue()).isLessThanOrEqualTo(environment.wallMicros());
    assertThat(store.pendingEntries()).isEqualTo(2);
    crashAndReopen();
    Taken one = take(5);
    Taken other = take(5);
    Taken taken = one.tried().isEmpty() ? other : one;
    assertThat(taken.mutations()).containsExactly(a);
    assertThat(attempts(taken)).containsExactly(Map.entry(key("a"), 0));
    assertThat(taken.tried().values())
        .allSatisfy(tried -> assertThat(tried.firstMicros()).isGreaterThanOrEqualTo(before));
    settle(a);
    assertThat(get("a").state()).isEqualTo(EntryState.CLEAN);
    assertThat(await(store.owed(key("a")))).isEqualTo(Owed.NOTHING);
  }

  @Test
  void aRetriedLetterDoesNotTakeTheFrontierBack() {
    Mutation a = put("a", "bad");
    take(5);
    park(a);
    advance(Duration.ofHours(1));
    Mutation b = put("b", "1");
    long frontier = take(5).frontier();
    assertThat(frontier).isGreaterThan(a.version());
    await(store.settle(0, 1, List.of(b), frontier));
    put("c", "1");
    retry(a);
    // It is owed as it was: the database has nothing of it.
    Owed owed = await(store.owed(key("a")));
    assertThat(owed).isEqualTo(new Owed(a.version(), false));
    assertThat(owed.settled(a.version())).isFalse();
    assertThat(take(1).frontier()).isGreaterThanOrEqualTo(frontier);
    crashAndReopen();
    assertThat(await(store.owed(key("a")))).isEqualTo(owed);
    assertThat(take(1).frontier()).isGreaterThanOrEqualTo(frontier);
  }

  @Test
  void aRetriedLetterIsDueThoughTheClockIsSetBack() {
    Mutation a = parked("a", "bad");
    retry(a);
    environment.setWallMicros(environment.wallMicros() - 7_200_000_000L);
    assertThat(take(5).mutations()).containsExactly(a);
  }

  @Test
  void aLetterThatIsRefusedAgainAfterARetryIsALetterAgain() {
    Mutation a = parked("a", "bad");
    retry(a);
    take(5);
    park(a, ErrorClass.CONSTRAINT, "23514", 99);
    assertThat(letter("a").attempts()).isEqualTo(4);
    assertThat(letter("a").failure().error().code()).isEqualTo("23514");
    crashAndReopen();
    assertThat(counts(stats())).isEqualTo(counts(0, 0, 1, 0));
    assertThat(retry(a)).isEqualTo(Letter.Fate.DONE);
  }

  @Test
  void aRetriedConflictIsServedAgain() {
    Mutation ours = put("a", "ours");
    take(5);
    await(store.park(0, 1, ours, 1, CONFLICT));
    filled("a", "theirs", ours.version() + 10);
    long theirs = ours.version() + 10;
    assertThat(retry(ours)).isEqualTo(Letter.Fate.DONE);
    assertThat(get("a").row()).isEqualTo(row("ours"));
    assertThat(stats().conflicts()).isZero();
    Mutation again = take(5).mutations().get(0);
    assertThat(again.version()).isGreaterThan(theirs);
    assertThat(((Mutation.Put) again).row()).isEqualTo(row("ours"));
    assertThat(retry(ours)).isEqualTo(Letter.Fate.SUPERSEDED);
    crashAndReopen();
    assertThat(get("a").version()).isEqualTo(again.version());
    assertThat(take(5).mutations()).containsExactly(again);
    // What is cached of theirs does not come back.
    await(store.park(0, 1, again, 1, CONFLICT));
    assertThat(get("a").miss()).isTrue();
  }

  @Test
  void aLoadThatIsUnderWayWhenAConflictIsRetriedIsNotStored() {
    Mutation ours = put("a", "ours");
    take(5);
    await(store.park(0, 1, ours, 1, CONFLICT));
    long token = get("a").fillToken();
    assertThat(retry(ours)).isEqualTo(Letter.Fate.DONE);
    assertThat(fill("a", "theirs", ours.version() + 10, token)).isNull();
  }

  /** Of any kind: also a conflict, and one that waited for a write of its key. */
  @Test
  void aRetryIsNeverRefusedForLackOfRoom() {
    reopen(4, 1 << 20);
    Mutation plain = parked("a", "bad");
    Mutation conflict = put("b", "bad");
    take(5);
    await(store.park(0, 1, conflict, 1, CONFLICT));
    Mutation waited = parked("c", "bad");
    Mutation replaced = parked("d", "bad");
    for (int i = 0; i < 4; i++) {
      carriedOut(write("k" + i, "1", Durability.DISK));
    }
    assertThat(write("d", "good", Durability.DISK, letter(replaced)))
        .isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(retry(plain)).isEqualTo(Letter.Fate.DONE);
    assertThat(retry(conflict)).isEqualTo(Letter.Fate.DONE);
    for (Durability durability : List.of(Durability.DISK, Durability.DATABASE)) {
      Mutation letter = durability == Durability.DISK ? waited : replaced;
      assertThat(write(text(letter), "bad", durability, Expected.retried(letter.version())))
          .isInstanceOf(WriteOutcome.Written.class);
    }
    assertThat(store.pendingEntries()).isEqualTo(8);
    assertThat(write("e", "1", Durability.DISK)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(write("c", "1", Durability.DISK, Expected.retried(waited.version())))
        .isInstanceOf(WriteOutcome.Mismatch.class);
  }

  private static String text(Mutation mutation) {
    return TYPE.keyText(mutation.key());
  }

  @Test
  void aDiscardedLetterIsGoneForGoodAndReadsAskTheDatabase() {
    settle(put("a", "good"));
    Mutation a = parked("a", "bad");
    Mutation other = parked("b", "bad");
    assertThat(discard(a)).isEqualTo(Letter.Fate.DONE);
    assertNoLetter("a");
    assertThat(get("a").miss()).isTrue();
    assertThat(await(store.owed(key("a")))).isEqualTo(Owed.NOTHING);
    assertThat(counts(stats())).isEqualTo(counts(0, 0, 1, 0));
    assertThat(pending().entries()).extracting(PendingEntry::key).containsExactly("b");
    crashAndReopen();
    assertThat(get("a").miss()).isTrue();
    assertThat(counts(stats())).isEqualTo(counts(0, 0, 1, 0));
    assertThat(letter("b").mutation()).isEqualTo(other);
    assertThat(put("a", "2").version()).isGreaterThan(a.version());
    assertThat(take(5).mutations()).hasSize(1);
  }

  @Test
  void aLoadThatIsUnderWayWhenALetterIsDiscardedIsNotStored() {
    Mutation ours = put("a", "ours");
    take(5);
    await(store.park(0, 1, ours, 1, CONFLICT));
    filled("a", "theirs", ours.version() + 10);
    await(store.invalidate(key("a")));
    long token = get("a").fillToken();
    assertThat(discard(ours)).isEqualTo(Letter.Fate.DONE);
    assertThat(fill("a", "theirs", ours.version() + 10, token)).isNull();
    assertThat(get("a").miss()).isTrue();
  }

  @Test
  void whatIsAskedOfALetterThatIsNotThereTellsWhatBecameOfIt() {
    Mutation a = parked("a", "bad");
    Mutation other = new Mutation.Put(key("a"), row("bad"), a.version() + 1, 1);
    Mutation older = new Mutation.Put(key("a"), row("bad"), a.version() - 1, 1);
    Mutation unknown = new Mutation.Put(key("never"), row("bad"), 5, 1);
    assertThat(List.of(retry(unknown), discard(unknown))).containsOnly(Letter.Fate.NONE);
    assertThat(List.of(retry(other), discard(other))).containsOnly(Letter.Fate.NONE);
    assertThat(List.of(retry(older), discard(older))).containsOnly(Letter.Fate.SUPERSEDED);
    assertThat(letter("a").mutation()).isEqualTo(a);
    retry(a);
    assertThat(List.of(retry(a), discard(a))).containsOnly(Letter.Fate.RETRIED);
    take(5);
    assertThat(List.of(retry(a), discard(a))).containsOnly(Letter.Fate.RETRIED);
    Mutation newer = put("a", "newer");
    assertThat(List.of(retry(a), discard(a))).containsOnly(Letter.Fate.SUPERSEDED);
    settle(a);
    assertThat(take(5).mutations()).containsExactly(newer);
    settle(newer);
    assertThat(List.of(retry(a), discard(a))).containsOnly(Letter.Fate.NONE);
    Mutation b = parked("b", "bad");
    assertThat(List.of(discard(b), discard(b), retry(b)))
        .containsExactly(Letter.Fate.DONE, Letter.Fate.NONE, Letter.Fate.NONE);
  }

  private Letter.Fate purge(Mutation mutation, boolean carried) {
    return await(store.purge(mutation.key(), mutation.version(), carried));
  }

  @Test
  void aPurgedEntryIsGoneForGoodAndReadsAskTheDatabase() {
    settle(put("a", "good"));
    Mutation ready = put("a", "ready");
    Mutation deferred = put("b", "deferred");
    take(5);
    defer(deferred, Duration.ofHours(1), 1);
    settle(ready);
    ready = put("a", "ready again");
    Mutation letter = parked("c", "bad");
    Mutation other = put("d", null);
    for (Mutation mutation : List.of(ready, deferred, letter)) {
      assertThat(purge(mutation, false)).as(text(mutation)).isEqualTo(Letter.Fate.DONE);
      assertThat(purge(mutation, false)).isEqualTo(Letter.Fate.NONE);
      assertThat(await(store.get(mutation.key())).miss()).isTrue();
      assertThat(await(store.owed(mutation.key()))).isEqualTo(Owed.NOTHING);
    }
    assertThat(counts(stats())).isEqualTo(counts(1, 0, 0, 0));
    crashAndReopen();
    assertThat(get("a").miss()).isTrue();
    assertThat(pending().entries()).extracting(PendingEntry::key).containsExactly("d");
    lease(2);
    assertThat(await(store.take(0, 2, TakeLimits.of(5))).mutations()).containsExactly(other);
    assertThat(put("a", "2").version()).isGreaterThan(ready.version());
  }

  @Test
  void onlyTheVersionThatIsMeantIsPurged() {
    Mutation older = put("a", "1");
    Mutation newer = put("a", "2");
    Mutation unknown = new Mutation.Put(key("a"), row("3"), newer.version() + 1, 1);
    assertThat(purge(older, false)).isEqualTo(Letter.Fate.SUPERSEDED);
    assertThat(purge(unknown, false)).isEqualTo(Letter.Fate.NONE);
    assertThat(take(5).mutations()).containsExactly(newer);
  }

  @Test
  void whatABatchCarriesIsNotPurgedUnlessThatIsMeant() {
    Mutation a = put("a", "1");
    take(5);
    assertThat(purge(a, false)).isEqualTo(Letter.Fate.UNDECIDED);
    assertThat(get("a").state()).isEqualTo(EntryState.PENDING);
    settle(a);
    Mutation later = put("a", "2");
    assertThat(purge(later, false)).isEqualTo(Letter.Fate.DONE);
  }

  /** The batch goes through after all, and an older row was loaded meanwhile. */
  @Test
  void theSettlementOfWhatWasPurgedEndsWhatWasReadBefore() {
    Mutation a = put("a", "new");
    take(5);
    assertThat(purge(a, true)).isEqualTo(Letter.Fate.DONE);
    filled("a", "old", a.version() - 1);
    assertThat(get("a").row()).isEqualTo(row("old"));
    settle(a);
    assertThat(get("a").miss()).isTrue();
    filled("a", "newest", a.version() + 10);
    settle(a);
    assertThat(get("a").row()).isEqualTo(row("newest"));
  }

  /** It ends as if nothing had been pending. */
  @Test
  void aRefusalOfWhatWasPurgedHasNoEffect() {
    Mutation a = put("a", "1");
    take(5);
    purge(a, true);
    assertThat(await(store.defer(0, 1, a, due(Duration.ofSeconds(1)), 1, FAILURE))).isFalse();
    assertThat(await(store.park(0, 1, a, 1, FAILURE))).isFalse();
    assertThat(take(5).mutations()).isEmpty();
    assertThat(store.pendingEntries()).isZero();
  }

  @Test
  void aNewerWriteOfALetterThatIsRetriedAndUnderWayFollowsIt() {
    Mutation a = parked("a", "bad");
    retry(a);
    assertThat(take(5).mutations()).containsExactly(a);
    Mutation newer = put("a", "newer");
    settle(a);
    crashAndReopen();
    assertThat(take(5).mutations()).containsExactly(newer);
    assertThat(take(5).tried()).isEmpty();
  }

  /** The staged write is the later one: what is retried must never go over it. */
  @Test
  void aLetterIsNotRetriedWhileAWriteOfItsKeyIsStaged() {
    Mutation a = parked("a", "bad");
    Mutation staged = put("a", "good", Durability.DATABASE);
    assertThat(retry(a)).isEqualTo(Letter.Fate.UNDECIDED);
    assertThat(take(5).mutations()).containsExactly(staged);
    assertThat(retry(a)).isEqualTo(Letter.Fate.UNDECIDED);
    assertThat(letter("a").mutation()).isEqualTo(a);
    settle(staged);
    assertThat(retry(a)).isEqualTo(Letter.Fate.NONE);
    assertThat(get("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.CLEAN, row("good"), staged.version(), 0));
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
    crashAndReopen();
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
    assertThat(take(5).mutations()).isEmpty();
  }

  /** The database may have the staged write, so the letter must not go over it under its own, older version. */
  @Test
  void aLetterWhoseKeyHadAWriteOfUnknownOutcomeIsRetriedUnderANewVersion() {
    Mutation a = parked("a", "bad");
    Mutation b = parked("b", "bad");
    Mutation stagedA = put("a", "good", Durability.DATABASE);
    Mutation stagedB = put("b", "good", Durability.DATABASE);
    take(5);
    await(store.unstage(0, 1, stagedA));
    assertThat(retry(a)).isEqualTo(Letter.Fate.DONE);
    crashAndReopen();
    if (shared()) {
      // The staged write is still there, and whoever has the partition now takes it back.
      assertThat(retry(b)).isEqualTo(Letter.Fate.UNDECIDED);
      await(store.unstage(0, 1, stagedB));
    }
    assertThat(retry(b)).isEqualTo(Letter.Fate.DONE);
    crashAndReopen();
    List<Mutation> taken = take(5).mutations();
    assertThat(taken).extracting(Mutation::key).containsExactlyInAnyOrder(key("a"), key("b"));
    assertThat(taken)
        .allSatisfy(m -> assertThat(m.version()).isGreaterThan(stagedB.version()))
        .allSatisfy(m -> assertThat(((Mutation.Put) m).row()).isEqualTo(row("bad")));
    assertThat(retry(a)).isEqualTo(Letter.Fate.SUPERSEDED);
  }

  @Test
  void aLetterIsDiscardedWhileAWriteOfItsKeyIsStaged() {
    Mutation a = parked("a", "bad");
    Mutation b = parked("b", "bad");
    Mutation stagedA = put("a", "good", Durability.DATABASE);
    Mutation stagedB = put("b", "good", Durability.DATABASE);
    take(5);
    assertThat(discard(a)).isEqualTo(Letter.Fate.DONE);
    assertThat(discard(b)).isEqualTo(Letter.Fate.DONE);
    settle(stagedA);
    await(store.unstage(0, 1, stagedB));
    assertThat(get("a").row()).isEqualTo(row("good"));
    assertThat(get("b").miss()).isTrue();
    crashAndReopen();
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
  }

  @Test
  void aWriteThatExpectsALetterIsCarriedOutOnlyWhileThatIsThere() {
    for (Durability durability :
        List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK, Durability.DATABASE)) {
      Mutation bad = parked("a", "bad");
      Mutation other = new Mutation.Put(key("a"), row("bad"), bad.version() + 1, 1);
      assertThat(write("a", "good", durability, letter(other)))
          .isEqualTo(new WriteOutcome.Mismatch(get("a")));
      carriedOut(write("a", "good", durability, letter(bad)));
      Mutation good = take(5).mutations().get(0);
      assertThat(good.version()).isGreaterThan(bad.version());
      settle(good);
      assertNoLetter("a");
      // What is there now has that version, but is no letter.
      assertThat(write("a", "better", durability, letter(good)))
          .isEqualTo(new WriteOutcome.Mismatch(get("a")));
    }
    Mutation bad = parked("a", "bad");
    retry(bad);
    assertThat(write("a", "good", Durability.DISK, letter(bad)))
        .isEqualTo(new WriteOutcome.Mismatch(get("a")));
    take(5);
    park(bad);
    discard(bad);
    assertThat(write("a", "good", Durability.DISK, letter(bad)))
        .isInstanceOf(WriteOutcome.Mismatch.class);
  }

  @Test
  void aLetterThatIsAConflictIsExpectedAsALetter() {
    Mutation ours = put("a", "ours");
    take(5);
    await(store.park(0, 1, ours, 1, CONFLICT));
    Mutation b = put("b", "ours");
    take(5);
    await(store.park(0, 1, b, 1, CONFLICT));
    filled("b", "theirs", b.version() + 10);
    carriedOut(write("a", "again", Durability.DISK, letter(ours)));
    carriedOut(write("b", "again", Durability.DISK, letter(b)));
    assertThat(get("b").row()).isEqualTo(row("again"));
    assertThat(get("b").version()).isGreaterThan(b.version() + 10);
  }

  @Test
  void whileAWriteOfALettersKeyIsStagedNobodyKnowsWhetherItStays() {
    Mutation bad = parked("a", "bad");
    Mutation staged = put("a", "good", Durability.DATABASE);
    assertThat(write("a", "better", Durability.DISK, letter(bad)))
        .isEqualTo(WriteOutcome.KeyPending.INSTANCE);
    take(5);
    await(store.unstage(0, 1, staged));
    carriedOut(write("a", "better", Durability.DISK, letter(bad)));
  }

  // What is kept beside the entries

  @Test
  void whatTheStoreWasToldToRememberIsFoundWithoutIt() {
    assertThat(factory().remembered("things")).isNull();
    store.remember(new byte[] {1, 2, 3});
    assertThat(factory().remembered("things")).containsExactly(1, 2, 3);
    byte[] large = new byte[100_000];
    Arrays.fill(large, (byte) 7);
    store.remember(large);
    crashAndReopen();
    assertThat(factory().remembered("things")).isEqualTo(large);
    store.remember(new byte[0]);
    store.close();
    assertThat(factory().remembered("things")).isEmpty();
    store = open(1, 1_000, 1 << 20);
    assertThat(factory().remembered("things")).isEmpty();
  }

  // Remembered requests

  private static final Duration DAY = Duration.ofHours(RequestId.KEPT_HOURS);

  protected static Write asking(
      String id, @Nullable String name, Durability durability, String request) {
    return asking(id, name, durability, null, new RequestId(request, "body of " + request));
  }

  private static Write asking(
      String id,
      @Nullable String name,
      Durability durability,
      @Nullable Expected expected,
      RequestId request) {
    return new Write(
        key(id), name == null ? null : row(name), durability, false, expected, request);
  }

  protected Mutation ask(String id, @Nullable String name, Durability durability, String request) {
    WriteOutcome outcome = await(store.put(asking(id, name, durability, request)));
    return ((WriteOutcome.Written) outcome).mutation();
  }

  protected @Nullable Remembered remembered(String request) {
    return await(store.request(request));
  }

  private static Remembered of(Mutation mutation, String request, long micros) {
    return new Remembered(
        new RequestId(request, "body of " + request), mutation.key(), mutation.version(), micros);
  }

  @Test
  void aRequestIsRememberedWithWhatItDid() {
    assertThat(remembered("r")).isNull();
    long now = environment.wallMicros();
    Mutation write = ask("a", "1", Durability.DISK, "r");
    Mutation removal = ask("b", null, Durability.JOURNAL, "s");
    advance(Duration.ofSeconds(1));
    assertThat(remembered("r")).isEqualTo(of(write, "r", now));
    assertThat(remembered("s")).isEqualTo(of(removal, "s", now));
    assertThat(remembered("t")).isNull();
  }

  @Test
  void theSameRequestSentAgainDoesNothing() {
    for (Durability durability : List.of(Durability.JOURNAL, Durability.DISK)) {
      String request = "r" + durability;
      Mutation first = ask("a", "1", durability, request);
      Remembered earlier = remembered(request);
      for (Durability again : List.of(Durability.JOURNAL, Durability.DISK)) {
        for (String other : List.of("a", "b")) {
          assertThat(await(store.put(asking(other, "2", again, request))))
              .isEqualTo(new WriteOutcome.Repeated(Objects.requireNonNull(earlier)));
        }
      }
      assertThat(get("a"))
          .isEqualTo(new Lookup(key("a"), EntryState.PENDING, row("1"), first.version(), 0));
      assertThat(get("b").miss()).isTrue();
      assertThat(counts(stats())).isEqualTo(counts(1, 0, 0, 0));
    }
  }

  @Test
  void anotherRequestUnderTheIdLearnsOfTheFirst() {
    Mutation first = ask("a", "1", Durability.DISK, "r");
    RequestId other = new RequestId("r", "another body");
    WriteOutcome outcome = await(store.put(asking("b", "1", Durability.DISK, null, other)));
    assertThat(outcome)
        .isEqualTo(new WriteOutcome.Repeated(of(first, "r", environment.wallMicros())));
    assertThat(get("b").miss()).isTrue();
  }

  @Test
  void aRepeatedRequestIsNotJudgedByWhatTheFirstMadeOfTheEntry() {
    Mutation before = put("a", "1");
    Write write = asking("a", "2", Durability.DISK, version(before), new RequestId("r", ""));
    carriedOut(await(store.put(write)));
    assertThat(await(store.put(write))).isInstanceOf(WriteOutcome.Repeated.class);
  }

  @Test
  void aRepeatedRequestNeedsNoRoom() {
    reopen(1, 1 << 20);
    settle(ask("a", "1", Durability.DISK, "r"));
    put("b", "1");
    assertThat(await(store.put(asking("a", "1", Durability.DISK, "r"))))
        .isInstanceOf(WriteOutcome.Repeated.class);
  }

  @Test
  void whatWasNotDoneIsNotRemembered() {
    reopen(2, 100_000);
    Mutation a = put("a", "1");
    Write otherVersion =
        asking("a", "2", Durability.DISK, new Expected(7, 0), new RequestId("r", ""));
    assertThat(await(store.put(otherVersion))).isInstanceOf(WriteOutcome.Mismatch.class);
    assertThat(remembered("r")).isNull();
    put("b", "1");
    assertThat(await(store.put(asking("c", "1", Durability.DISK, "r"))))
        .isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(remembered("r")).isNull();
    settle(a);
    put("a", "2", Durability.DATABASE);
    Write onStaged = asking("a", "2", Durability.DISK, version(a), new RequestId("r", ""));
    assertThat(await(store.put(onStaged))).isEqualTo(WriteOutcome.KeyPending.INSTANCE);
    assertThat(remembered("r")).isNull();
    String large = "x".repeat(200_000);
    assertThatThrownBy(() -> await(store.put(asking("b", large, Durability.DISK, "r"))))
        .isInstanceOf(InvalidValueException.class);
    assertThat(remembered("r")).isNull();
    crashAndReopen();
    assertThat(remembered("r")).isNull();
    ask("b", "2", Durability.DISK, "r");
  }

  @Test
  void aRequestOutlivesItsEntryAndTheProcess() {
    long now = environment.wallMicros();
    Mutation settled = ask("a", "1", Durability.DISK, "settled");
    settle(settled);
    Mutation removed = ask("b", "1", Durability.JOURNAL, "removed");
    settle(removed);
    settle(put("b", null));
    Mutation parked = ask("c", "1", Durability.DISK, "parked");
    park(parked);
    Mutation superseded = ask("d", "1", Durability.DISK, "superseded");
    put("d", "2");
    for (int life = 0; life < 3; life++) {
      assertThat(remembered("settled")).isEqualTo(of(settled, "settled", now));
      assertThat(remembered("removed")).isEqualTo(of(removed, "removed", now));
      assertThat(remembered("parked")).isEqualTo(of(parked, "parked", now));
      assertThat(remembered("superseded")).isEqualTo(of(superseded, "superseded", now));
      assertThat(await(store.put(asking("a", "9", Durability.DISK, "settled"))))
          .isEqualTo(new WriteOutcome.Repeated(of(settled, "settled", now)));
      advance(Duration.ofHours(1));
      if (life == 0) {
        crashAndReopen();
      } else {
        reopen(1_000, 1 << 20);
      }
    }
  }

  @Test
  void aRequestIsForgottenAfterADay() {
    ask("a", "1", Durability.DISK, "r");
    advance(DAY.minusSeconds(1));
    assertThat(remembered("r")).isNotNull();
    assertThat(await(store.put(asking("a", "2", Durability.DISK, "r"))))
        .isInstanceOf(WriteOutcome.Repeated.class);
    advance(Duration.ofSeconds(1));
    assertThat(remembered("r")).isNull();
    long now = environment.wallMicros();
    Mutation again = ask("a", "2", Durability.DISK, "r");
    assertThat(remembered("r")).isEqualTo(of(again, "r", now));
    crashAndReopen();
    assertThat(remembered("r")).isEqualTo(of(again, "r", now));
  }

  @Test
  void theDayGoesOnWhileNoProcessRuns() {
    Mutation early = ask("a", "1", Durability.DISK, "early");
    advance(Duration.ofSeconds(10));
    ask("b", "1", Durability.DISK, "late");
    advance(DAY.minusSeconds(10));
    crashAndReopen();
    assertThat(remembered("early")).isNull();
    assertThat(remembered("late")).isNotNull();
    assertThat(ask("a", "1", Durability.DISK, "early").version()).isGreaterThan(early.version());
  }

  @Test
  void aClockThatJumpsBackKeepsARequestLongerAndForgetsOthersInTheirTime() {
    if (shared()) {
      // There the server counts the day.
      return;
    }
    long now = environment.wallMicros();
    environment.setWallMicros(now + DAY.toNanos() / 1_000);
    ask("a", "1", Durability.DISK, "ahead");
    environment.setWallMicros(now);
    ask("b", "1", Durability.DISK, "now");
    advance(DAY);
    assertThat(remembered("now")).isNull();
    assertThat(remembered("ahead")).isNotNull();
    advance(DAY);
    assertThat(remembered("ahead")).isNull();
  }

  @Test
  void aLevelAtWhichACrashCouldForgetTheRequestIsRefused() {
    List<Durability> refused = new ArrayList<>(List.of(Durability.MEMORY, Durability.DATABASE));
    if (store.strongest() != Durability.REPLICAS) {
      refused.add(Durability.REPLICAS);
    }
    for (Durability durability : refused) {
      assertThatThrownBy(() -> ask("a", "1", durability, "r"))
          .isInstanceOf(UnsupportedDurabilityException.class);
    }
    assertThat(remembered("r")).isNull();
    assertThat(get("a").miss()).isTrue();
    ask("a", "1", Durability.DISK, "r");
    assertThatThrownBy(() -> ask("a", "1", Durability.MEMORY, "r"))
        .isInstanceOf(UnsupportedDurabilityException.class);
  }

  @Test
  void ofTwoAtOnceOneIsCarriedOut() {
    for (Durability durability : List.of(Durability.JOURNAL, Durability.DISK)) {
      String request = "r" + durability;
      CompletionStage<WriteOutcome> first = store.put(asking("a", "1", durability, request));
      CompletionStage<WriteOutcome> second = store.put(asking("b", "2", durability, request));
      carriedOut(await(first));
      try {
        assertThat(await(second)).isInstanceOf(WriteOutcome.Repeated.class);
      } catch (RequestConflictException e) {
        assertThat(e.underWay()).isTrue();
      }
      assertThat(get("b").miss()).isTrue();
    }
  }

  @Test
  void idsAndFingerprintsAreKeptToTheCharacter() {
    long now = environment.wallMicros();
    List<RequestId> requests =
        List.of(
            new RequestId(" ", ""),
            new RequestId("é", "e\u0301"),
            new RequestId("e\u0301", "é"),
            new RequestId("\ud83d\ude00".repeat(127), "\uffff".repeat(255)),
            new RequestId("x\n\0", "\0"));
    List<Remembered> all = new ArrayList<>();
    for (RequestId request : requests) {
      WriteOutcome outcome = await(store.put(asking("a", "1", Durability.DISK, null, request)));
      long version = ((WriteOutcome.Written) outcome).mutation().version();
      all.add(new Remembered(request, key("a"), version, now));
    }
    crashAndReopen();
    for (Remembered of : all) {
      assertThat(remembered(of.request().id())).isEqualTo(of);
    }
  }

  // The end

  @Test
  void aClosedStoreRefusesEverything() {
    Mutation a = put("a", "1");
    store.close();
    List<CompletionStage<?>> stages = new ArrayList<>();
    for (Durability durability : List.of(Durability.MEMORY, Durability.DISK, Durability.DATABASE)) {
      stages.add(store.put(new Write(key("b"), row("1"), durability)));
    }
    stages.add(store.get(key("a")));
    stages.add(store.getAll(List.of(key("a"))));
    stages.add(store.fill(key("a"), null, 0, 1));
    stages.add(store.open(0, 9, 0, false));
    stages.add(store.take(0, 9, TakeLimits.of(5)));
    stages.add(store.settle(0, 9, List.of(a), 9));
    stages.add(store.defer(0, 9, a, 0, 1, FAILURE));
    stages.add(store.park(0, 9, a, 1, FAILURE));
    stages.add(store.unstage(0, 9, a));
    stages.add(store.pending("", null, 5));
    stages.add(store.letters(DeadLetterFilter.all(), null, 5));
    stages.add(store.letter(key("a")));
    stages.add(store.retry(key("a"), a.version()));
    stages.add(store.discard(key("a"), a.version()));
    stages.add(store.invalidate(key("a")));
    stages.add(store.request("r"));
    stages.add(store.put(asking("b", "1", Durability.DISK, "r")));
    for (CompletionStage<?> stage : stages) {
      assertThatThrownBy(() -> await(stage)).isInstanceOf(UnavailableException.class);
    }
    assertThatThrownBy(() -> store.remember(new byte[1])).isInstanceOf(UnavailableException.class);
    store.close();
  }
}
