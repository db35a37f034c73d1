package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.SystemOfRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys from a sequence: which sequences are taken, and what they give. */
class KeySequenceTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("name", ColumnType.TEXT).build();

  @Test
  void everyNumberIsNewWhoeverAsks() {
    DB.execute(
        "CREATE TABLE a (id bigint PRIMARY KEY, name text)", "CREATE SEQUENCE a_id START 100");
    try (SystemOfRecord one = DB.table("a").keySequence("a_id").connect("one", TYPE);
        SystemOfRecord two = DB.table("a").keySequence("public.a_id").connect("two", TYPE)) {
      List<CompletionStage<List<Long>>> blocks = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        blocks.add(one.nextKeys(7));
        blocks.add(two.nextKeys(1));
      }
      List<Long> all = blocks.stream().flatMap(block -> get(block).stream()).toList();
      assertThat(new HashSet<>(all)).hasSize(80).allMatch(number -> number >= 100);
    }
    assertThat(DB.query("SELECT last_value FROM a_id")).containsExactly("179");
  }

  @Test
  void withoutOneThereAreNoKeys() {
    DB.execute("CREATE TABLE b (id bigint PRIMARY KEY, name text)");
    try (SystemOfRecord database = DB.table("b").connect("b", TYPE)) {
      assertThatThrownBy(() -> get(database.nextKeys(1)))
          .isInstanceOf(ConfigurationException.class)
          .hasMessage("dataset b: no sequence was declared for its keys (keySequence)");
    }
  }

  @Test
  void aCacheWithoutOneRefusesToMakeAKey(@TempDir Path folder) {
    DB.execute("CREATE TABLE f (id bigint PRIMARY KEY, name text)");
    try (WriteBehindCache<Key, Row> cache =
        WriteBehindCache.builder(TYPE)
            .name("f")
            .store(JournalStore.in(folder).segmentSize(1 << 16))
            .systemOfRecord(DB.table("f"))
            .build()) {
      assertThatThrownBy(cache::newKey)
          .isInstanceOf(InvalidValueException.class)
          .hasMessage(
              "id: bigint: must have a sequence for a key to be generated: dataset f: no sequence was"
                  + " declared for its keys (keySequence)");
    }
  }

  @Test
  void oneThatCannotBeUsedIsRefusedByName() {
    DB.execute(
        "CREATE TABLE c (id bigint PRIMARY KEY, name text)",
        "CREATE SCHEMA other",
        "CREATE SEQUENCE other.cyclic CYCLE MAXVALUE 9",
        "CREATE UNLOGGED SEQUENCE loose");
    assertRefused(
        "gone", TYPE, "keySequence gone: is not there; needed: CREATE SEQUENCE \"gone\";");
    assertRefused("c", TYPE, "keySequence c: is no sequence; needed: the name of a sequence");
    assertRefused("cyclic", TYPE, "keySequence cyclic: is not there");
    assertRefused("other.cyclic", TYPE, "ALTER SEQUENCE \"other\".\"cyclic\" NO CYCLE;");
    assertRefused("loose", TYPE, "is unlogged: a crash of the server sets it back");
    assertRefused("a.b.c", TYPE, "keySequence: a.b.c: must be a name or schema.name");
    RowType text = RowType.builder().key("name", ColumnType.TEXT).build();
    DB.execute("CREATE UNIQUE INDEX ON c (name)", "CREATE SEQUENCE c_id");
    assertRefused("c_id", text, "gives whole numbers, which this key cannot be");
  }

  @Test
  void oneThatThisUserMayNotUseIsRefused() {
    DB.execute(
        "CREATE TABLE d (id bigint PRIMARY KEY, name text)",
        "CREATE SEQUENCE d_id",
        "CREATE ROLE teller LOGIN PASSWORD 'x'",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO teller",
        "GRANT CREATE ON SCHEMA public TO teller");
    JdbcTable table = JdbcDatabase.postgres(DB.url).user("teller").password("x").table("d");
    table.connect("d", TYPE).close();
    assertThatThrownBy(() -> table.keySequence("d_id").connect("d", TYPE))
        .hasMessageContaining("keySequence d_id: this user may not take numbers of it")
        .hasMessageContaining("GRANT USAGE ON SEQUENCE \"public\".\"d_id\"");
    DB.execute("GRANT USAGE ON SEQUENCE d_id TO teller");
    try (SystemOfRecord database = table.keySequence("d_id").connect("d", TYPE)) {
      assertThat(get(database.nextKeys(3))).containsExactly(1L, 2L, 3L);
    }
  }

  @Test
  void aMissingOneIsMadeWithTheTableAndBehindItsKeys() {
    JdbcTable table = DB.table("e").keySequence("e id").createTable(true);
    try (SystemOfRecord database = table.connect("e", TYPE)) {
      assertThat(get(database.nextKeys(2))).containsExactly(1L, 2L);
    }
    DB.execute("INSERT INTO e VALUES (41, 'x')", "DROP SEQUENCE \"e id\"");
    try (SystemOfRecord database = table.connect("e", TYPE)) {
      assertThat(get(database.nextKeys(1))).containsExactly(42L);
    }
    try (SystemOfRecord database = table.connect("e", TYPE)) {
      assertThat(get(database.nextKeys(1))).containsExactly(43L);
    }
    assertThat(table.createStatement(TYPE))
        .startsWith("CREATE SEQUENCE \"e id\";\nCREATE TABLE \"e\" (\n");
  }

  private static void assertRefused(String sequence, RowType type, String message) {
    assertThatThrownBy(() -> DB.table("c").keySequence(sequence).connect("c", type))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(message);
  }
}
