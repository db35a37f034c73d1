package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What {@link SystemOfRecord} promises, for any SQL database. A subclass gives a database of its own, and says how to connect to it.
 *
 * <p>Each test has a new table, named {@code t1}, {@code t2}, ..., with the columns {@code id bigint} (primary key),
 * {@code name} (text of at most 40 characters), {@code qty integer}, and {@code version bigint} if it is versioned.
 */
public abstract class SystemOfRecordContractTest {
  /** The columns as they are declared. */
  protected static final RowType DECLARED =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .column("qty", ColumnType.INTEGER)
          .build();

  protected static final StoreId STORE = new StoreId(new UUID(7, 1), "journal /var/lib/one");
  protected static final StoreId OTHER = new StoreId(new UUID(7, 2), "journal /var/lib/two");
  protected static final int PARTITIONS = 4;

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final AtomicInteger tables = new AtomicInteger();

  private final List<SystemOfRecord> opened = new ArrayList<>();
  private long writeIds = 1;
  private long batchIds = 100;

  /** Name of this test's table. */
  protected String table = "";

  /** The table and its system of record, with a version column named {@code version} or without. */
  protected abstract SystemOfRecordFactory factory(String table, boolean versioned);

  /** A connection of its own to the same database, in auto-commit mode. */
  protected abstract Connection sql() throws SQLException;

  /** The columns of a new table, for {@code CREATE TABLE}, without the version column. */
  protected String columns() {
    return "id bigint PRIMARY KEY, name varchar(40), qty integer";
  }

  @BeforeEach
  void createTable() throws SQLException {
    table = "t" + tables.incrementAndGet();
    execute("CREATE TABLE " + table + " (" + columns() + ", version bigint)");
  }

  @AfterEach
  void closeAll() {
    opened.forEach(SystemOfRecord::close);
  }

  // what it says of itself

  @Test
  void rowTypeHasWhatTheCatalogueKnows() throws SQLException {
    SystemOfRecord database = connect("d" + table);
    assertThat(database.rowType().keyColumns()).isEqualTo(DECLARED.keyColumns());
    assertThat(database.rowType().valueColumns().get(0).type()).isEqualTo(ColumnType.text(40));
    assertThat(database.rowType().encoding()).isEqualTo(DECLARED.encoding());
  }

  @Test
  void descriptionNamesTheTable() {
    assertThat(connect("d" + table).description()).contains(table).doesNotContain("password");
  }

  // bind

  @Test
  void firstBindTiesLaterOnesRecogniseTheStore() {
    SystemOfRecord database = connect("d" + table);
    assertThat(get(database.bind(STORE, PARTITIONS, false))).isFalse();
    assertThat(get(database.bind(STORE, PARTITIONS, false))).isTrue();
    assertThat(get(connect("d" + table).bind(STORE, PARTITIONS, false))).isTrue();
  }

