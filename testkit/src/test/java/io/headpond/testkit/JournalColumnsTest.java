package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.journal.JournalStore;
import io.headpond.journal.JournalTool;
import io.headpond.journal.SalvageReport;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** A start with other columns than the last one: what is pending is carried over exactly, or the start stops and changes nothing. */
class JournalColumnsTest {
  private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.headpond.journal");
  private static final Failure FAILURE =
      new Failure(DatabaseError.of(ErrorClass.CONSTRAINT, "refused"), 7);
  private static final int SEGMENT = 64 << 10;
  private static final int PARTITIONS = 2;

  private static final RowType BEFORE =
      RowType.builder()
          .key("id", ColumnType.TEXT)
          .column("name", ColumnType.TEXT)
          .column("price", ColumnType.numeric(10, 2))
          .column("stock", ColumnType.INTEGER)
          .build();

  private final ManualEnvironment environment = new ManualEnvironment();
  private SimulatedDisk disk = new SimulatedDisk();

  @BeforeAll
  static void keepQuiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void speakAgain() {
    LOG.setLevel(null);
  }

  private HotStore open(RowType type) {
    environment.forgetTasks();
    return JournalStore.on(disk)
        .segmentSize(SEGMENT)
        .open(
            new HotStoreFactory.Settings(
                "things", type, PARTITIONS, 1_000, 1 << 20, 100, Duration.ofHours(1), environment));
  }

  private void crash() {
    environment.run();
    disk = disk.crashProcess();
  }

  private Mutation put(HotStore store, RowType type, String id, Row row) {
    WriteOutcome outcome =
        environment.await(store.put(new Write(type.key(id), row, Durability.DISK)));
    return ((WriteOutcome.Written) outcome).mutation();
  }

  private Mutation put(HotStore store, String id, Object... cells) {
    return put(store, BEFORE, id, BEFORE.rowOf(cells));
  }

  private static BigDecimal price(String price) {
    return new BigDecimal(price);
  }

  private void settle(HotStore store, Mutation mutation) {
    environment.await(store.settle(mutation.key().partition(PARTITIONS), 1, List.of(mutation), 0));
  }

  private void defer(HotStore store, Mutation mutation) {
    long due = environment.wallMicros() + 3_600_000_000L;
    environment.await(
        store.defer(mutation.key().partition(PARTITIONS), 1, mutation, due, 2, FAILURE));
  }

  private void park(HotStore store, Mutation mutation) {
    environment.await(store.park(mutation.key().partition(PARTITIONS), 1, mutation, 4, FAILURE));
  }

  /** One pending, one deferred, one parked, one removal, one that is settled; each with these cells. */
  private void fill(Object... cells) {
    HotStore store = open(BEFORE);
    put(store, "pending", cells);
    defer(store, put(store, "deferred", cells));
    park(store, put(store, "parked", cells));
    put(store, BEFORE, "removed", null);
    settle(store, put(store, "settled", "other", price("99999999.99"), -1));
    crash();
  }

  private void carriedOver(RowType now, Object... cells) {
    for (int life = 0; life < 2; life++) {
      HotStore store = open(now);
      for (Map.Entry<String, EntryState> of :
          Map.of(
                  "pending", EntryState.PENDING,
                  "deferred", EntryState.PENDING,
                  "parked", EntryState.PARKED)
              .entrySet()) {
        Lookup lookup = environment.await(store.get(now.key(of.getKey())));
        assertThat(lookup.state()).isEqualTo(of.getValue());
        assertThat(lookup.row()).as(of.getKey()).isEqualTo(now.rowOf(cells));
        assertThat(lookup.row().type()).isSameAs(now);
      }
      Lookup removed = environment.await(store.get(now.key("removed")));
      assertThat(removed.state()).isEqualTo(EntryState.PENDING);
      assertThat(removed.row()).isNull();
      assertThat(environment.await(store.get(now.key("settled"))).miss()).isTrue();
      crash();
    }
  }

