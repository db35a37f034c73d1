package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.headpond.CacheBuilder;
import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.HeadpondException;
import io.headpond.Increment;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.NoSuchEntryException;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.Updated;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.journal.JournalStore;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Writes that depend on what is there: conditions, updates, increments. No writer is lost between the read and the write. */
@Timeout(60)
class UpdateTest {
  private static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column(new Column("name", ColumnType.TEXT, true))
          .column(new Column("count", ColumnType.INTEGER, true))
          .column(new Column("total", ColumnType.numeric(6, 2), true))
          .column(new Column("score", ColumnType.DOUBLE, true))
          .column(new Column("level", ColumnType.SMALLINT, true))
          .column(new Column("heat", ColumnType.REAL, true))
          .build();
  private static final Key KEY = TYPE.key(1L);
  private static final WriteOptions DEFAULTS = WriteOptions.defaults();

  private final ManualEnvironment environment = new ManualEnvironment();
  private final FakeDatabase database = new FakeDatabase(environment);
  private final SimulatedDisk disk = new SimulatedDisk();
  private WriteBehindCache<Key, Row> cache = open(builder());

  private CacheBuilder<Key, Row> builder() {
    return WriteBehindCache.builder(TYPE)
        .name("t")
        .partitions(1)
        .durability(Durability.JOURNAL)
        .store(JournalStore.on(disk).segmentSize(1 << 16))
        .systemOfRecord(database)
        .environment(environment);
  }

  private WriteBehindCache<Key, Row> open(CacheBuilder<Key, Row> builder) {
    WriteBehindCache<Key, Row> opened = builder.build();
    environment.run();
    return opened;
  }

  private static Row row(@Nullable String name, int count) {
    return TYPE.row(name == null ? Map.of("count", count) : Map.of("name", name, "count", count));
  }

  private <T extends @Nullable Object> T await(CompletableFuture<T> future) {
    return environment.await(future);
  }

  private void settle() {
    environment.advance(Duration.ofSeconds(1));
    assertThat(cache.status().pendingEntries()).isZero();
  }

  private void assertFails(
      CompletableFuture<?> future, Class<? extends HeadpondException> with, String... message) {
    var failure = assertThatThrownBy(() -> await(future)).isInstanceOf(with);
    for (String part : message) {
      failure.hasMessageContaining(part);
    }
  }

  @Test
  void aWriteUnderTheVersionThatWasReadGoesThroughAndAnOlderOneDoesNot() {
    long first = await(cache.putAsync(KEY, row("a", 1))).version();
    long second =
        await(cache.putAsync(KEY, row("b", 2), WriteOptions.onlyIf(Condition.version(first))))
            .version();
    long writes = cache.status().counters().writes();
    assertThatThrownBy(
            () ->
                await(
                    cache.putAsync(
                        KEY, row("c", 3), WriteOptions.onlyIf(Condition.version(first)))))
        .asInstanceOf(type(ConditionFailedException.class))
        .satisfies(e -> assertThat(e.currentVersion()).isEqualTo(second))
        .satisfies(e -> assertThat(e).hasMessageContaining("must have version " + first));
    assertThat(cache.status().counters().writes()).isEqualTo(writes);
    assertThat(cache.status().counters().refused()).isZero();
    settle();
    assertThat(database.row(KEY).value()).isEqualTo(row("b", 2));
    await(
        cache.removeAsync(
            KEY,
            WriteOptions.onlyIf(Condition.version(first, second)).durability(Durability.DISK)));
    assertThat(await(cache.getAsync(KEY))).isNull();
  }

