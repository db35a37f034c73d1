package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheBuilder;
import io.headpond.ColumnKind;
import io.headpond.ColumnType.Kind;
import io.headpond.ConfigurationException;
import io.headpond.Interval;
import io.headpond.InvalidValueException;
import io.headpond.KeyColumn;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A record through the cache into PostgreSQL, and back from each of them. */
class RecordsOfEveryTypeTest {
  private static final TestDatabase DB = TestDatabase.create();

  @TempDir private Path folder;

  enum Mood {
    SAD,
    OK
  }

  record Visit(
      @KeyColumn Mood mood,
      @KeyColumn LocalDateTime at,
      short count,
      float share,
      @Nullable LocalTime closing,
      @Nullable Interval every,
      @Nullable Mood before,
      @ColumnKind(Kind.INET) @Nullable String address,
      @ColumnKind(Kind.JSON) @Nullable String json,
      @Nullable List<String> tags,
      @Nullable List<Mood> moods) {}

  record VisitKey(Mood mood, LocalDateTime at) {}

  private static final VisitKey KEY = new VisitKey(Mood.OK, LocalDateTime.of(2026, 1, 31, 10, 15));
  private static final Visit FULL =
      new Visit(
          KEY.mood,
          KEY.at,
          (short) -3,
          0.1f,
          LocalTime.of(18, 30),
          new Interval(1, -2, 3),
          Mood.SAD,
          "2001:db8::1/64",
          "{\"b\": 1,\n \"a\": 2}",
          Arrays.asList("a", null, "\"{,}\\"),
          Arrays.asList(Mood.OK, null));

  @BeforeEach
  void createTable() {
    DB.execute(
        "DROP TABLE IF EXISTS visit, headpond_dataset, headpond_lease, headpond_worker",
        "DROP TYPE IF EXISTS mood",
        "CREATE TYPE mood AS ENUM ('SAD', 'OK', 'GREAT')",
        "CREATE TABLE visit (mood mood, at timestamp, count smallint NOT NULL, share real NOT NULL, closing"
            + " time, every interval, before text, address inet, json json, tags varchar(9)[], moods mood[],"
            + " PRIMARY KEY (mood, at))");
  }

  private CacheBuilder<VisitKey, Visit> builder() {
    return WriteBehindCache.builder(VisitKey.class, Visit.class)
        .store(JournalStore.in(folder))
        .systemOfRecord(DB.table("visit"));
  }

  @Test
  void comesBackFromEachPlace() {
    try (WriteBehindCache<VisitKey, Visit> cache = builder().build()) {
      cache.put(KEY, FULL);
      assertThat(cache.get(KEY)).isEqualTo(FULL);
    }
    try (WriteBehindCache<VisitKey, Visit> cache = builder().build()) {
      assertThat(cache.get(KEY)).isEqualTo(FULL);
      assertThat(cache.flush().remaining()).isZero();
    }
    assertThat(
            DB.query(
                "SELECT concat_ws('|', mood, count, share, before, address, tags, moods) FROM visit"))
        .containsExactly("OK|-3|0.1|SAD|2001:db8::1/64|{a,NULL,\"\\\"{,}\\\\\"}|{OK,NULL}");
    Visit empty =
        new Visit(KEY.mood, KEY.at, (short) 0, 0, null, null, null, null, null, List.of(), null);
    try (WriteBehindCache<VisitKey, Visit> cache = builder().build()) {
      cache.put(KEY, empty);
    }
    try (WriteBehindCache<VisitKey, Visit> cache = builder().build()) {
      assertThat(cache.get(KEY)).isEqualTo(empty);
    }
  }

  @Test
  void whatTheColumnsCannotHoldIsRefusedBeforeTheAcknowledgement() {
    try (WriteBehindCache<VisitKey, Visit> cache = builder().build()) {
      Visit long9 =
          new Visit(
              KEY.mood,
              KEY.at,
              (short) 0,
              0,
              null,
              null,
              null,
              null,
              null,
              List.of("0123456789"),
              null);
      assertThatThrownBy(() -> cache.put(KEY, long9))
          .isInstanceOf(InvalidValueException.class)
          .hasMessageContaining("tags[0]")
          .hasMessageContaining("at most 9 characters");
      assertThat(cache.get(KEY)).isNull();
    }
  }

  @Test
  void aConstantThatTheTypeLacksIsFoundAtTheStart() {
    DB.execute("ALTER TYPE mood RENAME VALUE 'SAD' TO 'BLUE'");
    assertThatThrownBy(() -> builder().build())
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("column mood: is mood without the label SAD")
        .hasMessageContaining("column moods: is mood[] without the label SAD");
  }
}
