package io.headpond.server.http;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** An OpenAPI document as a client reads it, and the part of JSON schema that it uses. */
final class Document {
  private static final JsonFactory JSON = new JsonFactory();

  /** An operation of a path. */
  record Operation(String path, String method, Map<String, Object> item, Map<String, Object> body) {
    String id() {
      return (String) body.get("operationId");
    }

    /** Parameters of the path and of the operation. */
    List<Map<String, Object>> parameters(String in) {
      List<Map<String, Object>> all = new ArrayList<>(list(item, "parameters"));
      all.addAll(list(body, "parameters"));
      return all.stream().filter(p -> p.get("in").equals(in)).toList();
    }

    Map<String, Object> responses() {
      return map(body, "responses");
    }
  }

  final Map<String, Object> root;

  Document(String json) {
    root = cast(parse(json));
  }

  /** The values of a JSON document: maps, lists, strings, {@link BigDecimal}, booleans and null. */
  static @Nullable Object parse(String json) {
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
      Object value = value(parser, parser.nextToken());
      if (parser.nextToken() != null) {
        throw new IllegalArgumentException("more behind the document");
      }
      return value;
    }
  }

  private static @Nullable Object value(JsonParser parser, JsonToken token) {
    return switch (token) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          if (map.put(name, value(parser, parser.nextToken())) != null) {
            throw new IllegalArgumentException(name + " stands twice");
          }
        }
        yield map;
      }
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
          list.add(value(parser, t));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getString();
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new BigDecimal(parser.getString());
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw new IllegalArgumentException("unexpected " + token);
    };
  }

  List<Operation> operations() {
    List<Operation> operations = new ArrayList<>();
    map(root, "paths")
        .forEach(
            (path, item) ->
                Document.<Map<String, Object>>cast(item)
                    .forEach(
                        (method, body) -> {
                          if (!method.equals("parameters")) {
                            operations.add(new Operation(path, method, cast(item), cast(body)));
                          }
                        }));
    return operations;
  }

  /** The schema that a reference, if it is one, points to. */
  Map<String, Object> resolve(Map<String, Object> schema) {
    Object ref = schema.get("$ref");
    if (ref == null) {
      return schema;
    }
    String prefix = "#/components/schemas/";
    String name = ref.toString().substring(prefix.length());
    Object target = map(map(root, "components"), "schemas").get(name);
    if (!ref.toString().startsWith(prefix) || target == null) {
      throw new IllegalArgumentException("the reference " + ref + " leads nowhere");
    }
    return cast(target);
  }

  /** What of a value breaks a schema, with the path; null if nothing does. */
  @Nullable String violation(Map<String, Object> unresolved, @Nullable Object value, String at) {
    Map<String, Object> schema = resolve(unresolved);
    if (schema.containsKey("const") && !schema.get("const").equals(value)) {
      return at + ": is " + value + ", not " + schema.get("const");
    }
    if (schema.get("enum") instanceof List<?> values && !values.contains(value)) {
      return at + ": " + value + " is none of " + values;
    }
    if (schema.get("anyOf") instanceof List<?> some) {
      return some.stream().anyMatch(one -> violation(cast(one), value, at) == null)
          ? null
          : at + ": " + value + " fits none of " + some;
    }
    if (schema.get("type") != null && !types(schema).contains(type(value))) {
      boolean whole =
          value instanceof BigDecimal n
              && types(schema).contains("integer")
              && n.stripTrailingZeros().scale() <= 0;
      if (!whole && !(value instanceof BigDecimal && types(schema).contains("number"))) {
        return at + ": " + value + " is no " + schema.get("type");
      }
    }
    if (value instanceof Map<?, ?>) {
      return members(schema, cast(value), at);
    }
    if (value instanceof List<?> items && schema.get("items") != null) {
      for (int i = 0; i < items.size(); i++) {
        String wrong = violation(map(schema, "items"), items.get(i), at + "[" + i + "]");
        if (wrong != null) {
          return wrong;
        }
      }
    }
    if (value instanceof BigDecimal number) {
      return range(schema, number, at);
    }
    return null;
  }

  private @Nullable String members(
      Map<String, Object> schema, Map<String, Object> value, String at) {
    for (Object name : Document.list(schema, "required")) {
      if (!value.containsKey(name)) {
        return at + ": " + name + " is missing";
      }
    }
    Map<String, Object> properties = map(schema, "properties");
    for (Map.Entry<String, Object> member : value.entrySet()) {
      Object of =
          properties.getOrDefault(
              member.getKey(), schema.getOrDefault("additionalProperties", Map.of()));
      if (of.equals(false)) {
        return at + ": " + member.getKey() + " is not known";
      }
      String wrong = violation(cast(of), member.getValue(), at + "." + member.getKey());
      if (wrong != null) {
        return wrong;
      }
    }
    return null;
  }

  private static @Nullable String range(Map<String, Object> schema, BigDecimal number, String at) {
    boolean low = schema.get("minimum") instanceof BigDecimal min && number.compareTo(min) < 0;
    boolean high = schema.get("maximum") instanceof BigDecimal max && number.compareTo(max) > 0;
    return low || high ? at + ": " + number + " is out of range" : null;
  }

  static List<String> types(Map<String, Object> schema) {
    Object type = schema.get("type");
    return type instanceof List<?> several ? cast(several) : List.of(String.valueOf(type));
  }

  private static String type(@Nullable Object value) {
    return value == null
        ? "null"
        : value instanceof Map
            ? "object"
            : value instanceof List
                ? "array"
                : value instanceof String
                    ? "string"
                    : value instanceof Boolean ? "boolean" : "number or so";
  }

  static Map<String, Object> map(Map<String, Object> from, String name) {
    Object value = from.get(name);
    return value == null ? Map.of() : cast(value);
  }

  static <T> List<T> list(Map<String, Object> from, String name) {
    Object value = from.get(name);
    return value == null ? List.of() : cast(value);
  }

  @SuppressWarnings("unchecked")
  static <T> T cast(@Nullable Object value) {
    return (T) value;
  }
}