  @Test
  void twoStoresOneTable() {
    get(connect("d" + table).bind(STORE, PARTITIONS, false));
    assertThatThrownBy(() -> get(connect("d" + table).bind(OTHER, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(STORE.id().toString())
        .hasMessageContaining(STORE.description())
        .hasMessageContaining("headpond store adopt --dataset d" + table);
  }

  @Test
  void twoStoresAtTheSameMoment() {
    for (int round = 0; round < 5; round++) {
      String dataset = "d" + table;
      CompletionStage<Boolean> one = connect(dataset).bind(STORE, PARTITIONS, false);
      CompletionStage<Boolean> two = connect(dataset).bind(OTHER, PARTITIONS, false);
      int bound = 0;
      for (CompletionStage<Boolean> each : List.of(one, two)) {
        try {
          get(each);
          bound++;
        } catch (ConfigurationException e) {
          assertThat(e).hasMessageContaining("belongs to store");
        }
      }
      assertThat(bound).isEqualTo(1);
    }
  }

  @Test
  void twoDatasetsOneTable() {
    get(connect("d" + table).bind(STORE, PARTITIONS, false));
    assertThatThrownBy(() -> get(connect("other" + table).bind(STORE, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("d" + table)
        .hasMessageContaining(STORE.description());
    assertThatThrownBy(() -> get(connect("other" + table).bind(STORE, PARTITIONS, true)))
        .as("not even when it is adopted")
        .isInstanceOf(ConfigurationException.class);
  }

  @Test
  void oneDatasetTwoTables() throws SQLException {
    get(connect("d" + table).bind(STORE, PARTITIONS, false));
    String first = table;
    createTable();
    assertThatThrownBy(() -> get(connect("d" + first).bind(STORE, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(first)
        .hasMessageContaining(table);
  }

  @Test
  void changedPartitionCount() {
    get(connect("d" + table).bind(STORE, PARTITIONS, false));
    assertThatThrownBy(() -> get(connect("d" + table).bind(STORE, PARTITIONS + 1, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(PARTITIONS + " partitions")
        .hasMessageContaining(STORE.description());
  }

  @Test
  void changedHashVersion() throws SQLException {
    get(connect("d" + table).bind(STORE, PARTITIONS, false));
    execute(
        "UPDATE headpond_dataset SET hash_version = hash_version + 1 WHERE dataset = 'd"
            + table
            + "'");
    assertThatThrownBy(() -> get(connect("d" + table).bind(STORE, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("hash version");
  }

  @Test
  void adoptionShutsTheFormerStoreOut() {
    SystemOfRecord former = bound();
    Lease lease = get(former.acquire(STORE, 0));
    get(former.apply(batch(lease, put(1, "a", 50)), lease));

    SystemOfRecord adopter = connect("d" + table);
    assertThat(get(adopter.bind(OTHER, PARTITIONS, true))).isFalse();
    assertThatThrownBy(() -> get(former.apply(batch(lease, put(1, "b", 60)), lease)))
        .isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> get(former.acquire(STORE, 0)))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining(OTHER.description());
    assertThatThrownBy(() -> get(former.bind(STORE, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class);

    Lease taken = get(adopter.acquire(OTHER, 0));
    assertThat(taken.lastBatch()).isZero();
    assertThat(taken.epoch()).isGreaterThan(lease.epoch());
    assertThat(taken.highVersion()).isGreaterThanOrEqualTo(50);
    assertThat(name(1)).isEqualTo("a");
  }

  @Test
  void adoptionMayChangeThePartitionCount() {
    SystemOfRecord former = bound();
    Lease lease = get(former.acquire(STORE, 3));
    get(former.apply(batch(lease, put(1, "a", 50)), lease));

    SystemOfRecord adopter = connect("d" + table);
    assertThat(get(adopter.bind(STORE, 2, true))).isTrue();
    assertThatThrownBy(() -> get(former.apply(batch(lease, put(1, "b", 60)), lease)))
        .isInstanceOf(FencedException.class);
    for (int partition = 0; partition < 2; partition++) {
      Lease taken = get(adopter.acquire(STORE, partition));
      assertThat(taken.epoch()).isGreaterThan(lease.epoch());
      assertThat(taken.highVersion()).as("any key may be here now").isEqualTo(50);
    }
  }

  @Test
  void versionColumnAheadOfClock() throws SQLException {
    execute("INSERT INTO " + table + " VALUES (1, 'old', 1, 1700000000000000)");
    SystemOfRecord database = bound();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      assertThat(get(database.acquire(STORE, partition)).highVersion())
          .isEqualTo(1700000000000000L);
    }
  }

  @Test
  void adoptionSeesVersionsOfAnyWriter() throws SQLException {
    bound();
    execute("INSERT INTO " + table + " VALUES (1, 'other', 1, 900)");
    SystemOfRecord adopter = connect("d" + table);
    get(adopter.bind(OTHER, PARTITIONS, true));
    assertThat(get(adopter.acquire(OTHER, 0)).highVersion()).isEqualTo(900);
  }

  // leases

  @Test
  void everyAcquisitionRaisesTheEpoch() {
    SystemOfRecord database = bound();
    Lease first = get(database.acquire(STORE, 0));
    Lease second = get(database.acquire(STORE, 0));
    get(database.release(second));
    Lease third = get(connect("d" + table).acquire(STORE, 0));
    assertThat(first.epoch()).isPositive();
    assertThat(second.epoch()).isGreaterThan(first.epoch());
    assertThat(third.epoch()).isGreaterThan(second.epoch());
    assertThat(first).isEqualTo(new Lease(0, first.epoch(), 0, 0, 0));
  }

  @Test
  void aLeaseTellsWhatWasAppliedLast() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 2));
    Batch batch = new Batch(77, List.of(put(1, "a", 50), put(2, "b", 40)), 1234567890123456L);
    get(database.apply(batch, lease));
    Lease next = get(connect("d" + table).acquire(STORE, 2));
    assertThat(next).isEqualTo(new Lease(2, lease.epoch() + 1, 50, 1234567890123456L, 77));
  }

  @Test
  void theNextLeaseTellsOfEachBatchWhetherItWasCommitted() throws SQLException {
    execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (qty < 1000)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(81, List.of(put(1, "a", 50)), 1), lease));
    assertThat(get(database.acquire(STORE, 0)).lastBatch()).isEqualTo(81);

    Lease second = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(82, List.of(), 2), second));
    assertThat(get(database.acquire(STORE, 0)).lastBatch()).as("without rows").isEqualTo(82);

    Lease third = get(database.acquire(STORE, 0));
    Mutation bad = new Mutation.Put(key(37), row("bad", 5_000), 57, writeIds++);
    get(database.apply(new Batch(83, List.of(put(2, "b", 58), bad), 3), third));
    Lease fourth = get(database.acquire(STORE, 0));
    assertThat(fourth.lastBatch()).as("without the refused").isEqualTo(83);
    assertThat(fourth.frontier()).isEqualTo(2);

    get(database.apply(new Batch(84, List.of(put(2, "b", 59)), 3), fourth));
    Lease fifth = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(84, List.of(put(2, "b", 59)), 3), fifth));
    assertThat(get(database.acquire(STORE, 0)).lastBatch()).as("twice").isEqualTo(84);
  }

  /** Nobody waits for the answers to the batches, as if they were lost. */
  @Test
  void whatANewLeaseDoesNotTellOfIsNeverCommitted() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    for (int round = 1; round <= 50; round++) {
      CompletionStage<Applied> applied =
          database.apply(new Batch(round, List.of(put(round, "a", 50)), 1), lease);
      lease = get(database.acquire(STORE, 0));
      boolean committed = lease.lastBatch() == round;
      applied.handle((answer, failure) -> "over").toCompletableFuture().join();
      assertThat(name(round)).isEqualTo(committed ? "a" : null);
    }
  }

  @Test
  void fencedOwnerCannotApply() {
    SystemOfRecord one = bound();
    SystemOfRecord two = connect("d" + table);
    Lease lease = get(one.acquire(STORE, 0));
    get(two.acquire(STORE, 0));
    assertThatThrownBy(() -> get(one.apply(batch(lease, put(1, "late", 50)), lease)))
        .isInstanceOf(FencedException.class);
    assertThat(name(1)).isNull();
  }

  /** A clone that lost a reply would else fence the one that has replaced it. */
  @Test
  void whoHasBeenReplacedDoesNotTakeTheLeaseBack() {
    SystemOfRecord one = bound();
    SystemOfRecord two = connect("d" + table);
    get(one.acquire(STORE, 0));
    get(one.acquire(STORE, 0));
    Lease lease = get(two.acquire(STORE, 0));
    assertThatThrownBy(() -> get(one.acquire(STORE, 0))).isInstanceOf(FencedException.class);
    assertThat(get(two.apply(batch(lease, put(1, "a", 50)), lease)).outcomes())
        .containsExactly(new Applied.Done());
  }

  @Test
  void aLeaseOfAnotherPartitionIsNotTouched() {
    SystemOfRecord database = bound();
    Lease zero = get(database.acquire(STORE, 0));
    get(database.acquire(STORE, 1));
    assertThat(get(database.apply(batch(zero, put(1, "a", 50)), zero)).outcomes())
        .containsExactly(new Applied.Done());
  }

  @Test
  void anotherStoreNeverGetsTheLease() {
    SystemOfRecord database = bound();
    get(database.release(get(database.acquire(STORE, 0))));
    assertThatThrownBy(() -> get(connect("d" + table).acquire(OTHER, 0)))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining(STORE.description());
  }

  @Test
  void aTableThatIsTiedToNobodyHasNoLeases() {
    SystemOfRecord database = connect("d" + table);
    assertThatThrownBy(() -> get(database.acquire(STORE, 0)))
        .isInstanceOf(ConfigurationException.class);
  }

  @Test
  void ghostIsWaitedOut() throws Exception {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    try (Connection ghost = sql()) {
      ghost.setAutoCommit(false);
      execute(
          ghost,
          "UPDATE headpond_lease SET last_batch = 5 WHERE partition = 0 AND dataset = 'd"
              + table
              + "'");
      CompletionStage<Lease> acquired = database.acquire(STORE, 0);
      assertThatThrownBy(
              () -> acquired.toCompletableFuture().get(SHORT.toMillis(), TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      ghost.rollback();
      assertThat(get(acquired).epoch()).isEqualTo(lease.epoch() + 1);
    }
  }

  @Test
  void releasedLeaseCannotApply() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.release(lease));
    assertThatThrownBy(() -> get(database.apply(batch(lease, put(1, "late", 50)), lease)))
        .isInstanceOf(FencedException.class);
  }

  @Test
  void releasingALostLeaseHasNoEffect() {
    SystemOfRecord one = bound();
    SystemOfRecord two = connect("d" + table);
    Lease lost = get(one.acquire(STORE, 0));
    Lease held = get(two.acquire(STORE, 0));
    get(one.release(lost));
    assertThat(get(two.apply(batch(held, put(1, "a", 50)), held)).outcomes())
        .containsExactly(new Applied.Done());
  }

  // apply

  @Test
  void putsInsertAndUpdateRemovesDelete() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    assertThat(
            get(database.apply(
                    batch(lease, put(1, "a", 10), put(2, null, 11), put(3, "c", 12)), lease))
                .outcomes())
        .containsExactly(new Applied.Done(), new Applied.Done(), new Applied.Done());
    Applied applied =
        get(
            database.apply(
                batch(lease, put(1, "changed", 20), remove(2, 21), remove(9, 22), put(4, "d", 23)),
                lease));
    assertThat(applied.outcomes()).hasSize(4).allMatch(Applied.Done.class::isInstance);
    assertThat(applied.statements()).isPositive();
    assertThat(ids()).containsExactly(1L, 3L, 4L);
    assertThat(name(1)).isEqualTo("changed");
    assertThat(version(1)).isEqualTo(20);
    assertThat(version(3)).isEqualTo(12);
  }

  @Test
  void anEmptyBatchMovesTheFrontier() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    assertThat(get(database.apply(new Batch(5, List.of(), 2_000_000), lease)).outcomes()).isEmpty();
    assertThat(get(database.acquire(STORE, 0)).frontier()).isEqualTo(2_000_000);
  }

  @Test
  void frontierAndHighVersionNeverGoBack() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(5, List.of(put(1, "a", 500)), 2_000_000), lease));
    get(database.apply(new Batch(6, List.of(put(2, "b", 400)), 1_000_000), lease));
    Lease next = get(database.acquire(STORE, 0));
    assertThat(next.frontier()).isEqualTo(2_000_000);
    assertThat(next.highVersion()).isEqualTo(500);
    assertThat(next.lastBatch()).isEqualTo(6);
  }

