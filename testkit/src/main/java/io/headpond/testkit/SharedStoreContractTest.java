package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConditionFailedException;
import io.headpond.ConfigurationException;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.RequestConflictException;
import io.headpond.UnavailableException;
import io.headpond.spi.Expected;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.Owed;
import io.headpond.spi.SharedStore;
import io.headpond.spi.SharedStore.Settled;
import io.headpond.spi.SharedStore.Withdrawal;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every hot store has to keep that several processes use at once. A store's own test gives the store, and a way to let its server restart and forget. */
public abstract class SharedStoreContractTest extends HotStoreContractTest {
  /** As another process has it. */
  private SharedStore other;

  /** The store's server is restarted and has all that it had; it answers when this returns. */
  protected abstract void restart();

  /** The store forgets everything, and its server goes on. */
  protected abstract void empty();

  /** Waits until something that was said has been heard. */
  protected void until(BooleanSupplier heard) {
    environment.run();
    assertThat(heard.getAsBoolean()).as("heard").isTrue();
  }

  @BeforeEach
  void openAnother() {
    other = (SharedStore) open(1, 1_000, 1 << 20);
  }

  @AfterEach
  void closeOther() {
    other.close();
  }

  private SharedStore first() {
    return (SharedStore) store;
  }

  private Mutation otherPuts(String id, @Nullable String name, Durability durability) {
    Write write = new Write(key(id), name == null ? null : row(name), durability);
    return ((WriteOutcome.Written) await(other.put(write))).mutation();
  }

  private Lookup otherGets(String id) {
    return await(other.get(key(id)));
  }

  /** What somebody was told, a line each. */
  private static final class Heard implements SharedStore.Signals {
    final List<String> lines = new CopyOnWriteArrayList<>();

    @Override
    public void written(int partition, int ready) {
      lines.add("written " + partition + " " + ready);
    }

    @Override
    public void flushAsked(int partition) {
      lines.add("flush " + partition);
    }

    @Override
    public void settled(List<Settled> settled) {
      settled.forEach(s -> lines.add("settled " + TYPE.keyText(s.key()) + " " + s.version()));
    }

    @Override
    public void parked(Key key, long version, String message) {
      lines.add("parked " + TYPE.keyText(key) + " " + version + " " + message);
    }

    @Override
    public void answered(long writeId, @Nullable HeadpondException failure) {
      lines.add(
          "answered "
              + writeId
              + (failure == null
                  ? ""
                  : " " + failure.getClass().getSimpleName() + " " + failure.getMessage()));
    }

    @Override
    public void closed(int partition) {
      lines.add("closed " + partition);
    }

    @Override
    public void missed() {}
  }

  private Heard listen(SharedStore at) {
    Heard heard = new Heard();
    at.listen(heard);
    until(
        () -> {
          await(at.askToFlush(0));
          return heard.lines.contains("flush 0");
        });
    return heard;
  }

  private void hears(Heard heard, String... lines) {
    for (String line : lines) {
      until(() -> heard.lines.contains(line));
    }
  }

  // Two processes

  @Test
  void bothAreTheSameStore() {
    assertThat(other.id()).isEqualTo(store.id());
    assertThat(store.id().shared()).isTrue();
  }

  @Test
  void whatOneWritesTheOtherReads() {
    Mutation a = put("a", "1");
    assertThat(otherGets("a"))
        .isEqualTo(new Lookup(key("a"), EntryState.PENDING, row("1"), a.version(), 0));
    Mutation b = otherPuts("a", "2", Durability.DISK);
    assertThat(get("a").row()).isEqualTo(row("2"));
    assertThat(b.version()).isGreaterThan(a.version());
    settle(b);
    assertThat(otherGets("a").state()).isEqualTo(EntryState.CLEAN);
  }

  @Test
  void bothAreGivenOneTokenAndAWriteOfEitherTakesItAway() {
    long token = get("a").fillToken();
    assertThat(otherGets("a").fillToken()).isEqualTo(token);
    otherPuts("a", "new", Durability.DISK);
    assertThat(fill("a", "old", 5, token)).isNull();
  }

