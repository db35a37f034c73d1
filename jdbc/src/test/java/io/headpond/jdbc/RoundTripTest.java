package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import io.headpond.ConfigurationException;
import io.headpond.Interval;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnreadableRowException;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What was acknowledged is what a later load returns, for every type and at its limits. */
class RoundTripTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");

  private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant LAST = Instant.parse("9999-12-31T23:59:59.999999Z");

  private String table;

  @BeforeEach
  void name() {
    table = "r" + count.incrementAndGet();
  }

  private static final List<ColumnType> TYPES = types();

  /** Every type, and an array of each that can be in one. */
  private static List<ColumnType> types() {
    List<ColumnType> types = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      if (kind == Kind.ARRAY) {
        continue;
      }
      ColumnType type =
          kind == Kind.ENUM
              ? ColumnType.enumOf(List.of("a", "B,\"{}\\", "NULL", "it's"))
              : new ColumnType(kind, 0, 0, 0);
      types.add(type);
      if (kind != Kind.BYTEA) {
        types.add(ColumnType.array(type));
      }
    }
    return types;
  }

  /** Values at the limits of a type. */
  private static List<Object> limits(ColumnType type) {
    return switch (type.kind()) {
      case TEXT ->
          List.of(
              "",
              " ",
              "a'b\"c\\d",
              "{1,2}",
              "NULL",
              "null",
              "\t\n\r",
              "ä€\uD83D\uDE00",
              "x".repeat(100_000));
      case INTEGER -> List.of(0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE);
      case BIGINT -> List.of(0L, -1L, Long.MAX_VALUE, Long.MIN_VALUE);
      case NUMERIC ->
          Arrays.stream(
                  new String[] {
                    "0",
                    "0.00",
                    "-1",
                    "1.10",
                    "1E+3",
                    "1E-300",
                    "9".repeat(900),
                    "-0.000000000000000000001"
                  })
              .map(BigDecimal::new)
              .map(Object.class::cast)
              .toList();
      case BOOLEAN -> List.of(true, false);
      case DOUBLE ->
          List.of(
              0.0,
              -0.0,
              Double.MIN_VALUE,
              Double.MAX_VALUE,
              -Double.MAX_VALUE,
              1.0 / 3,
              Double.NaN,
              Double.POSITIVE_INFINITY,
              Double.NEGATIVE_INFINITY);
      case DATE ->
          List.of(
              LocalDate.of(1, 1, 1),
              LocalDate.of(9999, 12, 31),
              LocalDate.of(1582, 10, 10),
              LocalDate.of(2024, 2, 29));
      case TIMESTAMPTZ ->
          List.of(
              FIRST,
              LAST,
              Instant.EPOCH,
              Instant.parse("1969-12-31T23:59:59.999999Z"),
              Instant.parse("1582-10-10T10:10:10.123456Z"),
              Instant.parse("2026-03-29T01:30:00.000001Z"));
      case UUID ->
          List.of(
              new UUID(0, 0),
              new UUID(-1, -1),
              UUID.fromString("AAAAAAAA-0000-0000-0000-00000000000a"));
      case JSONB ->
          List.of(
              "null",
              "\"\"",
              "[]",
              "{}",
              "1.10",
              "-0",
              "1e400",
              "{\"b\":1,\"a\":[true,null,\"\\u00e4\\\\\\\"\\n\"],\"aa\":{\"x\":1.000}}");
      case BYTEA -> List.of(new byte[0], new byte[] {0, 1, -1, 92, 39}, new byte[70_000]);
      case SMALLINT -> List.of(0, -1, Short.MAX_VALUE, Short.MIN_VALUE);
      case REAL ->
          List.of(
              0f,
              -0f,
              Float.MIN_VALUE,
              Float.MAX_VALUE,
              -Float.MAX_VALUE,
              1f / 3,
              Float.NaN,
              Float.POSITIVE_INFINITY,
              Float.NEGATIVE_INFINITY);
      case TIME ->
          List.of(
              LocalTime.MIN,
              LocalTime.NOON,
              LocalTime.of(23, 59, 59, 999_999_000),
              LocalTime.of(0, 0, 0, 1_000),
              LocalTime.of(10, 15, 30, 120_000_000));
      case TIMESTAMP ->
          List.of(
              LocalDateTime.of(1, 1, 1, 0, 0),
              LocalDateTime.of(9999, 12, 31, 23, 59, 59, 999_999_000),
              LocalDateTime.of(1969, 12, 31, 23, 59, 59, 999_999_000),
              LocalDateTime.of(1582, 10, 10, 10, 10, 10, 123_456_000),
              LocalDateTime.of(2026, 3, 29, 2, 30),
              LocalDateTime.of(2026, 3, 29, 0, 0, 0, 1_000));
      case INTERVAL ->
          List.of(
              "PT0S",
              "P1M",
              "P30D",
              "PT720H",
              "P-1Y-2M3DT-4H5M-6.000007S",
              "P1Y-2D",
              "PT-0.000001S",
              "P178956970Y7M2147483647DT2147483647H59M59.999999S",
              "P-178956970Y-8M-2147483648DT-2147483647H-59M-59.999999S");
      case ENUM -> List.copyOf(type.labels());
      case JSON ->
          List.of(
              "null",
              "\"\"",
              " [ 1.10 ,\n-0, 1e400]\t",
              "{\"b\":1,\"a\":[true,null,\"\\u00e4\\\\\\\"\\n\"],\"b\":{\"x\":1.000}}",
              "\"\\u0000 \\ud800\"");
      case INET ->
          List.of(
              "0.0.0.0",
              "255.255.255.255",
              "192.0.2.1/24",
              "0.0.0.0/0",
              "::",
              "::1",
              "2001:DB8::/32",
              "::ffff:192.0.2.1",
              "fe80::1:2:3:4/128");
      case ARRAY -> {
        List<Object> elements = limits(elementOf(type));
        List<@Nullable Object> gaps = new ArrayList<>(elements);
        gaps.add(0, null);
        gaps.add(null);
        yield List.of(
            List.of(), elements, gaps, Arrays.asList((Object) null), elements.subList(0, 1));
      }
    };
  }

  private static Object random(ColumnType type, Random random) {
    return switch (type.kind()) {
      case TEXT -> text(random, 20);
      case INTEGER -> random.nextInt();
      case BIGINT -> random.nextLong() >> random.nextInt(64);
      case NUMERIC ->
          BigDecimal.valueOf(random.nextLong() >> random.nextInt(64), random.nextInt(40));
      case BOOLEAN -> random.nextBoolean();
      case DOUBLE -> Double.longBitsToDouble(random.nextLong());
      case DATE ->
          LocalDate.ofEpochDay(
              random.nextLong(
                  LocalDate.of(1, 1, 1).toEpochDay(), LocalDate.of(10_000, 1, 1).toEpochDay()));
      case TIMESTAMPTZ ->
          Instant.ofEpochSecond(
              random.nextLong(FIRST.getEpochSecond(), LAST.getEpochSecond()),
              random.nextInt(1_000_000) * 1_000L);
      case UUID -> new UUID(random.nextLong(), random.nextLong());
      case JSONB -> "{\"k\":" + random.nextLong() + ",\"n\":[" + random.nextDouble() + "]}";
      case BYTEA -> {
        byte[] bytes = new byte[random.nextInt(50)];
        random.nextBytes(bytes);
        yield bytes;
      }
      case SMALLINT -> (short) random.nextInt();
      case REAL -> Float.intBitsToFloat(random.nextInt());
      case TIME -> LocalTime.ofNanoOfDay(random.nextLong(86_400_000_000L) * 1_000);
      case TIMESTAMP ->
          LocalDateTime.ofEpochSecond(
              random.nextLong(FIRST.getEpochSecond(), LAST.getEpochSecond()),
              random.nextInt(1_000_000) * 1_000,
              ZoneOffset.UTC);
      case INTERVAL ->
          new Interval(
              random.nextInt() >> random.nextInt(32),
              random.nextInt() >> random.nextInt(32),
              random.nextLong(-7_730_941_132_799_999_999L, 7_730_941_132_800_000_000L)
                  >> random.nextInt(64));
      case ENUM -> type.labels().get(random.nextInt(type.labels().size()));
      case JSON -> " {\"k\": " + random.nextLong() + ",\n\"k\":[" + random.nextDouble() + "] }";
      case INET -> address(random);
      case ARRAY -> {
        List<@Nullable Object> elements = new ArrayList<>();
        for (int i = random.nextInt(5); i > 0; i--) {
          elements.add(random.nextInt(4) == 0 ? null : random(elementOf(type), random));
        }
        yield elements;
      }
    };
  }

  private static ColumnType elementOf(ColumnType array) {
    return Objects.requireNonNull(array.element());
  }

  /** Of both versions, with many zero groups: there PostgreSQL has most to choose from. */
  private static String address(Random random) {
    if (random.nextInt(4) == 0) {
      return "%d.%d.%d.%d/%d"
          .formatted(
              random.nextInt(256),
              random.nextInt(256),
              random.nextInt(256),
              random.nextInt(256),
              random.nextInt(33));
    }
    int[] few = {0, 0, 0, 1, 0xffff, random.nextInt(0x10000)};
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      text.append(i == 0 ? "" : ":").append(Integer.toHexString(few[random.nextInt(few.length)]));
    }
    return text.append('/').append(random.nextInt(129)).toString();
  }

  private static String text(Random random, int most) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(most); i >= 0; i--) {
      int point = 1 + random.nextInt(0x10ffff);
      text.appendCodePoint(point >= 0xd800 && point < 0xe000 ? '"' : point);
    }
    return text.toString();
  }

  private SystemOfRecord connect(RowType type, boolean versioned) {
    return connect(DB.table(table), type, versioned);
  }

  private SystemOfRecord connect(JdbcTable of, RowType type, boolean versioned) {
    JdbcTable mapped = of.createTable(true);
    return (versioned ? mapped.versionColumn("version").updatedAtColumn("updated_at") : mapped)
        .connect(table, type);
  }

  private static void apply(SystemOfRecord database, Map<Key, Row> rows, long version) {
    List<Mutation> mutations = new ArrayList<>();
    rows.forEach((key, row) -> mutations.add(new Mutation.Put(key, row, version, 1)));
    mutations.sort((a, b) -> a.key().compareTo(b.key()));
    get(database.bind(STORE, 1, false));
    Lease lease = get(database.acquire(STORE, 0));
    Applied applied = get(database.apply(new Batch(1, mutations, version), lease));
    assertThat(applied.outcomes()).hasSize(rows.size()).containsOnly(new Applied.Done());
    applied = get(database.apply(new Batch(2, mutations, version), lease));
    assertThat(applied.outcomes()).as("again").containsOnly(new Applied.Done());
  }

  private static void assertLoaded(SystemOfRecord database, Map<Key, Row> rows) {
    List<Key> keys = List.copyOf(rows.keySet());
    // Once as text and then in binary: the driver changes over when it has seen a statement often
    // enough.
    for (int time = 0; time < 3; time++) {
      List<Loaded> loaded = get(database.load(keys));
      for (int i = 0; i < keys.size(); i++) {
        assertThat(loaded.get(i).row())
            .as(() -> "a row of " + database.rowType())
            .isEqualTo(rows.get(keys.get(i)));
      }
    }
  }

  @Test
  void limitsOfEveryType() {
    for (boolean versioned : new boolean[] {true, false}) {
      name();
      limitsComeBack(DB.table(table), versioned);
    }
  }

  /** What a session would read and write otherwise is set when it begins. */
  @Test
  void limitsOfEveryTypeInADatabaseWithSettingsOfItsOwn() {
    TestDatabase other = TestDatabase.create();
    for (String setting :
        List.of(
            "TimeZone = 'America/New_York'",
            "DateStyle = 'SQL, DMY'",
            "IntervalStyle = 'sql_standard'",
            "array_nulls = off",
            "bytea_output = 'escape'",
            "extra_float_digits = -5")) {
      other.execute(
          "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "
              + setting.replace("'", "''")
              + "', current_database()); END $$");
    }
    limitsComeBack(other.table(table), true);
  }

  private void limitsComeBack(JdbcTable mapped, boolean versioned) {
    RowType.Builder builder = RowType.builder().key("id", ColumnType.BIGINT);
    TYPES.forEach(type -> builder.column("v_" + type, type));
    RowType type = builder.build();
    Map<Key, Row> rows = new LinkedHashMap<>();
    for (int i = 0; i < 9; i++) {
      @Nullable Object[] cells = new Object[type.valueColumns().size()];
      for (int c = 0; c < cells.length; c++) {
        List<Object> limits = limits(type.valueColumns().get(c).type());
        assertThat(limits).hasSizeLessThanOrEqualTo(9);
        cells[c] = i < limits.size() ? limits.get(i) : null;
      }
      rows.put(type.key((long) i), type.rowOf(cells));
    }
    rows.put(type.key(-1L), type.rowOf(new Object[type.valueColumns().size()]));
    try (SystemOfRecord database = connect(mapped, type, versioned)) {
      apply(database, rows, 1_700_000_000_123_457L);
      assertLoaded(database, rows);
    }
  }

  private static boolean canBeKey(ColumnType type) {
    try {
      RowType.builder().key("k", type).build();
      return true;
    } catch (ConfigurationException e) {
      return false;
    }
  }

  /** An address has as many spellings as there are people; two keys must not be one row. */
  @Test
  void addressesAreSpelledAsTheServerSpellsThem() {
    RowType type = RowType.builder().key("ip", ColumnType.INET).build();
    Random random = new Random(17);
    Map<Key, Row> rows = new LinkedHashMap<>();
    for (int i = 0; i < 5_000; i++) {
      rows.put(type.key(address(random)), type.rowOf());
    }
    try (SystemOfRecord database = connect(type, true)) {
      apply(database, rows, 1_700_000_000_123_457L);
      assertThat(DB.query("SELECT ip FROM " + table))
          .containsExactlyInAnyOrderElementsOf(rows.keySet().stream().map(type::keyText).toList());
    }
  }

  @Test
  void randomRowsOfRandomTypes() {
    long seed = 20_260_101;
    List<ColumnType> keys = TYPES.stream().filter(RoundTripTest::canBeKey).toList();
    for (int round = 0; round < 40; round++) {
      Random random = new Random(seed + round);
      name();
      RowType.Builder builder = RowType.builder();
      int keyColumns = 1 + random.nextInt(3);
      for (int i = 0; i < keyColumns; i++) {
        builder.key("k" + i, keys.get(random.nextInt(keys.size())));
      }
      int valueColumns = random.nextInt(6);
      for (int i = 0; i < valueColumns; i++) {
        builder.column("v" + i, TYPES.get(random.nextInt(TYPES.size())));
      }
      RowType type = builder.build();
      Map<Key, Row> rows = new LinkedHashMap<>();
      for (int i = 0; i < 40; i++) {
        try {
          rows.put(
              type.key(type.keyColumns().stream().map(c -> random(c.type(), random)).toArray()),
              type.rowOf(
                  type.valueColumns().stream()
                      .map(c -> random.nextInt(4) == 0 ? null : random(c.type(), random))
                      .toArray()));
        } catch (InvalidValueException e) {
          // A control character or not-a-number in a key: refused before it gets here.
        }
      }
      try (SystemOfRecord database = connect(type, random.nextBoolean())) {
        apply(database, rows, 1_000 + round);
        assertLoaded(database, rows);
        // All removed again, found by the same keys.
        Lease lease = get(database.acquire(STORE, 0));
        List<Mutation> removes = new ArrayList<>();
        rows.keySet().stream().sorted().forEach(k -> removes.add(new Mutation.Remove(k, 2_000, 1)));
        get(database.apply(new Batch(3, removes, 0), lease));
        assertThat(DB.query("SELECT count(*) FROM " + table))
            .as("seed %d", seed + round)
            .containsExactly("0");
      }
    }
  }

  /** With names that need quotes, in another schema, behind domains, as key, in arrays. */
  @Test
  void enumTypesOfTheDatabase() {
    DB.execute(
        "CREATE SCHEMA \"s " + table + "\"",
        "CREATE TYPE \"s "
            + table
            + "\".\"the mood\" AS ENUM ('sad', 'it''s ok', 'a,\"b\\', 'NULL')",
        "CREATE DOMAIN " + table + "_d AS \"s " + table + "\".\"the mood\"",
        ("CREATE TABLE % (id \"s %\".\"the mood\" PRIMARY KEY, d %_d, a \"s %\".\"the mood\"[], da %_d[],"
                + " t text, ta varchar(9)[])")
            .replace("%", table));
    List<String> labels = List.of("sad", "it's ok", "a,\"b\\", "NULL");
    RowType declared =
        RowType.builder()
            .key("id", ColumnType.ENUM)
            .column("d", ColumnType.ENUM)
            .column("a", ColumnType.array(ColumnType.ENUM))
            .column("da", ColumnType.array(ColumnType.ENUM))
            .column("t", ColumnType.enumOf(labels))
            .column("ta", ColumnType.array(ColumnType.enumOf(labels)))
            .build();
    try (SystemOfRecord database = connect(declared, false)) {
      RowType type = database.rowType();
      assertThat(type.keyColumns().get(0).type()).isEqualTo(ColumnType.enumOf(labels));
      assertThat(type.valueColumns())
          .extracting(c -> c.type().element() == null ? c.type() : c.type().element())
          .containsOnly(ColumnType.enumOf(labels));
      Map<Key, Row> rows = new LinkedHashMap<>();
      List<@Nullable String> gaps = new ArrayList<>(labels);
      gaps.add(1, null);
      for (String label : labels) {
        rows.put(type.key(label), type.rowOf(label, gaps, labels, label, gaps));
      }
      apply(database, rows, 5);
      assertLoaded(database, rows);
      assertThatThrownBy(() -> type.key("happy"))
          .isInstanceOf(InvalidValueException.class)
          .hasMessageContaining("must be one of sad, it's ok");

      DB.execute(
          "ALTER TYPE \"s " + table + "\".\"the mood\" ADD VALUE 'happy'",
          "UPDATE " + table + " SET d = 'happy'");
      assertThatThrownBy(() -> get(database.load(List.of(type.key("sad")))))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("column d: the row whose key has the hash")
          .hasMessageContaining("must be one of sad");
    }
  }

  /** PostgreSQL takes a month for 30 days and these for 720 hours; what was written is what is read. */
  @Test
  void intervalsThatAreEqualToTheDatabaseStayApart() {
    RowType type =
        RowType.builder().key("id", ColumnType.BIGINT).column("i", ColumnType.INTERVAL).build();
    try (SystemOfRecord database = connect(type, false)) {
      Map<Key, Row> rows = new LinkedHashMap<>();
      List.of("P1M", "P30D", "PT720H", "P2M-30D")
          .forEach(text -> rows.put(type.key(rows.size()), type.rowOf(text)));
      apply(database, rows, 5);
      assertLoaded(database, rows);
      assertThat(DB.query("SELECT count(DISTINCT i) FROM " + table)).containsExactly("1");
    }
  }

  @Test
  void arraysTakeTheLimitsOfTheirColumn() {
    DB.execute(
        "CREATE DOMAIN " + table + "_d AS varchar(3)",
        "CREATE DOMAIN " + table + "_a AS numeric(5,2)[]",
        ("CREATE TABLE % (id int PRIMARY KEY, n numeric(5,2)[], d %_d[], a %_a, m integer[][])")
            .replace("%", table));
    RowType declared =
        RowType.builder()
            .key("id", ColumnType.INTEGER)
            .column("n", ColumnType.array(ColumnType.NUMERIC))
            .column("d", ColumnType.array(ColumnType.TEXT))
            .column("a", ColumnType.array(ColumnType.NUMERIC))
            .column("m", ColumnType.array(ColumnType.INTEGER))
            .build();
    try (SystemOfRecord database = connect(declared, false)) {
      RowType type = database.rowType();
      assertThat(type.valueColumns())
          .extracting(c -> c.type().toString())
          .containsExactly("numeric(5,2)[]", "text(3)[]", "numeric(5,2)[]", "integer[]");
      Map<Key, Row> rows =
          Map.of(type.key(1), type.rowOf(List.of(1, 2), List.of("abc"), List.of(3), List.of(4, 5)));
      apply(database, rows, 5);
      assertLoaded(database, rows);
      assertThat(DB.query("SELECT concat(n, a) FROM " + table))
          .containsExactly("{1.00,2.00}{3.00}");
    }
  }

  @Test
  void numericsTakeTheScaleOfTheirColumn() {
    DB.execute("CREATE TABLE " + table + " (id numeric(6,2) PRIMARY KEY, price numeric(10,3))");
    RowType declared =
        RowType.builder().key("id", ColumnType.NUMERIC).column("price", ColumnType.NUMERIC).build();
    try (SystemOfRecord database = connect(declared, false)) {
      RowType type = database.rowType();
      Key key = type.key(new BigDecimal("1.5"));
      assertThat(key).isEqualTo(type.key(new BigDecimal("1.50")));
      Row row = type.rowOf(new BigDecimal("2"));
      apply(database, Map.of(key, row), 5);
      assertLoaded(database, Map.of(key, row));
      assertThat(DB.query("SELECT price FROM " + table)).containsExactly("2.000");
      assertThatThrownBy(() -> type.rowOf(new BigDecimal("0.0001")))
          .isInstanceOf(InvalidValueException.class);
    }
  }

  @Test
  void unconstrainedNumericKeysAreOneRowWhateverTheirScale() {
    RowType type =
        RowType.builder().key("id", ColumnType.NUMERIC).column("v", ColumnType.TEXT).build();
    try (SystemOfRecord database = connect(type, false)) {
      apply(database, Map.of(type.key(new BigDecimal("1.0")), type.rowOf("a")), 5);
      assertLoaded(database, Map.of(type.key(new BigDecimal("1")), type.rowOf("a")));
    }
  }

  @Test
  void tablesWithNothingButAKey() {
    RowType type = RowType.builder().key("a", ColumnType.TEXT).key("b", ColumnType.UUID).build();
    for (boolean versioned : new boolean[] {true, false}) {
      name();
      try (SystemOfRecord database = connect(type, versioned)) {
        Map<Key, Row> rows = Map.of(type.key("x", new UUID(1, 2)), type.rowOf());
        apply(database, rows, 5);
        assertLoaded(database, rows);
      }
    }
  }

  @Test
  void updatedAtIsTheVersionToTheMicrosecond() {
    RowType type = RowType.builder().key("id", ColumnType.BIGINT).build();
    long[] versions = {1, 1_700_000_000_123_457L, 1_799_999_999_999_999L, (1L << 53) - 1};
    for (long version : versions) {
      name();
      try (SystemOfRecord database = connect(type, true)) {
        apply(database, Map.of(type.key(1L), type.rowOf()), version);
        assertThat(
                DB.query("SELECT (extract(epoch FROM updated_at) * 1000000)::bigint FROM " + table))
            .containsExactly(Long.toString(version));
        assertThat(get(database.acquire(STORE, 0)).frontier()).isEqualTo(version);
      }
    }
  }

  @Test
  void valuesOfOtherWritersThatNoRowCanHold() {
    DB.execute(
        "CREATE TABLE "
            + table
            + " (id int PRIMARY KEY, d date, t timestamptz, n numeric, s text, j jsonb)",
        "INSERT INTO "
            + table
            + " VALUES (1, 'infinity', NULL, NULL, 'a', NULL), (2, NULL, '-infinity', NULL, 'a', NULL),"
            + " (3, NULL, NULL, 'NaN', 'a', NULL), (4, NULL, NULL, 'Infinity', 'a', NULL),"
            + " (5, '0044-03-15 BC', NULL, NULL, 'a', NULL), (6, NULL, NULL, NULL, NULL, NULL),"
            + " (7, NULL, '10000-01-01', NULL, 'a', NULL), (8, NULL, NULL, NULL, 'a', '1e2000')");
    RowType type =
        RowType.builder()
            .key("id", ColumnType.INTEGER)
            .column("d", ColumnType.DATE)
            .column("t", ColumnType.TIMESTAMPTZ)
            .column("n", ColumnType.NUMERIC)
            .column(new Column("s", ColumnType.TEXT, false))
            .column("j", ColumnType.JSONB)
            .build();
    String columns = "dtnndstj";
    try (SystemOfRecord database = connect(type, false)) {
      for (int id = 1; id <= 8; id++) {
        Key key = type.key(id);
        String column = columns.substring(id - 1, id);
        assertThatThrownBy(() -> get(database.load(List.of(key))))
            .isInstanceOfSatisfying(
                UnreadableRowException.class, e -> assertThat(e.column()).isEqualTo(column))
            .hasMessageContaining("column " + column + ":")
            .hasMessageContaining(key.hashText())
            .hasMessageNotContaining("infinity");
      }
    }
  }

  @Test
  void newerTypesOfOtherWritersThatNoRowCanHold() {
    DB.execute(
        "CREATE TABLE "
            + table
            + " (id int PRIMARY KEY, t time, ts timestamp, i interval, a int[], n numeric[], d date[],"
            + " tz timestamptz[])",
        "INSERT INTO " + table + " (id, t) VALUES (1, '24:00')",
        "INSERT INTO " + table + " (id, ts) VALUES (2, 'infinity'), (3, '0044-03-15 12:00 BC')",
        "INSERT INTO " + table + " (id, i) VALUES (4, 'infinity')",
        "INSERT INTO " + table + " (id, a) VALUES (5, '{{1,2},{3,4}}'), (6, '[0:1]={1,2}')",
        "INSERT INTO " + table + " (id, n) VALUES (7, '{1,NaN}')",
        "INSERT INTO "
            + table
            + " (id, d) VALUES (8, '{2026-01-31,infinity}'), (9, '{0044-03-15 BC}')",
        "INSERT INTO " + table + " (id, tz) VALUES (10, '{-infinity}'), (11, '{10000-01-01}')",
        // And what one can.
        "INSERT INTO "
            + table
            + " VALUES (12, '23:59:59.999999', '9999-12-31 23:59:59.999999', '1 mon -1 day', '{}',"
            + " '{1.50,NULL}', '{1582-10-10}', '{1582-10-10 12:00:00.5+01}')");
    RowType type =
        RowType.builder()
            .key("id", ColumnType.INTEGER)
            .column("t", ColumnType.TIME)
            .column("ts", ColumnType.TIMESTAMP)
            .column("i", ColumnType.INTERVAL)
            .column("a", ColumnType.array(ColumnType.INTEGER))
            .column("n", ColumnType.array(ColumnType.NUMERIC))
            .column("d", ColumnType.array(ColumnType.DATE))
            .column("tz", ColumnType.array(ColumnType.TIMESTAMPTZ))
            .build();
    String[] columns = {"t", "ts", "ts", "i", "a", "a", "n", "d", "d", "tz", "tz"};
    try (SystemOfRecord database = connect(type, false)) {
      for (int id = 1; id <= columns.length; id++) {
        Key key = type.key(id);
        assertThatThrownBy(() -> get(database.load(List.of(key))))
            .as("row %d", id)
            .isInstanceOf(UnreadableRowException.class)
            .hasMessageContaining("column " + columns[id - 1])
            .hasMessageContaining(key.hashText())
            .hasMessageNotContaining("infinity");
      }
      assertThat(get(database.load(List.of(type.key(12)))).get(0).row())
          .isEqualTo(
              type.rowOf(
                  "23:59:59.999999",
                  "9999-12-31T23:59:59.999999",
                  "P1M-1D",
                  List.of(),
                  Arrays.asList(new BigDecimal("1.50"), null),
                  List.of(LocalDate.of(1582, 10, 10)),
                  List.of(Instant.parse("1582-10-10T11:00:00.500Z"))));
    }
  }

  @Test
  void onePreparedStatementServesEverySize() {
    RowType type =
        RowType.builder().key("id", ColumnType.BIGINT).column("v", ColumnType.TEXT).build();
    try (SystemOfRecord database = connect(type, true)) {
      get(database.bind(STORE, 1, false));
      Lease lease = get(database.acquire(STORE, 0));
      long version = 1;
      for (int size : new int[] {1, 2, 1_000, 7, 5_000}) {
        List<Mutation> puts = new ArrayList<>();
        for (long i = 0; i < size; i++) {
          puts.add(new Mutation.Put(type.key(i), type.rowOf("v" + size), version, 1));
        }
        Applied applied = get(database.apply(new Batch(version++, puts, 0), lease));
        assertThat(applied.statements()).as("the lease and the rows").isEqualTo(2);
        assertThat(DB.query("SELECT count(*) FROM " + table + " WHERE v = 'v" + size + "'"))
            .containsExactly(Integer.toString(size));
      }
    }
  }
}
