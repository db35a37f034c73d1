package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTextTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"b\": 1, \"a\": 2} | {\"a\":2,\"b\":1}",
        "{\"bb\": 1, \"c\": 2} | {\"c\":2,\"bb\":1}",
        "{\"a\":1,\"a\":2} | {\"a\":2}",
        "[1, 2.50, -0, 1e2, 1E-3, -0.0] | [1,2.50,0,100,0.001,0.0]",
        "\"\\u00e4\\/\\n\" | \"ä/\\n\"",
        "{} | {}",
        "[] | []",
        "null | null",
        "[true, false] | [true,false]",
        "\"\\ud83d\\ude00\" | \"😀\""
      })
  void documentsHaveOneSpelling(String text, String canonical) {
    assertThat(JsonText.canonical(text, "j")).isEqualTo(canonical);
    assertThat(JsonText.canonical(canonical, "j")).isEqualTo(canonical);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "01",
        "1.",
        ".5",
        "+1",
        "tru",
        "nulll",
        "\"a",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "1 2",
        "{a:1}",
        "'a'",
        "-",
        "1e",
        "NaN",
        "[1}",
        "1e99999",
        "1e-99999",
        "1e99999999999",
        "\"\\uff１１\""
      })
  void whatIsNoDocumentIsRefused(String text) {
    assertThatThrownBy(() -> JsonText.canonical(text, "j"))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("JSON document");
  }

  @Test
  void nestingIsBounded() {
    assertThat(JsonText.canonical("[".repeat(100) + "]".repeat(100), "j")).hasSize(200);
    assertThatThrownBy(() -> JsonText.canonical("[".repeat(100_000), "j"))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("nesting of at most 100");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        " { \"b\" : 1,\n\"a\":2 , \"a\":3}\r\n",
        "[1, 2.50, -0, 1e2, 1E-3, -0.0, 1e99999999999]",
        "\"\\u00e4\\/\\u0000\\ud800\"",
        "null"
      })
  void aDocumentThatIsKeptAsTextStaysAsItIs(String text) {
    assertThat(JsonText.checked(text, "j")).isSameAs(text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[1,]", "01", "\"\t\"", "\"\\x\"", "{a:1}", "1 2", "NaN"})
  void whatIsNoDocumentIsRefusedAsTextToo(String text) {
    assertThatThrownBy(() -> JsonText.checked(text, "j"))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("JSON document");
  }
}
