package io.headpond.server.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ValuesTest {
  @Test
  void durations() {
    assertThat(Values.duration("100ms")).isEqualTo(Duration.ofMillis(100));
    assertThat(Values.duration("5s")).isEqualTo(Duration.ofSeconds(5));
    assertThat(Values.duration("2m")).isEqualTo(Duration.ofMinutes(2));
    assertThat(Values.duration("1h")).isEqualTo(Duration.ofHours(1));
    assertThat(Values.duration("1d")).isEqualTo(Duration.ofDays(1));
    assertThat(Values.duration("1.0")).isEqualTo(Duration.ofSeconds(1));
    assertThat(Values.duration("0.1")).isEqualTo(Duration.ofMillis(100));
    assertThat(Values.duration("0")).isZero();
    for (String wrong : new String[] {"", "-1s", "1 week", "1e3", "PT5S", "s", "1.s"}) {
      assertThatThrownBy(() -> Values.duration(wrong)).isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> Values.duration("0.0000001ms"))
        .hasMessageContaining("finer than a nanosecond");
  }

  @Test
  void bytes() {
    assertThat(Values.bytes("1048576")).isEqualTo(1 << 20);
    assertThat(Values.bytes("64MiB")).isEqualTo(64 << 20);
    assertThat(Values.bytes("2 GiB")).isEqualTo(2L << 30);
    assertThatThrownBy(() -> Values.bytes("64MB")).hasMessageContaining("64MiB");
    assertThatThrownBy(() -> Values.bytes("999999999999999GiB")).hasMessageContaining("2^63");
  }

  @Test
  void columnTypes() {
    assertThat(Values.columnType("TEXT")).isEqualTo(ColumnType.TEXT);
    assertThat(Values.columnType("text(20)")).isEqualTo(ColumnType.text(20));
    assertThat(Values.columnType("numeric(10, 2)")).isEqualTo(ColumnType.numeric(10, 2));
    assertThat(Values.columnType("numeric(10)")).isEqualTo(ColumnType.numeric(10, 0));
    assertThat(Values.columnType("double precision")).isEqualTo(ColumnType.DOUBLE);
    assertThat(Values.columnType("Text []")).isEqualTo(ColumnType.array(ColumnType.TEXT));
    assertThat(Values.columnType("numeric(10,2)[]"))
        .isEqualTo(ColumnType.array(ColumnType.numeric(10, 2)));
    assertThat(Values.columnType("enum")).isEqualTo(ColumnType.ENUM);
    assertThat(Values.columnType("enum[]")).isEqualTo(ColumnType.array(ColumnType.ENUM));
    assertThat(Values.columnType("Enum( 'New', 'it''s', 'a,b)' )"))
        .isEqualTo(ColumnType.enumOf(List.of("New", "it's", "a,b)")));
    for (String wrong :
        new String[] {
          "integer(3)",
          "text(0)",
          "text(1,2)",
          "numeric(2,3)",
          "serial",
          "",
          "()",
          "[]",
          "text[][]",
          "bytea[]",
          "enum()",
          "enum(a)",
          "enum('a','a')",
          "enum('')",
          "enum('a' 'b')",
          "time(3)",
          "timestamp with time zone"
        }) {
      assertThatThrownBy(() -> Values.columnType(wrong))
          .as(wrong)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /** What a message or the status of a dataset shows can be copied into a configuration. */
  @Test
  void everyTypeIsReadAsItIsShown() {
    List<ColumnType> types = new ArrayList<>();
    for (ColumnType.Kind kind : ColumnType.Kind.values()) {
      if (kind != ColumnType.Kind.ARRAY) {
        types.add(new ColumnType(kind, 0, 0, 0));
      }
    }
    types.add(ColumnType.text(7));
    types.add(ColumnType.numeric(7, 3));
    types.add(ColumnType.enumOf(List.of("it's", "B", "c,d")));
    for (ColumnType type : types) {
      assertThat(Values.columnType(type.toString())).isEqualTo(type);
      if (type.kind() != ColumnType.Kind.BYTEA) {
        ColumnType array = ColumnType.array(type);
        assertThat(Values.columnType(array.toString())).isEqualTo(array);
      }
    }
  }

  @Test
  void placeholders() {
    Placeholders placeholders = new Placeholders(Map.of("A", "1", "E", ""));
    assertThat(placeholders.resolve("x${A}y${B:2}z${E:3}")).isEqualTo("x1y2z3");
    assertThat(placeholders.resolve("$${A} $A ${B:}")).isEqualTo("${A} $A ");
    assertThatThrownBy(() -> placeholders.resolve("${B}")).hasMessageContaining("B is not set");
    assertThatThrownBy(() -> placeholders.resolve("${1}")).hasMessageContaining("must be ${NAME}");
  }
}
