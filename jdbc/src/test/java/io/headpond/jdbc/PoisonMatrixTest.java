package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheListener;
import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Each way in which rows can be refused, by one, ten and all rows of a batch of a thousand. */
class PoisonMatrixTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .column("qty", ColumnType.INTEGER)
          .build();
  private static final int ROWS = 1_000;
  private static final long FRONTIER = 1_000_000;

  /** What the table, as it becomes after the start, has against a quantity below 0 or a long name. */
  enum Poison {
    CHECK(
        Applied.Rejected.class,
        ErrorClass.CONSTRAINT,
        "23514",
        "ALTER TABLE %1$s ADD CHECK (qty >= 0) NOT VALID"),
    DEFERRED(
        Applied.Rejected.class,
        ErrorClass.CONSTRAINT,
        "23505",
        "INSERT INTO %1$s VALUES (5000, 'taken', -100000, 0)",
        "ALTER TABLE %1$s ADD UNIQUE (qty) DEFERRABLE INITIALLY DEFERRED"),
    TYPE(
        Applied.Rejected.class,
        ErrorClass.VALUE,
        "22003",
        "ALTER TABLE %1$s ALTER COLUMN qty TYPE smallint"),
    LENGTH(
        Applied.Rejected.class,
        ErrorClass.VALUE,
        "22001",
        "ALTER TABLE %1$s ALTER COLUMN name TYPE varchar(10)"),
    FOREIGN_KEY(
        Applied.Rejected.class,
        ErrorClass.FOREIGN_KEY,
        "23503",
        "CREATE TABLE %1$s_parent (id integer PRIMARY KEY)",
        "INSERT INTO %1$s_parent SELECT generate_series(0, 1000)",
        "ALTER TABLE %1$s ADD FOREIGN KEY (qty) REFERENCES %1$s_parent"),
    RAISED(Applied.Rejected.class, ErrorClass.RAISED, "P0001", "RAISE EXCEPTION 'no'"),
    DEADLOCK(
        Applied.Retry.class,
        ErrorClass.LOCKED,
        "40P01",
        "RAISE EXCEPTION 'no' USING ERRCODE = '40P01'"),
    SERIALIZATION(
        Applied.Retry.class,
        ErrorClass.LOCKED,
        "40001",
        "RAISE EXCEPTION 'no' USING ERRCODE = '40001'"),
    INTERNAL(
        Applied.Retry.class,
        ErrorClass.UNKNOWN,
        "XX000",
        "RAISE EXCEPTION 'no' USING ERRCODE = 'XX000'"),
    MISSING_FUNCTION(
        Applied.Retry.class, ErrorClass.RAISED, "42883", "PERFORM no_such_function(NEW.qty)"),
    SWALLOWING(Applied.Rejected.class, ErrorClass.SWALLOWED, null, "RETURN NULL"),
    SLEEPING(Applied.Retry.class, ErrorClass.TIMEOUT, "57014", "PERFORM pg_sleep(60)"),
    KILLING(
        Applied.Retry.class,
        ErrorClass.CONNECTION,
        "57P01",
        "PERFORM pg_terminate_backend(pg_backend_pid())");

    private final Class<? extends Outcome> outcome;
    private final ErrorClass errorClass;
    private final @Nullable String code;
    private final String[] statements;

    Poison(
        Class<? extends Outcome> outcome,
        ErrorClass errorClass,
        @Nullable String code,
        String... statements) {
      this.outcome = outcome;
      this.errorClass = errorClass;
      this.code = code;
      this.statements = statements;
    }

    void apply(String table) {
      if (Set.of('A', 'C', 'I').contains(statements[0].charAt(0))) {
        for (String statement : statements) {
          DB.execute(statement.formatted(table));
        }
        return;
      }
      DB.execute(
          ("CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.qty < 0 THEN "
                  + statements[0].replace("'", "''")
                  + "; END IF; RETURN NEW; END'")
              .formatted(table),
          "CREATE TRIGGER p BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_f()"
              .formatted(table));
    }
  }

  private String table = "";
  private Lease lease;

  private SystemOfRecord connect(Duration ttl) {
    table = "p" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE "
            + table
            + " (id bigint PRIMARY KEY, name text, qty integer, version bigint)");
    SystemOfRecord database =
        JdbcDatabase.postgres(DB.url)
            .leaseTtl(ttl)
            .table(table)
            .versionColumn("version")
            .connect("d" + table, TYPE);
    get(database.bind(STORE, 1, false));
    lease = get(database.acquire(STORE, 0));
    get(database.apply(new Batch(7, List.of(), FRONTIER), lease));
    return database;
  }

  private static Batch batch(int bad) {
    List<Mutation> puts = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      puts.add(
          new Mutation.Put(
              TYPE.key((long) i),
              bad(i, bad) ? TYPE.rowOf("a name that is long", -100_000) : TYPE.rowOf("n", i),
              10 + i,
              i));
    }
    return new Batch(8, puts, 2 * FRONTIER);
  }

  /** One in each hundred, at another place each time; or one of all; or all. */
  private static boolean bad(int row, int bad) {
    return switch (bad) {
      case 1 -> row == 617;
      case 10 -> row % 100 == (row / 100 * 37) % 100;
      default -> true;
    };
  }

  private List<String> stored() {
    return DB.query("SELECT id FROM " + table + " WHERE id < " + ROWS + " AND version > 0");
  }

  /** Where the frontier stands, and that this process knows it. */
  private void assertFrontierNotMoved(SystemOfRecord database) {
    assertThat(
            DB.query(
                "SELECT extract(epoch FROM frontier)::text FROM headpond_lease WHERE dataset = 'd"
                    + table
                    + "'"))
        .containsExactly("1.000000");
    get(database.apply(new Batch(9, List.of(), 3 * FRONTIER), lease));
    assertThat(get(database.acquire(STORE, 0)).frontier()).isEqualTo(3 * FRONTIER);
  }

  static Stream<Arguments> found() {
    return Stream.of(Poison.values())
        .filter(poison -> poison != Poison.SLEEPING && poison != Poison.KILLING)
        .flatMap(poison -> Stream.of(1, 10, ROWS).map(bad -> Arguments.of(poison, bad)));
  }

  @ParameterizedTest
  @MethodSource("found")
  void theGoodRowsAreThereAfterOneBatchAndTheBadOnesHaveTheDatabasesError(Poison poison, int bad) {
    try (SystemOfRecord database = connect(Duration.ofSeconds(30))) {
      poison.apply(table);
      Batch batch = batch(bad);
      Applied applied = get(database.apply(batch, lease));
      int found = 0;
      for (int i = 0; i < ROWS; i++) {
        Outcome outcome = applied.outcomes().get(i);
        if (!bad(i, bad)) {
          assertThat(outcome).as("row %d", i).isEqualTo(Applied.Done.INSTANCE);
          continue;
        }
        DatabaseError error = error(outcome);
        assertThat(error.errorClass()).isEqualTo(poison.errorClass);
        assertThat(error.code()).isEqualTo(poison.code);
        found += poison.outcome.isInstance(outcome) ? 1 : 0;
      }
      assertThat(stored()).hasSize(ROWS - bad);
      assertThat(found).isGreaterThanOrEqualTo(Math.min(bad, 100));
      assertThat(applied.statements()).isLessThanOrEqualTo(mostStatements(poison, bad));
      assertFrontierNotMoved(database);
    }
  }

  private static DatabaseError error(Outcome outcome) {
    if (outcome instanceof Applied.Skipped skipped) {
      return skipped.because();
    }
    return outcome instanceof Applied.Rejected rejected
        ? rejected.error()
        : ((Applied.Retry) outcome).error();
  }

  private static int mostStatements(Poison poison, int bad) {
    if (poison == Poison.SWALLOWING) {
      return 4;
    }
    return switch (bad) {
      case 1 -> 45;
      case 10 -> 340;
      default -> Bisection.MOST_STATEMENTS + 4;
    };
  }

  @ParameterizedTest
  @MethodSource("counts")
  void rowsThatSomebodyHoldsAreLeftOutAndNotCounted(int bad) throws SQLException {
    try (SystemOfRecord database = connect(Duration.ofSeconds(bad == ROWS ? 3 : 18));
        Connection person = DB.connection();
        Statement statement = person.createStatement()) {
      for (int i = 0; i < ROWS; i++) {
        if (bad(i, bad)) {
          statement.addBatch("INSERT INTO " + table + " VALUES (" + i + ", 'old', 0, 0)");
        }
      }
      statement.executeBatch();
      person.setAutoCommit(false);
      statement.execute("UPDATE " + table + " SET name = 'analyst'");
      Applied applied = get(database.apply(batch(bad), lease));
      for (int i = 0; i < ROWS; i++) {
        if (bad(i, bad)) {
          Outcome outcome = applied.outcomes().get(i);
          assertThat(outcome).isNotInstanceOf(Applied.Rejected.class);
          assertThat(error(outcome))
              .returns(ErrorClass.LOCKED, DatabaseError::errorClass)
              .returns("55P03", DatabaseError::code);
        } else {
          assertThat(applied.outcomes().get(i)).isEqualTo(Applied.Done.INSTANCE);
        }
      }
      assertThat(stored()).hasSize(ROWS - bad);
      assertThat(applied.statements()).isLessThanOrEqualTo(mostStatements(Poison.CHECK, bad));
      person.rollback();
      assertFrontierNotMoved(database);
      assertThat(get(database.apply(batch(bad), get(database.acquire(STORE, 0)))).outcomes())
          .containsOnly(Applied.Done.INSTANCE);
    }
  }

  static Stream<Integer> counts() {
    return Stream.of(1, 10, ROWS);
  }

  /** How far the search comes depends on the time, see {@link SearchTest}; what it has found stands. */
  @ParameterizedTest
  @MethodSource("counts")
  void ofRowsThatTakeTooLongNoneIsCountedAndWhatWentThroughStays(int bad) {
    try (SystemOfRecord database = connect(Duration.ofSeconds(3))) {
      Poison.SLEEPING.apply(table);
      Batch batch = batch(bad);
      Applied applied;
      try {
        applied = get(database.apply(batch, lease));
      } catch (BatchFailedException e) {
        assertThat(e.error().errorClass()).isEqualTo(ErrorClass.TIMEOUT);
        assertThat(stored()).isEmpty();
        assertFrontierNotMoved(database);
        return;
      }
      int done = 0;
      for (int i = 0; i < ROWS; i++) {
        Outcome outcome = applied.outcomes().get(i);
        if (outcome instanceof Applied.Done) {
          assertThat(bad(i, bad)).isFalse();
          done++;
        } else {
          assertThat(outcome).isNotInstanceOf(Applied.Rejected.class);
          assertThat(error(outcome).errorClass()).isEqualTo(ErrorClass.TIMEOUT);
        }
      }
      assertThat(done).isPositive();
      assertThat(stored()).hasSize(done);
      assertThat(applied.statements()).isLessThanOrEqualTo(Bisection.MOST_STATEMENTS);
      assertFrontierNotMoved(database);
    }
  }

  @ParameterizedTest
  @MethodSource("counts")
  void aRowThatKillsTheConnectionFailsItsBatchWhichWasSurelyNotCommitted(int bad) {
    try (SystemOfRecord database = connect(Duration.ofSeconds(3))) {
      Poison.KILLING.apply(table);
      assertThatThrownBy(() -> get(database.apply(batch(bad), lease)))
          .isInstanceOfSatisfying(
              BatchFailedException.class,
              failed -> assertThat(failed.error().errorClass()).isEqualTo(ErrorClass.CONNECTION));
      assertThat(stored()).isEmpty();
      assertFrontierNotMoved(database);
    }
  }

  /** What is left when its batch has been halved until it is alone. */
  @ParameterizedTest
  @EnumSource
  void alone(Poison poison) {
    try (SystemOfRecord database = connect(Duration.ofSeconds(3))) {
      poison.apply(table);
      Mutation bad = batch(1).mutations().get(617);
      try {
        Applied applied = get(database.apply(new Batch(8, List.of(bad), 2 * FRONTIER), lease));
        assertThat(applied.outcomes()).singleElement().isInstanceOf(poison.outcome);
        assertThat(error(applied.outcomes().get(0)))
            .returns(poison.errorClass, DatabaseError::errorClass)
            .returns(poison.code, DatabaseError::code);
        assertThat(applied.statements()).isLessThanOrEqualTo(4);
      } catch (BatchFailedException e) {
        assertThat(poison).isEqualTo(Poison.KILLING);
        assertThat(e.error().code()).isEqualTo("57P01");
      }
      assertFrontierNotMoved(database);
    }
  }

  /** A deadlock is over when one of the two has been rolled back. */
  @Test
  void whatPassesTheSecondTimeMovesTheFrontier() {
    try (SystemOfRecord database = connect(Duration.ofSeconds(30))) {
      DB.execute(
          "CREATE SEQUENCE " + table + "_s",
          ("CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.qty < 0 AND"
                  + " nextval(''%1$s_s'') = 1 THEN RAISE ''once'' USING ERRCODE = ''40P01''; END IF;"
                  + " RETURN NEW; END'")
              .formatted(table),
          "CREATE TRIGGER p BEFORE INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_f()"
              .formatted(table));
      Applied applied = get(database.apply(batch(10), lease));
      assertThat(applied.outcomes()).containsOnly(Applied.Done.INSTANCE);
      assertThat(applied.statements()).isEqualTo(7);
      assertThat(get(database.acquire(STORE, 0)).frontier()).isEqualTo(2 * FRONTIER);
    }
  }

  /** The engine sends smaller batches until the row is alone. */
  @ParameterizedTest
  @MethodSource("few")
  void rowsThatKillTheConnectionLeaveTheOthersAloneWithinOneFlush(int bad, @TempDir Path folder)
      throws InterruptedException {
    table = "p" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE "
            + table
            + " (id bigint PRIMARY KEY, name text, qty integer, version bigint)");
    CountDownLatch parked = new CountDownLatch(bad);
    Set<ErrorClass> classes = ConcurrentHashMap.newKeySet();
    try (WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(TYPE)
            .name(table)
            .partitions(1)
            .linger(Duration.ofMinutes(10))
            .maxBatchSize(ROWS)
            .maxRetries(0)
            .store(JournalStore.in(folder))
            .systemOfRecord(
                JdbcDatabase.postgres(DB.url)
                    .leaseTtl(Duration.ofSeconds(3))
                    .table(table)
                    .versionColumn("version"))
            .listener(
                new CacheListener() {
                  @Override
                  public void parked(Refusal event) {
                    classes.add(event.error().errorClass());
                    parked.countDown();
                  }
                })
            .build()) {
      Poison.KILLING.apply(table);
      for (Mutation put : batch(bad).mutations()) {
        cache.put(put.key(), ((Mutation.Put) put).row(), Durability.JOURNAL);
      }
      FlushReport report = cache.flush();
      assertThat(stored()).hasSize(ROWS - bad);
      assertThat(report.applied()).isEqualTo(ROWS - bad);
      assertThat(parked.await(60, TimeUnit.SECONDS)).isTrue();
      assertThat(classes).containsExactly(ErrorClass.CONNECTION);
      assertThat(cache.status().parked()).isEqualTo(bad);
      assertThat(cache.status().pendingEntries()).isZero();
      assertThat(cache.status().counters().failedBatches()).isLessThan(30L * bad);
    }
  }

  /** Each search takes its time; whoever was not looked at comes again by itself. */
  @ParameterizedTest
  @MethodSource("few")
  void rowsThatTakeTooLongLeaveTheOthersAloneAndAreNeverParked(int bad, @TempDir Path folder)
      throws InterruptedException {
    table = "p" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE "
            + table
            + " (id bigint PRIMARY KEY, name text, qty integer, version bigint)");
    Semaphore flushes = new Semaphore(0);
    try (WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(TYPE)
            .name(table)
            .partitions(1)
            .linger(Duration.ofMinutes(10))
            .maxBatchSize(ROWS)
            .maxRetries(0)
            .store(JournalStore.in(folder))
            .systemOfRecord(
                JdbcDatabase.postgres(DB.url)
                    .leaseTtl(Duration.ofSeconds(3))
                    .table(table)
                    .versionColumn("version"))
            .listener(
                new CacheListener() {
                  @Override
                  public void flushed(Flush event) {
                    flushes.release();
                  }
                })
            .build()) {
      Poison.SLEEPING.apply(table);
      for (Mutation put : batch(bad).mutations()) {
        cache.put(put.key(), ((Mutation.Put) put).row(), Durability.JOURNAL);
      }
      cache.flush();
      while (stored().size() < ROWS - bad) {
        assertThat(flushes.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(cache.status().parked()).isZero();
      DB.execute("DROP TRIGGER p ON " + table);
      while (cache.status().pendingEntries() > 0) {
        assertThat(flushes.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(stored()).hasSize(ROWS);
      assertThat(cache.status().parked()).isZero();
    }
  }

  static Stream<Integer> few() {
    return Stream.of(1, 10);
  }
}
