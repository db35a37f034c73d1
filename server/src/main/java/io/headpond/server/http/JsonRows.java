package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Row;
import io.headpond.RowType;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the value of an entry from JSON and writes it: an object with a member for each value column.
 *
 * <pre>
 * text, enum, uuid, inet                       string
 * date, time, timestamp, timestamptz, interval string in ISO-8601
 * smallint, integer, bigint, numeric           number, every digit of it
 * real, double                                 number; "NaN", "Infinity" and "-Infinity" as strings
 * boolean                                      true or false
 * bytea                                        string, base64
 * json, jsonb                                  any JSON but null
 * an array                                     array of these, or null
 * SQL's null                                   null; or no such member
 * </pre>
 *
 * <p>Nothing is converted silently: a value of another JSON type is refused. Immutable.
 */
public final class JsonRows {
  private static final int MAX_DEPTH = 100;
  private static final int MAX_DIGITS = 1_000;
  private static final int SHOWN_MESSAGE = 200;
  static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_DIGITS)
                  .build())
          .build();

  private final RowType type;
  private final List<Column> columns;

  public JsonRows(RowType type) {
    this.type = type;
    this.columns = type.valueColumns();
  }

  /**
   * The row of a body.
   *
   * @throws Problem if the body is not valid JSON
   * @throws io.headpond.InvalidValueException if it is no row of this type
   */
  public Row read(byte[] body, int length) {
    return readOver(null, utf8(body, length));
  }

  /**
   * The row of a text, which need not name the columns that are to stay as they are.
   *
   * @param before what stays; null for nothing
   * @throws Problem and {@link io.headpond.InvalidValueException} as {@link #read}
   */
  Row readOver(@Nullable Row before, String text) {
    @Nullable Object[] cells = new Object[columns.size()];
    for (int i = 0; i < cells.length && before != null; i++) {
      cells[i] = before.cell(i);
    }
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
      return read(parser, text, cells);
    } catch (JacksonException e) {
      throw invalidJson(e);
    }
  }

  private Row read(JsonParser parser, String text, @Nullable Object[] cells) {
    JsonToken first = parser.nextToken();
    if (first == null) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON,
          "body",
          "",
          "must be a JSON object with the columns; it is empty");
    }
    if (first != JsonToken.START_OBJECT) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON,
          "body",
          what(first),
          "must be a JSON object such as {\"" + example() + "\": ...}");
    }
    boolean[] seen = new boolean[cells.length];
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      int index = index(name);
      if (seen[index]) {
        throw Problem.invalidValue(name, "twice in the object", "must stand only once");
      }
      seen[index] = true;
      cells[index] = cell(columns.get(index).type(), name, parser, parser.nextToken(), text);
    }
    if (parser.nextToken() != null) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON, "body", "more after the object", "must be one JSON object");
    }
    return type.rowOf(cells);
  }

  /**
   * Nothing, if there is a value column of this name.
   *
   * @throws Problem if there is none
   */
  void requireColumn(String name) {
    index(name);
  }

  private int index(String name) {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).name().equals(name)) {
        return i;
      }
    }
    boolean inKey = type.keyColumns().stream().anyMatch(c -> c.name().equals(name));
    throw Problem.invalidValue(
        Problem.shown(name),
        "a member of the body",
        inKey
            ? "is part of the key; leave it out of the body"
            : "no such column; there are "
                + String.join(", ", columns.stream().map(Column::name).toList()));
  }

  /** The value at the parser's token, not yet canonical. */
  private static @Nullable Object cell(
      ColumnType type, String path, JsonParser parser, JsonToken token, String text) {
    if (token == JsonToken.VALUE_NULL) {
      return null;
    }
    return switch (type.kind()) {
      case TEXT -> string(path, parser, token, "must be a string");
      case ENUM ->
          string(
              path,
              parser,
              token,
              type.labels().isEmpty()
                  ? "must be a string"
                  : "must be one of the strings " + String.join(", ", type.labels()));
      case DATE -> string(path, parser, token, "must be a string such as \"2026-01-31\"");
      case TIME -> string(path, parser, token, "must be a string such as \"10:15:30\"");
      case TIMESTAMP ->
          string(path, parser, token, "must be a string such as \"2026-01-31T10:15:30\"");
      case TIMESTAMPTZ ->
          string(path, parser, token, "must be a string such as \"2026-01-31T10:15:30Z\"");
      case INTERVAL -> string(path, parser, token, "must be a string such as \"P1DT2H30M\"");
      case UUID -> string(path, parser, token, "must be a string with a UUID");
      case INET -> string(path, parser, token, "must be a string with an IP address");
      case BYTEA -> bytes(path, string(path, parser, token, "must be a string in base64"));
      case SMALLINT, INTEGER, BIGINT -> {
        if (token == JsonToken.VALUE_NUMBER_INT
            && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
          yield parser.getLongValue();
        }
        yield number(path, parser, token, "must be a whole number");
      }
      case NUMERIC -> number(path, parser, token, "must be a number");
      case REAL, DOUBLE -> {
        if (token == JsonToken.VALUE_STRING) {
          yield notFinite(path, parser.getString());
        }
        yield number(
            path, parser, token, "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
      }
      case BOOLEAN -> {
        if (token != JsonToken.VALUE_TRUE && token != JsonToken.VALUE_FALSE) {
          throw wrong(path, parser, token, "must be true or false");
        }
        yield token == JsonToken.VALUE_TRUE;
      }
      case JSON -> document(path, parser, token, text, false);
      case JSONB -> document(path, parser, token, text, true);
      case ARRAY -> array(Objects.requireNonNull(type.element()), path, parser, token, text);
    };
  }

  private static List<@Nullable Object> array(
      ColumnType element, String path, JsonParser parser, JsonToken token, String text) {
    if (token != JsonToken.START_ARRAY) {
      throw wrong(path, parser, token, "must be an array");
    }
    List<@Nullable Object> cells = new ArrayList<>();
    while (true) {
      JsonToken next = parser.nextToken();
      if (next == JsonToken.END_ARRAY) {
        return cells;
      }
      cells.add(cell(element, path + "[" + cells.size() + "]", parser, next, text));
    }
  }

  private static String string(String path, JsonParser parser, JsonToken token, String rule) {
    if (token != JsonToken.VALUE_STRING) {
      throw wrong(path, parser, token, rule);
    }
    return parser.getString();
  }

  /** The number with all its digits. Its size is bounded by the parser and by {@link ColumnType}. */
  private static BigDecimal number(String path, JsonParser parser, JsonToken token, String rule) {
    if (!token.isNumeric()) {
      throw wrong(path, parser, token, rule);
    }
    String digits = parser.getString();
    try {
      BigDecimal number = new BigDecimal(digits);
      // Far beyond any column, and a trap for whoever would write the number out.
      if (Math.abs((long) number.scale()) <= 10 * MAX_DIGITS) {
        return number;
      }
    } catch (NumberFormatException e) {
      // An exponent beyond an int: the same answer.
    }
    throw Problem.invalidValue(path, digits, "must have at most " + MAX_DIGITS + " digits");
  }

  private static Double notFinite(String path, String text) {
    return switch (text) {
      case "NaN" -> Double.NaN;
      case "Infinity" -> Double.POSITIVE_INFINITY;
      case "-Infinity" -> Double.NEGATIVE_INFINITY;
      default ->
          throw Problem.invalidValue(
              path, '"' + text + '"', "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
    };
  }

  private static byte[] bytes(String path, String text) {
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw Problem.invalidValue(path, '"' + text + '"', "must be a string in base64");
    }
  }

  /** The text of a nested document, as it stands in the body. */
  private static String document(
      String path, JsonParser parser, JsonToken token, String text, boolean unique) {
    int start = (int) parser.currentTokenLocation().getCharOffset();
    if (token.isStructStart() && unique) {
      refuseDuplicates(path, parser, token);
    } else if (token.isStructStart()) {
      parser.skipChildren();
    } else {
      parser.finishToken();
    }
    return text.substring(start, (int) parser.currentLocation().getCharOffset()).strip();
  }

  /** Walks to the end of an object or array. */
  private static void refuseDuplicates(String path, JsonParser parser, JsonToken token) {
    Set<String> names = token == JsonToken.START_OBJECT ? new HashSet<>() : Set.of();
    while (true) {
      JsonToken next = parser.nextToken();
      if (next == null || next.isStructEnd()) {
        return;
      }
      if (next == JsonToken.PROPERTY_NAME) {
        if (!names.add(parser.currentName())) {
          throw Problem.invalidValue(
              path,
              Problem.shown(parser.currentName()) + " twice in an object",
              "must stand only once");
        }
      } else if (next.isStructStart()) {
        refuseDuplicates(path, parser, next);
      }
    }
  }

  private static Problem wrong(String path, JsonParser parser, JsonToken token, String rule) {
    String value =
        token.isNumeric() || token == JsonToken.VALUE_STRING ? parser.getString() : what(token);
    return Problem.invalidValue(
        path, token == JsonToken.VALUE_STRING ? '"' + value + '"' : value, rule);
  }

  static String what(JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_NULL -> "null";
      default -> token.asString() == null ? token.name() : token.asString();
    };
  }

  private String example() {
    return columns.isEmpty() ? "" : columns.get(0).name();
  }

  static String utf8(byte[] body, int length) {
    String text = new String(body, 0, length, StandardCharsets.UTF_8);
    // The replacement character: either it was sent, or something that is no UTF-8.
    if (text.indexOf('\uFFFD') >= 0) {
      ByteBuffer in = ByteBuffer.wrap(body, 0, length);
      try {
        StandardCharsets.UTF_8.newDecoder().decode(in);
      } catch (CharacterCodingException e) {
        throw Problem.of(
            Problem.Kind.INVALID_JSON, "body", "byte " + in.position(), "must be UTF-8");
      }
    }
    return text;
  }

  static Problem invalidJson(JacksonException e) {
    TokenStreamLocation at = e.getLocation();
    String message = e.getOriginalMessage() == null ? "" : e.getOriginalMessage();
    // What Jackson says of its input is no more than that it does not show it.
    message =
        message
            .lines()
            .findFirst()
            .orElse("")
            .replaceAll(" *\\(start marker at \\[Source:.*?\\]\\)| *\\[Source:.*?\\]", "");
    if (message.length() > SHOWN_MESSAGE) {
      message = message.substring(0, SHOWN_MESSAGE) + "...";
    }
    return Problem.of(
        Problem.Kind.INVALID_JSON,
        "body",
        at == null ? "?" : "line " + at.getLineNr() + ", column " + at.getColumnNr(),
        message);
  }

  /** Writes a row as an object. */
  public void write(Json json, Row row) {
    json.beginObject();
    for (int i = 0; i < columns.size(); i++) {
      Column column = columns.get(i);
      json.name(column.name());
      write(json, column.type(), row.cell(i));
    }
    json.endObject();
  }

  private static void write(Json json, ColumnType type, @Nullable Object cell) {
    if (cell == null) {
      json.raw("null");
      return;
    }
    switch (type.kind()) {
      case TEXT, ENUM, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID, INET ->
          json.string(type.format(cell));
      case SMALLINT, INTEGER, BIGINT, NUMERIC, BOOLEAN, JSONB -> json.raw(type.format(cell));
      // Line breaks stand only between its tokens; one entry stays one line.
      case JSON -> json.raw(type.format(cell).replace('\n', ' ').replace('\r', ' '));
      case BYTEA -> json.string(Base64.getEncoder().encodeToString((byte[]) cell));
      case REAL, DOUBLE -> {
        if (Double.isFinite(((Number) cell).doubleValue())) {
          json.raw(cell.toString());
        } else {
          json.string(cell.toString());
        }
      }
      case ARRAY -> {
        ColumnType element = Objects.requireNonNull(type.element());
        json.beginArray();
        ((List<?>) cell).forEach(value -> write(json, element, value));
        json.endArray();
      }
    }
  }
}
