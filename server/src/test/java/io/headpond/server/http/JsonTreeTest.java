package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTreeTest {
  /** The test cases of RFC 7396, appendix A, and what they leave out. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"a":"b"}                       | {"a":"c"}                  | {"a":"c"}
          {"a":"b"}                       | {"b":"c"}                  | {"a":"b","b":"c"}
          {"a":"b"}                       | {"a":null}                 | {}
          {"a":"b","b":"c"}               | {"a":null}                 | {"b":"c"}
          {"a":["b"]}                     | {"a":"c"}                  | {"a":"c"}
          {"a":"c"}                       | {"a":["b"]}                | {"a":["b"]}
          {"a":{"b":"c"}}                 | {"a":{"b":"d","c":null}}   | {"a":{"b":"d"}}
          {"a":[{"b":"c"}]}               | {"a":[1]}                  | {"a":[1]}
          ["a","b"]                       | ["c","d"]                  | ["c","d"]
          {"a":"b"}                       | ["c"]                      | ["c"]
          {"a":"foo"}                     | null                       | null
          {"a":"foo"}                     | "bar"                      | "bar"
          {"e":null}                      | {"a":1}                    | {"e":null,"a":1}
          [1,2]                           | {"a":"b","c":null}         | {"a":"b"}
          {}                              | {"a":{"bb":{"ccc":null}}}  | {"a":{"bb":{}}}
          {"n":1.50, "m":1e5}             | {"n":123456789012345678901234567890.10} | {"m":1e5,"n":123456789012345678901234567890.10}
          {"a":{"keep":[1, {"x":null}]}}  | {"a":{"b":[null,{"y":null}]}} | {"a":{"keep":[1, {"x":null}],"b":[null,{"y":null}]}}
          {"a\\"\\u0001é":1}              | {"b":2}                    | {"a\\"\\u0001é":1,"b":2}
          {"a": {"b" : 1 } , "c": "x" }   | {"d":true}                 | {"a":{"b" : 1 },"c":"x","d":true}
          """)
  void aMergePatchIsThatOfTheRfc(String target, String patch, String result) {
    assertThat(JsonTree.readStored(target).merge(JsonTree.read(patch))).isEqualTo(result);
  }

  @Test
  void whatIsStoredMayNameAMemberTwice() {
    assertThat(JsonTree.readStored("{\"a\":1,\"a\":2}").merge(JsonTree.read("{\"b\":3}")))
        .isEqualTo("{\"a\":2,\"b\":3}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"a":1,"a":2}                       | a
          {"doc":{"a":1,"a":2}}               | doc.a
          {"quantity":{"by":1,"min":0,"by":2}} | quantity.by
          {"a":{"b":[0,{"c":1,"c":2}]}}       | a.b[1].c
          [{"a":1},[{"a":1,"a":2}]]           | [1][0].a
          """)
  void aMemberThatStandsTwiceIsNamedWithItsPath(String text, String field) {
    assertThatThrownBy(() -> JsonTree.read(text))
        .isInstanceOf(Problem.class)
        .hasMessageStartingWith(field + ": ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "{\"a\":1,\"a\":2}",
        "[{\"a\":1,\"a\":2}]",
        "{\"a\":1} {}",
        "{\"a\":01}",
        "nul",
        "{\"a\":\"\u0001\"}",
        "{'a':1}"
      })
  void whatIsNoDocumentIsAProblem(String text) {
    assertThatThrownBy(() -> JsonTree.read(text)).isInstanceOf(Problem.class);
  }

  @Test
  void depthAndDigitsAreBounded() {
    assertThatThrownBy(() -> JsonTree.read("[".repeat(200))).isInstanceOf(Problem.class);
    assertThatThrownBy(() -> JsonTree.read("[" + "9".repeat(1_001) + "]"))
        .isInstanceOf(Problem.class);
    String deepest = "{\"a\":".repeat(100) + "1" + "}".repeat(100);
    assertThat(JsonTree.read(deepest).merge(JsonTree.read(deepest))).isEqualTo(deepest);
  }
}
