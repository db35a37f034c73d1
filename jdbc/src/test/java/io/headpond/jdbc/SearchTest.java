package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.ErrorClass;
import io.headpond.RowType;
import io.headpond.postgres.testing.TestPostgres;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.testkit.FaultProxy;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

/** The search for the rows at fault, where time or connections are short. */
class SearchTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("kind", ColumnType.TEXT).build();

  /** A server that takes no further connection when it is full. */
  private static final class Crowded extends PGSimpleDataSource {
    private static final long serialVersionUID = 1L;

    volatile boolean full;

    Crowded() {
      setUrl(DB.url);
    }

    @Override
    public Connection getConnection() throws SQLException {
      if (full) {
        throw new SQLException("too many connections for role", "53300");
      }
      return super.getConnection();
    }
  }

  private final Crowded server = new Crowded();
  private String table = "";
  private SystemOfRecord database;
  private Lease lease;

  private void connect(Duration ttl, String... statements) {
    table = "q" + count.incrementAndGet();
    DB.execute("CREATE TABLE " + table + " (id bigint PRIMARY KEY, kind text, version bigint)");
    database =
        JdbcDatabase.postgres(server)
            .leaseTtl(ttl)
            .connections(1)
            .table(table)
            .versionColumn("version")
            .connect("d" + table, TYPE);
    get(database.bind(STORE, 1, false));
    lease = get(database.acquire(STORE, 0));
    for (String statement : statements) {
      DB.execute(statement.formatted(table));
    }
  }

  /** For each row what is to happen, in PL/pgSQL, by its kind. */
  private static String[] trigger(String body) {
    return new String[] {
      "CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
          + body.replace("'", "''").replace("%", "%%")
          + "; RETURN NEW; END'",
      "CREATE TRIGGER p BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_f()"
    };
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static Batch batch(String... kinds) {
    return new Batch(
        7,
        IntStream.range(0, kinds.length)
            .<Mutation>mapToObj(
                i -> new Mutation.Put(TYPE.key((long) i), TYPE.rowOf(kinds[i]), 10 + i, i))
            .toList(),
        2_000_000);
  }

  private static String[] kinds(int rows, String kind) {
    return IntStream.range(0, rows).mapToObj(i -> kind).toArray(String[]::new);
  }

  private List<Outcome> apply(String... kinds) {
    return get(database.apply(batch(kinds), lease)).outcomes();
  }

  private int stored() {
    return DB.query("SELECT id FROM " + table).size();
  }

  /** With a connection limit, one bad row would hold up all others. */
  @ParameterizedTest
  @ValueSource(strings = {"missing", "refused"})
  void theTableIsCheckedOnTheConnectionInHand(String first) {
    connect(
        Duration.ofSeconds(30),
        trigger(
            "IF NEW.kind = 'refused' THEN RAISE 'no'; END IF;"
                + " IF NEW.kind = 'missing' THEN PERFORM no_such_function(); END IF"));
    server.full = true;
    List<Outcome> outcomes = apply(first, "good", "good", "missing", "good");
    assertThat(outcomes.get(3)).isInstanceOf(Applied.Retry.class);
    assertThat(List.of(outcomes.get(1), outcomes.get(2), outcomes.get(4)))
        .containsOnly(Applied.Done.INSTANCE);
    assertThat(stored()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"missing", "refused"})
  void aTableThatNoLongerFitsIsStillFoundOut(String first) {
    connect(
        Duration.ofSeconds(30),
        Stream.concat(
                Stream.of("ALTER TABLE %1$s ADD COLUMN other integer"),
                Stream.of(
                    trigger(
                        "IF NEW.kind = 'refused' THEN RAISE 'no'; END IF; IF NEW.kind = 'missing'"
                            + " THEN PERFORM no_such_function(); END IF; NEW.other = 1")))
            .toArray(String[]::new));
    assertThat(apply("good")).containsExactly(Applied.Done.INSTANCE);
    DB.execute(
        "UPDATE " + table + " SET other = 1",
        "ALTER TABLE " + table + " ALTER COLUMN other SET NOT NULL");
    assertThatThrownBy(() -> apply(first, "good", "good", "missing", "good"))
        .isInstanceOf(ConfigurationException.class);
  }

  /** Whether or not it begins by time, the first slow row must not take all of it. */
  @ParameterizedTest
  @ValueSource(strings = {"refused", "slow"})
  void aSlowRowLeavesTimeForTheOthers(String first) {
    connect(
        Duration.ofSeconds(9),
        trigger(
            "IF NEW.kind = 'refused' THEN RAISE 'no'; END IF;"
                + " IF NEW.kind = 'slow' THEN PERFORM pg_sleep(60); END IF"));
    List<Outcome> outcomes =
        apply(first, "good", "good", "good", "good", "good", "good", "good", "good", "slow");
    assertThat(outcomes).noneMatch(o -> first.equals("slow") && o instanceof Applied.Rejected);
    assertThat(outcomes.subList(1, 9)).as("but for a hiccup").contains(Applied.Done.INSTANCE);
    assertThat(stored()).isPositive();
  }

  /** 1,000 rows would need two thirds of the lease: more than a statement may take. */
  @Test
  void aTableThatIsSlowForEveryRowGetsOn() {
    connect(Duration.ofSeconds(9), trigger("PERFORM pg_sleep(0.006)"));
    List<Outcome> outcomes = apply(kinds(1_000, "good"));
    assertThat(outcomes).noneMatch(Applied.Rejected.class::isInstance);
    assertThat(stored()).as("of 3 s at 6 ms a row").isGreaterThan(150);
  }

  @Test
  void whatFollowsTheSearchHasTheTimeOfAnyStatement() {
    connect(
        Duration.ofSeconds(6),
        trigger(
            "IF NEW.kind = 'once' AND nextval(TG_TABLE_NAME || '_s') = 1 THEN"
                + " RAISE 'deadlock' USING ERRCODE = '40P01'; END IF"));
    DB.execute(
        "CREATE SEQUENCE " + table + "_s",
        "CREATE FUNCTION "
            + table
            + "_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1);"
            + " RETURN NEW; END'",
        "CREATE TRIGGER slow_"
            + table
            + " BEFORE UPDATE ON headpond_lease FOR EACH ROW WHEN (NEW.dataset = 'd"
            + table
            + "' AND NEW.frontier IS DISTINCT FROM OLD.frontier) EXECUTE FUNCTION "
            + table
            + "_slow()");
    assertThat(apply("once", "good")).containsOnly(Applied.Done.INSTANCE);
    assertThat(get(database.acquire(STORE, 0)).frontier()).isEqualTo(2_000_000);
  }

  /** Then nothing is known of any row, and the same batch would end in the same way. */
  @Test
  void aSearchThatComesToNoRowAtAllAsksForASmallerBatch() throws IOException {
    try (FaultProxy proxy = new FaultProxy(TestPostgres.server().port())) {
      server.setServerNames(new String[] {"localhost"});
      server.setPortNumbers(new int[] {proxy.port()});
      connect(Duration.ofSeconds(3), trigger("RAISE 'no'"));
      proxy.delay(Duration.ofMillis(200));
      assertThatThrownBy(() -> apply(kinds(100, "refused")))
          .isInstanceOfSatisfying(
              BatchFailedException.class,
              e -> assertThat(e.error().errorClass()).isEqualTo(ErrorClass.TIMEOUT));
    }
  }
}