  @Test
  void onlyOneOfTwoWhoCreateTheSameEntryDoes() {
    WriteOptions absent = WriteOptions.onlyIf(Condition.absent());
    await(cache.putAsync(KEY, row("a", 1), absent));
    assertFails(
        cache.putAsync(KEY, row("b", 2), absent), ConditionFailedException.class, "must not exist");
    await(cache.removeAsync(KEY));
    await(cache.putAsync(KEY, row("c", 3), absent));
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("c", 3));
  }

  @Test
  void anEntryThatOnlyTheDatabaseHasExists() {
    database.writeRow(KEY, row("a", 1), 7);
    assertFails(
        cache.putAsync(KEY, row("b", 2), WriteOptions.onlyIf(Condition.absent())),
        ConditionFailedException.class);
    await(cache.putAsync(KEY, row("b", 2), WriteOptions.onlyIf(Condition.version(7))));
    assertFails(
        cache.removeAsync(TYPE.key(2L), WriteOptions.onlyIf(Condition.present())),
        ConditionFailedException.class,
        "must exist");
    settle();
    assertThat(database.row(KEY).value()).isEqualTo(row("b", 2));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 100})
  void anUpdateSeesWhatTheDatabaseHasHoweverSmallTheCacheIs(int cacheSize) {
    cache.close();
    cache = open(builder().cacheSize(cacheSize));
    database.writeRow(KEY, row("a", 41), 1_900_000_000_000_000L);
    Updated<Row> updated = await(cache.incrementAsync(KEY, Increment.of("count", 1), DEFAULTS));
    assertThat(updated.value()).isEqualTo(row("a", 42));
    // A higher version than the row's, or the database would not take it.
    assertThat(updated.receipt().version()).isGreaterThan(1_900_000_000_000_000L);
    settle();
    assertThat(database.row(KEY).value()).isEqualTo(row("a", 42));
  }

  @Test
  void whatOthersWriteWhileTheNewValueIsMadeIsNotLost() {
    await(cache.putAsync(KEY, row("a", 1)));
    List<@Nullable Row> seen = new ArrayList<>();
    await(
        cache.updateAsync(
            KEY,
            value -> {
              seen.add(value);
              if (seen.size() == 1) {
                var unused = cache.putAsync(KEY, row("other", 10));
              }
              return row("mine", (int) value.get("count") + 1);
            },
            DEFAULTS));
    assertThat(seen).containsExactly(row("a", 1), row("other", 10));
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("mine", 11));
  }

  @Test
  void whatOthersWriteWhileTheRowIsLoadedIsNotLost() {
    database.writeRow(KEY, row("old", 1), 7);
    database.holdReplies();
    var update = cache.incrementAsync(KEY, Increment.of("count", 1), DEFAULTS);
    environment.run();
    assertThat(update).isNotDone();
    var unused = cache.putAsync(KEY, row("new", 10));
    database.releaseReplies();
    assertThat(await(update).value()).isEqualTo(row("new", 11));
  }

  @Test
  void aRemovedEntryIsAbsentToAnUpdateAndAnUpdateCanRemove() {
    await(cache.putAsync(KEY, row("a", 1)));
    await(cache.removeAsync(KEY));
    List<@Nullable Row> seen = new ArrayList<>();
    await(
        cache.updateAsync(
            KEY,
            value -> {
              seen.add(value);
              return row("b", 2);
            },
            DEFAULTS));
    assertThat(seen).hasSize(1).containsOnlyNulls();
    assertThat(await(cache.updateAsync(KEY, value -> null, DEFAULTS)).value()).isNull();
    assertThat(await(cache.entryAsync(KEY)).exists()).isFalse();
    settle();
    assertThat(database.row(KEY)).isNull();
  }

  @Test
  void aChangeThatThrowsWritesNothing() {
    await(cache.putAsync(KEY, row("a", 1)));
    var update =
        cache.updateAsync(
            KEY,
            value -> {
              throw new IllegalStateException("not today");
            },
            DEFAULTS);
    assertThatThrownBy(() -> await(update)).hasMessage("not today");
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("a", 1));
  }

  @Test
  void updatesAtDatabaseAreCommittedOneAfterTheOther() {
    await(cache.putAsync(KEY, row("a", 1)));
    WriteOptions committed = DEFAULTS.durability(Durability.DATABASE);
    var first = cache.incrementAsync(KEY, Increment.of("count", 1), committed);
    var second = cache.incrementAsync(KEY, Increment.of("count", 10), committed);
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("a", 1));
    await(first);
    await(second);
    assertThat(database.row(KEY).value()).isEqualTo(row("a", 12));
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("a", 12));
  }

  @Test
  void anUpdateWaitsForAWriteThatIsBeingCommitted() {
    await(cache.putAsync(KEY, row("a", 1)));
    settle();
    database.holdReplies();
    var committing = cache.putAsync(KEY, row("committing", 10), Durability.DATABASE);
    environment.run();
    assertThat(committing).isNotDone();
    var update = cache.incrementAsync(KEY, Increment.of("count", 1), DEFAULTS);
    environment.run();
    // It may be committed or not: what it leaves decides.
    assertThat(update).isNotDone();
    database.releaseReplies();
    await(committing);
    assertThat(await(update).value()).isEqualTo(row("committing", 11));
  }

  @Test
  void withTheDatabaseAwayAnUpdateOfAMissFailsAndOneOfAResidentEntryGoesOn() {
    await(cache.putAsync(KEY, row("a", 1)));
    database.setAway(true);
    assertFails(
        cache.incrementAsync(TYPE.key(2L), Increment.of("count", 1), DEFAULTS),
        UnavailableException.class);
    assertThat(await(cache.incrementAsync(KEY, Increment.of("count", 1), DEFAULTS)).value())
        .isEqualTo(row("a", 2));
  }

  @Test
  void anIncrementAddsToEachKindOfNumber() {
    await(cache.putAsync(KEY, row("a", 1)));
    Updated<Row> updated =
        await(
            cache.incrementAsync(
                KEY,
                Increment.of("count", -3)
                    .and("total", new BigDecimal("0.10"))
                    .and("score", 2)
                    .and("level", 7)
                    .and("heat", new BigDecimal("0.25")),
                DEFAULTS));
    assertThat(updated.value().toMap())
        .containsEntry("name", "a")
        .containsEntry("count", -2)
        .containsEntry("total", new BigDecimal("0.10"))
        .containsEntry("score", 2.0)
        .containsEntry("level", (short) 7)
        .containsEntry("heat", 0.25f);
    assertFails(
        cache.incrementAsync(KEY, Increment.of("level", Short.MAX_VALUE), DEFAULTS),
        InvalidValueException.class,
        "level",
        "must be from -32768 to 32767");
    assertFails(
        cache.incrementAsync(
            KEY, Increment.of("heat", 0).and("heat", new BigDecimal("1e39")), DEFAULTS),
        InvalidValueException.class,
        "heat");
    assertThat(
            await(
                    cache.incrementAsync(
                        KEY,
                        Increment.of("total", 1).and("score", new BigDecimal("0.5")),
                        DEFAULTS))
                .value()
                .toMap())
        .containsEntry("total", new BigDecimal("1.10"))
        .containsEntry("score", 2.5);
  }

  @Test
  void anIncrementOfAnAbsentEntryMakesItOnlyWhenAsked() {
    assertFails(
        cache.incrementAsync(KEY, Increment.of("count", 1), DEFAULTS), NoSuchEntryException.class);
    assertThat(
            await(cache.incrementAsync(KEY, Increment.of("count", 5).createIfAbsent(), DEFAULTS))
                .value())
        .isEqualTo(row(null, 5));
  }

  @Test
  void anIncrementStopsAtItsBoundsAndLeavesAllAsItWas() {
    long version = await(cache.putAsync(KEY, row("a", 1))).version();
    Increment taking = Increment.of("score", 1).and("count", -1).atLeast("count", 0);
    assertThat(await(cache.incrementAsync(KEY, taking, DEFAULTS)).value().get("count"))
        .isEqualTo(0);
    assertFails(
        cache.incrementAsync(KEY, taking, DEFAULTS),
        ConditionFailedException.class,
        "count would be -1",
        "at least 0");
    assertFails(
        cache.incrementAsync(KEY, Increment.of("count", 8).atMost("count", 7), DEFAULTS),
        ConditionFailedException.class,
        "count would be 8",
        "at most 7");
    Row now = await(cache.getAsync(KEY));
    assertThat(now.get("count")).isEqualTo(0);
    assertThat(now.get("score")).isEqualTo(1.0);
    assertThat(await(cache.entryAsync(KEY)).version()).isGreaterThan(version);
  }

  @Test
  void anIncrementThatTheColumnCannotHoldIsRefusedWithColumnAndRule() {
    await(cache.putAsync(KEY, row("a", Integer.MAX_VALUE)));
    assertFails(
        cache.incrementAsync(KEY, Increment.of("count", 1), DEFAULTS),
        InvalidValueException.class,
        "count: 2147483648",
        "must be from");
    assertFails(
        cache.incrementAsync(KEY, Increment.of("name", 1), DEFAULTS),
        InvalidValueException.class,
        "name: 1: cannot be incremented: the column is text");
    assertFails(
        cache.incrementAsync(KEY, Increment.of("id", 1), DEFAULTS),
        InvalidValueException.class,
        "id");
    assertFails(
        cache.incrementAsync(KEY, Increment.of("total", 10_000), DEFAULTS),
        InvalidValueException.class,
        "total",
        "digits before the point");
    assertFails(
        cache.incrementAsync(
            KEY, Increment.of("count", 0).and("count", new BigDecimal("-0.5")), DEFAULTS),
        InvalidValueException.class,
        "count",
        "whole number");
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("a", Integer.MAX_VALUE));
  }

  @Test
  void aStepThatAFloatingPointNumberWouldSwallowIsRefused() {
    await(cache.putAsync(KEY, TYPE.row(Map.of("heat", 16_777_216, "score", 0.5))));
    assertFails(
        cache.incrementAsync(KEY, Increment.of("heat", 1), DEFAULTS),
        InvalidValueException.class,
        "heat: 1.6777216E7 + 1: cannot be held by a real exactly");
    assertThat(
            await(cache.incrementAsync(KEY, Increment.of("heat", 2), DEFAULTS)).value().get("heat"))
        .isEqualTo(16_777_218f);
    assertFails(
        cache.incrementAsync(
            KEY, Increment.of("score", 0).and("score", new BigDecimal("1e-30")), DEFAULTS),
        InvalidValueException.class,
        "score");
    assertFails(
        cache
            .putAsync(KEY, TYPE.row(Map.of("score", 1.0, "heat", 2.0f, "count", 1)))
            .thenCompose(
                r ->
                    cache.incrementAsync(
                        KEY, Increment.of("score", 9_007_199_254_740_993L), DEFAULTS)),
        InvalidValueException.class,
        "score");
  }

  @Test
  void aRequestThatIsSentTwiceAtOnceIsNotJudgedByWhatItsFirstHasDone() {
    WriteOptions once = DEFAULTS.request(new RequestId("r", "sell one"));
    database.writeRow(KEY, row("a", 1), 7);
    database.holdReplies();
    var second = cache.incrementAsync(KEY, Increment.of("count", -1).atLeast("count", 0), once);
    environment.run();
    long first = await(cache.putAsync(KEY, row("a", 0), once)).version();
    database.releaseReplies();
    assertThat(await(second).receipt().repeated()).isTrue();
    assertThat(await(second).receipt().version()).isEqualTo(first);
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("a", 0));
  }

  @Test
  @Timeout(5)
  void aNumberOfAHugeExponentIsRefusedBeforeItIsSpeltOut() {
    assertThatThrownBy(() -> Increment.of("total", 1).and("total", new BigDecimal("1e999999999")))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("by: 1E+999999999: must have at most 1000 digits");
    assertThatThrownBy(
            () -> new Increment.Step(BigDecimal.ONE, null, new BigDecimal("1e-999999999")))
        .hasMessageContaining("max: ");
  }

  @Test
  void settledTellsWhenTheDatabaseHasAVersion() {
    long version = await(cache.putAsync(KEY, row("a", 1))).version();
    var settled = cache.settledAsync(KEY, version);
    environment.run();
    assertThat(settled).isNotDone();
    settle();
    assertThat(settled).isCompleted();
    assertThat(cache.settledAsync(KEY, version)).isCompleted();
    // Also while something newer is pending.
    long newer = await(cache.putAsync(KEY, row("b", 2))).version();
    assertThat(cache.settledAsync(KEY, version)).isCompleted();
    assertThat(cache.settledAsync(KEY, newer)).isNotDone();
    assertFails(
        cache.settledAsync(KEY, version + 1_000_000_000_000L),
        InvalidValueException.class,
        "version");
    assertFails(cache.settledAsync(KEY, 0), InvalidValueException.class, "version: 0");
  }

  @Test
  void afterAnInvalidationTheNextReadAsksTheDatabase() {
    await(cache.putAsync(KEY, row("a", 1)));
    settle();
    database.writeRow(KEY, row("foreign", 2), 8);
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("a", 1));
    assertThat(await(cache.invalidateAsync(KEY))).isNull();
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("foreign", 2));
    await(cache.putAsync(KEY, row("b", 3)));
    assertThat(await(cache.invalidateAsync(KEY))).isEqualTo(EntryState.PENDING);
    assertThat(await(cache.getAsync(KEY))).isEqualTo(row("b", 3));
  }

  @Test
  void anInvalidationAlsoCatchesALoadUnderWay() {
    database.writeRow(KEY, row("old", 1), 7);
    database.holdReplies();
    var reading = cache.getAsync(KEY);
    environment.run();
    database.writeRow(KEY, row("foreign", 2), 8);
    assertThat(cache.invalidateAsync(KEY)).isCompleted();
    database.releaseReplies();
    assertThat(await(reading)).isEqualTo(row("foreign", 2));
  }

  @Test
  void severalEntriesAreAnsweredInTheirOrderTheMissingOnesToo() {
    database.writeRow(TYPE.key(3L), row("c", 3), 7);
    await(cache.putAsync(KEY, row("a", 1)));
    long loads = cache.status().counters().loads();
    var entries = await(cache.entriesAsync(List.of(TYPE.key(3L), TYPE.key(2L), KEY)));
    assertThat(entries.keySet()).containsExactly(TYPE.key(3L), TYPE.key(2L), KEY);
    assertThat(entries.get(TYPE.key(3L)).version()).isEqualTo(7);
    assertThat(entries.get(TYPE.key(2L)).exists()).isFalse();
    assertThat(entries.get(KEY).state()).isEqualTo(EntryState.PENDING);
    assertThat(cache.status().counters().loads()).isEqualTo(loads + 1);
  }
}
