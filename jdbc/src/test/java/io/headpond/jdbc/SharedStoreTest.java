package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.DatabaseWentBackException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.LeaseHeldException;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a hot store of several processes asks of PostgreSQL, beyond the contract. */
class SharedStoreTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(9, 1), "redis a:6379", true);
  private static final StoreId OTHER = new StoreId(new UUID(9, 2), "redis b:6379", true);
  private static final StoreId EMBEDDED = new StoreId(new UUID(9, 3), "journal /a");
  private static final RowType TYPE =
      RowType.builder()
          .key("region", ColumnType.TEXT)
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .build();

  private final List<AutoCloseable> opened = new ArrayList<>();
  private String table;
  private long batchIds = 1;

  @BeforeEach
  void createTable() {
    table = "sh" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE "
            + table
            + " (region text, id bigint, name text, version bigint, PRIMARY KEY (region, id))");
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
  }

  private SystemOfRecord process() {
    return process(DB.table(table).versionColumn("version"));
  }

  private SystemOfRecord process(JdbcTable mapped) {
    SystemOfRecord database = mapped.connect("d" + table, TYPE);
    opened.add(database);
    return database;
  }

  private SystemOfRecord bound() {
    return bound(DB.table(table).versionColumn("version"), STORE);
  }

  private SystemOfRecord bound(JdbcTable mapped, StoreId store) {
    SystemOfRecord database = process(mapped);
    get(database.bind(store, 1, false));
    return database;
  }

  /** Waits for a lock for 10 s, so that a test can look meanwhile. */
  private JdbcTable patient() {
    return JdbcDatabase.postgres(DB.url)
        .leaseTtl(Duration.ofMinutes(5))
        .table(table)
        .versionColumn("version");
  }

  private void expire() {
    DB.execute("UPDATE headpond_lease SET expires_at = clock_timestamp() - interval '1 second'");
  }

  private Batch batch(Mutation... mutations) {
    return new Batch(batchIds++, List.of(mutations), 0);
  }

  private static Mutation.Put put(String region, long id, long version) {
    return new Mutation.Put(TYPE.key(region, id), TYPE.rowOf("v" + version), version, version);
  }

  private static Mutation.Remove remove(String region, long id, long version) {
    return new Mutation.Remove(TYPE.key(region, id), version, version);
  }

  private List<String> rows() {
    return DB.query("SELECT region || id || name FROM " + table + " ORDER BY region, id");
  }

  private String tombstones() {
    return DB.query("SELECT count(*) FROM headpond_tombstone WHERE dataset = 'd" + table + "'")
        .get(0);
  }

  // bind

  @Test
  void withoutAVersionColumnItIsRefusedAndTheStatementIsTold() {
    SystemOfRecord database = process(DB.table(table));
    assertThatThrownBy(() -> get(database.bind(STORE, 1, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("redis a:6379")
        .hasMessageEndingWith(
            "needed: ALTER TABLE \"public\".\""
                + table
                + "\" ADD COLUMN \"headpond_version\" bigint NOT NULL DEFAULT 0; and versionColumn:"
                + " headpond_version");
    String statement = DB.table(table).versionColumnStatement();
    assertThat(statement)
        .isEqualTo(
            "ALTER TABLE \""
                + table
                + "\" ADD COLUMN \"headpond_version\" bigint NOT NULL DEFAULT 0;");
    DB.execute("INSERT INTO " + table + " VALUES ('a', 1, 'old', NULL)", statement);
    SystemOfRecord versioned = bound(DB.table(table).versionColumn("headpond_version"), STORE);
    Lease lease = get(versioned.acquire(STORE, 0));
    get(versioned.apply(batch(put("a", 1, 5)), lease));
    assertThat(rows()).containsExactly("a1v5");
    assertThat(DB.table("s.t").versionColumn("v").versionColumnStatement())
        .isEqualTo("ALTER TABLE \"s\".\"t\" ADD COLUMN \"v\" bigint NOT NULL DEFAULT 0;");
  }

  @Test
  void anotherSharedStoreIsToldWhatMayHaveHappened() {
    bound();
    SystemOfRecord other = process();
    assertThatThrownBy(() -> get(other.bind(OTHER, 1, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("redis a:6379")
        .hasMessageContaining("redis b:6379")
        .hasMessageContaining("emptied")
        .hasMessageContaining("prefix")
        .hasMessageContaining("staging")
        .hasMessageContaining("headpond store adopt --dataset d" + table);
  }

  /** A process that spreads the keys otherwise would write a row that another one writes too. */
  @Test
  void whoKnowsAnotherNumberOfPartitionsGetsNoLease() {
    SystemOfRecord one = bound();
    get(process().bind(STORE, 2, true));
    assertThatThrownBy(() -> get(one.acquire(STORE, 0)))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining("has 2 partitions")
        .hasMessageContaining("restarted");
  }

  // leases

  /** Who asks does not wait for the transaction of the one that holds it. */
  @Test
  void thatALeaseIsHeldIsToldWhileItsOwnerWrites() throws Exception {
    SystemOfRecord one = bound(patient(), STORE);
    SystemOfRecord two = bound();
    Lease lease = get(one.acquire(STORE, 0));
    try (Connection person = DB.connection();
        Statement statement = person.createStatement()) {
      person.setAutoCommit(false);
      statement.execute("INSERT INTO " + table + " VALUES ('a', 1, 'x', 1)");
      CompletionStage<Applied> writing = one.apply(batch(put("a", 1, 5)), lease);
      TestDatabase.awaitBlocked(DB, 1);
      assertThatThrownBy(() -> get(two.acquire(STORE, 0)))
          .isInstanceOf(LeaseHeldException.class)
          .hasMessageContaining(get(one.crew(STORE, null)).self().toString())
          .hasMessageContaining("until 20");
      assertThat(writing.toCompletableFuture()).isNotCompleted();
      person.rollback();
      assertThat(get(writing).outcomes()).containsExactly(Applied.Done.INSTANCE);
    }
  }

  /** It had expired when its owner began to write; when that is committed it no longer has. */
  @Test
  void aBatchThatBeganUnderALeaseThatHadExpiredKeepsIt() throws Exception {
    SystemOfRecord one = bound(patient(), STORE);
    SystemOfRecord two = bound();
    Lease lease = get(one.acquire(STORE, 0));
    expire();
    CompletionStage<Lease> takeover;
    CompletionStage<Applied> late;
    try (Connection person = DB.connection();
        Statement statement = person.createStatement()) {
      person.setAutoCommit(false);
      statement.execute("INSERT INTO " + table + " VALUES ('a', 1, 'x', 1)");
      late = one.apply(batch(put("a", 1, 5)), lease);
      TestDatabase.awaitBlocked(DB, 1);
      takeover = two.acquire(STORE, 0);
      person.rollback();
    }
    assertThat(get(late).outcomes()).containsExactly(Applied.Done.INSTANCE);
    assertThatThrownBy(() -> get(takeover)).isInstanceOf(LeaseHeldException.class);
    assertThat(rows()).containsExactly("a1v5");
  }

  /** The server ends its transaction, and then it cannot be committed. */
  @Test
  void aStoppedWorkerKeepsNobodyOut() throws Exception {
    JdbcTable quick =
        JdbcDatabase.postgres(DB.url)
            .leaseTtl(Duration.ofSeconds(3))
            .table(table)
            .versionColumn("version");
    SystemOfRecord one = bound(quick, STORE);
    SystemOfRecord two = bound(quick, STORE);
    Lease lease = get(one.acquire(STORE, 0));
    expire();
    try (Connection stopped = DB.connection();
        Statement statement = stopped.createStatement()) {
      new PostgresDialect().prepare(stopped, Duration.ofSeconds(3), false);
      stopped.setAutoCommit(false);
      statement.execute(
          "UPDATE headpond_lease SET last_batch = 1 WHERE dataset = 'd" + table + "'");
      statement.execute("INSERT INTO " + table + " VALUES ('a', 1, 'ghost', 5)");
      Lease taken = get(two.acquire(STORE, 0));
      assertThat(taken.epoch()).isEqualTo(lease.epoch() + 1);
      assertThat(taken.lastBatch()).isZero();
      assertThatThrownBy(stopped::commit).isInstanceOf(SQLException.class);
    }
    assertThat(rows()).isEmpty();
  }

  @Test
  void aDatabaseThatWentBackIsNoticedByWhoHadTheLeaseBefore() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Lease first = get(one.acquire(STORE, 0));
    get(one.apply(batch(put("a", 1, 5)), first));
    DB.execute("CREATE TABLE " + table + "_backup AS SELECT * FROM headpond_lease");
    get(one.apply(batch(put("a", 1, 6)), first));
    expire();
    Lease second = get(two.acquire(STORE, 0));
    get(two.apply(batch(put("a", 1, 7)), second));
    expire();
    assertThat(get(one.acquire(STORE, 0)).highVersion()).as("progress of another").isEqualTo(7);
    restore();
    assertThatThrownBy(() -> get(two.acquire(STORE, 0)))
        .isInstanceOf(DatabaseWentBackException.class);
    assertThatThrownBy(() -> get(one.acquire(STORE, 0)))
        .isInstanceOf(DatabaseWentBackException.class);
  }

  /** The epoch is the same, though another has it: so it was given twice. */
  @Test
  void anEpochThatIsGivenTwiceIsNoticed() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    DB.execute("CREATE TABLE " + table + "_backup AS SELECT * FROM headpond_lease");
    Lease lost = get(one.acquire(STORE, 0));
    restore();
    Lease again = get(two.acquire(STORE, 0));
    assertThat(again.epoch()).isEqualTo(lost.epoch());
    assertThatThrownBy(() -> get(one.apply(batch(put("a", 1, 5)), lost)))
        .isInstanceOf(DatabaseWentBackException.class);
    expire();
    assertThatThrownBy(() -> get(one.acquire(STORE, 0)))
        .isInstanceOf(DatabaseWentBackException.class);
    get(two.apply(batch(put("a", 1, 5)), again));
  }

  private void restore() {
    DB.execute(
        "BEGIN; DELETE FROM headpond_lease WHERE dataset = 'd%1$s'; INSERT INTO headpond_lease SELECT * FROM %1$s_backup WHERE dataset = 'd%1$s'; COMMIT"
            .formatted(table));
  }

  /** Each row that is written notes the epoch that the lease has then. */
  @Test
  void ofManyThatTakeTheLeaseFromEachOtherOnlyTheOneThatHasItWrites() throws Exception {
    DB.execute(
        "CREATE TABLE %1$s_log (seq bigserial, epoch bigint, version bigint)".formatted(table),
        "CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO %1$s_log (epoch, version) SELECT epoch, NEW.version FROM headpond_lease WHERE dataset = ''d%1$s''; RETURN NEW; END'"
            .formatted(table),
        "CREATE TRIGGER l AFTER INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_f()"
            .formatted(table));
    AtomicInteger ids = new AtomicInteger();
    List<CompletableFuture<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      SystemOfRecord worker = bound();
      all.add(CompletableFuture.supplyAsync(() -> work(worker, ids)));
    }
    int applied = 0;
    for (CompletableFuture<Integer> each : all) {
      applied += get(each);
    }
    assertThat(applied).isPositive();
    assertThat(DB.query("SELECT count(*) FROM " + table)).containsExactly("" + applied);
    assertThat(
            DB.query(
                "SELECT 1 FROM %1$s_log AS a JOIN %1$s_log AS b ON a.seq < b.seq AND a.epoch > b.epoch"
                    .formatted(table)))
        .as("written under a lease that was gone")
        .isEmpty();
    assertThat(DB.query("SELECT 1 FROM %1$s_log WHERE version / 1000 <> epoch".formatted(table)))
        .as("written under the lease of another")
        .isEmpty();
  }

  /** Takes the lease, also from one that is about to write, and writes until it loses it. */
  private int work(SystemOfRecord worker, AtomicInteger ids) {
    int applied = 0;
    for (int round = 0; round < 25; round++) {
      try {
        Lease lease = get(worker.acquire(STORE, 0));
        for (int i = 0; i < 5; i++) {
          int id = ids.incrementAndGet();
          long version = lease.epoch() * 1_000 + round;
          get(worker.apply(new Batch(id, List.of(put("w", id, version)), 0), lease));
          applied++;
        }
      } catch (LeaseHeldException e) {
        expire();
      } catch (FencedException e) {
        // Another one has it now.
      }
    }
    return applied;
  }

  // workers

  @Test
  void whoLivesIsSaidAlsoWhileAllConnectionsFlush() throws Exception {
    SystemOfRecord one =
        bound(
            JdbcDatabase.postgres(DB.url)
                .connections(1)
                .leaseTtl(Duration.ofMinutes(5))
                .table(table)
                .versionColumn("version"),
            STORE);
    Lease lease = get(one.acquire(STORE, 0));
    try (Connection person = DB.connection();
        Statement statement = person.createStatement()) {
      person.setAutoCommit(false);
      statement.execute("INSERT INTO " + table + " VALUES ('a', 1, 'x', 1)");
      CompletionStage<Applied> writing = one.apply(batch(put("a", 1, 5)), lease);
      TestDatabase.awaitBlocked(DB, 1);
      assertThat(get(one.crew(STORE, "a")).workers()).hasSize(1);
      assertThat(writing.toCompletableFuture()).isNotCompleted();
      person.rollback();
      get(writing);
    }
  }

  @Test
  void workersThatHaveNotSaidForLongThatTheyLiveAreClearedAway() {
    SystemOfRecord one = bound();
    UUID gone = get(one.crew(STORE, "gone")).self();
    DB.execute("UPDATE headpond_worker SET expires_at = clock_timestamp() - interval '2 hours'");
    Crew crew = get(bound().crew(STORE, "new"));
    assertThat(crew.workers()).extracting(Crew.Worker::name).containsExactly("new");
    assertThat(
            DB.query(
                "SELECT worker_id::text FROM headpond_worker WHERE dataset = 'd" + table + "'"))
        .containsExactly(crew.self().toString())
        .doesNotContain(gone.toString());
  }

  // removals

  @Test
  void keysOfSeveralColumnsAndTheLongestOnes() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    StringBuilder random = new StringBuilder();
    new Random(1).ints(1_000, 'a', 'z').forEach(random::appendCodePoint);
    List<String> regions = List.of("a", "ä'", random.toString());
    for (String region : regions) {
      get(database.apply(batch(put(region, 1, 5), put(region, 2, 5)), lease));
      get(database.apply(batch(remove(region, 1, 6)), lease));
    }
    assertThat(tombstones()).isEqualTo("3");
    for (String region : regions) {
      assertThat(get(database.apply(batch(put(region, 1, 5), put(region, 2, 5)), lease)).outcomes())
          .containsExactly(new Applied.Stale(6), Applied.Done.INSTANCE);
    }
    assertThat(DB.query("SELECT 1 FROM " + table)).hasSize(3);
  }

  @Test
  void howManyStatementsABatchCosts() {
    SystemOfRecord embedded = process();
    get(embedded.bind(EMBEDDED, 1, false));
    Lease lease = get(embedded.acquire(EMBEDDED, 0));
    assertThat(get(embedded.apply(batch(put("a", 1, 5)), lease)).statements()).isEqualTo(2);
    assertThat(get(embedded.apply(batch(remove("a", 1, 6), put("a", 2, 6)), lease)).statements())
        .isEqualTo(3);
    assertThat(tombstones()).as("of a store that does not forget").isEqualTo("0");

    SystemOfRecord shared = process();
    get(shared.bind(STORE, 1, true));
    Lease passed = get(shared.acquire(STORE, 0));
    assertThat(get(shared.apply(batch(put("a", 1, 7)), passed)).statements()).isEqualTo(2);
    assertThat(get(shared.apply(batch(remove("a", 1, 8), put("a", 2, 8)), passed)).statements())
        .isEqualTo(3);
    assertThat(tombstones()).isEqualTo("1");
    assertThat(get(shared.apply(batch(put("a", 1, 7)), passed)).statements())
        .as("the row, and the removal")
        .isEqualTo(4);
  }

  /** What is refused leaves no trace, and what is committed beside it does. */
  @Test
  void aRemovalThatIsRefusedKeepsNothingOut() {
    DB.execute(
        "CREATE TABLE %1$s_child (region text, id bigint, FOREIGN KEY (region, id) REFERENCES %1$s)"
            .formatted(table));
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(batch(put("a", 1, 5), put("a", 2, 5), put("a", 3, 5)), lease));
    DB.execute("INSERT INTO " + table + "_child VALUES ('a', 2)");
    assertThat(
            get(database.apply(
                    batch(remove("a", 1, 6), remove("a", 2, 6), remove("a", 3, 6)), lease))
                .outcomes())
        .satisfiesExactly(
            one -> assertThat(one).isEqualTo(Applied.Done.INSTANCE),
            two -> assertThat(two).isInstanceOf(Applied.Rejected.class),
            three -> assertThat(three).isEqualTo(Applied.Done.INSTANCE));
    assertThat(tombstones()).isEqualTo("2");
    assertThat(
            get(database.apply(batch(put("a", 1, 5), put("a", 2, 6), put("a", 3, 7)), lease))
                .outcomes())
        .containsExactly(new Applied.Stale(6), Applied.Done.INSTANCE, Applied.Done.INSTANCE);
  }

  /** Where a trigger swallows a row, nothing else has kept it out. */
  @Test
  void whatATriggerSwallowsIsStillToldApart() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(batch(remove("a", 1, 6)), lease));
    DB.execute(
        "CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END'"
            .formatted(table),
        "CREATE TRIGGER s BEFORE INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_f()"
            .formatted(table));
    assertThat(
            get(database.apply(batch(put("a", 1, 5), put("a", 2, 5), put("a", 3, 5)), lease))
                .outcomes())
        .satisfiesExactly(
            one -> assertThat(one).isEqualTo(new Applied.Stale(6)),
            two -> assertThat(two).isInstanceOf(Applied.Rejected.class),
            three -> assertThat(three).isEqualTo(Applied.Done.INSTANCE));
  }

  /** A row that another program wrote anew after the removal. */
  @Test
  void aRemovalKeepsAnOlderVersionOutAlsoWhereARowIs() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(batch(remove("a", 1, 6)), lease));
    DB.execute("INSERT INTO " + table + " VALUES ('a', 1, 'theirs', 0)");
    assertThat(get(database.apply(batch(put("a", 1, 5)), lease)).outcomes())
        .containsExactly(new Applied.Stale(6));
    assertThat(rows()).containsExactly("a1theirs");
    assertThat(get(database.apply(batch(put("a", 1, 7)), lease)).outcomes())
        .containsExactly(Applied.Done.INSTANCE);
  }

  @Test
  void oldRemovalsAreClearedAwayInPortionsBehindRenewals() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    DB.execute(
        ("INSERT INTO headpond_tombstone SELECT 'd%s', int8send(n), 1, clock_timestamp() - interval '25 hours'"
                + " FROM generate_series(1, 2500) AS n")
            .formatted(table),
        ("INSERT INTO headpond_tombstone SELECT 'd%s', int8send(-n), 1, clock_timestamp() - interval '23 hours'"
                + " FROM generate_series(1, 10) AS n")
            .formatted(table));
    for (String left : List.of("1510", "510", "10", "10")) {
      get(one.apply(batch(), lease));
      assertThat(tombstones()).isEqualTo(left);
    }
  }

  @Test
  void removalsThatCannotBeClearedAwayHarmNoBatch() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    get(one.apply(batch(put("a", 1, 5)), lease));
    DB.execute(
        "CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'"
            .formatted(table),
        "CREATE TRIGGER %1$s_t BEFORE DELETE ON headpond_tombstone FOR EACH ROW WHEN (OLD.dataset = 'd%1$s') EXECUTE FUNCTION %1$s_f()"
            .formatted(table),
        "INSERT INTO headpond_tombstone VALUES ('d%s', '', 1, clock_timestamp() - interval '2 days')"
            .formatted(table));
    SystemOfRecord two = bound();
    expire();
    Lease taken = get(two.acquire(STORE, 0));
    get(two.apply(batch(put("a", 1, 6)), taken));
    assertThat(rows()).containsExactly("a1v6");
    DB.execute("DROP TRIGGER %1$s_t ON headpond_tombstone".formatted(table));
    get(two.apply(batch(put("a", 1, 7)), taken));
    assertThat(rows()).containsExactly("a1v7");
  }

  /** The row that had the highest version was removed, and the table is begun anew. */
  @Test
  void aNewStoreBeginsAboveWhatWasRemoved() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    get(one.apply(batch(put("a", 1, 1_700_000_000_000_000L)), lease));
    get(one.apply(batch(remove("a", 1, 1_700_000_000_000_001L)), lease));
    DB.execute("DELETE FROM headpond_dataset WHERE dataset = 'd" + table + "'");
    SystemOfRecord other = process();
    get(other.bind(OTHER, 1, false));
    assertThat(get(other.acquire(OTHER, 0)).highVersion()).isEqualTo(1_700_000_000_000_001L);
  }
}
