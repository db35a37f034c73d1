package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheBuilder;
import io.headpond.CacheListener;
import io.headpond.CacheStatus.Health;
import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.FlushReport;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Rows that PostgreSQL refuses, from the write to the letter and out of it again. */
@Timeout(120)
class RefusedRowsTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("quantity", ColumnType.INTEGER).build();
  private static final int ROWS = 50;
  private static final long BAD = 17;

  /** More than one search finds. */
  private static final int HUNDREDS = 300;

  /** The ways in which a table can be against a quantity of -1 that validation cannot know of. */
  enum Rule {
    CHECK("check_%s", "ALTER TABLE %1$s ADD CONSTRAINT check_%1$s CHECK (quantity >= 0)"),
    UNIQUE(
        "unique_%s",
        "INSERT INTO %1$s VALUES (1000, -1)",
        "ALTER TABLE %1$s ADD CONSTRAINT unique_%1$s UNIQUE (quantity)"),
    FOREIGN_KEY_AT_COMMIT(
        "foreign_%s",
        "CREATE TABLE parent_%1$s (id integer PRIMARY KEY)",
        "INSERT INTO parent_%1$s SELECT generate_series(0, 1000)",
        "ALTER TABLE %1$s ADD CONSTRAINT foreign_%1$s FOREIGN KEY (quantity)"
            + " REFERENCES parent_%1$s DEFERRABLE INITIALLY DEFERRED"),
    TRIGGER(
        "not in stock",
        "CREATE FUNCTION f_%1$s() RETURNS trigger LANGUAGE plpgsql AS"
            + " 'BEGIN IF NEW.quantity < 0 THEN RAISE EXCEPTION ''not in stock''; END IF; RETURN NEW;"
            + " END'",
        "CREATE TRIGGER t_%1$s BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION"
            + " f_%1$s()");

    private final String words;
    private final List<String> statements;

    Rule(String words, String... statements) {
      this.words = words;
      this.statements = List.of(statements);
    }
  }

  @TempDir Path folder;

  private final CompletableFuture<CacheListener.Refusal> parked = new CompletableFuture<>();
  private final CountDownLatch hundredsParked = new CountDownLatch(HUNDREDS);
  private final List<Integer> attempts = new ArrayList<>();
  private String table;

  @BeforeEach
  void createTable() {
    table = "r" + count.incrementAndGet();
    DB.execute("CREATE TABLE " + table + " (id bigint PRIMARY KEY, quantity integer)");
  }

  private void apply(Rule rule) {
    rule.statements.forEach(statement -> DB.execute(statement.formatted(table)));
  }

  private CacheBuilder<Key, Row> builder() {
    return WriteBehindCache.builder(TYPE)
        .name(table)
        .partitions(1)
        .linger(Duration.ofMinutes(10))
        .maxRetries(2)
        .retryDelay(Duration.ofMillis(50))
        .store(JournalStore.in(folder))
        .systemOfRecord(DB.table(table))
        .listener(
            new CacheListener() {
              @Override
              public void deferred(Refusal event) {
                attempts.add(event.attempts());
              }

              @Override
              public void parked(Refusal event) {
                attempts.add(event.attempts());
                parked.complete(event);
                hundredsParked.countDown();
              }
            });
  }

  private List<String> stored(long id) {
    return DB.query("SELECT quantity FROM " + table + " WHERE id = " + id);
  }

  @ParameterizedTest
  @EnumSource
  void itsNeighboursArriveAtOnceAndItIsParkedWithTheDatabasesWordsUntilItIsPutRight(Rule rule) {
    apply(rule);
    String words = rule.words.formatted(table);
    try (WriteBehindCache<Key, Row> cache = builder().build()) {
      Receipt bad = null;
      for (long id = 0; id < ROWS; id++) {
        Receipt receipt = cache.put(TYPE.key(id), TYPE.rowOf(id == BAD ? -1 : (int) id));
        bad = id == BAD ? receipt : bad;
      }
      FlushReport report = cache.flush();
      assertThat(report.applied()).isEqualTo(ROWS - 1);
      assertThat(report.rejected()).isEqualTo(1);
      assertThat(report.error()).contains(words);
      assertThat(DB.query("SELECT id FROM " + table + " WHERE id < " + ROWS)).hasSize(ROWS - 1);

      assertThat(get(parked).error().toString()).contains(words);
      assertThat(attempts).containsExactly(1, 2, 3);
      assertThat(cache.status().parked()).isEqualTo(1);
      assertThat(cache.status().pendingEntries()).isZero();
      assertThat(cache.status().health()).isEqualTo(Health.DEGRADED);
      assertThat(cache.status().reasons()).singleElement().asString().contains(words);
      CompletableFuture<Void> settled = bad.settled();
      assertThatThrownBy(() -> get(settled)).isInstanceOf(RejectedException.class);
      assertThat(cache.pending("", null, 10).entries())
          .singleElement()
          .returns(Long.toString(BAD), PendingEntry::key)
          .returns(EntryState.PARKED, PendingEntry::state)
          .returns(3, PendingEntry::attempts)
          .satisfies(letter -> assertThat(letter.error().toString()).contains(words));
      assertThat(stored(BAD)).isEmpty();

      cache.put(TYPE.key(BAD), TYPE.rowOf((int) BAD));
      assertThat(cache.flush().applied()).isEqualTo(1);
      assertThat(stored(BAD)).containsExactly(Long.toString(BAD));
      assertThat(cache.status().parked()).isZero();
      assertThat(cache.status().health()).isEqualTo(Health.UP);
    }
  }

  @Test
  void ofWritesThatWaitForTheDatabaseOnlyTheRefusedFails() {
    apply(Rule.CHECK);
    try (WriteBehindCache<Key, Row> cache = builder().build()) {
      List<CompletableFuture<Receipt>> writes = new ArrayList<>();
      for (long id = 0; id < ROWS; id++) {
        writes.add(
            cache.putAsync(
                TYPE.key(id), TYPE.rowOf(id == BAD ? -1 : (int) id), Durability.DATABASE));
      }
      for (int id = 0; id < ROWS; id++) {
        CompletableFuture<Receipt> write = writes.get(id);
        if (id == BAD) {
          assertThatThrownBy(() -> get(write))
              .isInstanceOf(RejectedException.class)
              .hasMessageContaining("check_" + table);
        } else {
          assertThat(get(write).durability()).isEqualTo(Durability.DATABASE);
        }
      }
      assertThat(DB.query("SELECT id FROM " + table)).hasSize(ROWS - 1);
      assertThat(cache.get(TYPE.key(BAD))).isNull();
      assertThat(cache.status().health()).isEqualTo(Health.UP);
      assertThat(cache.status().counters().batches()).isLessThan(ROWS / 2);
    }
  }

  @Test
  void hundredsThatAreRefusedAreAllParkedAndTheOneBehindThemArrives() throws Exception {
    apply(Rule.CHECK);
    int bad = HUNDREDS;
    try (WriteBehindCache<Key, Row> cache = builder().maxRetries(0).build()) {
      for (long id = 0; id < bad; id++) {
        cache.put(TYPE.key(id), TYPE.rowOf(-1), Durability.JOURNAL);
      }
      cache.put(TYPE.key(bad + 1L), TYPE.rowOf(1), Durability.JOURNAL);
      FlushReport report = cache.flush();
      assertThat(report.rejected()).as("as many as one search finds").isGreaterThan(100);
      // The others are deferred, and found in batches of their own.
      assertThat(hundredsParked.await(60, TimeUnit.SECONDS)).isTrue();
      assertThat(stored(bad + 1L)).containsExactly("1");
      assertThat(cache.status().parked()).isEqualTo(bad);
      assertThat(cache.status().pendingEntries()).isZero();
    }
  }

  @Test
  void aLetterIsStillThereAfterARestart() {
    apply(Rule.CHECK);
    try (WriteBehindCache<Key, Row> cache = builder().maxRetries(0).build()) {
      cache.put(TYPE.key(BAD), TYPE.rowOf(-1));
      cache.flush();
      get(parked);
    }
    try (WriteBehindCache<Key, Row> cache = builder().build()) {
      assertThat(cache.status().parked()).isEqualTo(1);
      assertThat(cache.pending("", null, 10).entries())
          .singleElement()
          .returns(1, PendingEntry::attempts)
          .satisfies(letter -> assertThat(letter.error().toString()).contains("check_" + table));
      assertThat(cache.get(TYPE.key(BAD)).get("quantity")).isEqualTo(-1);
      cache.put(TYPE.key(BAD), TYPE.rowOf(1), Durability.DATABASE);
      assertThat(stored(BAD)).containsExactly("1");
      assertThat(cache.status().parked()).isZero();
    }
  }
}