  @Test
  void applyingAgainChangesNothing() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    Batch batch = batch(lease, put(1, "a", 10), remove(2, 11), put(3, "c", 12));
    Applied first = get(database.apply(batch, lease));
    Applied again = get(database.apply(batch, lease));
    assertThat(again.outcomes()).isEqualTo(first.outcomes());
    Lease next = get(database.acquire(STORE, 0));
    assertThat(get(database.apply(batch, next)).outcomes()).isEqualTo(first.outcomes());
    assertThat(ids()).containsExactly(1L, 3L);
    assertThat(version(1)).isEqualTo(10);
  }

  @Test
  void applyingAgainAfterANewerVersionIsStale() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    Batch old = batch(lease, put(1, "old", 10), remove(2, 11), put(3, "fresh", 12));
    get(database.apply(old, lease));
    get(database.apply(batch(lease, put(1, "new", 20), put(2, "new", 21)), lease));
    assertThat(get(database.apply(old, lease)).outcomes())
        .containsExactly(new Applied.Stale(20), new Applied.Stale(21), new Applied.Done());
    assertThat(name(1)).isEqualTo("new");
    assertThat(name(2)).isEqualTo("new");
  }

  @Test
  void aRowWithoutAVersionIsOlderThanAny() throws SQLException {
    execute("INSERT INTO " + table + " VALUES (1, 'theirs', 1, NULL), (2, 'theirs', 1, NULL)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    assertThat(
            get(database.apply(batch(lease, put(1, "ours", 10), remove(2, 11)), lease)).outcomes())
        .containsExactly(new Applied.Done(), new Applied.Done());
    assertThat(ids()).containsExactly(1L);
    assertThat(name(1)).isEqualTo("ours");
  }

  @Test
  void withoutAVersionColumnTheLastWriteStands() throws SQLException {
    SystemOfRecord database = connect("d" + table, false);
    get(database.bind(STORE, PARTITIONS, false));
    Lease lease = get(database.acquire(STORE, 0));
    Batch batch = batch(lease, put(1, "a", 10), remove(2, 11));
    assertThat(get(database.apply(batch, lease)).outcomes())
        .containsExactly(new Applied.Done(), new Applied.Done());
    assertThat(get(database.apply(batch, lease)).outcomes())
        .containsExactly(new Applied.Done(), new Applied.Done());
    assertThat(get(database.load(List.of(key(1)))).get(0).version()).isZero();
    assertThat(name(1)).isEqualTo("a");
    get(database.apply(batch(lease, remove(1, 12)), lease));
    assertThat(ids()).isEmpty();
  }

  @Test
  void rejectedRowsAreLeftOutAndTheOthersCommitted() throws SQLException {
    execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (qty < 1000)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    List<Mutation> mutations = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      mutations.add(put(i, "n" + i, 10 + i));
    }
    mutations.set(37, new Mutation.Put(key(37), row("bad", 5_000), 47, writeIds++));
    mutations.set(70, remove(70, 80));
    mutations.set(90, new Mutation.Put(key(90), row("bad", 5_001), 100, writeIds++));
    Applied applied = get(database.apply(new Batch(5, mutations, 3_000_000), lease));
    for (int i = 0; i < 100; i++) {
      if (i == 37 || i == 90) {
        assertThat(applied.outcomes().get(i))
            .isInstanceOfSatisfying(
                Applied.Rejected.class,
                r -> assertThat(r.error().message()).containsIgnoringCase("small"));
      } else {
        assertThat(applied.outcomes().get(i)).isEqualTo(Applied.Done.INSTANCE);
      }
    }
    assertThat(ids()).hasSize(97).doesNotContain(37L, 70L, 90L);
    Lease next = get(database.acquire(STORE, 0));
    assertThat(next.frontier()).as("not all of the batch is there").isZero();
    assertThat(next.highVersion()).isGreaterThanOrEqualTo(109);
    assertThat(next.lastBatch()).isEqualTo(5);

    assertThat(get(database.apply(new Batch(6, mutations, 3_000_000), next)).outcomes())
        .filteredOn(Applied.Done.class::isInstance)
        .hasSize(98);
    assertThat(ids()).hasSize(97);
  }

  @Test
  void aRejectedRowAlone() throws SQLException {
    execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (qty < 1000)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    Mutation bad = new Mutation.Put(key(37), row("bad", 5_000), 47, writeIds++);
    assertThat(get(database.apply(batch(lease, bad), lease)).outcomes())
        .singleElement()
        .isInstanceOf(Applied.Rejected.class);
    assertThat(get(database.apply(batch(lease, put(1, "a", 50)), lease)).outcomes())
        .containsExactly(new Applied.Done());
  }

  @Test
  void whereNothingGoesThroughNothingIsCommitted() throws SQLException {
    execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (qty < 1000)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(5, List.of(put(1, "a", 50)), 1_000_000), lease));
    List<Mutation> bad = new ArrayList<>();
    for (int i = 2; i < 5; i++) {
      bad.add(new Mutation.Put(key(i), row("bad", 5_000), 60, writeIds++));
    }
    assertThat(get(database.apply(new Batch(6, bad, 2_000_000), lease)).outcomes())
        .hasSize(3)
        .allMatch(Applied.Rejected.class::isInstance);
    assertThat(get(database.acquire(STORE, 0)))
        .isEqualTo(new Lease(0, lease.epoch() + 1, 50, 1_000_000, 5));
  }

  @Test
  void aBatchWithoutTheRejectedDoesNotMoveTheFrontierAndTheNextDoes() throws SQLException {
    execute("ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (qty < 1000)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    Mutation bad = new Mutation.Put(key(2), row("bad", 5_000), 51, writeIds++);
    get(database.apply(new Batch(5, List.of(put(1, "a", 50)), 1_000_000), lease));
    get(database.apply(new Batch(6, List.of(put(1, "b", 60), bad), 2_000_000), lease));
    get(database.apply(new Batch(7, List.of(put(3, "c", 70)), 3_000_000), lease));
    Lease next = get(connect("d" + table).acquire(STORE, 0));
    assertThat(next.frontier()).isEqualTo(3_000_000);
    assertThat(next.lastBatch()).isEqualTo(7);
    assertThat(name(1)).isEqualTo("b");
  }

  @Test
  void aRowThatSomebodyHoldsIsLeftOutAndToBeTriedAgain() throws SQLException {
    execute("INSERT INTO " + table + " VALUES (2, 'theirs', 1, 0)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    Batch batch = new Batch(5, List.of(put(1, "a", 10), put(2, "b", 11), put(3, "c", 12)), 1);
    try (Connection person = sql()) {
      person.setAutoCommit(false);
      execute(person, "UPDATE " + table + " SET name = 'open' WHERE id = 2");
      assertThat(get(database.apply(batch, lease)).outcomes())
          .satisfiesExactly(
              first -> assertThat(first).isEqualTo(Applied.Done.INSTANCE),
              second ->
                  assertThat(second)
                      .isInstanceOfSatisfying(
                          Applied.Retry.class,
                          retry ->
                              assertThat(retry.error().errorClass()).isEqualTo(ErrorClass.LOCKED)),
              third -> assertThat(third).isEqualTo(Applied.Done.INSTANCE));
      assertThat(ids()).contains(1L, 3L);
      person.rollback();
    }
    assertThat(get(database.apply(batch, lease)).outcomes()).containsOnly(Applied.Done.INSTANCE);
  }

  @Test
  void partitionsAreAppliedAtTheSameTime() {
    SystemOfRecord database = bound();
    List<CompletionStage<Applied>> all = new ArrayList<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      Lease lease = get(database.acquire(STORE, partition));
      List<Mutation> mutations = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        mutations.add(put(partition * 1_000L + i, "n", 10));
      }
      all.add(database.apply(new Batch(5, mutations, 1), lease));
    }
    all.forEach(
        applied -> assertThat(get(applied).outcomes()).allMatch(Applied.Done.class::isInstance));
    assertThat(ids()).hasSize(500 * PARTITIONS);
  }

  @Test
  void wentBackBehindAConfirmedFrontier() throws SQLException {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(5, List.of(put(1, "a", 10)), 1_000_000), lease));
    execute("CREATE TABLE " + table + "_backup AS SELECT * FROM headpond_lease");
    get(database.apply(new Batch(6, List.of(put(1, "b", 20)), 5_000_000), lease));
    restoreLeases();
    assertThatThrownBy(() -> get(database.apply(batch(lease, put(1, "c", 30)), lease)))
        .isInstanceOf(DatabaseWentBackException.class)
        .hasMessageContaining("4.0");
    assertThatThrownBy(() -> get(database.acquire(STORE, 0)))
        .isInstanceOf(DatabaseWentBackException.class);
    assertThat(name(1)).isEqualTo("b");

    get(database.bind(STORE, PARTITIONS, true));
    Lease accepted = get(database.acquire(STORE, 0));
    assertThat(get(database.apply(batch(accepted, put(1, "c", 30)), accepted)).outcomes())
        .containsExactly(new Applied.Done());
  }

  @Test
  void wentBackWithinOneFrontier() throws SQLException {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(5, List.of(put(1, "a", 30)), 1_000_000), lease));
    execute("CREATE TABLE " + table + "_backup AS SELECT * FROM headpond_lease");
    get(database.apply(new Batch(6, List.of(put(2, "b", 20)), 1_000_000), lease));
    restoreLeases();
    assertThatThrownBy(() -> get(database.apply(batch(lease, put(1, "c", 40)), lease)))
        .isInstanceOf(DatabaseWentBackException.class);
  }

  @Test
  void wentBackBehindTheLease() throws SQLException {
    SystemOfRecord database = bound();
    execute("CREATE TABLE " + table + "_backup AS SELECT * FROM headpond_lease");
    Lease lease = get(database.acquire(STORE, 0));
    restoreLeases();
    assertThatThrownBy(() -> get(database.apply(batch(lease, put(1, "c", 40)), lease)))
        .isInstanceOf(DatabaseWentBackException.class);
    assertThatThrownBy(() -> get(database.acquire(STORE, 0)))
        .isInstanceOf(DatabaseWentBackException.class);
  }

  // load

  @Test
  void loadsInTheOrderOfTheKeys() throws SQLException {
    execute(
        "INSERT INTO " + table + " VALUES (1, 'a', 5, 10), (2, NULL, NULL, NULL), (3, '', 0, 30)");
    SystemOfRecord database = connect("d" + table);
    List<Loaded> loaded = get(database.load(List.of(key(3), key(9), key(1), key(2), key(1))));
    assertThat(loaded)
        .containsExactly(
            new Loaded(key(3), row("", 0), 30),
            new Loaded(key(9), null, 0),
            new Loaded(key(1), row("a", 5), 10),
            new Loaded(key(2), row(null, null), 0),
            new Loaded(key(1), row("a", 5), 10));
    assertThat(get(database.load(List.of()))).isEmpty();
  }

  @Test
  void loadsWhatIsCommittedOnly() throws SQLException {
    execute("INSERT INTO " + table + " VALUES (1, 'a', 5, 10)");
    SystemOfRecord database = connect("d" + table);
    try (Connection writer = sql()) {
      writer.setAutoCommit(false);
      execute(writer, "UPDATE " + table + " SET name = 'b' WHERE id = 1");
      assertThat(get(database.load(List.of(key(1)))).get(0).row()).isEqualTo(row("a", 5));
      writer.commit();
    }
    assertThat(get(database.load(List.of(key(1)))).get(0).row()).isEqualTo(row("b", 5));
  }

  @Test
  void loadsManyKeys() throws SQLException {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    List<Mutation> mutations = new ArrayList<>();
    List<Key> keys = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      mutations.add(put(i, "n" + i, 10));
      keys.add(key(i * 2L));
    }
    get(database.apply(new Batch(5, mutations, 1), lease));
    List<Loaded> loaded = get(database.load(keys));
    for (int i = 0; i < 2_000; i++) {
      assertThat(loaded.get(i).key()).isEqualTo(keys.get(i));
      assertThat(loaded.get(i).row()).isEqualTo(i < 1_000 ? row("n" + i * 2, i * 2) : null);
    }
  }

  @Test
  void loadsDoNotWaitForLockedRows() throws SQLException {
    execute("INSERT INTO " + table + " VALUES (1, 'a', 5, 10)");
    SystemOfRecord database = connect("d" + table);
    try (Connection writer = sql()) {
      writer.setAutoCommit(false);
      execute(writer, "SELECT * FROM " + table + " WHERE id = 1 FOR UPDATE");
      assertThat(get(database.load(List.of(key(1)))).get(0).version()).isEqualTo(10);
      writer.rollback();
    }
  }

  // without the database at the start

  @Test
  void goesOnFromItsMapping() {
    SystemOfRecord first = bound();
    byte[] mapping = first.mapping();
    first.close();
    SystemOfRecord resumed = factory(table, true).resume("d" + table, DECLARED, mapping);
    opened.add(resumed);
    assertThat(resumed.rowType()).isEqualTo(first.rowType());
    assertThat(resumed.mapping()).isEqualTo(mapping);
    assertThat(get(resumed.bind(STORE, PARTITIONS, false))).isTrue();
    Lease lease = get(resumed.acquire(STORE, 0));
    get(resumed.apply(batch(lease, put(1, "a", 10)), lease));
    assertThat(get(resumed.load(List.of(key(1)))).get(0).row()).isEqualTo(row("a", 1));
  }

  @Test
  void theMappingOfAnotherDeclarationIsRefused() {
    byte[] mapping = bound().mapping();
    RowType other = RowType.builder().key("id", ColumnType.BIGINT).build();
    assertThatThrownBy(() -> factory(table, true).resume("d" + table, other, mapping))
        .isInstanceOf(ConfigurationException.class);
    assertThatThrownBy(() -> factory(table, false).resume("d" + table, DECLARED, mapping))
        .isInstanceOf(ConfigurationException.class);
    assertThatThrownBy(() -> factory("another", true).resume("d" + table, DECLARED, mapping))
        .isInstanceOf(ConfigurationException.class);
  }

  // close

  @Test
  void afterCloseEverythingIsRefused() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    database.close();
    database.close();
    List<ThrowingCallable> calls =
        List.of(
            () -> get(database.load(List.of(key(1)))),
            () -> get(database.apply(batch(lease, put(1, "a", 10)), lease)),
            () -> get(database.acquire(STORE, 0)),
            () -> get(database.bind(STORE, PARTITIONS, false)),
            () -> get(database.release(lease)));
    calls.forEach(call -> assertThatThrownBy(call).isInstanceOf(UnavailableException.class));
    assertThat(database.rowType().keyColumns()).isEqualTo(DECLARED.keyColumns());
  }

  // helpers, for subclasses too

  /** Connects this test's table, with a version column; closed after the test. */
  protected SystemOfRecord connect(String dataset) {
    return connect(dataset, true);
  }

  protected SystemOfRecord connect(String dataset, boolean versioned) {
    SystemOfRecord database = factory(table, versioned).connect(dataset, DECLARED);
    opened.add(database);
    return database;
  }

  /** Connects this test's table as dataset {@code "d" + table} and ties it to {@link #STORE}. */
  protected SystemOfRecord bound() {
    SystemOfRecord database = connect("d" + table);
    get(database.bind(STORE, PARTITIONS, false));
    return database;
  }

  protected Batch batch(Lease lease, Mutation... mutations) {
    return new Batch(batchIds++, List.of(mutations), lease.frontier());
  }

  protected Mutation.Put put(long id, @Nullable String name, long version) {
    return new Mutation.Put(key(id), row(name, (int) id), version, writeIds++);
  }

  protected Mutation.Remove remove(long id, long version) {
    return new Mutation.Remove(key(id), version, writeIds++);
  }

  protected static Key key(long id) {
    return DECLARED.key(id);
  }

  protected static Row row(@Nullable String name, @Nullable Integer qty) {
    return DECLARED.rowOf(name, qty);
  }

  /** What a stage completes with, or throws what it fails with. */
  protected static <T> T get(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().orTimeout(LONG.toSeconds(), TimeUnit.SECONDS).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  protected void execute(String statement) throws SQLException {
    try (Connection connection = sql()) {
      execute(connection, statement);
    }
  }

  protected static void execute(Connection connection, String text) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(text);
    }
  }

  private void restoreLeases() throws SQLException {
    try (Connection connection = sql()) {
      connection.setAutoCommit(false);
      execute(connection, "DELETE FROM headpond_lease");
      execute(connection, "INSERT INTO headpond_lease SELECT * FROM " + table + "_backup");
      connection.commit();
    }
  }

  protected @Nullable String name(long id) {
    return (@Nullable String) one("SELECT name FROM " + table + " WHERE id = " + id);
  }

  protected long version(long id) {
    Object version = one("SELECT version FROM " + table + " WHERE id = " + id);
    return version == null ? 0 : ((Number) version).longValue();
  }

  protected List<Long> ids() {
    List<Long> ids = new ArrayList<>();
    for (Object id : all("SELECT id FROM " + table)) {
      ids.add(((Number) id).longValue());
    }
    ids.sort(Comparator.naturalOrder());
    return ids;
  }

  private @Nullable Object one(String query) {
    List<@Nullable Object> all = all(query);
    return all.isEmpty() ? null : all.get(0);
  }

  private List<@Nullable Object> all(String query) {
    try (Connection connection = sql();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(query)) {
      List<@Nullable Object> all = new ArrayList<>();
      while (rows.next()) {
        all.add(rows.getObject(1));
      }
      return all;
    } catch (SQLException e) {
      throw new AssertionError(query, e);
    }
  }
}
