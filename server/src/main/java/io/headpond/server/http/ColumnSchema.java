package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;

/** The columns of a dataset as JSON schemas, as {@link JsonRows} reads and writes them. Stateless. */
final class ColumnSchema {
  private ColumnSchema() {}

  /** The value of an entry. */
  static void row(Json json, List<Column> columns) {
    json.beginObject().member("type", "object").name("required").beginArray();
    columns.stream().filter(column -> !column.nullable()).forEach(c -> json.string(c.name()));
    properties(json.endArray(), columns, false);
    json.endObject();
  }

  /** A merge patch: any of the columns; a JSON column takes any JSON. */
  static void patch(Json json, List<Column> columns) {
    properties(json.beginObject().member("type", "object"), columns, true);
    json.endObject();
  }

  /** An increment: any of the columns that are numbers. */
  static void increment(Json json, List<Column> columns) {
    json.beginObject()
        .member("type", "object")
        .member("minProperties", 1)
        .member("additionalProperties", false)
        .name("properties")
        .beginObject();
    for (Column column : columns) {
      switch (column.type().kind()) {
        case SMALLINT, INTEGER, BIGINT, NUMERIC, REAL, DOUBLE ->
            json.name(column.name())
                .raw(
                    "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"object\",\"required\":[\"by\"],"
                        + "\"additionalProperties\":false,\"properties\":{\"by\":{\"type\":\"number\"},"
                        + "\"min\":{\"type\":\"number\"},\"max\":{\"type\":\"number\"}}}]}");
        default -> {}
      }
    }
    json.endObject().endObject();
  }

  private static void properties(Json json, List<Column> columns, boolean patch) {
    json.member("additionalProperties", false).name("properties").beginObject();
    for (Column column : columns) {
      json.name(column.name());
      Kind kind = column.type().kind();
      if (patch && (kind == Kind.JSONB || kind == Kind.JSON)) {
        json.raw("{}");
      } else {
        write(json, column.type(), column.nullable());
      }
    }
    json.endObject();
  }

  /** The values of a column. */
  static void write(Json json, ColumnType type, boolean nullable) {
    json.beginObject();
    switch (type.kind()) {
      case TEXT -> {
        type(json, "string", nullable);
        if (type.length() > 0) {
          json.member("maxLength", type.length());
        }
      }
      case SMALLINT -> integer(json, Short.MIN_VALUE, Short.MAX_VALUE, nullable);
      case INTEGER -> integer(json, Integer.MIN_VALUE, Integer.MAX_VALUE, nullable);
      case BIGINT -> integer(json, Long.MIN_VALUE, Long.MAX_VALUE, nullable);
      case NUMERIC -> {
        type(json, "number", nullable);
        if (type.precision() > 0) {
          String limit = BigDecimal.TEN.pow(type.precision() - type.scale()).toString();
          json.name("exclusiveMinimum").raw("-" + limit).name("exclusiveMaximum").raw(limit);
          json.name("multipleOf").raw(BigDecimal.ONE.movePointLeft(type.scale()).toPlainString());
        }
      }
      case REAL, DOUBLE -> floating(json, nullable);
      case BOOLEAN -> type(json, "boolean", nullable);
      case DATE -> string(json, "format", "date", nullable);
      case TIMESTAMPTZ -> string(json, "format", "date-time", nullable);
      case UUID -> string(json, "format", "uuid", nullable);
      case BYTEA -> string(json, "contentEncoding", "base64", nullable);
      case TIME -> type(json, "string", nullable);
      case TIMESTAMP -> type(json, "string", nullable);
      case INTERVAL -> string(json, "format", "duration", nullable);
      case INET -> type(json, "string", nullable);
      case ENUM -> labels(json, type.labels(), nullable);
      case JSON, JSONB -> json.member("description", nullable ? "any JSON" : "any JSON but null");
      case ARRAY -> {
        type(json, "array", nullable);
        write(json.name("items"), Objects.requireNonNull(type.element()), true);
      }
    }
    json.endObject();
  }

  private static void integer(Json json, long min, long max, boolean nullable) {
    type(json, "integer", nullable);
    json.member("minimum", min).member("maximum", max);
  }

  private static void floating(Json json, boolean nullable) {
    json.name("anyOf").beginArray();
    json.raw("{\"type\":\"number\"}");
    json.raw("{\"enum\":[\"NaN\",\"Infinity\",\"-Infinity\"]}");
    if (nullable) {
      json.raw("{\"type\":\"null\"}");
    }
    json.endArray();
  }

  private static void labels(Json json, List<String> labels, boolean nullable) {
    if (labels.isEmpty()) {
      type(json, "string", nullable);
      return;
    }
    json.name("enum").beginArray();
    labels.forEach(json::string);
    if (nullable) {
      json.raw("null");
    }
    json.endArray();
  }

  private static void string(Json json, String keyword, String value, boolean nullable) {
    type(json, "string", nullable);
    json.member(keyword, value);
  }

  private static void type(Json json, String type, boolean nullable) {
    json.name("type");
    if (nullable) {
      json.beginArray().string(type).string("null").endArray();
    } else {
      json.string(type);
    }
  }
}