  @Test
  void anExpectationIsJudgedByWhatTheOtherWrote() {
    Mutation a = put("a", "1");
    Mutation b = otherPuts("a", "2", Durability.DISK);
    Write onA =
        new Write(key("a"), row("3"), Durability.DISK, false, new Expected(a.version(), 0), null);
    assertThat(await(store.put(onA))).isEqualTo(new WriteOutcome.Mismatch(otherGets("a")));
    Write onB =
        new Write(key("a"), row("3"), Durability.DISK, false, new Expected(b.version(), 0), null);
    assertThat(await(store.put(onB))).isInstanceOf(WriteOutcome.Written.class);
  }

  @Test
  void theLimitsAreOfBothTogether() {
    other.close();
    other = (SharedStore) open(1, 2, 1 << 20);
    put("a", "1");
    put("b", "1");
    Write third = new Write(key("c"), row("1"), Durability.DISK);
    assertThat(await(other.put(third))).isEqualTo(WriteOutcome.Full.INSTANCE);
  }

  @Test
  void oneLearnsWithinASecondWhatTheOtherDid() {
    otherPuts("a", "1", Durability.DISK);
    advance(Duration.ofSeconds(1));
    until(() -> store.stats(0).ready() == 1);
    assertThat(store.pendingEntries()).isEqualTo(1);
    assertThat(store.stats(0).oldest()).isPositive();
  }

  @Test
  void oneWhoTakesOverGoesOnWhereTheOtherWas() {
    Mutation a = put("a", "1");
    take(5);
    Mutation later = put("a", "2");
    await(other.open(0, 2, a.version(), true));
    assertThat(await(other.take(0, 2, TakeLimits.of(5))).mutations()).containsExactly(later);
    await(other.settle(0, 2, List.of(later), later.version()));
    assertThat(get("a").state()).isEqualTo(EntryState.CLEAN);
    advance(Duration.ofSeconds(1));
    until(() -> store.frontier(0) == later.version());
  }

  /** A zombie: its batch may be in the database or not, but it has no say any more. */
  @Test
  void whoWasReplacedChangesNothing() {
    Mutation a = put("a", "1");
    Mutation staged = put("b", "1", Durability.DATABASE);
    take(5);
    await(other.open(0, 2, 0, true));
    List<CompletionStage<?>> late = new ArrayList<>();
    late.add(store.take(0, 1, TakeLimits.of(5)));
    late.add(store.settle(0, 1, List.of(a), 99));
    late.add(store.defer(0, 1, a, 0, 1, FAILURE));
    late.add(store.park(0, 1, a, 1, FAILURE));
    late.add(store.unstage(0, 1, staged));
    late.add(store.open(0, 1, 0, true));
    for (CompletionStage<?> stage : late) {
      assertThatThrownBy(() -> await(stage)).isInstanceOf(FencedException.class);
    }
    assertThat(counts(stats())).isEqualTo(counts(1, 0, 0, 1));
    assertThat(store.frontier(0)).isZero();
    // It still takes writes, as any process does.
    assertThat(put("a", "2").version()).isGreaterThan(a.version());
  }

  /** Settled by the version that the new owner took, though the old one's batch carried an earlier one. */
  @Test
  void aSettlementOfAnEarlierBatchLeavesWhatWasWrittenSinceOwed() {
    Mutation first = put("a", "1");
    take(5);
    Mutation second = put("a", "2");
    take(5);
    Mutation third = put("a", "3");
    settle(first);
    Owed owed = await(other.owed(key("a")));
    assertThat(owed.settled(first.version())).isTrue();
    assertThat(owed.settled(second.version())).isFalse();
    settle(second);
    owed = await(other.owed(key("a")));
    assertThat(owed.settled(second.version())).isTrue();
    assertThat(owed.settled(third.version())).isFalse();
  }

  @Test
  void lettersAreSeenAndDecidedUponByEither() {
    Mutation a = put("a", "bad");
    park(a);
    assertThat(await(other.letters(DeadLetterFilter.all(), null, 5)))
        .extracting("mutation")
        .containsExactly(a);
    await(other.discard(a.key(), a.version()));
    assertThat(await(store.letter(a.key()))).isNull();
    assertThat(get("a").miss()).isTrue();
  }

