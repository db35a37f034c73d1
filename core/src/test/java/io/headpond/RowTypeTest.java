package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RowTypeTest {
  private static final RowType PRODUCT =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column(new Column("name", ColumnType.text(10), false))
          .column("price", ColumnType.numeric(10, 2))
          .build();
  private static final RowType PAIR =
      RowType.builder().key("a", ColumnType.TEXT).key("b", ColumnType.TEXT).build();

  @Test
  void keysThatTheDatabaseTakesForOneRowAreEqual() {
    RowType numeric = RowType.builder().key("n", ColumnType.NUMERIC).build();
    assertThat(numeric.key(new BigDecimal("1"))).isEqualTo(numeric.key(new BigDecimal("1.00")));
    assertThat(numeric.key(new BigDecimal("100"))).isEqualTo(numeric.key(new BigDecimal("1E2")));
    RowType uuid = RowType.builder().key("u", ColumnType.UUID).build();
    assertThat(uuid.parseKey(List.of("6F9619FF-8B86-D011-B42D-00CF4FC964FF")))
        .isEqualTo(uuid.parseKey(List.of("6f9619ff-8b86-d011-b42d-00cf4fc964ff")));
    assertThat(PRODUCT.parseKey(List.of("007"))).isEqualTo(PRODUCT.key(7));
    RowType number = RowType.builder().key("d", ColumnType.DOUBLE).build();
    assertThat(number.key(-0.0)).isEqualTo(number.key(0.0));
  }

  @Test
  void componentsDoNotRunTogether() {
    assertThat(PAIR.key("ab", "c")).isNotEqualTo(PAIR.key("a", "bc"));
    assertThat(PAIR.components(PAIR.key("ab", "c"))).containsExactly("ab", "c");
    assertThat(PAIR.keyText(PAIR.key("a,b", "100%"))).isEqualTo("a%2Cb,100%25");
  }

  @Test
  void badKeysAreRefused() {
    assertThatThrownBy(() -> PRODUCT.key("x")).hasMessageStartingWith("id: ");
    assertThatThrownBy(() -> PRODUCT.key(1, 2)).hasMessageContaining("must have 1 components");
    assertThatThrownBy(() -> PRODUCT.key((Object) null)).hasMessageContaining("must not be null");
    assertThatThrownBy(() -> PAIR.key("", "b")).hasMessageContaining("must not be empty");
    assertThatThrownBy(() -> PAIR.key("a\n", "b")).hasMessageContaining("control characters");
    assertThatThrownBy(() -> PAIR.key("ä".repeat(600), "b"))
        .hasMessageContaining("at most 1024 bytes");
  }

  @Test
  void rowsAreChecked() {
    Row row = PRODUCT.row(Map.of("name", "Lamp", "price", new BigDecimal("5")));
    assertThat(row.get("price")).isEqualTo(new BigDecimal("5.00"));
    assertThat(PRODUCT.row(Map.of("name", "Lamp")).get("price")).isNull();
    assertThatThrownBy(() -> PRODUCT.row(Map.of("price", BigDecimal.ONE)))
        .isInstanceOf(InvalidValueException.class)
        .hasMessage("name: null: must not be null");
    assertThatThrownBy(() -> PRODUCT.row(Map.of("name", "x", "colour", "red")))
        .hasMessageContaining("colour")
        .hasMessageContaining("[name, price]");
    assertThat(row.toString()).doesNotContain("Lamp");
  }

  @Test
  void rowsAreComparedByTheirCells() {
    RowType bytes =
        RowType.builder().key("k", ColumnType.TEXT).column("b", ColumnType.BYTEA).build();
    assertThat(bytes.rowOf(new byte[] {1})).isEqualTo(bytes.rowOf(new byte[] {1}));
    assertThat(bytes.rowOf(new byte[] {1})).isNotEqualTo(bytes.rowOf(new byte[] {2}));
  }

  @Test
  void badDefinitionsAreRefused() {
    assertThatThrownBy(() -> RowType.builder().column("a", ColumnType.TEXT).build())
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("at least one must be the key");
    assertThatThrownBy(
            () -> RowType.builder().key("a", ColumnType.TEXT).column("a", ColumnType.TEXT).build())
        .hasMessageContaining("a stands twice");
    assertThatThrownBy(() -> RowType.builder().key("a", ColumnType.JSONB).build())
        .hasMessageContaining("jsonb cannot be part of a key");
    for (ColumnType type :
        List.of(
            ColumnType.JSON,
            ColumnType.REAL,
            ColumnType.INTERVAL,
            ColumnType.array(ColumnType.TEXT))) {
      assertThatThrownBy(() -> RowType.builder().key("a", type).build())
          .isInstanceOf(ConfigurationException.class)
          .hasMessageStartingWith("columns.a: " + type + " cannot be part of a key; ");
    }
  }

  @Test
  void spellingsOfOneKeyAreOneKey() {
    RowType inet = RowType.builder().key("a", ColumnType.INET).build();
    assertThat(inet.parseKey(List.of("2001:DB8:0::1/128"))).isEqualTo(inet.key("2001:db8::1"));
    RowType time = RowType.builder().key("t", ColumnType.TIME).build();
    assertThat(time.parseKey(List.of("10:15"))).isEqualTo(time.key("10:15:00.000"));
    assertThat(time.keyText(time.key("10:15"))).isEqualTo("10:15:00");
    RowType timestamp = RowType.builder().key("t", ColumnType.TIMESTAMP).build();
    assertThat(timestamp.keyText(timestamp.key("2026-01-31T10:15")))
        .isEqualTo("2026-01-31T10:15:00");
    RowType small = RowType.builder().key("s", ColumnType.SMALLINT).build();
    assertThat(small.parseKey(List.of("007"))).isEqualTo(small.key((short) 7));
    RowType label = RowType.builder().key("e", ColumnType.enumOf(List.of("a", "b"))).build();
    assertThat(label.keyText(label.key("b"))).isEqualTo("b");
    assertThatThrownBy(() -> label.key("c")).hasMessageContaining("must be one of a, b");
  }

  /** It stands in journals, and tells which of them a row type can read. */
  @Test
  void theEncodingIsPinned() {
    RowType.Builder type = RowType.builder().key("a b", ColumnType.text(5));
    for (ColumnType.Kind kind : ColumnType.Kind.values()) {
      if (kind != ColumnType.Kind.ARRAY) {
        type.column(kind.name().toLowerCase(Locale.ROOT), new ColumnType(kind, 0, 0, 0));
      }
    }
    type.column("labels", ColumnType.enumOf(List.of("x\n y", "[]")));
    type.column("many labels", ColumnType.array(ColumnType.enumOf(List.of("x"))));
    type.column("numbers", ColumnType.array(ColumnType.numeric(5, 2)));
    String encoding = type.build().encoding();
    assertThat(RowType.parse(encoding).encoding()).isEqualTo(encoding);
    assertThat(encoding)
        .isEqualTo(
            """
            key a b TEXT
            text TEXT
            integer INTEGER
            bigint BIGINT
            numeric NUMERIC
            boolean BOOLEAN
            double DOUBLE
            date DATE
            timestamptz TIMESTAMPTZ
            uuid UUID
            jsonb JSONB
            bytea BYTEA
            smallint SMALLINT
            real REAL
            time TIME
            timestamp TIMESTAMP
            interval INTERVAL
            enum ENUM
            json JSON
            inet INET
            labels ENUM
            many labels ENUM[]
            numbers NUMERIC[]
            """);
  }

  @Test
  void elementsOfARowCannotBeChanged() {
    RowType type =
        RowType.builder()
            .key("k", ColumnType.TEXT)
            .column("a", ColumnType.array(ColumnType.INTEGER))
            .build();
    List<Integer> given = new ArrayList<>(List.of(1, 2));
    Row row = type.rowOf(given);
    given.set(0, 9);
    assertThat(row.cell(0)).isEqualTo(List.of(1, 2));
    assertThatThrownBy(() -> ((List<?>) row.cell(0)).remove(0))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThat(row).isEqualTo(type.rowOf(List.of(1, 2))).isNotEqualTo(type.rowOf(List.of(2, 1)));
  }

  /** The hash decides which partition owns a row: it may never change for what is stored. */
  @Test
  void thePartitionOfAKeyIsPinned() {
    RowType text = RowType.builder().key("k", ColumnType.TEXT).build();
    assertThat(Key.HASH_VERSION).isEqualTo(1);
    int[] partitions =
        Arrays.stream(new String[] {"a", "user:1", "hello, world", "ä", "0123456789"})
            .mapToInt(k -> text.key(k).partition(1024))
            .toArray();
    assertThat(partitions).containsExactly(PINNED);
    // MurmurHash3 x86_32 with seed 0, as published: "hello, world" is 345750399.
    assertThat(text.key("hello, world").hashCode()).isEqualTo(345750399);
  }

  private static final int[] PINNED = {434, 63, 895, 468, 289};

  @Test
  void keysSpreadEvenly() {
    int[] counts = new int[16];
    for (long i = 0; i < 160_000; i++) {
      counts[PRODUCT.key(i).partition(16)]++;
    }
    assertThat(Arrays.stream(counts).min().orElse(0)).isGreaterThan(9_500);
    assertThat(Arrays.stream(counts).max().orElse(0)).isLessThan(10_500);
  }

  @Test
  void anEncodingIsReadBack() {
    List<ColumnType> types = new ArrayList<>();
    for (ColumnType.Kind kind : ColumnType.Kind.values()) {
      if (kind != ColumnType.Kind.ARRAY) {
        ColumnType type = new ColumnType(kind, 0, 0, 0);
        types.add(type);
        if (kind != ColumnType.Kind.BYTEA) {
          types.add(ColumnType.array(type));
        }
      }
    }
    for (ColumnType each : types) {
      RowType type =
          RowType.builder()
              .key("an id", ColumnType.BIGINT)
              .key("k", ColumnType.TEXT)
              .column("key", ColumnType.TEXT)
              .column("c", each)
              .column(new Column("of two words", ColumnType.numeric(10, 2), false))
              .build();
      RowType parsed = RowType.parse(type.encoding());
      assertThat(parsed.encoding()).isEqualTo(type.encoding());
      assertThat(parsed.keyColumns()).isEqualTo(type.keyColumns());
      assertThat(parsed.valueColumns())
          .containsExactly(
              new Column("key", ColumnType.TEXT, true),
              new Column("c", each, true),
              new Column("of two words", ColumnType.NUMERIC, true));
    }
  }

  /** The lines of key columns begin with the same word. */
  @Test
  void aValueColumnIsNotTakenForAKeyColumn() {
    RowType type =
        RowType.builder()
            .key("key figure", ColumnType.BIGINT)
            .key("figure", ColumnType.BIGINT)
            .column("key of it", ColumnType.TEXT)
            .column("key ", ColumnType.array(ColumnType.TEXT))
            .column("key  two", ColumnType.TEXT)
            .column("keys", ColumnType.TEXT)
            .column("value:TEXT", ColumnType.TEXT)
            .build();
    RowType parsed = RowType.parse(type.encoding());
    assertThat(parsed).isEqualTo(type);
    assertThat(parsed.encoding()).isEqualTo(type.encoding());
    RowType other =
        RowType.builder()
            .key("key figure", ColumnType.BIGINT)
            .key("figure", ColumnType.BIGINT)
            .key("of it", ColumnType.TEXT)
            .build();
    assertThat(type.encoding()).doesNotStartWith(other.encoding());
  }

  /** An encoding has a line for each column. */
  @Test
  void aNameHasOneLine() {
    for (String name : List.of("a TEXT\nb", "a\rb", "a\n")) {
      assertThatThrownBy(
              () ->
                  RowType.builder()
                      .key("id", ColumnType.TEXT)
                      .column(name, ColumnType.TEXT)
                      .build())
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("must not have a line break");
    }
  }

  @Test
  void whatIsNoEncodingIsRefused() {
    for (String text :
        List.of(
            "",
            "id TEXT\n",
            "key \n",
            "key TEXT\n",
            "key  TEXT\n",
            "key id\n",
            "key id TEXT\n\n",
            "key id TEXT\nc value:TEXT\n",
            "key id TEXT\nkey c value:\n",
            " TEXT\n")) {
      assertThatThrownBy(() -> RowType.parse(text))
          .as(text)
          .isInstanceOf(ConfigurationException.class);
    }
    assertThatThrownBy(() -> RowType.parse("key id TEXT\nlater POINT\n"))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("columns.later: kind POINT is not known to this release");
  }
}
