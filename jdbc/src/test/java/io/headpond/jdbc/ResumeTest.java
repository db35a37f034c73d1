package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** A start without the database, from what was remembered of its table. */
class ResumeTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .column("price", ColumnType.NUMERIC)
          .column("mood", ColumnType.ENUM)
          .column("tags", ColumnType.array(ColumnType.TEXT))
          .build();

  /** A server that can be away. */
  private static final class Away extends PGSimpleDataSource {
    private static final long serialVersionUID = 1L;

    volatile boolean away = true;

    Away() {
      setUrl(DB.url);
    }

    @Override
    public Connection getConnection() throws SQLException {
      if (away) {
        throw new SQLException("the server is away", "08001");
      }
      return super.getConnection();
    }
  }

  private final Away server = new Away();
  private String table;
  private byte[] remembered;
  private SystemOfRecord first;

  @BeforeEach
  void connectOnce() {
    table = "s" + count.incrementAndGet();
    DB.execute(
        "CREATE TYPE mood_" + table + " AS ENUM ('sad', 'glad')",
        "CREATE TABLE "
            + table
            + " (id bigint PRIMARY KEY, name varchar(40), price numeric(10,2) NOT NULL, mood mood_"
            + table
            + ", tags text[], version bigint)",
        "CREATE SEQUENCE " + table + "_s");
    server.away = false;
    first = mapped().connect("d" + table, TYPE);
    get(first.bind(STORE, 1, false));
    remembered = first.mapping();
    first.close();
    server.away = true;
  }

  @AfterEach
  void close() {
    first.close();
  }

  private JdbcTable mapped() {
    return JdbcDatabase.postgres(server)
        .leaseTtl(Duration.ofSeconds(3))
        .table(table)
        .versionColumn("version")
        .keySequence(table + "_s");
  }

  private SystemOfRecord resumed() {
    return mapped().resume("d" + table, TYPE, remembered);
  }

  @Test
  void beginsWithoutTheDatabaseAndGoesOnWhenItIsThere() {
    try (SystemOfRecord resumed = resumed()) {
      assertThat(resumed.rowType()).isEqualTo(first.rowType());
      assertThat(resumed.description()).isEqualTo(first.description());
      assertThat(resumed.mapping()).isEqualTo(remembered);
      assertThatThrownBy(() -> get(resumed.bind(STORE, 1, false)))
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining("away");
      assertThatThrownBy(() -> get(resumed.load(List.of(TYPE.key(1L)))))
          .isInstanceOf(UnavailableException.class);
      server.away = false;
      assertThat(get(resumed.bind(STORE, 1, false))).isTrue();
      Lease lease = get(resumed.acquire(STORE, 0));
      Mutation put =
          new Mutation.Put(
              TYPE.key(1L),
              resumed.rowType().rowOf("a", new java.math.BigDecimal("1.50"), "glad", List.of("x")),
              10,
              1);
      get(resumed.apply(new Batch(1, List.of(put), 1), lease));
      assertThat(get(resumed.load(List.of(TYPE.key(1L)))).get(0).row())
          .isEqualTo(((Mutation.Put) put).row());
      assertThat(get(resumed.nextKeys(1))).hasSize(1);
    }
  }

  /** What was remembered of other tables may be out of date; what is there now counts. */
  @Test
  void constraintsThatCameMeanwhileAreKnownFromTheCheckOn() {
    DB.execute(
        "CREATE TABLE parent_" + table + " (name varchar(40) PRIMARY KEY, version bigint)",
        "ALTER TABLE "
            + table
            + " ADD CONSTRAINT f_"
            + table
            + " FOREIGN KEY (name) REFERENCES parent_"
            + table
            + " DEFERRABLE INITIALLY DEFERRED");
    RowType parentType = RowType.builder().key("name", ColumnType.TEXT).build();
    server.away = false;
    try (JdbcDatabase shared =
            JdbcDatabase.postgres(server).leaseTtl(Duration.ofSeconds(3)).open();
        SystemOfRecord parents =
            shared
                .table("parent_" + table)
                .versionColumn("version")
                .connect("parents" + table, parentType);
        SystemOfRecord resumed =
            shared
                .table(table)
                .versionColumn("version")
                .keySequence(table + "_s")
                .resume("d" + table, TYPE, remembered)) {
      CompletableFuture<String> told = new CompletableFuture<>();
      resumed.whenParentsArrive(() -> told.complete("told"));
      get(resumed.bind(STORE, 1, false));
      get(parents.bind(STORE, 1, false));
      Lease ofParents = get(parents.acquire(STORE, 0));
      Lease lease = get(resumed.acquire(STORE, 0));
      Mutation put =
          new Mutation.Put(
              TYPE.key(1L),
              resumed.rowType().rowOf("a", new java.math.BigDecimal("1.50"), "glad", List.of("x")),
              10,
              1);
      assertThat(get(resumed.apply(new Batch(1, List.of(put), 1), lease)).outcomes())
          .as("refused at once, and not counted")
          .singleElement()
          .isInstanceOf(Applied.Retry.class);
      Mutation parent =
          new Mutation.Put(parents.rowType().key("a"), parents.rowType().rowOf(), 9, 1);
      get(parents.apply(new Batch(2, List.of(parent), 100), ofParents));
      assertThat(get(told)).isEqualTo("told");
      assertThat(get(resumed.apply(new Batch(1, List.of(put), 1), lease)).outcomes())
          .containsExactly(Applied.Done.INSTANCE);
      assertThat(resumed.mapping()).isNotEqualTo(remembered);
    }
  }

  @Test
  void columnsThatHaveChangedMeanwhileStopEveryRequest() {
    DB.execute("ALTER TABLE " + table + " ALTER COLUMN name TYPE varchar(41)");
    try (SystemOfRecord resumed = resumed()) {
      server.away = false;
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> get(resumed.bind(STORE, 1, false)))
            .isInstanceOf(ConfigurationException.class)
            .hasMessageContaining(
                "the columns of table public."
                    + table
                    + " have changed since this server last started with the database; restart it");
      }
      DB.execute("ALTER TABLE " + table + " ALTER COLUMN name TYPE varchar(40)");
      assertThat(get(resumed.bind(STORE, 1, false))).isTrue();
    }
  }

  @Test
  void aTableThatNoLongerFitsOrIsGoneStopsEveryRequestAndIsNotMadeAnew() {
    DB.execute("ALTER TABLE " + table + " DROP COLUMN name");
    try (SystemOfRecord resumed =
        mapped().createTable(true).resume("d" + table, TYPE, remembered)) {
      server.away = false;
      assertThatThrownBy(() -> get(resumed.bind(STORE, 1, false)))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("column name: is not there");
      DB.execute("DROP TABLE " + table);
      assertThatThrownBy(() -> get(resumed.bind(STORE, 1, false)))
          .isInstanceOf(ConfigurationException.class);
      assertThat(DB.query("SELECT to_regclass('" + table + "')")).containsExactly((String) null);
    }
  }

  @Test
  void whatWasRememberedForAnotherDeclarationIsRefused() {
    RowType other = RowType.builder().key("id", ColumnType.BIGINT).build();
    List<UnaryOperator<JdbcTable>> mappings =
        List.of(
            mapped -> mapped.versionColumn("v2"),
            mapped -> mapped.updatedAtColumn("at"),
            mapped -> mapped.keySequence("another"));
    for (UnaryOperator<JdbcTable> mapping : mappings) {
      assertRefused(() -> mapping.apply(mapped()).resume("d" + table, TYPE, remembered));
    }
    assertRefused(() -> mapped().resume("other", TYPE, remembered));
    assertRefused(() -> mapped().resume("d" + table, other, remembered));
    assertRefused(
        () -> JdbcDatabase.postgres(server).table("x").resume("d" + table, TYPE, remembered));
  }

  private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("was made for another table or other columns");
  }

  @Test
  void bytesThatAreCutOrAlteredAreRefused() {
    assertThat(remembered).hasSizeLessThan(2_000);
    for (int i = 0; i < remembered.length; i++) {
      byte[] cut = Arrays.copyOf(remembered, i);
      byte[] altered = remembered.clone();
      altered[i] ^= 1;
      for (byte[] bytes : List.of(cut, altered)) {
        assertThatThrownBy(
                () ->
                    RememberedMapping.read(
                        "d", TYPE, Mapping.of(TableName.parse(table), false), bytes))
            .isInstanceOf(ConfigurationException.class)
            .hasMessageContaining("is damaged");
      }
    }
  }
}