  // Writes at DATABASE

  @Test
  void aStagedWriteIsTakenByWhoeverHoldsTheLease() {
    Mutation staged = otherPuts("a", "1", Durability.DATABASE);
    assertThat(take(5).mutations()).containsExactly(staged);
    settle(staged);
    assertThat(otherGets("a").row()).isEqualTo(row("1"));
  }

  @Test
  void aStagedWriteIsTakenBackUnlessABatchHasIt() {
    Mutation free = otherPuts("a", "1", Durability.DATABASE);
    assertThat(await(other.withdraw(free))).isEqualTo(Withdrawal.WITHDRAWN);
    assertThat(await(other.withdraw(free))).isEqualTo(Withdrawal.GONE);
    assertThat(take(5).mutations()).isEmpty();
    assertThat(counts(stats())).isEqualTo(counts(0, 0, 0, 0));
    Mutation taken = otherPuts("a", "2", Durability.DATABASE);
    assertThat(take(5).mutations()).containsExactly(taken);
    assertThat(await(other.withdraw(taken))).isEqualTo(Withdrawal.UNDER_WAY);
    await(store.unstage(0, 1, taken));
    assertThat(await(other.withdraw(taken))).isEqualTo(Withdrawal.GONE);
    Mutation settled = otherPuts("a", "3", Durability.DATABASE);
    settle(settled);
    assertThat(await(other.withdraw(settled))).isEqualTo(Withdrawal.GONE);
  }

  /** That a batch has it may have been forgotten. */
  @Test
  void whatWasStagedBeforeAServerWasReplacedIsNotSaidToBeTakenBack() {
    Mutation staged = otherPuts("a", "1", Durability.DATABASE);
    restart();
    await(store.open(0, 2, 0, true));
    assertThat(await(first().withdraw(staged))).isNotEqualTo(Withdrawal.WITHDRAWN);
    Mutation later = put("b", "1", Durability.DATABASE);
    assertThat(await(first().withdraw(later))).isEqualTo(Withdrawal.WITHDRAWN);
  }

  @Test
  void anotherStagedWriteOfTheKeyIsNotTakenBackInItsPlace() {
    Mutation first = put("a", "1", Durability.DATABASE);
    await(store.unstage(0, 1, first));
    Mutation second = otherPuts("a", "2", Durability.DATABASE);
    assertThat(await(first().withdraw(first))).isEqualTo(Withdrawal.GONE);
    assertThat(take(5).mutations()).containsExactly(second);
  }

  // Signals

  @Test
  void whatOneDoesTheOtherHears() {
    Heard heard = listen(other);
    Mutation a = put("a", "1");
    hears(heard, "written 0 1");
    settle(a);
    hears(heard, "settled a " + a.version());
    Mutation b = put("b b", "1");
    park(b);
    hears(heard, "parked b b " + b.version() + " value too long");
    await(store.retry(b.key(), b.version()));
    Mutation staged = put("c", "1", Durability.DATABASE);
    await(first().answer(staged, null));
    hears(heard, "answered " + staged.writeId());
  }

  @Test
  void whyAStagedWriteWasRefusedIsHeard() {
    Heard heard = listen(other);
    Mutation staged = otherPuts("a", "1", Durability.DATABASE);
    for (HeadpondException failure :
        List.of(
            new RejectedException("no such parent (SQLSTATE 23503)"),
            new UnavailableException("the database\ncannot be reached"),
            new OutcomeUnknownException("who knows"),
            new ConditionFailedException("not as it should be", 7))) {
      await(first().answer(staged, failure));
      hears(
          heard,
          "answered "
              + staged.writeId()
              + " "
              + failure.getClass().getSimpleName()
              + " "
              + failure.getMessage());
    }
  }

  @Test
  void writesAreToldWhenTheFirstIsReadyAndWithEachFullBatch() {
    Heard heard = listen(other);
    for (int i = 0; i < 250; i++) {
      put("k" + i, "1", Durability.MEMORY);
    }
    hears(heard, "written 0 1", "written 0 100", "written 0 200");
    assertThat(heard.lines.stream().filter(line -> line.startsWith("written"))).hasSize(3);
  }

