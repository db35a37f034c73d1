package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Row;
import io.headpond.RowType;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
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
 * text, date, timestamptz, uuid   string; dates and times in ISO-8601
 * integer, bigint, numeric        number, every digit of it
 * double                          number; "NaN", "Infinity" and "-Infinity" as strings
 * boolean                         true or false
 * bytea                           string, base64
 * jsonb                           any JSON but null
 * SQL's null                      null; or no such member
 * </pre>
 *
 * <p>Nothing is converted silently: a value of another JSON type is refused. Immutable.
 */
public final class JsonRows {
  private static final int MAX_DEPTH = 100;
  private static final int MAX_DIGITS = 1_000;
  private static final int SHOWN_MESSAGE = 200;
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_DIGITS)
                  .build())
          .build();

  private final RowType type;
  private final List<Column> columns;

  JsonRows(RowType type) {
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
    String text = utf8(body, length);
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
      return read(parser, text);
    } catch (JacksonException e) {
      throw invalidJson(e);
    }
  }

  private Row read(JsonParser parser, String text) {
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
    @Nullable Object[] cells = new Object[columns.size()];
    boolean[] seen = new boolean[cells.length];
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      int index = index(name);
      if (seen[index]) {
        throw Problem.invalidValue(name, "twice in the object", "must stand only once");
      }
      seen[index] = true;
      cells[index] = cell(columns.get(index), parser, text);
    }
    if (parser.nextToken() != null) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON, "body", "more after the object", "must be one JSON object");
    }
    return type.rowOf(cells);
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
            ? "stands in the path, as part of the key; leave it out of the body"
            : "no such column; there are "
                + String.join(", ", columns.stream().map(Column::name).toList()));
  }

  private static @Nullable Object cell(Column column, JsonParser parser, String text) {
    JsonToken token = parser.nextToken();
    if (token == JsonToken.VALUE_NULL) {
      return null;
    }
    return switch (column.type().kind()) {
      case TEXT -> string(column, parser, token, "must be a string");
      case DATE -> string(column, parser, token, "must be a string such as \"2026-01-31\"");
      case TIMESTAMPTZ ->
          string(column, parser, token, "must be a string such as \"2026-01-31T10:15:30Z\"");
      case UUID -> string(column, parser, token, "must be a string with a UUID");
      case BYTEA -> bytes(column, string(column, parser, token, "must be a string in base64"));
      case INTEGER, BIGINT -> {
        if (token == JsonToken.VALUE_NUMBER_INT
            && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
          yield parser.getLongValue();
        }
        yield number(column, parser, token, "must be a whole number");
      }
      case NUMERIC -> number(column, parser, token, "must be a number");
      case DOUBLE -> {
        if (token == JsonToken.VALUE_STRING) {
          yield notFinite(column, parser.getString());
        }
        yield number(
            column, parser, token, "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
      }
      case BOOLEAN -> {
        if (token != JsonToken.VALUE_TRUE && token != JsonToken.VALUE_FALSE) {
          throw wrong(column, parser, token, "must be true or false");
        }
        yield token == JsonToken.VALUE_TRUE;
      }
      case JSONB -> document(column, parser, token, text);
    };
  }

  private static String string(Column column, JsonParser parser, JsonToken token, String rule) {
    if (token != JsonToken.VALUE_STRING) {
      throw wrong(column, parser, token, rule);
    }
    return parser.getString();
  }

  /** The number with all its digits. Its size is bounded by the parser and by {@link ColumnType}. */
  private static BigDecimal number(Column column, JsonParser parser, JsonToken token, String rule) {
    if (!token.isNumeric()) {
      throw wrong(column, parser, token, rule);
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
    throw Problem.invalidValue(
        column.name(), digits, "must have at most " + MAX_DIGITS + " digits");
  }

  private static Double notFinite(Column column, String text) {
    return switch (text) {
      case "NaN" -> Double.NaN;
      case "Infinity" -> Double.POSITIVE_INFINITY;
      case "-Infinity" -> Double.NEGATIVE_INFINITY;
      default ->
          throw Problem.invalidValue(
              column.name(),
              '"' + text + '"',
              "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
    };
  }

  private static byte[] bytes(Column column, String text) {
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw Problem.invalidValue(column.name(), '"' + text + '"', "must be a string in base64");
    }
  }

  /** The text of a nested document, as it stands in the body. */
  private static String document(Column column, JsonParser parser, JsonToken token, String text) {
    int start = (int) parser.currentTokenLocation().getCharOffset();
    if (token.isStructStart()) {
      refuseDuplicates(column, parser, token);
    } else {
      parser.finishToken();
    }
    return text.substring(start, (int) parser.currentLocation().getCharOffset()).strip();
  }

  /** Walks to the end of an object or array. */
  private static void refuseDuplicates(Column column, JsonParser parser, JsonToken token) {
    Set<String> names = token == JsonToken.START_OBJECT ? new HashSet<>() : Set.of();
    while (true) {
      JsonToken next = parser.nextToken();
      if (next == null || next.isStructEnd()) {
        return;
      }
      if (next == JsonToken.PROPERTY_NAME) {
        if (!names.add(parser.currentName())) {
          throw Problem.invalidValue(
              column.name(),
              Problem.shown(parser.currentName()) + " twice in an object",
              "must stand only once");
        }
      } else if (next.isStructStart()) {
        refuseDuplicates(column, parser, next);
      }
    }
  }

  private static Problem wrong(Column column, JsonParser parser, JsonToken token, String rule) {
    String value =
        token.isNumeric() || token == JsonToken.VALUE_STRING ? parser.getString() : what(token);
    return Problem.invalidValue(
        column.name(), token == JsonToken.VALUE_STRING ? '"' + value + '"' : value, rule);
  }

  private static String what(JsonToken token) {
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

  private static String utf8(byte[] body, int length) {
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

  private static Problem invalidJson(JacksonException e) {
    TokenStreamLocation at = e.getLocation();
    String message = e.getOriginalMessage() == null ? "" : e.getOriginalMessage();
    message = message.lines().findFirst().orElse("");
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
      Object cell = row.cell(i);
      if (cell == null) {
        json.raw("null");
        continue;
      }
      switch (column.type().kind()) {
        case TEXT, DATE, TIMESTAMPTZ, UUID -> json.string(cell.toString());
        case INTEGER, BIGINT, BOOLEAN, JSONB -> json.raw(cell.toString());
        case NUMERIC -> json.raw(((BigDecimal) cell).toPlainString());
        case BYTEA -> json.string(Base64.getEncoder().encodeToString((byte[]) cell));
        case DOUBLE -> {
          if (Double.isFinite((Double) cell)) {
            json.raw(cell.toString());
          } else {
            json.string(cell.toString());
          }
        }
      }
    }
    json.endObject();
  }
}
