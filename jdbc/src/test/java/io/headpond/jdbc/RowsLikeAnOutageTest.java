package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Errors that are those of an outage, of a single row: they harm that row alone. */
@Timeout(120)
class RowsLikeAnOutageTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("state", ColumnType.TEXT).build();
  private static final int ROWS = 100;
  private static final long BAD = 61;

  private String table;

  /** A row's trigger raises the error that the row names. */
  @BeforeEach
  void createTable() {
    table = "o" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE " + table + " (id bigint PRIMARY KEY, state text, version bigint)",
        ("CREATE FUNCTION %1$s_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.state IS NOT NULL"
                + " THEN RAISE ''no'' USING ERRCODE = NEW.state; END IF; RETURN NEW; END'")
            .formatted(table),
        "CREATE TRIGGER p BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_f()"
            .formatted(table));
  }

  private JdbcTable mapped() {
    return JdbcDatabase.postgres(DB.url)
        .leaseTtl(Duration.ofSeconds(6))
        .table(table)
        .versionColumn("version");
  }

  private static Batch batch(String state) {
    return new Batch(
        8,
        List.of(
            new Mutation.Put(TYPE.key(1L), TYPE.rowOf((Object) null), 10, 1),
            new Mutation.Put(TYPE.key(BAD), TYPE.rowOf(state), 11, 2)),
        1);
  }

  @ParameterizedTest
  @CsvSource({
    "58P01, UNKNOWN",
    "53400, UNKNOWN",
    "F0000, UNKNOWN",
    "25006, UNKNOWN",
    "26000, UNKNOWN",
    "57000, UNKNOWN",
    "25P04, TIMEOUT",
    "57P01, CONNECTION",
    "0A000, CONNECTION",
    "08006, CONNECTION"
  })
  void theBatchFailsAndTheClassSaysWhetherTheConnectionWasLost(
      String state, ErrorClass errorClass) {
    try (SystemOfRecord database = mapped().connect(table, TYPE)) {
      get(database.bind(STORE, 1, false));
      Lease lease = get(database.acquire(STORE, 0));
      assertThatThrownBy(() -> get(database.apply(batch(state), lease)))
          .isInstanceOfSatisfying(
              BatchFailedException.class,
              e -> {
                assertThat(e.error().errorClass()).isEqualTo(errorClass);
                assertThat(e.error().code()).isEqualTo(state);
              });
      assertThat(DB.query("SELECT id FROM " + table)).isEmpty();
    }
  }

  @Test
  void whatIsBlockedStaysSoAndSoDoesAnOutageThatTheLeaseMeets() {
    try (SystemOfRecord database = mapped().connect(table, TYPE)) {
      get(database.bind(STORE, 1, false));
      Lease lease = get(database.acquire(STORE, 0));
      assertThatThrownBy(() -> get(database.apply(batch("42501"), lease)))
          .isInstanceOf(ConfigurationException.class);
      DB.execute(
          ("CREATE FUNCTION %1$s_l() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no'' USING"
                  + " ERRCODE = ''58P01''; END'")
              .formatted(table),
          ("CREATE TRIGGER t_%1$s BEFORE UPDATE ON headpond_lease FOR EACH ROW WHEN (NEW.dataset ="
                  + " '%1$s') EXECUTE FUNCTION %1$s_l()")
              .formatted(table));
      assertThatThrownBy(() -> get(database.apply(batch(null), lease)))
          .isInstanceOf(UnavailableException.class)
          .isNotInstanceOf(BatchFailedException.class)
          .hasMessageContaining("58P01");
    }
  }

  /** One that costs the connection is known by that, and counts; the others may be anybody's fault. */
  @ParameterizedTest
  @CsvSource({
    "58P01, PENDING, UNKNOWN",
    "25006, PENDING, UNKNOWN",
    "0A000, PARKED, CONNECTION",
    "08006, PARKED, CONNECTION"
  })
  void theOthersArriveWithOneFlush(
      String state, EntryState becomes, ErrorClass errorClass, @TempDir Path folder) {
    try (WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(TYPE)
            .name(table)
            .partitions(1)
            .linger(Duration.ofMinutes(10))
            .retryDelay(Duration.ofSeconds(30))
            .maxRetries(0)
            .store(JournalStore.in(folder))
            .systemOfRecord(mapped())
            .build()) {
      for (long id = 0; id < ROWS; id++) {
        cache.put(TYPE.key(id), TYPE.rowOf(id == BAD ? state : null), Durability.JOURNAL);
      }
      assertThat(cache.flush().applied()).isEqualTo(ROWS - 1);
      assertThat(DB.query("SELECT id FROM " + table)).hasSize(ROWS - 1);
      assertThat(cache.pending("", null, 10).entries())
          .singleElement()
          .returns(Long.toString(BAD), PendingEntry::key)
          .returns(becomes, PendingEntry::state)
          .satisfies(
              entry -> {
                assertThat(entry.error().errorClass()).isEqualTo(errorClass);
                assertThat(entry.error().code()).isEqualTo(state);
              });
      // It would wait for a row that does not go through.
      cache.drain(Duration.ofMillis(1));
    }
  }
}
