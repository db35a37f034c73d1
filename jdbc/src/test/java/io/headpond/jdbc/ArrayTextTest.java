package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArrayTextTest {
  @Test
  void elementsAreReadAsTheServerWritesThem() {
    assertThat(ArrayText.read("{}")).isEmpty();
    assertThat(ArrayText.read("{NULL}")).containsExactly((String) null);
    assertThat(ArrayText.read("{\"NULL\",null,\"\"}")).containsExactly("NULL", "null", "");
    assertThat(ArrayText.read("{1,NULL,-2.5e+10}")).containsExactly("1", null, "-2.5e+10");
    assertThat(ArrayText.read("{\"a,b\",\"{\\\"\\\\}\",\"2026-01-31 10:15:30+00\"}"))
        .containsExactly("a,b", "{\"\\}", "2026-01-31 10:15:30+00");
  }

  @Test
  void whatIsWrittenIsRead() {
    Random random = new Random(5);
    for (int i = 0; i < 2_000; i++) {
      List<@Nullable String> elements = new ArrayList<>();
      for (int n = random.nextInt(6); n > 0; n--) {
        StringBuilder text = new StringBuilder();
        random.ints(random.nextInt(8), 0, 8).forEach(c -> text.append("{},\"\\N a".charAt(c)));
        elements.add(random.nextInt(4) == 0 ? null : text.toString());
      }
      assertThat(ArrayText.read(ArrayText.write(elements))).isEqualTo(elements);
    }
    assertThat(ArrayText.write(Arrays.asList("NULL", null, ""))).isEqualTo("{\"NULL\",NULL,\"\"}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[0:1]={1,2}", "{{1,2},{3,4}}", "{{}}", "", "{", "{\"a\"b}", "1,2"})
  void otherArraysAreRefused(String text) {
    assertThatThrownBy(() -> ArrayText.read(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("must be an array of one dimension that begins at 1");
  }
}
