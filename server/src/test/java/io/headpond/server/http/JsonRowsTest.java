package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.InvalidValueException;
import io.headpond.Row;
import io.headpond.RowType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonRowsTest {
  private static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("t", ColumnType.TEXT)
          .column("s", ColumnType.text(3))
          .column("i", ColumnType.INTEGER)
          .column("l", ColumnType.BIGINT)
          .column("n", ColumnType.NUMERIC)
          .column("p", ColumnType.numeric(10, 2))
          .column("b", ColumnType.BOOLEAN)
          .column("d", ColumnType.DOUBLE)
          .column("day", ColumnType.DATE)
          .column("at", ColumnType.TIMESTAMPTZ)
          .column("u", ColumnType.UUID)
          .column("j", ColumnType.JSONB)
          .column("x", ColumnType.BYTEA)
          .column("sm", ColumnType.SMALLINT)
          .column("r", ColumnType.REAL)
          .column("tod", ColumnType.TIME)
          .column("ts", ColumnType.TIMESTAMP)
          .column("iv", ColumnType.INTERVAL)
          .column("e", ColumnType.enumOf(List.of("new", "paid")))
          .column("js", ColumnType.JSON)
          .column("ip", ColumnType.INET)
          .column("ta", ColumnType.array(ColumnType.text(3)))
          .column("na", ColumnType.array(ColumnType.numeric(10, 2)))
          .column("ja", ColumnType.array(ColumnType.JSONB))
          .column("da", ColumnType.array(ColumnType.DOUBLE))
          .column("ea", ColumnType.array(ColumnType.enumOf(List.of("new", "paid"))))
          .build();
  private static final RowType STRICT =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column(new Column("a", ColumnType.TEXT, false))
          .column("b", ColumnType.TEXT)
          .build();

  private final JsonRows rows = new JsonRows(TYPE);

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"t": "a\\"\\\\\\n\\u20ac\\ud83d\\ude00"}     | "t":"a\\"\\\\\\n€😀"
          {"i": -2147483648}                            | "i":-2147483648
          {"i": 1.0}                                    | "i":1
          {"i": 1e3}                                    | "i":1000
          {"l": 9223372036854775807}                    | "l":9223372036854775807
          {"n": 0.1000000000000000055511151231257827}   | "n":0.1000000000000000055511151231257827
          {"n": 123456789012345678901234567890.5}       | "n":123456789012345678901234567890.5
          {"n": 1e3}                                    | "n":1000
          {"p": 1.5}                                    | "p":1.50
          {"b": true}                                   | "b":true
          {"d": 0.1}                                    | "d":0.1
          {"d": 1e300}                                  | "d":1.0E300
          {"d": "NaN"}                                  | "d":"NaN"
          {"d": "-Infinity"}                            | "d":"-Infinity"
          {"day": "2026-02-28"}                         | "day":"2026-02-28"
          {"at": "2026-02-28T10:00:00.000001+02:00"}    | "at":"2026-02-28T08:00:00.000001Z"
          {"u": "00000000-0000-0000-0000-00000000000A"} | "u":"00000000-0000-0000-0000-00000000000a"
          {"j": {"b": [1, "x", null], "a": 1.50}}       | "j":{"a":1.50,"b":[1,"x",null]}
          {"j": [ ]}                                    | "j":[]
          {"j": "text"}                                 | "j":"text"
          {"j" :   17.0  ,"t":"after"}                  | "j":17.0
          {"j": true, "t": "after"}                     | "j":true
          {"x": "AAEC/w=="}                             | "x":"AAEC/w=="
          {"sm": -32768}                                | "sm":-32768
          {"r": 0.1}                                    | "r":0.1
          {"r": 3.4028235e38}                           | "r":3.4028235E38
          {"r": "-Infinity"}                            | "r":"-Infinity"
          {"tod": "10:15"}                              | "tod":"10:15:00"
          {"tod": "23:59:59.999999"}                    | "tod":"23:59:59.999999"
          {"ts": "2026-02-28T10:00"}                    | "ts":"2026-02-28T10:00:00"
          {"iv": "P14MT-0.5S"}                          | "iv":"P1Y2MT-0.5S"
          {"e": "paid"}                                 | "e":"paid"
          {"js": {"b": 1.0,  "a": 2, "a": "\\u0000"}}   | "js":{"b": 1.0,  "a": 2, "a": "\\u0000"}
          {"js":  17e400 ,"t":"after"}                  | "js":17e400
          {"js": "text"}                                | "js":"text"
          {"ip": "2001:DB8:0::1/64"}                    | "ip":"2001:db8::1/64"
          {"ta": ["a", null, "", "\\"\\\\"]}        | "ta":["a",null,"","\\"\\\\"]
          {"ta": [ ], "t": "after"}                     | "ta":[]
          {"na": [1, 2.5, null]}                        | "na":[1.00,2.50,null]
          {"ja": [{"b":1,"a":[2]}, [], "x", 1.0]}       | "ja":[{"a":[2],"b":1},[],"x",1.0]
          {"da": [1, "NaN", null]}                      | "da":[1.0,"NaN",null]
          {"ea": ["paid", null, "new"]}                 | "ea":["paid",null,"new"]
          {"ta": null}                                  | "ta":null
          {"t": null}                                   | "t":null
          {}                                            | {"t":null,"s":null
          """)
  void whatIsReadIsWrittenAsTheDatabaseHasIt(String body, String written) {
    Json json = new Json();
    rows.write(json, read(rows, body));
    assertThat(json.toString()).contains(written);
    Json again = new Json();
    rows.write(again, read(rows, json.toString()));
    assertThat(again.toString()).isEqualTo(json.toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"t": 1}                       | t   | must be a string
          {"t": ["a"]}                   | t   | must be a string
          {"t": "\\u0000"}               | t   | must not contain NUL
          {"t": "\\ud800"}               | t   | lone surrogate
          {"s": "abcd"}                  | s   | at most 3 characters
          {"i": "1"}                     | i   | must be a whole number
          {"i": 2147483648}              | i   | must be from -2147483648 to 2147483647
          {"i": 1.5}                     | i   | must be a whole number
          {"i": true}                    | i   | must be a whole number
          {"i": 1e999999999}             | i   | must have at most 1000 digits
          {"i": 1e99999999999}           | i   | must have at most 1000 digits
          {"l": 9223372036854775808}     | l   | must be from
          {"l": -1e-5}                   | l   | must be a whole number
          {"n": "1"}                     | n   | must be a number
          {"n": 1e2000}                  | n   | must have at most 1000 digits
          {"p": 0.125}                   | p   | at most 2 digits after the point
          {"p": 100000000}               | p   | at most 8 digits before the point
          {"d": 1e400}                   | d   | range of a double
          {"d": 0.1000000000000000055}   | d   | 17 significant digits
          {"d": "1"}                     | d   | must be a number
          {"b": "true"}                  | b   | must be true or false
          {"b": 0}                       | b   | must be true or false
          {"day": "2026-02-30"}          | day | must be a date
          {"at": "2026-02-28T10:00:00"}  | at  | with offset
          {"at": 0}                      | at  | must be a string
          {"u": "x"}                     | u   | must be a UUID
          {"x": "not base64!"}           | x   | base64
          {"j": {"a": 1, "a": 2}}        | j   | only once
          {"j": "\\u0000"}               | j   | NUL
          {"sm": 32768}                  | sm  | from -32768 to 32767
          {"sm": "1"}                    | sm  | must be a whole number
          {"r": 0.1234567891}            | r   | 9 significant digits
          {"r": 1e39}                    | r   | range of a real
          {"tod": "24:00:00"}            | tod | to 23:59:59.999999
          {"tod": 10}                    | tod | must be a string
          {"ts": "2026-02-28T10:00:00Z"} | ts  | without offset
          {"iv": "1 day"}                | iv  | must be an interval
          {"iv": 1}                      | iv  | must be a string
          {"e": "lost"}                  | e   | must be one of new, paid
          {"e": 1}                       | e   | must be one of the strings new, paid
          {"ip": "10.1"}                 | ip  | must be an IP address
          {"ip": {}}                     | ip  | must be a string
          {"ta": "a"}                    | ta  | must be an array
          {"ta": {}}                     | ta  | must be an array
          {"ta": ["a", 1]}               | ta[1] | must be a string
          {"ta": ["a", ["b"]]}           | ta[1] | must be a string
          {"ta": ["a", "b", "abcd"]}     | ta[2] | at most 3 characters
          {"na": [1, 0.125]}             | na[1] | at most 2 digits
          {"ja": [1, {"a":1,"a":2}]}     | ja[1] | only once
          {"ea": ["lost"]}               | ea[0] | must be one of new, paid
          {"t": "a", "t": "b"}           | t   | only once
          {"nope": 1}                    | nope | no such column; there are t, s
          {"id": 1}                      | id  | is part of the key
          """)
  void whatTheColumnCannotHoldIsRefused(String body, String field, String rule) {
    assertThatThrownBy(() -> read(rows, body))
        .satisfies(
            e -> {
              String json = Problem.of(e).json().toString();
              assertThat(Problem.of(e).status()).as(json).isEqualTo(422);
              assertThat(json).contains("\"field\":\"" + field + "\"").contains(rule);
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[1]",
        "null",
        "1",
        "\"x\"",
        "{\"t\": }",
        "{\"t\": 'a'}",
        "{t: 1}",
        "{\"t\": \"a\",}",
        "{\"t\": 01}",
        "{\"t\": NaN}",
        "{} {}",
        "{}x",
        "{\"t\": \"a\nb\"}",
        "{\"t\": \"\\x\"}",
        "// c\n{}",
        "{\"j\": [1,}",
        "{\"js\": [1,}",
        "{\"ta\": [\"a\"",
        "{\"ta\": [\"a\",]}",
        "{\"ta\": [\"a\"}"
      })
  void whatIsNoJsonObjectIsRefused(String body) {
    assertThatThrownBy(() -> read(rows, body))
        .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.status()).isEqualTo(400));
  }

  @Test
  void theErrorSaysWhere() {
    assertThatThrownBy(() -> read(rows, "{\n  \"t\": oops}"))
        .hasMessageContaining("line 2")
        .hasMessageContaining("column");
  }

  @Test
  void deepNestingAndLongNumbersAreRefusedCheaply() {
    String deep = "{\"j\": " + "[".repeat(200_000) + "]".repeat(200_000) + "}";
    assertThatThrownBy(() -> read(rows, deep)).isInstanceOf(Problem.class);
    assertThatThrownBy(() -> read(rows, "{\"n\": " + "9".repeat(100_000) + "}"))
        .isInstanceOf(Problem.class);
    String many = "{" + "\"a\":1,".repeat(100_000) + "\"b\":1}";
    assertThatThrownBy(() -> read(rows, many)).isInstanceOf(Problem.class);
  }

  @Test
  void aDocumentThatIsKeptAsTextIsWrittenOnOneLine() {
    Row row = read(rows, "{\"js\": {\n  \"a\": [1,\r\n2]}}");
    assertThat(row.get("js")).isEqualTo("{\n  \"a\": [1,\r\n2]}");
    Json json = new Json();
    rows.write(json, row);
    assertThat(json.toString()).contains("\"js\":{   \"a\": [1,  2]}").doesNotContain("\n");
  }

  @Test
  void bytesThatAreNoUtf8AreRefused() {
    byte[] body = "{\"t\": \"é\"}".getBytes(StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> rows.read(body, body.length)).hasMessageContaining("UTF-8");
    assertThat(read(rows, "{\"t\": \"\uFFFD\"}").get("t")).isEqualTo("\uFFFD");
  }

  @Test
  void aColumnThatMustNotBeNullMustBeThere() {
    JsonRows strict = new JsonRows(STRICT);
    assertThatThrownBy(() -> read(strict, "{\"b\": \"x\"}"))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("a: null: must not be null");
    assertThatThrownBy(() -> read(strict, "{\"a\": null}"))
        .isInstanceOf(InvalidValueException.class);
    assertThat(read(strict, "{\"a\": \"x\"}").get("b")).isNull();
  }

  @Test
  void aPlaceInTheBodyIsCutOutRightAlsoBehindLongText() {
    String pad = "é😀".repeat(30_000);
    Row row = read(rows, "{\"t\": \"" + pad + "\", \"j\": {\"k\": [true]} }");
    assertThat(row.get("j")).isEqualTo("{\"k\":[true]}");
    assertThat(row.get("t")).isEqualTo(pad);
  }

  private static Row read(JsonRows rows, String body) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    return rows.read(bytes, bytes.length);
  }
}
