package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.SystemOfRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the check against the catalogue finds, and in which words. */
class CatalogueTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();

  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.TEXT).column("qty", ColumnType.INTEGER).build();

  private String table;

  @BeforeEach
  void name() {
    table = "c" + count.incrementAndGet();
  }

  private RowType check(RowType type) {
    return check(DB.table(table), type);
  }

  private static RowType check(JdbcTable mapped, RowType type) {
    try (SystemOfRecord database = mapped.connect("d", type)) {
      return database.rowType();
    }
  }

  private void create(String columns) {
    DB.execute("CREATE TABLE " + table + " (" + columns + ")");
  }

  private List<String> problems(RowType type) {
    return problems(DB.table(table), type);
  }

  private static List<String> problems(JdbcTable mapped, RowType type) {
    ConfigurationException refusal =
        catchThrowableOfType(ConfigurationException.class, () -> check(mapped, type));
    assertThat(refusal).isNotNull();
    return refusal.getMessage().lines().toList();
  }

  @Test
  void everythingThatFits() {
    create(
        "id varchar(20) PRIMARY KEY, a varchar(30) NOT NULL, b integer, c bigint, d numeric(12,3),"
            + " e boolean, f double precision, g date, h timestamptz(6), i uuid, j jsonb, k bytea,"
            + " l numeric, m text, unmapped text, filled int NOT NULL DEFAULT 1,"
            + " made int GENERATED ALWAYS AS (1) STORED, serial bigint GENERATED ALWAYS AS IDENTITY,"
            + " version bigint NOT NULL, updated_at timestamptz");
    RowType declared =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("a", ColumnType.TEXT)
            .column("b", ColumnType.INTEGER)
            .column("c", ColumnType.BIGINT)
            .column("d", ColumnType.NUMERIC)
            .column("e", ColumnType.BOOLEAN)
            .column("f", ColumnType.DOUBLE)
            .column("g", ColumnType.DATE)
            .column("h", ColumnType.TIMESTAMPTZ)
            .column("i", ColumnType.UUID)
            .column("j", ColumnType.JSONB)
            .column("k", ColumnType.BYTEA)
            .column("l", ColumnType.numeric(5, 2))
            .column("m", ColumnType.text(7))
            .build();
    RowType found =
        check(DB.table(table).versionColumn("version").updatedAtColumn("updated_at"), declared);
    assertThat(found.keyColumns().get(0).type()).isEqualTo(ColumnType.text(20));
    assertThat(found.valueColumns().get(0).type()).isEqualTo(ColumnType.text(30));
    assertThat(found.valueColumns().get(0).nullable()).isFalse();
    assertThat(found.valueColumns().get(1).nullable()).isTrue();
    assertThat(found.valueColumns().get(3).type()).isEqualTo(ColumnType.numeric(12, 3));
    assertThat(found.valueColumns().get(11).type())
        .as("declared narrower than the column")
        .isEqualTo(ColumnType.numeric(5, 2));
    assertThat(found.valueColumns().get(12).type()).isEqualTo(ColumnType.text(7));
  }

  @Test
  void missingTableComesWithTheStatementThatMakesIt() {
    RowType type =
        RowType.builder()
            .key("id", ColumnType.text(10))
            .column("price", ColumnType.numeric(8, 2))
            .column("ratio", ColumnType.DOUBLE)
            .build();
    JdbcTable mapped = DB.table(table).versionColumn("version").updatedAtColumn("at");
    String start = "table " + table + ": is not there; needed, for example: ";
    assertThat(problems(mapped, type))
        .singleElement()
        .asString()
        .startsWith(start + "CREATE TABLE");
    DB.execute(problems(mapped, type).get(0).substring(start.length()));
    assertThat(check(mapped, type).valueColumns().get(0).type())
        .isEqualTo(ColumnType.numeric(8, 2));
  }

  @Test
  void theStatementOfATableMakesWhatTheCheckAccepts() {
    RowType type =
        RowType.builder()
            .key("Id \"quoted\"", ColumnType.text(10))
            .key("order", ColumnType.TEXT)
            .column("price", ColumnType.numeric(8, 2))
            .column("ratio", ColumnType.DOUBLE)
            .column("note", ColumnType.TEXT)
            .column("at", ColumnType.TIMESTAMPTZ)
            .column("tags", ColumnType.JSONB)
            .column("blob", ColumnType.BYTEA)
            .column("many", ColumnType.array(ColumnType.text(5)))
            .column("state", ColumnType.enumOf(List.of("new")))
            .build();
    for (String name : List.of(table, "public." + table + " B", "\"a.b " + table + "\"")) {
      JdbcTable mapped = DB.table(name).versionColumn("Version").updatedAtColumn("updated at");
      DB.execute(mapped.createStatement(type));
      RowType found = check(mapped, type);
      assertThat(found.keyColumns()).isEqualTo(type.keyColumns());
      assertThat(found.valueColumns()).isEqualTo(type.valueColumns());
    }
  }

  @Test
  void missingTableIsCreatedIfThatIsAsked() throws Exception {
    JdbcTable mapped = DB.table(table).versionColumn("version").createTable(true);
    List<CompletableFuture<RowType>> starters = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      starters.add(CompletableFuture.supplyAsync(() -> check(mapped, TYPE)));
    }
    for (CompletableFuture<RowType> starter : starters) {
      assertThat(starter.get().encoding()).isEqualTo(TYPE.encoding());
    }
  }

  @Test
  void everyProblemIsNamedAtOnce() {
    create(
        "id char(10) PRIMARY KEY, a text, b smallint, e int GENERATED ALWAYS AS (1) STORED,"
            + " f int GENERATED ALWAYS AS IDENTITY, needed text NOT NULL, h timestamptz(3),"
            + " i numeric(5,-2), k numeric(8,2), l varchar(5), version int, at timestamp");
    RowType type =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("a", ColumnType.BIGINT)
            .column("b", ColumnType.INTEGER)
            .column("e", ColumnType.INTEGER)
            .column("f", ColumnType.INTEGER)
            .column("gone", ColumnType.JSONB)
            .column("h", ColumnType.TIMESTAMPTZ)
            .column("i", ColumnType.NUMERIC)
            .column("k", ColumnType.numeric(10, 3))
            .column("l", ColumnType.text(9))
            .build();
    String at = "table public." + table + ", column ";
    assertThat(
            problems(
                DB.table("public." + table).versionColumn("version").updatedAtColumn("at"), type))
        .containsExactly(
            at
                + "id: is character(10), which pads what is written with spaces and does not tell"
                + " them apart; needed: text",
            at + "a: is text; needed: bigint",
            at + "b: is smallint; needed: integer",
            at + "e: is generated from other columns; needed: a column that can be written",
            at + "f: is GENERATED ALWAYS AS IDENTITY; needed: GENERATED BY DEFAULT, or not mapped",
            at + "gone: is not there; needed: jsonb",
            at + "h: is timestamp(3) with time zone, which rounds; needed: timestamptz(6)",
            at
                + "i: is numeric(5,-2), which rounds or cannot hold an ordinary number; needed: a"
                + " scale from 0 to the precision",
            at + "k: is numeric(8,2); needed: the declared numeric(10,3)",
            at + "l: is character varying(5); needed: at least the declared varchar(9)",
            at
                + "version: is integer, too small for a version, which is a time in microseconds; a"
                + " counter of another program, such as JPA's @Version, cannot serve; needed: a"
                + " bigint column of Headpond's own",
            at + "at: is timestamp without time zone; needed: timestamptz",
            at
                + "needed: is NOT NULL without a default and is not mapped; needed: a default, or to"
                + " be mapped");
  }

  @Test
  void typesThatHoldSomethingElse() {
    DB.execute("CREATE TYPE " + table + "_mood AS ENUM ('new', 'paid')");
    create(
        ("id text PRIMARY KEY, a time(3), b timestamp(0), c interval(3), d interval day to second,"
                + " e timestamptz, f timestamp, g jsonb, h cidr, i timetz, j double precision, k int2vector,"
                + " l %_mood, m %_mood, n text, o varchar(3), p text, q text[], r char(3)[], s numeric(5,2)[],"
                + " version smallint")
            .replace("%", table));
    ColumnType states = ColumnType.enumOf(List.of("new", "PAID"));
    RowType type =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("a", ColumnType.TIME)
            .column("b", ColumnType.TIMESTAMP)
            .column("c", ColumnType.INTERVAL)
            .column("d", ColumnType.INTERVAL)
            .column("e", ColumnType.TIMESTAMP)
            .column("f", ColumnType.TIMESTAMPTZ)
            .column("g", ColumnType.JSON)
            .column("h", ColumnType.INET)
            .column("i", ColumnType.TIME)
            .column("j", ColumnType.REAL)
            .column("k", ColumnType.array(ColumnType.SMALLINT))
            .column("l", states)
            .column("m", ColumnType.TEXT)
            .column("n", ColumnType.ENUM)
            .column("o", states)
            .column("p", ColumnType.array(ColumnType.TEXT))
            .column("q", ColumnType.TEXT)
            .column("r", ColumnType.array(ColumnType.TEXT))
            .column("s", ColumnType.array(ColumnType.numeric(6, 2)))
            .build();
    String at = "table public." + table + ", column ";
    assertThat(problems(DB.table(table).versionColumn("version"), type))
        .containsExactly(
            at + "a: is time(3) without time zone, which rounds; needed: time(6)",
            at + "b: is timestamp(0) without time zone, which rounds; needed: timestamp(6)",
            at + "c: is interval(3), which drops or rounds parts; needed: interval",
            at + "d: is interval day to second, which drops or rounds parts; needed: interval",
            at + "e: is timestamp with time zone; needed: timestamp",
            at + "f: is timestamp without time zone; needed: timestamptz",
            at + "g: is jsonb; needed: json",
            at + "h: is cidr, which refuses some addresses that inet takes; needed: inet",
            at
                + "i: is time with time zone, which keeps an offset that no date belongs to; needed:"
                + " time",
            at + "j: is double precision; needed: real",
            at + "k: is int2vector; needed: smallint[]",
            at
                + "l: is %_mood without the label PAID; needed: ALTER TYPE public.%_mood ADD VALUE 'PAID', or"
                    .replace("%", table)
                + " not to use it",
            at
                + "m: is "
                + table
                + "_mood, which is an enum type and can be declared as enum; needed: text",
            at + "n: is text; needed: an enum type",
            at + "o: is character varying(3), too short for the label PAID; needed: text",
            at + "p: is text; needed: text[]",
            at + "q: is text[]; needed: text",
            at
                + "r: is character(3)[], which pads what is written with spaces and does not tell them"
                + " apart; needed: text[]",
            at + "s: is numeric(5,2)[]; needed: the declared numeric(6,2)",
            at
                + "version: is smallint, too small for a version, which is a time in microseconds; a"
                + " counter of another program, such as JPA's @Version, cannot serve; needed: a"
                + " bigint column of Headpond's own");
  }

  @Test
  void precisionsThatAreTheWholePrecision() {
    create(
        "id text PRIMARY KEY, a time(6), b timestamp(6), c interval(6), d timestamptz(6)[], e inet[]");
    check(
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("a", ColumnType.TIME)
            .column("b", ColumnType.TIMESTAMP)
            .column("c", ColumnType.INTERVAL)
            .column("d", ColumnType.array(ColumnType.TIMESTAMPTZ))
            .column("e", ColumnType.array(ColumnType.INET))
            .build());
  }

  @Test
  void anEnumWithoutLabelsCannotBeCreated() {
    RowType type =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("state", ColumnType.array(ColumnType.ENUM))
            .build();
    assertThat(problems(DB.table(table).createTable(true), type))
        .singleElement()
        .asString()
        .startsWith(
            "columns.state: is an enum without labels: its type and the table must be there");
    RowType labelled =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("state", ColumnType.enumOf(List.of("new", "paid")))
            .build();
    RowType found = check(DB.table(table).createTable(true), labelled);
    assertThat(found).isEqualTo(labelled);
  }

  @Test
  void numericScale() {
    create("id text PRIMARY KEY, wide numeric(2,5), rounded numeric(4,-1)");
    RowType type =
        RowType.builder()
            .key("id", ColumnType.TEXT)
            .column("wide", ColumnType.NUMERIC)
            .column("rounded", ColumnType.NUMERIC)
            .build();
    assertThat(problems(type)).hasSize(2).allMatch(line -> line.contains("scale"));
  }

  @Test
  void collationsThatMergeKeys() {
    DB.execute(
        "CREATE COLLATION IF NOT EXISTS merging (provider = icu, locale = 'und-u-ks-level2',"
            + " deterministic = false)");
    create("id text COLLATE merging PRIMARY KEY, qty integer");
    assertThat(problems(TYPE))
        .anyMatch(
            line ->
                line.contains("column id: has the collation merging")
                    && line.contains("two keys would be one row"));
  }

  @Test
  void anIndexThatMergesKeys() {
    collationsThatMergeKeys();
    name();
    create("id text PRIMARY KEY, qty integer");
    DB.execute("CREATE UNIQUE INDEX " + table + "_ci ON " + table + " (id COLLATE merging)");
    assertThat(problems(TYPE))
        .singleElement()
        .asString()
        .contains("index " + table + "_ci", "two keys would be one row");
  }

  @Test
  void keysThatAreNotExact() {
    create("id char(5) PRIMARY KEY, qty integer");
    assertThat(problems(TYPE)).first().asString().contains("character(5)");
  }

  @Test
  void noUniqueIndexOnExactlyTheKey() {
    create("id text NOT NULL, qty integer, UNIQUE (id, qty)");
    assertThat(problems(TYPE))
        .singleElement()
        .asString()
        .endsWith("needed: CREATE UNIQUE INDEX ON \"public\".\"" + table + "\" (\"id\");");
    String statement = problems(TYPE).get(0).replaceFirst(".*needed: ", "");
    DB.execute(statement);
    check(TYPE);
  }

  @Test
  void uniqueIndexesThatDoNotServe() {
    create("id text NOT NULL, qty integer, CONSTRAINT " + table + "_d UNIQUE (id) DEFERRABLE");
    DB.execute(
        "CREATE UNIQUE INDEX " + table + "_p ON " + table + " (id) WHERE qty > 0",
        "CREATE UNIQUE INDEX " + table + "_e ON " + table + " (lower(id))");
    assertThat(problems(TYPE))
        .singleElement()
        .asString()
        .contains(table + "_d is deferrable", table + "_p is partial")
        .doesNotContain("_e is");
  }

  @Test
  void aKeyOfSeveralColumnsInAnyOrder() {
    create("b bigint, a text, qty integer, PRIMARY KEY (b, a)");
    check(
        RowType.builder()
            .key("a", ColumnType.TEXT)
            .key("b", ColumnType.BIGINT)
            .column("qty", ColumnType.INTEGER)
            .build());
  }

  @Test
  void includedColumnsAreNotPartOfTheKey() {
    create("id text NOT NULL, qty integer");
    DB.execute("CREATE UNIQUE INDEX ON " + table + " (id) INCLUDE (qty)");
    check(TYPE);
  }

  @Test
  void viewsAndSuchAreNoTables() {
    DB.execute("CREATE VIEW " + table + " AS SELECT 'a'::text AS id, 1 AS qty");
    assertThat(problems(TYPE))
        .contains(
            "table public." + table + ": is a view; needed: an ordinary or partitioned table");
  }

  @Test
  void partitionedTables() {
    create("id text PRIMARY KEY, qty integer) PARTITION BY HASH (id");
    DB.execute(
        "CREATE TABLE "
            + table
            + "_0 PARTITION OF "
            + table
            + " FOR VALUES WITH (MODULUS 1, REMAINDER 0)");
    check(TYPE);
    DB.execute("ALTER TABLE " + table + "_0 SET UNLOGGED");
    assertThat(problems(TYPE)).singleElement().asString().contains("partition", "unlogged");
  }

  @Test
  void tablesThatLoseTheirRows() {
    DB.execute("CREATE UNLOGGED TABLE " + table + " (id text PRIMARY KEY, qty integer)");
    assertThat(problems(TYPE)).singleElement().asString().contains("unlogged", "SET LOGGED");
  }

  @Test
  void rules() {
    create("id text PRIMARY KEY, qty integer");
    DB.execute("CREATE RULE nothing AS ON INSERT TO " + table + " DO INSTEAD NOTHING");
    assertThat(problems(TYPE)).singleElement().asString().contains("has rules");
  }

  @Test
  void inheritance() {
    create("id text PRIMARY KEY, qty integer");
    DB.execute("CREATE TABLE " + table + "_child () INHERITS (" + table + ")");
    assertThat(problems(TYPE)).singleElement().asString().contains("inherit");
  }

  @Test
  void domainsStandForTheirTypes() {
    DB.execute(
        "CREATE DOMAIN " + table + "_name AS varchar(12)",
        "CREATE DOMAIN " + table + "_short AS " + table + "_name NOT NULL CHECK (VALUE <> 'no')");
    create("id text PRIMARY KEY, name " + table + "_short");
    RowType found =
        check(RowType.builder().key("id", ColumnType.TEXT).column("name", ColumnType.TEXT).build());
    assertThat(found.valueColumns().get(0).type()).isEqualTo(ColumnType.text(12));
    assertThat(found.valueColumns().get(0).nullable()).isFalse();
  }

  @Test
  void mappedTwice() {
    create("id text PRIMARY KEY, qty integer");
    assertThat(problems(DB.table(table).versionColumn("qty"), TYPE))
        .containsExactly(
            "versionColumn: is qty, which is mapped already; needed: a column of its own");
  }

  @Test
  void missingVersionColumnComesWithTheStatementThatMakesIt() {
    create("id text PRIMARY KEY, qty integer");
    JdbcTable mapped = DB.table(table).versionColumn("version");
    String line = problems(mapped, TYPE).get(0);
    DB.execute(line.replaceFirst(".*needed: ", ""));
    check(mapped, TYPE);
  }

  @Test
  void privileges() {
    create("id text PRIMARY KEY, qty integer");
    String role = "role_" + DB.url.replaceAll(".*/(test_[0-9]+).*", "$1");
    DB.execute(
        "CREATE ROLE " + role + " LOGIN PASSWORD 'secret-1'",
        "GRANT SELECT ON " + table + " TO " + role);
    JdbcTable mapped = JdbcDatabase.postgres(DB.url).user(role).password("secret-1").table(table);
    assertThat(problems(mapped, TYPE))
        .containsExactlyInAnyOrder(
            "table public." + table + ": this user has no DELETE; needed: GRANT DELETE ON " + table,
            "table public."
                + table
                + ", column id: this user has no INSERT, UPDATE; needed: GRANT INSERT, UPDATE ON "
                + table,
            "table public."
                + table
                + ", column qty: this user has no INSERT, UPDATE; needed: GRANT INSERT, UPDATE ON "
                + table);

    String schema = table + "s";
    DB.execute(
        "CREATE SCHEMA " + schema,
        "CREATE TABLE " + schema + ".t (id text PRIMARY KEY, qty integer)",
        "GRANT USAGE ON SCHEMA " + schema + " TO " + role,
        "GRANT ALL ON " + schema + ".t TO " + role);
    JdbcTable other =
        JdbcDatabase.postgres(DB.url).user(role).password("secret-1").table(schema + ".t");
    assertThat(problems(other, TYPE))
        .containsExactly(
            "schema "
                + schema
                + ": lacks headpond_dataset, headpond_lease, headpond_worker, headpond_tombstone, and this user may not create them;"
                + " needed: GRANT CREATE ON SCHEMA \""
                + schema
                + "\"; or, as somebody who may create them, run what 'headpond schema' prints (with"
                + " --schema "
                + schema
                + ")");
    DB.execute(JdbcDatabase.schema(schema));
    assertThat(problems(other, TYPE))
        .hasSize(4)
        .allMatch(line -> line.contains("GRANT SELECT, INSERT, UPDATE, DELETE ON"));
    DB.execute("GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role);
    check(other, TYPE);

    DB.execute("ALTER TABLE " + schema + ".t ENABLE ROW LEVEL SECURITY");
    assertThat(problems(other, TYPE)).singleElement().asString().contains("row level security");

    JdbcTable wrong = JdbcDatabase.postgres(DB.url).user(role).password("secret-2").table(table);
    assertThat(problems(wrong, TYPE))
        .singleElement()
        .asString()
        .contains("password authentication failed", "28P01")
        .doesNotContain("secret");
  }

  @Test
  void ownTablesOfAnEarlierReleaseAreBroughtUpToDate() {
    String schema = "older";
    String role = "older_user";
    DB.execute(
        "CREATE SCHEMA " + schema,
        "CREATE TABLE " + schema + ".t (id text PRIMARY KEY, qty integer)",
        JdbcDatabase.schema(schema),
        "DROP TABLE older.headpond_tombstone; DROP TABLE older.headpond_worker",
        "ALTER TABLE older.headpond_lease DROP COLUMN acquired_at",
        "CREATE USER " + role + " PASSWORD 'secret-1'",
        "GRANT USAGE ON SCHEMA " + schema + " TO " + role,
        "GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role);
    JdbcTable mapped =
        JdbcDatabase.postgres(DB.url).user(role).password("secret-1").table(schema + ".t");
    assertThat(problems(mapped, TYPE))
        .containsExactly(
            "table older.headpond_lease, column acquired_at: is not there, and this user may not"
                + " add it; needed: SET search_path TO \"older\"; ALTER TABLE headpond_lease ADD"
                + " COLUMN IF NOT EXISTS acquired_at timestamptz",
            "schema older: lacks headpond_worker, headpond_tombstone, and this user may not create"
                + " them; needed: GRANT CREATE ON SCHEMA \"older\"; or, as somebody who may create"
                + " them, run what 'headpond schema' prints (with --schema older): SET search_path"
                + " TO \"older\"; CREATE TABLE IF NOT EXISTS headpond_worker ( dataset text NOT"
                + " NULL REFERENCES headpond_dataset ON DELETE CASCADE, worker_id uuid NOT NULL,"
                + " name text NOT NULL, started_at timestamptz NOT NULL, expires_at timestamptz NOT"
                + " NULL, PRIMARY KEY (dataset, worker_id) ); CREATE TABLE IF NOT EXISTS"
                + " headpond_tombstone ( dataset text NOT NULL, key bytea NOT NULL, version bigint"
                + " NOT NULL, removed_at timestamptz NOT NULL, PRIMARY KEY (dataset, key) ); CREATE"
                + " INDEX IF NOT EXISTS headpond_tombstone_removed_at ON headpond_tombstone"
                + " (removed_at)");
    check(DB.table(schema + ".t"), TYPE);
    DB.execute("GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role);
    check(mapped, TYPE);
  }

  @Test
  void serversThatCannotServe() {
    String nowhere = DB.url.replaceFirst("localhost:[0-9]+|127.0.0.1:[0-9]+", "localhost:1");
    assertThatThrownBy(() -> check(JdbcDatabase.postgres(nowhere).table(table), TYPE))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("refused")
        .hasMessageNotContaining("password")
        .hasMessageNotContaining("\n");
    String missing = DB.url.replaceFirst("/test_[0-9]+", "/not_there");
    assertThat(problems(JdbcDatabase.postgres(missing).table(table), TYPE))
        .singleElement()
        .asString()
        .contains("not_there", "3D000");
    assertThatThrownBy(() -> JdbcDatabase.postgres("jdbc:mysql://u:secret@h/d").open())
        .isInstanceOf(ConfigurationException.class)
        .hasMessageStartingWith("url: ")
        .hasMessageNotContaining("secret");
  }

  @Test
  void readOnlyServers() {
    create("id text PRIMARY KEY, qty integer");
    String url = DB.url + (DB.url.contains("?") ? "&" : "?");
    assertThat(
            problems(
                JdbcDatabase.postgres(url + "options=-c%20default_transaction_read_only%3Don")
                    .table(table),
                TYPE))
        .singleElement()
        .asString()
        .startsWith("server: is read-only");
  }

  @Test
  void tableNames() {
    for (String name : List.of("", " ", ".", "a.", ".a", "a.b.c", "\"a", "\"\"")) {
      assertThatThrownBy(() -> DB.table(name))
          .as(name)
          .isInstanceOf(ConfigurationException.class)
          .hasMessageStartingWith("table: ");
    }
    assertThat(TableName.parse("a.b")).isEqualTo(new TableName("a", "b"));
    assertThat(TableName.parse("\"a.b\".\"c\"\"d\"")).isEqualTo(new TableName("a.b", "c\"d"));
    assertThat(TableName.parse("My Table")).isEqualTo(new TableName(null, "My Table"));
  }
}
