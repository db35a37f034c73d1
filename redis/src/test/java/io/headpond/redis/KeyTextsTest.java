package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.RowType;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The text of a key leads back to it, whatever the key's columns. */
class KeyTextsTest {
  private static Map<ColumnType, List<Object>> values() {
    Map<ColumnType, List<Object>> values = new LinkedHashMap<>();
    values.put(
        ColumnType.TEXT, List.of("a", ",", "%", "%2C", "%252C,", " é\ud83d\ude00", "{x}", "*?["));
    values.put(ColumnType.SMALLINT, List.of(-1, 0, 32_767));
    values.put(ColumnType.INTEGER, List.of(Integer.MIN_VALUE, 7));
    values.put(ColumnType.BIGINT, List.of(Long.MIN_VALUE, Long.MAX_VALUE));
    values.put(
        ColumnType.DOUBLE,
        List.of(
            0.1,
            1e300,
            5e-324,
            -1.5,
            Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY,
            (double) Long.MAX_VALUE));
    values.put(ColumnType.BOOLEAN, List.of(true, false));
    values.put(ColumnType.UUID, List.of(new UUID(-1, 7)));
    values.put(ColumnType.DATE, List.of(LocalDate.of(2024, 2, 29), LocalDate.of(1, 1, 1)));
    values.put(ColumnType.TIME, List.of(LocalTime.of(1, 2), LocalTime.of(23, 59, 59, 999_999_000)));
    values.put(
        ColumnType.TIMESTAMP,
        List.of(LocalDateTime.of(2024, 1, 2, 3, 4), LocalDateTime.of(1, 1, 1, 0, 0, 0, 1_000)));
    values.put(ColumnType.TIMESTAMPTZ, List.of(Instant.EPOCH, Instant.ofEpochSecond(-1, 1_000)));
    values.put(
        ColumnType.numeric(20, 5), List.of(new BigDecimal("1.5"), new BigDecimal("-0.00001")));
    values.put(ColumnType.BYTEA, List.of(new byte[] {0, -1, 44}));
    return values;
  }

  @Test
  void ofOneColumn() {
    values()
        .forEach(
            (type, all) -> {
              RowType rowType = RowType.builder().key("k", type).build();
              KeyTexts texts = new KeyTexts(rowType);
              for (Object value : all) {
                Key key = rowType.key(value);
                assertThat(texts.key(texts.text(key))).as(type + " " + value).isEqualTo(key);
              }
            });
  }

  @Test
  void ofSeveralColumns() {
    values()
        .forEach(
            (type, all) -> {
              RowType rowType =
                  RowType.builder()
                      .key("a", ColumnType.TEXT)
                      .key("b", type)
                      .key("c", ColumnType.TEXT)
                      .build();
              KeyTexts texts = new KeyTexts(rowType);
              for (Object value : all) {
                Key key = rowType.key("%,", value, ",%2C");
                assertThat(texts.key(texts.text(key))).as(type + " " + value).isEqualTo(key);
              }
            });
  }

  @Test
  void aTextOfOtherColumnsIsNone() {
    KeyTexts texts =
        new KeyTexts(
            RowType.builder().key("a", ColumnType.TEXT).key("b", ColumnType.INTEGER).build());
    for (String text : List.of("a", "a,1,2", "a,b", "")) {
      assertThatThrownBy(() -> texts.key(text)).isInstanceOf(HeadpondException.class);
    }
  }
}