  @Test
  void manySettlementsAreAllHeard() {
    Heard heard = listen(other);
    List<Mutation> all = new ArrayList<>();
    for (int i = 0; i < 700; i++) {
      all.add(put("k" + i, "1", Durability.MEMORY));
    }
    assertThat(take(700).mutations()).isEqualTo(all);
    settle(all.toArray(Mutation[]::new));
    for (Mutation mutation : all) {
      hears(heard, "settled " + TYPE.keyText(mutation.key()) + " " + mutation.version());
    }
    assertThat(stats()).isEqualTo(counts(0, 0, 0, 0));
  }

  // Requests

  @Test
  void aRequestThatOneCarriedOutTheOtherDoesNot() {
    Mutation a = ask("a", "1", Durability.DISK, "r");
    for (String id : List.of("a", "b")) {
      WriteOutcome again = await(other.put(asking(id, "2", Durability.DISK, "r")));
      assertThat(again)
          .isEqualTo(new WriteOutcome.Repeated(Objects.requireNonNull(remembered("r"))));
    }
    assertThat(await(other.request("r"))).isEqualTo(remembered("r"));
    assertThat(get("a").version()).isEqualTo(a.version());
    assertThat(get("b").miss()).isTrue();
  }

  @Test
  void ofOneRequestThatBothCarryOutAtOnceForDifferentEntriesOneIsDone() {
    for (int i = 0; i < 20; i++) {
      String request = "r" + i;
      List<CompletionStage<WriteOutcome>> both =
          List.of(
              store.put(asking("a" + i, "1", Durability.DISK, request)),
              other.put(asking("b" + i, "1", Durability.DISK, request)));
      int done = 0;
      for (CompletionStage<WriteOutcome> stage : both) {
        try {
          done += await(stage) instanceof WriteOutcome.Written ? 1 : 0;
        } catch (RequestConflictException e) {
          assertThat(e.underWay()).isTrue();
        }
      }
      assertThat(done).isEqualTo(1);
    }
    assertThat(counts(stats())).isEqualTo(counts(20, 0, 0, 0));
  }

  // A store that was restarted, replaced or emptied

  private List<CompletionStage<?>> everything(Mutation a) {
    List<CompletionStage<?>> stages = new ArrayList<>();
    stages.add(store.put(new Write(key("b"), row("1"), Durability.MEMORY)));
    stages.add(store.put(new Write(key("b"), row("1"), Durability.DATABASE)));
    stages.add(store.put(asking("b", "1", Durability.DISK, "r")));
    stages.add(store.get(key("a")));
    stages.add(store.getAll(List.of(key("a"), key("b"))));
    stages.add(store.fill(key("a"), null, 0, 1));
    stages.add(store.invalidate(key("a")));
    stages.add(store.owed(key("a")));
    stages.add(store.request("r"));
    stages.add(store.take(0, 1, TakeLimits.of(5)));
    stages.add(store.settle(0, 1, List.of(a), 9));
    stages.add(store.defer(0, 1, a, 0, 1, FAILURE));
    stages.add(store.park(0, 1, a, 1, FAILURE));
    stages.add(store.unstage(0, 1, a));
    stages.add(first().withdraw(a));
    stages.add(store.horizon(0));
    stages.add(store.pending("", null, 5));
    stages.add(store.letters(DeadLetterFilter.all(), null, 5));
    stages.add(store.letter(key("a")));
    stages.add(store.retry(key("a"), a.version()));
    stages.add(store.discard(key("a"), a.version()));
    stages.add(store.purge(key("a"), a.version(), true));
    return stages;
  }