  private Map<String, byte[]> files() {
    Map<String, byte[]> files = new HashMap<>();
    try {
      for (String name : disk.list()) {
        files.put(name, disk.contents(name).clone());
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return files;
  }

  /** The start stops with these words, nothing is written, and the columns of before start as if nothing had been. */
  private void stops(RowType now, String... words) {
    Map<String, byte[]> before = files();
    long operations = disk.operations();
    assertThatThrownBy(() -> open(now))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("Nothing was changed. Start with the columns as they were, drain")
        .hasMessageContainingAll(words);
    assertThat(disk.operations()).isEqualTo(operations);
    Map<String, byte[]> after = files();
    assertThat(after.keySet()).isEqualTo(before.keySet());
    before.forEach((name, bytes) -> assertThat(after.get(name)).as(name).isEqualTo(bytes));
  }

  private static RowType.Builder columns() {
    return RowType.builder().key("id", ColumnType.TEXT).column("name", ColumnType.TEXT);
  }

  private static RowType.Builder allColumns() {
    return columns().column("price", ColumnType.numeric(10, 2)).column("stock", ColumnType.INTEGER);
  }

  @Test
  void anAddedColumnIsNull() {
    fill("n", price("1.50"), 7);
    carriedOver(allColumns().column("note", ColumnType.TEXT).build(), "n", price("1.50"), 7, null);
  }

  @Test
  void anAddedColumnThatMustNotBeNullStops() {
    fill("n", price("1.50"), 7);
    stops(
        allColumns().column(new Column("note", ColumnType.TEXT, false)).build(),
        "note: is new and must not be null",
        "3 entries: deferred, parked, pending",
        "note TEXT");
    carriedOver(BEFORE, "n", price("1.50"), 7);
  }

  @Test
  void aDroppedColumnThatIsNullIsNotMissed() {
    fill("n", price("1.50"), null);
    carriedOver(columns().column("price", ColumnType.numeric(10, 2)).build(), "n", price("1.50"));
  }

  @Test
  void aDroppedColumnWithAValueStops() {
    fill("n", price("1.50"), null);
    HotStore store = open(BEFORE);
    park(store, put(store, "parked", "n", price("1.50"), 3));
    crash();
    stops(
        columns().column("price", ColumnType.numeric(10, 2)).build(),
        "stock: is not among the columns any more (dropped, or renamed)",
        "(entry parked)",
        "The columns were:\nkey id TEXT\nname TEXT\nprice NUMERIC\nstock INTEGER\n",
        "and are now:\nkey id TEXT\nname TEXT\nprice NUMERIC\n");
  }

  @Test
  void aRenamedColumnStops() {
    fill("n", price("1.50"), 7);
    stops(
        columns()
            .column("price", ColumnType.numeric(10, 2))
            .column("amount", ColumnType.INTEGER)
            .build(),
        "stock: is not among the columns any more (dropped, or renamed)",
        "3 entries: deferred, parked, pending");
    carriedOver(BEFORE, "n", price("1.50"), 7);
  }

  @Test
  void reorderedColumnsAreTheSame() {
    fill("n", price("1.50"), 7);
    carriedOver(
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("stock", ColumnType.INTEGER)
            .column("name", ColumnType.TEXT)
            .column("price", ColumnType.numeric(10, 2))
            .build(),
        7,
        "n",
        price("1.50"));
  }

  @Test
  void widenedColumnsTakeTheSameValues() {
    fill("n", price("1.50"), 7);
    carriedOver(
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("name", ColumnType.text(100))
            .column("price", ColumnType.numeric(12, 4))
            .column("stock", ColumnType.BIGINT)
            .build(),
        "n",
        price("1.5000"),
        7L);
  }

  /** The journal's text of the columns is the same: lengths and scales are no part of it. */
  @Test
  void aNarrowedColumnStopsWhereAValueDoesNotFit() {
    fill("n", price("1.55"), 7);
    stops(
        columns()
            .column("price", ColumnType.numeric(10, 1))
            .column("stock", ColumnType.INTEGER)
            .build(),
        "price: must have at most 1 digits after the point (3 entries: deferred, parked, pending)");
    stops(
        columns()
            .column(new Column("price", ColumnType.numeric(10, 2), false))
            .column("stock", ColumnType.TEXT)
            .column(new Column("note", ColumnType.TEXT, false))
            .build(),
        "note: is new");
  }

  @Test
  void aColumnThatMustNotBeNullNowStopsWhereItIs() {
    fill("n", null, 7);
    stops(
        columns()
            .column(new Column("price", ColumnType.numeric(10, 2), false))
            .column("stock", ColumnType.INTEGER)
            .build(),
        "price: must not be null (3 entries: deferred, parked, pending)");
  }

  @Test
  void tenEntriesAreNamedAndTheOthersCounted() {
    HotStore store = open(BEFORE);
    for (int i = 0; i < 25; i++) {
      put(store, String.format("k%02d", i), "n", price("1.50"), i);
    }
    crash();
    stops(
        columns().column("price", ColumnType.numeric(10, 2)).build(),
        "25 entries: k00, k01, k02, k03, k04, k05, k06, k07, k08, k09 and 15 more");
  }

  @Test
  void eachReasonIsTold() {
    HotStore store = open(BEFORE);
    put(store, "a", "n", price("1.55"), null);
    put(store, "b", "n", price("1.50"), 7);
    put(store, "c", "n", price("1.50"), null);
    crash();
    stops(
        columns().column("price", ColumnType.numeric(10, 1)).build(),
        "price: must have at most 1 digits after the point (entry a)",
        "stock: is not among the columns any more (dropped, or renamed) and is not null (entry b)");
  }

  @Test
  void keyColumnsCannotChangeWhileAnythingIsPending() {
    fill("n", price("1.50"), 7);
    for (RowType other :
        List.of(
            RowType.builder().key("id", ColumnType.BIGINT).column("name", ColumnType.TEXT).build(),
            RowType.builder().key("name", ColumnType.TEXT).column("id", ColumnType.TEXT).build(),
            RowType.builder()
                .key("renamed", ColumnType.TEXT)
                .column("name", ColumnType.TEXT)
                .build(),
            RowType.builder().key("id", ColumnType.TEXT).key("name", ColumnType.TEXT).build())) {
      stops(
          other,
          "the key columns of things",
          "was written with [id text]",
          "4 entries: deferred, parked, pending, removed pending or parked");
    }
    carriedOver(BEFORE, "n", price("1.50"), 7);
  }

  @Test
  void aKeyThatIsNoKeyAnyMoreStops() {
    fill("n", price("1.50"), 7);
    stops(
        RowType.builder()
            .key("id", ColumnType.text(7))
            .column("name", ColumnType.TEXT)
            .column("price", ColumnType.numeric(10, 2))
            .column("stock", ColumnType.INTEGER)
            .build(),
        "id: must have at most 7 characters",
        "entry deferred");
  }

  @Test
  void whereNothingIsPendingAnyColumnsWillDo() {
    HotStore store = open(BEFORE);
    settle(store, put(store, "a", "n", price("1.50"), 7));
    crash();
    RowType other = RowType.builder().key("code", ColumnType.BIGINT).build();
    store = open(other);
    environment.await(store.put(new Write(other.key(5L), other.rowOf(), Durability.DISK)));
    crash();
    assertThat(environment.await(open(other).get(other.key(5L))).state())
        .isEqualTo(EntryState.PENDING);
  }

  // Requests

  private void ask(HotStore store, String id, String request) {
    Write write =
        new Write(
            BEFORE.key(id),
            BEFORE.rowOf("n", null, 7),
            Durability.DISK,
            false,
            null,
            new RequestId(request, ""));
    WriteOutcome outcome = environment.await(store.put(write));
    settle(store, ((WriteOutcome.Written) outcome).mutation());
  }

  @Test
  void requestsAreCarriedOverWhateverBecomesOfTheValueColumns() {
    HotStore store = open(BEFORE);
    ask(store, "a", "r");
    crash();
    RowType other =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column(new Column("other", ColumnType.BOOLEAN, false))
            .build();
    assertThat(environment.await(open(other).request("r")).key()).isEqualTo(other.key("a"));
  }

  @Test
  void rememberedRequestsHoldTheKeyColumnsForTheirDay() {
    HotStore store = open(BEFORE);
    ask(store, "a", "r");
    ask(store, "b", "s");
    crash();
    RowType other =
        RowType.builder().key("code", ColumnType.TEXT).column("name", ColumnType.TEXT).build();
    stops(other, "2 requests are remembered until 2027-01-16T08:00:00Z");
    environment.advance(Duration.ofHours(24));
    assertThat(environment.await(open(other).request("r"))).isNull();
  }

  // Crashes on the way

  /** In the middle of a carrying over there are segments with both columns; each row is read by its own. */
  @Test
  void aStartThatDiesOnTheWayCanBeRepeatedWithEitherColumns() {
    RowType now =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("added", ColumnType.BOOLEAN)
            .column("stock", ColumnType.BIGINT)
            .column("name", ColumnType.TEXT)
            .build();
    int mixed = 0;
    for (int at = 0; at < 60; at++) {
      disk = new SimulatedDisk();
      HotStore store = open(BEFORE);
      for (int i = 0; i < 24; i++) {
        put(store, "k" + i, "x".repeat(8_000) + i, null, i);
        environment.run();
      }
      crash();
      disk.crashAt(disk.operations() + at);
      try {
        open(now);
      } catch (ConfigurationException e) {
        assertThat(e).hasMessageContaining("cannot be opened");
      }
      SimulatedDisk after = at % 2 == 0 ? disk.crashProcess() : disk.losePower(at);
      mixed += JournalFixture.segments(after).size() > 1 ? 1 : 0;
      for (RowType type : List.of(now, BEFORE)) {
        disk = after.copy();
        HotStore again = open(type);
        for (int i = 0; i < 24; i++) {
          Row row = environment.await(again.get(type.key("k" + i))).row();
          assertThat(row.get("name")).as("operation %s", at).isEqualTo("x".repeat(8_000) + i);
          assertThat(((Number) row.get("stock")).intValue()).isEqualTo(i);
        }
      }
      SimulatedDisk target = new SimulatedDisk();
      SalvageReport report = JournalTool.salvage(after.copy(), target);
      assertThat(report.pending()).isEqualTo(24);
      disk = target;
      HotStore salvaged = open(now);
      Taken taken = environment.await(salvaged.take(0, 1, TakeLimits.of(100)));
      assertThat(taken.mutations()).isNotEmpty();
      for (Mutation mutation : taken.mutations()) {
        Row row = ((Mutation.Put) mutation).row();
        assertThat(row.get("name"))
            .isEqualTo("x".repeat(8_000) + ((Number) row.get("stock")).intValue());
      }
    }
    assertThat(mixed).isGreaterThan(10);
  }
}
