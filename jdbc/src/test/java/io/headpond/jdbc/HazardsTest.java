package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Histories that break a write-behind cache, on PostgreSQL. */
class HazardsTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .column("parent", ColumnType.BIGINT)
          .build();

  private final List<SystemOfRecord> opened = new ArrayList<>();
  private String table;
  private long batchIds = 1;

  @BeforeEach
  void createTable() {
    table = "h" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE "
            + table
            + " (id bigint PRIMARY KEY, name text, parent bigint, version bigint)");
  }

  @AfterEach
  void close() {
    opened.forEach(SystemOfRecord::close);
  }

  private SystemOfRecord connect(JdbcTable mapped) {
    SystemOfRecord database = mapped.connect("d" + table, TYPE);
    opened.add(database);
    return database;
  }

  private SystemOfRecord bound() {
    return bound(patient());
  }

  /** Waits for a lock for 10 s, so that a test can look meanwhile. */
  private JdbcTable patient() {
    return JdbcDatabase.postgres(DB.url)
        .leaseTtl(Duration.ofMinutes(5))
        .table(table)
        .versionColumn("version");
  }

  private SystemOfRecord bound(JdbcTable mapped) {
    SystemOfRecord database = connect(mapped);
    get(database.bind(STORE, 1, false));
    return database;
  }

  private static Key key(long id) {
    return TYPE.key(id);
  }

  private static Mutation.Put put(long id, String name, @Nullable Long parent, long version) {
    return new Mutation.Put(key(id), TYPE.rowOf(name, parent), version, version);
  }

  private static Mutation.Put put(long id, String name, long version) {
    return put(id, name, null, version);
  }

  private Batch batch(Mutation... mutations) {
    return new Batch(batchIds++, List.of(mutations), 0);
  }

  private String name(long id) {
    List<String> found = DB.query("SELECT name FROM " + table + " WHERE id = " + id);
    return found.isEmpty() ? "none" : found.get(0);
  }

  @Test
  void triggerSwallowsRow() {
    DB.execute(
        "CREATE FUNCTION "
            + table
            + "_f() RETURNS trigger LANGUAGE plpgsql AS "
            + "'BEGIN IF NEW.name = ''swallow'' THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER s BEFORE INSERT OR UPDATE ON "
            + table
            + " FOR EACH ROW EXECUTE FUNCTION "
            + table
            + "_f()");
    for (boolean versioned : new boolean[] {true, false}) {
      JdbcTable mapped = DB.table(table);
      SystemOfRecord database = bound(versioned ? mapped.versionColumn("version") : mapped);
      Lease lease = get(database.acquire(STORE, 0));
      Applied applied =
          get(
              database.apply(
                  batch(put(1, "a", 10), put(2, "swallow", 11), put(3, "c", 12)), lease));
      assertThat(applied.outcomes())
          .containsExactly(Applied.Done.INSTANCE, swallowed(), Applied.Done.INSTANCE);
      assertThat(name(1)).isEqualTo("a");
    }
  }

  private static Applied.Outcome swallowed() {
    return new Applied.Rejected(
        DatabaseError.of(ErrorClass.SWALLOWED, "the statement wrote nothing (trigger or rule?)"));
  }

  @Test
  void triggerSwallowsUpdateAndDelete() {
    DB.execute(
        "CREATE FUNCTION "
            + table
            + "_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "INSERT INTO " + table + " VALUES (1, 'old', NULL, 0)",
        "CREATE TRIGGER s BEFORE UPDATE OR DELETE ON "
            + table
            + " FOR EACH ROW EXECUTE FUNCTION "
            + table
            + "_f()");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    assertThat(get(database.apply(batch(put(1, "new", 10)), lease)).outcomes())
        .containsExactly(swallowed());
    assertThat(get(database.apply(batch(new Mutation.Remove(key(1), 10, 1)), lease)).outcomes())
        .containsExactly(swallowed());
  }

  @Test
  void aRowOfAnotherWriterWithTheSameValuesIsDoneWithoutVersions() {
    DB.execute(
        "INSERT INTO " + table + " VALUES (1, 'same', NULL, NULL)",
        "CREATE TRIGGER z BEFORE UPDATE ON "
            + table
            + " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()");
    SystemOfRecord database = bound(DB.table(table));
    Lease lease = get(database.acquire(STORE, 0));
    assertThat(get(database.apply(batch(put(1, "same", 10)), lease)).outcomes())
        .containsExactly(new Applied.Done());
  }

  /** The owner is stopped in the middle of its transaction; another takes over; the owner goes on. */
  @Test
  void fencedOwnerCannotCommit() throws Exception {
    SystemOfRecord one = bound();
    SystemOfRecord two = connect(DB.table(table).versionColumn("version"));
    Lease lease = get(one.acquire(STORE, 0));
    CompletionStage<Applied> late;
    CompletionStage<Lease> takeover;
    try (Connection other = DB.connection();
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("INSERT INTO " + table + " VALUES (1, 'x', NULL, 1)");
      late = one.apply(batch(put(1, "late", 10)), lease);
      TestDatabase.awaitBlocked(DB, 1);
      takeover = two.acquire(STORE, 0);
      // It holds the lease row: whoever takes over waits until it has committed or is gone.
      assertThat(takeover.toCompletableFuture()).isNotCompleted();
      other.rollback();
    }
    assertThat(get(late).outcomes()).containsExactly(new Applied.Done());
    Lease taken = get(takeover);
    assertThat(taken.highVersion()).as("it committed before").isEqualTo(10);
    assertThatThrownBy(() -> get(one.apply(batch(put(1, "later", 20)), lease)))
        .isInstanceOf(FencedException.class);
    get(two.apply(batch(put(1, "new", 30)), taken));
    assertThat(name(1)).isEqualTo("new");
  }

  /** A stopped owner's transaction is ended by the server, and then cannot be committed. */
  @Test
  void stoppedOwnerIsEndedByTheServer() throws Exception {
    JdbcTable quick =
        JdbcDatabase.postgres(DB.url)
            .leaseTtl(Duration.ofSeconds(3))
            .table(table)
            .versionColumn("version");
    SystemOfRecord database = bound(quick);
    get(database.acquire(STORE, 0));
    try (Connection stopped = DB.connection();
        Statement statement = stopped.createStatement()) {
      new PostgresDialect().prepare(stopped, Duration.ofSeconds(3), false);
      stopped.setAutoCommit(false);
      statement.execute(
          "UPDATE headpond_lease SET last_batch = 1 WHERE dataset = 'd" + table + "'");
      Lease taken = get(database.acquire(STORE, 0));
      assertThat(taken.lastBatch()).isZero();
      assertThatThrownBy(stopped::commit).isInstanceOf(SQLException.class);
    }
  }

  @Test
  void aLeaseRowHeldForTooLongIsGivenUp() throws Exception {
    JdbcTable quick =
        JdbcDatabase.postgres(DB.url)
            .leaseTtl(Duration.ofSeconds(3))
            .table(table)
            .versionColumn("version");
    SystemOfRecord database = bound(quick);
    try (Connection person = DB.connection();
        Statement statement = person.createStatement()) {
      person.setAutoCommit(false);
      statement.execute("SELECT * FROM headpond_lease FOR UPDATE");
      assertThatThrownBy(() -> get(database.acquire(STORE, 0)))
          .isInstanceOf(UnavailableException.class)
          .isNotInstanceOf(FencedException.class)
          .hasMessageContaining("held the lease row");
      person.rollback();
    }
    assertThat(get(database.acquire(STORE, 0)).epoch()).isEqualTo(1);
  }

  @Test
  void deferrableConstraint() {
    DB.execute(
        "ALTER TABLE "
            + table
            + " ADD CONSTRAINT "
            + table
            + "_parent FOREIGN KEY (parent) REFERENCES "
            + table
            + " DEFERRABLE INITIALLY DEFERRED");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    Applied applied =
        get(
            database.apply(
                batch(put(1, "a", 10), put(2, "b", 99L, 11), put(3, "c", 1L, 12)), lease));
    assertThat(applied.outcomes().get(0)).isEqualTo(Applied.Done.INSTANCE);
    assertThat(applied.outcomes().get(1))
        .isInstanceOfSatisfying(
            Applied.Rejected.class,
            rejected ->
                assertThat(rejected.error().toString())
                    .contains("foreign key constraint \"" + table + "_parent\"", "SQLSTATE 23503")
                    .doesNotContain("99"));
    assertThat(applied.outcomes().get(2)).isEqualTo(Applied.Done.INSTANCE);
    assertThat(DB.query("SELECT id FROM " + table + " ORDER BY id")).containsExactly("1", "3");
  }

  /** Each is written in a statement of its own while the bad one is searched for, and before what it refers to. */
  @Test
  void rowsOfABatchThatNeedEachOtherAreWrittenInWhateverOrder() {
    DB.execute(
        "ALTER TABLE " + table + " ADD FOREIGN KEY (parent) REFERENCES " + table,
        "ALTER TABLE " + table + " ADD UNIQUE (name)",
        "INSERT INTO " + table + " VALUES (30, 'taken', NULL, 0), (32, 'left', NULL, 0)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    List<Mutation> mutations = new ArrayList<>();
    for (long id = 0; id < 20; id++) {
      mutations.add(put(id, "row " + id, id + 1, 10 + id));
    }
    mutations.add(put(20, "row 20", null, 40));
    mutations.add(put(21, "missing", 99L, 41));
    mutations.add(put(29, "taken", null, 42));
    mutations.add(put(30, "given", null, 43));
    mutations.add(put(31, "left", null, 44));
    mutations.add(new Mutation.Remove(key(32), 45, 1));
    List<Applied.Outcome> outcomes =
        get(database.apply(new Batch(1, mutations, 0), lease)).outcomes();
    for (int i = 0; i < mutations.size(); i++) {
      if (i == 21) {
        assertThat(outcomes.get(i)).isInstanceOf(Applied.Rejected.class);
      } else {
        assertThat(outcomes.get(i)).as("%d", i).isEqualTo(Applied.Done.INSTANCE);
      }
    }
    assertThat(name(29)).isEqualTo("taken");
    assertThat(name(31)).isEqualTo("left");
  }

  /** It holds a newer version of somebody else, and a date that no mapping takes. */
  @Test
  void aRowThatCannotBeReadHarmsItselfAlone() {
    DB.execute(
        "CREATE TABLE " + table + "_d (id bigint PRIMARY KEY, day date, version bigint)",
        "INSERT INTO " + table + "_d VALUES (2, 'infinity', 9000000000000000)");
    RowType type =
        RowType.builder().key("id", ColumnType.BIGINT).column("day", ColumnType.DATE).build();
    try (SystemOfRecord database =
        DB.table(table + "_d").versionColumn("version").connect("d" + table, type)) {
      get(database.bind(STORE, 1, false));
      Lease lease = get(database.acquire(STORE, 0));
      List<Mutation> mutations = new ArrayList<>();
      for (long id = 1; id <= 3; id++) {
        mutations.add(
            new Mutation.Put(type.key(id), type.rowOf(java.time.LocalDate.EPOCH), 10, id));
      }
      assertThat(get(database.apply(new Batch(1, mutations, 0), lease)).outcomes())
          .satisfiesExactly(
              first -> assertThat(first).isEqualTo(Applied.Done.INSTANCE),
              second ->
                  assertThat(second)
                      .isInstanceOfSatisfying(
                          Applied.Rejected.class,
                          rejected ->
                              assertThat(rejected.error().errorClass())
                                  .isEqualTo(ErrorClass.VALUE)),
              third -> assertThat(third).isEqualTo(Applied.Done.INSTANCE));
    }
  }

  /** The constraint came after the check at the start, so its error comes with the commit. */
  @Test
  void deferrableConstraintAddedLater() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    DB.execute(
        "ALTER TABLE "
            + table
            + " ADD CONSTRAINT "
            + table
            + "_u UNIQUE (name) DEFERRABLE INITIALLY"
            + " DEFERRED");
    Applied applied =
        get(database.apply(batch(put(1, "a", 10), put(2, "a", 11), put(3, "c", 12)), lease));
    assertThat(applied.outcomes()).filteredOn(Applied.Rejected.class::isInstance).hasSize(1);
    assertThat(applied.outcomes().get(2)).isEqualTo(Applied.Done.INSTANCE);
    assertThat(name(1)).isEqualTo("a");
    assertThat(name(3)).isEqualTo("c");
  }

  @Test
  void aVersionColumnThatIsNoneOfOurs() {
    DB.execute("INSERT INTO " + table + " VALUES (1, 'a', NULL, 9007199254740992)");
    SystemOfRecord database = connect(DB.table(table).versionColumn("version"));
    assertThatThrownBy(() -> get(database.bind(STORE, 1, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("column version: holds 9007199254740992");
    DB.execute("UPDATE " + table + " SET version = version - 1");
    assertThat(get(database.bind(STORE, 1, false))).isFalse();
    assertThat(get(database.acquire(STORE, 0)).highVersion()).isEqualTo((1L << 53) - 1);
  }

  /** JPA's {@code @Version} begins with 0 and counts; both programs would write the column. */
  @Test
  void aVersionColumnThatCounts() {
    DB.execute(
        "INSERT INTO "
            + table
            + " SELECT i, 'a', NULL, CASE WHEN i = 900 THEN 3 WHEN i % 2 = 0 THEN 0 END FROM generate_series(1, 1000) i");
    SystemOfRecord database = connect(DB.table(table).versionColumn("version"));
    assertThatThrownBy(() -> get(database.bind(STORE, 1, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("column version: holds 3, which is no version of Headpond")
        .hasMessageContaining("JPA's @Version")
        .hasMessageEndingWith("UPDATE \"public\".\"" + table + "\" SET \"version\" = 0");
    assertThat(DB.query("SELECT FROM headpond_dataset WHERE dataset = 'd" + table + "'")).isEmpty();
    for (long counter : new long[] {-1, 999_999_999_999_999L}) {
      DB.execute("UPDATE " + table + " SET version = " + counter + " WHERE id = 900");
      assertThatThrownBy(() -> get(database.bind(STORE, 1, false)))
          .hasMessageContaining("holds " + counter);
    }
    // What a former store of Headpond has written.
    DB.execute("UPDATE " + table + " SET version = 1700000000000000 WHERE id = 900");
    assertThat(get(database.bind(STORE, 1, false))).isFalse();
    // From here on small versions are those of a clock that is wrong, not of another program.
    DB.execute("UPDATE " + table + " SET version = 3 WHERE id = 900");
    assertThat(get(database.bind(STORE, 1, false))).isTrue();
  }

  @Test
  void aLockedRowIsNoOutageAndDoesNotHoldTheOthersUp() throws Exception {
    DB.execute("INSERT INTO " + table + " VALUES (7, 'old', NULL, 0)");
    SystemOfRecord database =
        bound(
            JdbcDatabase.postgres(DB.url)
                .leaseTtl(Duration.ofSeconds(3))
                .table(table)
                .versionColumn("version"));
    Lease lease = get(database.acquire(STORE, 0));
    Batch batch = batch(put(6, "a", 10), put(7, "b", 11));
    try (Connection analyst = DB.connection();
        Statement statement = analyst.createStatement()) {
      analyst.setAutoCommit(false);
      statement.execute("UPDATE " + table + " SET name = 'analyst' WHERE id = 7");
      assertThat(get(database.apply(batch, lease)).outcomes())
          .satisfiesExactly(
              first -> assertThat(first).isEqualTo(Applied.Done.INSTANCE),
              second ->
                  assertThat(second)
                      .isInstanceOfSatisfying(
                          Applied.Retry.class,
                          retry ->
                              assertThat(retry.error())
                                  .returns(ErrorClass.LOCKED, DatabaseError::errorClass)
                                  .returns("55P03", DatabaseError::code)));
      assertThat(name(6)).isEqualTo("a");
      analyst.rollback();
    }
    assertThat(get(database.apply(batch, lease)).outcomes())
        .containsExactly(new Applied.Done(), new Applied.Done());
  }

  @Test
  void manyBadRowsEndTheSearchInTime() {
    DB.execute("ALTER TABLE " + table + " ADD CHECK (name <> 'bad')");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    List<Mutation> mutations = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      mutations.add(put(i, "bad", 10 + i));
    }
    Applied applied = get(database.apply(new Batch(1, mutations, 0), lease));
    assertThat(applied.statements()).isLessThan(Bisection.MOST_STATEMENTS + 10);
    assertThat(applied.outcomes()).anyMatch(Applied.Rejected.class::isInstance);
    assertThat(applied.outcomes())
        .allMatch(o -> o instanceof Applied.Rejected || o instanceof Applied.Skipped);
    assertThat(DB.query("SELECT count(*) FROM " + table)).containsExactly("0");
  }

  /** Many bad rows beside each other, more than one search finds: the good ones are not behind them. */
  @Test
  void whatIsHealthyIsWrittenBeforeTheSearchEnds() {
    DB.execute("ALTER TABLE " + table + " ADD CHECK (name <> 'bad')");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    List<Mutation> mutations = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      mutations.add(put(i, i >= 300 && i < 700 ? "bad" : "good", 10 + i));
    }
    Applied applied = get(database.apply(new Batch(1, mutations, 0), lease));
    assertThat(applied.outcomes().subList(300, 700))
        .noneMatch(Applied.Done.class::isInstance)
        .anyMatch(Applied.Skipped.class::isInstance);
    assertThat(applied.outcomes())
        .filteredOn(Applied.Done.class::isInstance)
        .as("all but some neighbours")
        .hasSizeGreaterThan(580);
  }

  @Test
  void whatTheDatabaseCannotTakeIsNoOutage() {
    DB.execute(
        "CREATE UNIQUE INDEX ON " + table + " (name)",
        "CREATE FUNCTION "
            + table
            + "_f() RETURNS trigger LANGUAGE plpgsql AS "
            + "'BEGIN IF NEW.name = ''raise'' THEN RAISE ''not this one''; END IF; RETURN NEW; END'",
        "CREATE TRIGGER s BEFORE INSERT ON "
            + table
            + " FOR EACH ROW EXECUTE FUNCTION "
            + table
            + "_f()");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    // Too long for its index; a trigger's refusal; a value that is there already.
    StringBuilder random = new StringBuilder();
    new java.util.Random(1).ints(6_000, 'a', 'z').forEach(c -> random.append((char) c));
    Applied applied =
        get(
            database.apply(
                batch(
                    put(1, "a", 10),
                    put(2, random.toString(), 11),
                    put(3, "raise", 12),
                    put(4, "a", 13)),
                lease));
    assertThat(applied.outcomes().get(0)).isEqualTo(Applied.Done.INSTANCE);
    assertThat(applied.outcomes().get(1).toString()).contains("SQLSTATE 54000");
    assertThat(applied.outcomes().get(2).toString()).contains("not this one", "SQLSTATE P0001");
    assertThat(applied.outcomes().get(3).toString())
        .contains("unique constraint", "SQLSTATE 23505")
        .doesNotContain("(a)");
  }

  @Test
  void columnDropped() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    get(database.apply(batch(put(1, "a", 10)), lease));
    get(database.load(List.of(key(1))));
    DB.execute("ALTER TABLE " + table + " DROP COLUMN parent");
    assertThatThrownBy(() -> get(database.apply(batch(put(1, "b", 20)), lease)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("parent");
    assertThatThrownBy(() -> get(database.load(List.of(key(1)))))
        .isInstanceOf(ConfigurationException.class);
    DB.execute("ALTER TABLE " + table + " ADD COLUMN parent bigint");
    assertThat(get(database.apply(batch(put(1, "b", 20)), lease)).outcomes())
        .containsExactly(new Applied.Done());
    assertThat(get(database.load(List.of(key(1)))).get(0).version()).isEqualTo(20);
  }

  @Test
  void aPrivilegeThatIsTakenAwayBlocksAndParksNothing() {
    String role = "r_" + table;
    DB.execute(
        "CREATE ROLE " + role + " LOGIN PASSWORD 'x'",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO " + role,
        "GRANT ALL ON SCHEMA public TO " + role);
    SystemOfRecord database =
        bound(
            JdbcDatabase.postgres(DB.url)
                .user(role)
                .password("x")
                .table(table)
                .versionColumn("version"));
    Lease lease = get(database.acquire(STORE, 0));
    DB.execute("REVOKE INSERT ON " + table + " FROM " + role);
    Batch batch = batch(put(1, "a", 10), put(2, "b", 11));
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("permission denied for table " + table);
    DB.execute("GRANT INSERT ON " + table + " TO " + role);
    assertThat(get(database.apply(batch, lease)).outcomes()).containsOnly(Applied.Done.INSTANCE);
  }

  /** Each of its statements is fast enough. The server ends the session, since version 17. */
  @Test
  void aTransactionThatTakesTooLongIsABatchThatIsTooLarge() {
    DB.execute(
        "CREATE FUNCTION "
            + table
            + "_f() RETURNS trigger LANGUAGE plpgsql AS"
            + " 'BEGIN PERFORM pg_sleep(1.3); RETURN NULL; END'",
        "INSERT INTO " + table + " VALUES (2, 'old', NULL, 0)",
        "CREATE TRIGGER s AFTER INSERT OR DELETE ON "
            + table
            + " FOR EACH STATEMENT EXECUTE FUNCTION "
            + table
            + "_f()");
    SystemOfRecord database =
        bound(
            JdbcDatabase.postgres(DB.url)
                .leaseTtl(Duration.ofSeconds(3))
                .table(table)
                .versionColumn("version"));
    Lease lease = get(database.acquire(STORE, 0));
    Batch both = batch(put(1, "a", 10), new Mutation.Remove(key(2), 11, 1));
    assertThatThrownBy(() -> get(database.apply(both, lease)))
        .isInstanceOfSatisfying(
            BatchFailedException.class,
            failed -> assertThat(failed.error().errorClass()).isEqualTo(ErrorClass.TIMEOUT));
    assertThat(DB.query("SELECT id FROM " + table)).containsExactly("2");
  }

  /** As a full managed server does to itself. The sessions of that time stay read-only for ever. */
  @Test
  void aReadOnlyServerIsAnOutageThatEnds() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    String name = DB.query("SELECT current_database()").get(0);
    Batch batch = batch(put(1, "a", 10));
    DB.execute("ALTER DATABASE " + name + " SET default_transaction_read_only = on");
    try {
      DB.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              + " WHERE datname = current_database() AND pid <> pg_backend_pid()");
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> get(database.apply(batch, lease)))
            .isInstanceOf(UnavailableException.class)
            .isNotInstanceOf(BatchFailedException.class);
      }
    } finally {
      DB.execute(
          "SET default_transaction_read_only = off",
          "ALTER DATABASE " + name + " RESET default_transaction_read_only");
    }
    assertThat(get(database.apply(batch, lease)).outcomes()).containsExactly(Applied.Done.INSTANCE);
  }

  @Test
  void uniqueIndexDropped() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    DB.execute("ALTER TABLE " + table + " DROP CONSTRAINT " + table + "_pkey");
    assertThatThrownBy(() -> get(database.apply(batch(put(1, "b", 20)), lease)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("has no unique index on exactly the key");
  }

  /** A plan that the server keeps for a load no longer fits; a new connection has none. */
  @Test
  void columnTypeChangedUnderAPreparedLoad() {
    DB.execute("INSERT INTO " + table + " VALUES (1, 'a', NULL, 0)");
    SystemOfRecord database = bound();
    for (int i = 0; i < 10; i++) {
      get(database.load(List.of(key(1))));
    }
    DB.execute("ALTER TABLE " + table + " ALTER COLUMN name TYPE varchar(50)");
    for (int attempt = 0; ; attempt++) {
      assertThat(attempt).isLessThan(10);
      try {
        assertThat(get(database.load(List.of(key(1)))).get(0).version()).isZero();
        break;
      } catch (UnavailableException e) {
        assertThat(e).hasMessageContaining("0A000");
      }
    }
  }

  @Test
  void ownTablesDropped() {
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    DB.execute("DELETE FROM headpond_dataset WHERE dataset = 'd" + table + "'");
    assertThatThrownBy(() -> get(database.apply(batch(put(1, "b", 20)), lease)))
        .isInstanceOf(io.headpond.spi.DatabaseWentBackException.class);
    assertThatThrownBy(() -> get(database.acquire(STORE, 0)))
        .isInstanceOf(ConfigurationException.class);
  }

  @Test
  void sqlInjectionInIdentifiers() {
    String schema = "s \"; DROP TABLE x; --" + table;
    String name = "t'able; SELECT \"1\"?::$1";
    DB.execute(
        "CREATE SCHEMA " + TableName.quote(schema),
        "CREATE TABLE "
            + TableName.quote(schema)
            + "."
            + TableName.quote(name)
            + " (\"i d\" text PRIMARY KEY, \"na\"\"me; --\" text, \"ver?sion\" bigint, \"at'\" timestamptz)");
    RowType type =
        RowType.builder().key("i d", ColumnType.TEXT).column("na\"me; --", ColumnType.TEXT).build();
    String dataset = "d'; DROP TABLE headpond_dataset; --";
    JdbcTable mapped =
        DB.table(TableName.quote(schema) + "." + TableName.quote(name))
            .versionColumn("ver?sion")
            .updatedAtColumn("at'");
    try (SystemOfRecord database = mapped.connect(dataset, type)) {
      get(database.bind(STORE, 2, false));
      Lease lease = get(database.acquire(STORE, 1));
      Key key = type.key("k'\"; --");
      get(
          database.apply(
              new Batch(1, List.of(new Mutation.Put(key, type.rowOf("'; --"), 5, 1)), 0), lease));
      assertThat(get(database.load(List.of(key))).get(0).row()).isEqualTo(type.rowOf("'; --"));
      get(database.apply(new Batch(2, List.of(new Mutation.Remove(key, 6, 1)), 0), lease));
      assertThat(get(database.load(List.of(key))).get(0).row()).isNull();
    }
    assertThat(DB.query("SELECT dataset FROM " + TableName.quote(schema) + ".headpond_dataset"))
        .containsExactly(dataset);
  }

  @Test
  void twoServersWithOtherSearchPathsMeet() {
    DB.execute("CREATE SCHEMA " + table + "_s");
    SystemOfRecord one = bound();
    String url =
        DB.url + (DB.url.contains("?") ? "&" : "?") + "currentSchema=" + table + "_s,public";
    SystemOfRecord two = connect(JdbcDatabase.postgres(url).table(table).versionColumn("version"));
    assertThatThrownBy(() -> get(two.bind(new StoreId(new UUID(9, 9), "other"), 1, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(STORE.description());
    assertThat(one.description()).isNotEmpty();
  }

  @Test
  void commitsWaitForTheDisk() throws Exception {
    for (String set : List.of("off", "local", "on", "remote_apply")) {
      try (Connection connection = DB.connection();
          Statement statement = connection.createStatement()) {
        statement.execute("SET synchronous_commit = " + set);
        new PostgresDialect().prepare(connection, Duration.ofSeconds(30), false);
        try (var row = statement.executeQuery("SHOW synchronous_commit")) {
          row.next();
          assertThat(row.getString(1)).isEqualTo(set.equals("remote_apply") ? set : "on");
        }
        try (var row = statement.executeQuery("SHOW idle_in_transaction_session_timeout")) {
          row.next();
          assertThat(row.getString(1)).isEqualTo("15s");
        }
        assertThat(connection.getNetworkTimeout()).isEqualTo(20_000);
      }
    }
  }

  @Test
  void loadsDoNotWaitBehindFlushes() throws Exception {
    DB.execute("INSERT INTO " + table + " VALUES (1, 'a', NULL, 0)");
    SystemOfRecord database =
        bound(JdbcDatabase.postgres(DB.url).connections(1).table(table).versionColumn("version"));
    Lease lease = get(database.acquire(STORE, 0));
    try (Connection analyst = DB.connection();
        Statement statement = analyst.createStatement()) {
      analyst.setAutoCommit(false);
      statement.execute("UPDATE " + table + " SET name = 'analyst' WHERE id = 1");
      CompletionStage<Applied> waiting = database.apply(batch(put(1, "b", 10)), lease);
      TestDatabase.awaitBlocked(DB, 1);
      assertThat(get(database.load(List.of(key(1)))).get(0).version()).isZero();
      assertThat(waiting.toCompletableFuture()).isNotCompleted();
      analyst.rollback();
      assertThat(get(waiting).outcomes()).containsExactly(new Applied.Done());
    }
  }

  @Test
  void severalDatasetsShareOneDatabase() {
    DB.execute("CREATE TABLE " + table + "_b (LIKE " + table + " INCLUDING ALL)");
    try (JdbcDatabase shared = JdbcDatabase.postgres(DB.url).connections(2).open()) {
      SystemOfRecord one =
          shared.table(table).versionColumn("version").connect("one" + table, TYPE);
      SystemOfRecord two =
          shared.table(table + "_b").versionColumn("version").connect("two" + table, TYPE);
      List<CompletableFuture<Applied>> all = new ArrayList<>();
      for (SystemOfRecord each : List.of(one, two)) {
        get(each.bind(STORE, 1, false));
        Lease lease = get(each.acquire(STORE, 0));
        all.add(each.apply(batch(put(1, "a", 10)), lease).toCompletableFuture());
      }
      all.forEach(a -> assertThat(get(a).outcomes()).containsExactly(new Applied.Done()));
      one.close();
      assertThat(get(two.load(List.of(key(1)))).get(0).version()).isEqualTo(10);
      assertThatThrownBy(() -> get(one.load(List.of(key(1)))))
          .isInstanceOf(UnavailableException.class);
    }
  }

  @Test
  void closeEndsWhatIsUnderWay() throws Exception {
    DB.execute("INSERT INTO " + table + " VALUES (1, 'a', NULL, 0)");
    SystemOfRecord database = bound();
    Lease lease = get(database.acquire(STORE, 0));
    try (Connection analyst = DB.connection();
        Statement statement = analyst.createStatement()) {
      analyst.setAutoCommit(false);
      statement.execute("UPDATE " + table + " SET name = 'analyst' WHERE id = 1");
      CompletionStage<Applied> waiting = database.apply(batch(put(1, "b", 10)), lease);
      TestDatabase.awaitBlocked(DB, 1);
      database.close();
      assertThatThrownBy(() -> get(waiting)).isInstanceOf(UnavailableException.class);
      analyst.commit();
    }
    assertThat(name(1)).isEqualTo("analyst");
  }
}
