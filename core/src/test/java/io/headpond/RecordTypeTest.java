package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RecordTypeTest {
  record Product(@KeyColumn long id, String name, BigDecimal unitPrice, int quantity) {}

  record Seat(
      @KeyColumn int flight, String passenger, @KeyColumn @ColumnName("SeatNo") String seat) {}

  record SeatKey(@ColumnName("SeatNo") String seat, int flight) {}

  record Everything(
      @KeyColumn UUID id,
      @Nullable String text,
      @Nullable Integer number,
      @Nullable Long big,
      @Nullable BigDecimal decimal,
      @Nullable Boolean flag,
      @Nullable Double real,
      @Nullable LocalDate day,
      @Nullable Instant time,
      @JsonColumn @Nullable String json,
      byte @Nullable [] bytes) {}

  @Test
  void componentsAreColumnsInSnakeCase() {
    RecordType<Long, Product> type = RecordType.of(Long.class, Product.class);
    assertThat(type.defaultName()).isEqualTo("product");
    assertThat(type.rowType().keyColumns()).extracting(Column::name).containsExactly("id");
    assertThat(type.rowType().valueColumns())
        .extracting(Column::name)
        .containsExactly("name", "unit_price", "quantity");
    assertThat(type.rowType().valueColumns())
        .extracting(Column::nullable)
        .containsExactly(true, true, false);
  }

  @Test
  void aValueBecomesARowAndBack() {
    RecordType<Long, Product> type = RecordType.of(Long.class, Product.class);
    Product product = new Product(7, "Lamp", new BigDecimal("29.99"), 100);
    Key key = type.key(type.rowType(), 7L);
    Row row = type.row(type.rowType(), key, product);
    assertThat(type.value(key, row)).isEqualTo(product);
  }

  @Test
  void theKeyInTheValueIsTheKeyItIsWrittenUnder() {
    RecordType<Long, Product> type = RecordType.of(Long.class, Product.class);
    Key key = type.key(type.rowType(), 8L);
    assertThatThrownBy(
            () -> type.row(type.rowType(), key, new Product(7, "Lamp", BigDecimal.ONE, 1)))
        .isInstanceOf(InvalidValueException.class)
        .hasMessage("key: 8: must be the key in the value, which is 7");
  }

  @Test
  void severalKeyComponentsAreARecord() {
    RecordType<SeatKey, Seat> type = RecordType.of(SeatKey.class, Seat.class);
    Seat seat = new Seat(115, "Ada", "12A");
    Key key = type.key(type.rowType(), new SeatKey("12A", 115));
    assertThat(type.rowType().keyText(key)).isEqualTo("115,12A");
    assertThat(type.value(key, type.row(type.rowType(), key, seat))).isEqualTo(seat);
  }

  @Test
  void everyTypeIsMappedAndNullable() {
    RecordType<UUID, Everything> type = RecordType.of(UUID.class, Everything.class);
    UUID id = new UUID(1, 2);
    Key key = type.key(type.rowType(), id);
    Everything empty =
        new Everything(id, null, null, null, null, null, null, null, null, null, null);
    assertThat(type.value(key, type.row(type.rowType(), key, empty))).isEqualTo(empty);
    Everything full =
        new Everything(
            id,
            "t",
            1,
            2L,
            new BigDecimal("3.5"),
            true,
            4.5,
            LocalDate.of(2026, 1, 31),
            Instant.parse("2026-01-31T00:00:00Z"),
            "{ \"a\": 1 }",
            new byte[] {1});
    Everything back = type.value(key, type.row(type.rowType(), key, full));
    assertThat(back.json()).isEqualTo("{\"a\":1}");
    assertThat(back).usingRecursiveComparison().ignoringFields("json").isEqualTo(full);
  }

  enum State {
    NEW,
    PAID {
      @Override
      public String toString() {
        return "something else";
      }
    }
  }

  record Order(
      @KeyColumn State state,
      @KeyColumn short number,
      float share,
      @Nullable State previous,
      @Nullable LocalTime at,
      @Nullable LocalDateTime since,
      @Nullable Interval every,
      @ColumnKind(ColumnType.Kind.INET) @Nullable String address,
      @ColumnKind(ColumnType.Kind.JSON) @Nullable String json,
      @Nullable List<String> tags,
      @Nullable List<State> history,
      @ColumnKind(ColumnType.Kind.INET) @Nullable List<String> addresses) {}

  record OrderKey(State state, short number) {}

  @Test
  void enumsListsAndMarkedStrings() {
    RecordType<OrderKey, Order> type = RecordType.of(OrderKey.class, Order.class);
    ColumnType states = ColumnType.enumOf(List.of("NEW", "PAID"));
    assertThat(type.rowType().columns())
        .extracting(Column::type)
        .containsExactly(
            states,
            ColumnType.SMALLINT,
            ColumnType.REAL,
            states,
            ColumnType.TIME,
            ColumnType.TIMESTAMP,
            ColumnType.INTERVAL,
            ColumnType.INET,
            ColumnType.JSON,
            ColumnType.array(ColumnType.TEXT),
            ColumnType.array(states),
            ColumnType.array(ColumnType.INET));
    Order full =
        new Order(
            State.PAID,
            (short) 7,
            0.1f,
            State.NEW,
            LocalTime.of(10, 15),
            LocalDateTime.of(2026, 1, 31, 10, 15),
            new Interval(1, 2, 3),
            "192.0.2.1",
            "{ }",
            Arrays.asList("a", null),
            Arrays.asList(State.PAID, null, State.NEW),
            List.of("::1"));
    Key key = type.key(type.rowType(), new OrderKey(State.PAID, (short) 7));
    assertThat(type.rowType().keyText(key)).isEqualTo("PAID,7");
    assertThat(type.keyOf(type.rowType(), key)).isEqualTo(new OrderKey(State.PAID, (short) 7));
    Row row = type.row(type.rowType(), key, full);
    assertThat(row.get("history")).isEqualTo(Arrays.asList("PAID", null, "NEW"));
    assertThat(type.value(key, row)).isEqualTo(full);
    Order empty =
        new Order(State.PAID, (short) 7, 0, null, null, null, null, null, null, null, null, null);
    assertThat(type.value(key, type.row(type.rowType(), key, empty))).isEqualTo(empty);
  }

  @Test
  void aLabelThatIsNoLongerAConstantIsNoNull() {
    RecordType<OrderKey, Order> type = RecordType.of(OrderKey.class, Order.class);
    Key key = type.key(type.rowType(), new OrderKey(State.NEW, (short) 7));
    @Nullable Object[] cells = new Object[type.rowType().valueColumns().size()];
    cells[0] = 0f;
    cells[1] = "SHIPPED";
    Row old = type.rowType().rowOfCanonical(cells);
    assertThatThrownBy(() -> type.value(key, old))
        .isInstanceOf(InvalidValueException.class)
        .hasMessage("previous: SHIPPED: must be one of the constants [NEW, PAID]");
  }

  record NoKey(String name) {}

  record BadList(@KeyColumn long id, List<List<String>> lists) {}

  record BadBytes(@KeyColumn long id, List<byte[]> bytes) {}

  record BadKind(@KeyColumn long id, @ColumnKind(ColumnType.Kind.DATE) String day) {}

  record BadMark(@KeyColumn long id, @ColumnKind(ColumnType.Kind.INET) long address) {}

  record BadType(@KeyColumn long id, Thread thread) {}

  record BadJson(@KeyColumn long id, @JsonColumn int json) {}

  @Test
  void recordsThatCannotBeMappedAreRefused() {
    assertThatThrownBy(() -> RecordType.of(Long.class, NoKey.class))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("@KeyColumn");
    assertThatThrownBy(() -> RecordType.of(Long.class, BadType.class))
        .hasMessageContaining("BadType.thread: Thread");
    assertThatThrownBy(() -> RecordType.of(Long.class, BadJson.class))
        .hasMessageContaining("@JsonColumn: must stand on a String");
    assertThatThrownBy(() -> RecordType.of(Long.class, BadList.class))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("BadList.lists: java.util.List<java.util.List<java.lang.String>>");
    assertThatThrownBy(() -> RecordType.of(Long.class, BadBytes.class))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("BadBytes.bytes: type array: must not have elements of type bytea");
    assertThatThrownBy(() -> RecordType.of(Long.class, BadKind.class))
        .hasMessageContaining("@ColumnKind: must be TEXT, ENUM, JSON, JSONB or INET, is DATE");
    assertThatThrownBy(() -> RecordType.of(Long.class, BadMark.class))
        .hasMessageContaining("@ColumnKind: must stand on a String");
    assertThatThrownBy(() -> RecordType.of(String.class, Product.class))
        .hasMessageContaining("does not stand for the key [long id]; use Long or a record");
    assertThatThrownBy(() -> RecordType.of(Integer.class, Seat.class))
        .hasMessageContaining("a record with exactly these components");
  }
}