  @Test
  void aRestartedStoreTakesNothingUntilItIsOpened() {
    Mutation a = put("a", "1");
    Mutation clean = put("c", "1");
    settle(clean);
    long token = get("d").fillToken();
    Heard heard = listen(first());
    restart();
    for (CompletionStage<?> stage : everything(a)) {
      assertThatThrownBy(() -> await(stage))
          .isInstanceOf(UnavailableException.class)
          .isNotInstanceOf(FencedException.class)
          .hasMessageContaining("partition 0");
    }
    hears(heard, "closed 0");
    assertThat(await(other.open(0, 2, a.version(), true))).isEqualTo(Opened.WHOLE);
    assertThat(get("a").version()).isEqualTo(a.version());
    assertThat(counts(stats())).isEqualTo(counts(1, 0, 0, 0));
    // The database may have newer ones, which this server never saw.
    assertThat(get("c").miss()).isTrue();
    assertThat(fill("d", "old", 5, token)).isNull();
    assertThat(put("a", "2").version()).isGreaterThan(a.version());
    filled("c", "again", clean.version());
    assertThat(get("c").state()).isEqualTo(EntryState.CLEAN);
    assertThat(await(other.take(0, 2, TakeLimits.of(5))).mutations()).hasSize(1);
  }

  /** A new lease of an open partition, as when a worker joins, costs no reader anything. */
  @Test
  void whatIsCleanOutlivesALease() {
    Mutation a = put("a", "1");
    settle(a);
    await(other.open(0, 2, a.version(), false));
    assertThat(get("a").state()).isEqualTo(EntryState.CLEAN);
    assertThat(otherGets("a").state()).isEqualTo(EntryState.CLEAN);
  }

  @Test
  void anEmptiedStoreIsClosedAndBeginsAboveWhatTheDatabaseHas() {
    Mutation a = put("a", "1");
    Heard heard = listen(first());
    store.remember(new byte[] {7});
    empty();
    for (CompletionStage<?> stage : everything(a)) {
      assertThatThrownBy(() -> await(stage)).isInstanceOf(UnavailableException.class);
    }
    hears(heard, "closed 0");
    long high = a.version() + 3_600_000_000L;
    Opened opened = await(store.open(0, 2, high, true));
    assertThat(opened.lost(a.version())).isTrue();
    assertThat(opened.lost(high)).isTrue();
    assertThat(opened.lost(high + 1)).isFalse();
    assertThat(get("a").miss()).isTrue();
    assertThat(put("a", "2").version()).isGreaterThan(high);
    assertThat(otherGets("a").row()).isEqualTo(row("2"));
    // It is the same store, as the database knows it, for who comes later.
    SharedStore later = (SharedStore) open(1, 1_000, 1 << 20);
    assertThat(later.id()).isEqualTo(store.id());
    assertThat(factory().remembered("things")).containsExactly(7);
    later.close();
  }

  /** It was emptied, and somebody began a new one before those who knew the old one came back. */
  @Test
  void aStoreThatBecameAnotherIsRefused() {
    empty();
    SharedStore stranger = (SharedStore) open(1, 1_000, 1 << 20);
    assertThat(stranger.id()).isNotEqualTo(store.id());
    assertThatThrownBy(() -> await(store.open(0, 2, 0, true)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(store.id().id().toString())
        .hasMessageContaining(stranger.id().id().toString());
    stranger.close();
  }

  @Test
  void versionsThatWereLostAreTold() {
    Mutation a = put("a", "1");
    long lostUntil = a.version() + 3_600_000_000L;
    restart();
    Opened opened = await(store.open(0, 2, lostUntil, true));
    assertThat(opened.lost(a.version())).isFalse();
    assertThat(opened.lost(a.version() + 3_000_000_000L)).isTrue();
    assertThat(opened.lost(lostUntil)).isTrue();
    assertThat(opened.lost(lostUntil + 1)).isFalse();
    Mutation b = put("b", "1");
    assertThat(b.version()).isGreaterThan(lostUntil);
    // Whoever has the partition later has to know as well.
    assertThat(await(other.open(0, 3, b.version(), true))).isEqualTo(opened);
  }

  @Test
  void versionsOfAnotherStoreAreNoneThatWereLost() {
    Mutation a = put("a", "1");
    long high = a.version() + 3_600_000_000L;
    assertThat(await(store.open(0, 2, high, false))).isEqualTo(Opened.WHOLE);
    assertThat(put("a", "2").version()).isGreaterThan(high);
  }

  @Test
  void aStoreWithOtherPartitionsIsRefused() {
    assertThatThrownBy(() -> open(3, 1_000, 1 << 20))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("partitions 1")
        .hasMessageContaining("3");
  }
}
