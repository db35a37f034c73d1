package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
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
}
