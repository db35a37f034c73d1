package io.headpond.server.http;

import io.headpond.server.http.Document.Operation;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Makes requests of an OpenAPI document: as it says, or broken in some way. */
final class RequestMaker {
  /** A request, and what it was made of. */
  record Made(
      Operation operation,
      String method,
      String target,
      List<String> headers,
      byte[] body,
      boolean broken) {
    @Override
    public String toString() {
      String text = new String(body, StandardCharsets.UTF_8);
      return method
          + " "
          + target
          + " "
          + headers
          + " "
          + text.substring(0, Math.min(text.length(), 500));
    }
  }

  private static final String[] KEYS = {
    "a",
    "b",
    "c",
    "x:increment",
    ":invalidate",
    "a/b",
    "..",
    "a,b",
    "100%",
    "\u20ac \ud83d\ude00",
    "a;b=c",
    "{}"
  };
  private static final String[] VERSIONS = {
    "*", "\"5\"", "\"1\", \"2\"", "*", "\"1795163993828000\""
  };
  private static final String[] BROKEN_KEYS = {
    "", "%", "%zz", "%00", "%0A", "%C3%28", "%ff", "1,2,3", "x,y", ",", "\u00e9", "k".repeat(1_025)
  };
  private static final String[] BROKEN_QUERIES = {
    "nope=1",
    "durability=strong",
    "durability",
    "create=yes",
    "settled=abc",
    "wait=never",
    "limit=0",
    "limit=99999999999",
    "maxEntries=-1",
    "key=%",
    "key=%ff",
    "&",
    "=",
    "a=b=c",
    "%zz",
    "settled=5&settled=6",
    "key=",
    "class=bad",
    "sqlstate=%20",
    "since=yesterday",
    "before=2026-01-31",
    "all=maybe",
    "version=0",
    "reason=",
    "operator=+"
  };
  private static final String[] BROKEN_HEADERS = {
    "If-Match: x",
    "If-Match: W/\"5\"",
    "If-Match: \"x\"",
    "If-None-Match: \"5\"",
    "If-None-Match: \"",
    "If-Unmodified-Since: Fri, 20 Nov 2026 08:39:53 GMT",
    "If-Modified-Since: never",
    "If-Range: \"5\"",
    "Idempotency-Key: \"\"",
    "Idempotency-Key: a b",
    "Idempotency-Key: \u00e9",
    "Content-Type: text/plain",
    "Content-Type: application/json; charset=latin1",
    "Content-Type: ;;;",
    "Content-Encoding: gzip",
    "Expect: 200-never",
    "Range: bytes=0-1",
    "Accept: nothing/none"
  };
  private static final String[] BROKEN_VALUES = {
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "-0",
    "1e400",
    "1e-999999999",
    "99999999999999999999999",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "0.0000000001",
    "[[[[[[]]]]]]",
    "{\"a\":{\"a\":null}}",
    "\"" + "x".repeat(3_000) + "\"",
    "nul",
    "\"",
    "01",
    "[".repeat(500),
    "{\"a\":1,\"a\":2}",
    "NaN",
    "\u0001",
    "9".repeat(1_500)
  };

  private final Document document;
  private final Random random;
  private final List<Operation> operations;

  RequestMaker(Document document, Random random) {
    this.document = document;
    this.random = random;
    // What gives up or puts back the queue of a dataset names every entry of it.
    this.operations =
        document.operations().stream()
            .filter(operation -> !operation.path().matches(".*/queue:(purge|restore)"))
            .toList();
  }

  Made next() {
    Operation operation = pick(operations.toArray(Operation[]::new));
    // The routes of single entries, more often: they have the most that can go wrong.
    if (!operation.path().contains("{") && random.nextBoolean()) {
      operation = pick(operations.toArray(Operation[]::new));
    }
    int broken = random.nextInt(2) == 0 ? 0 : 1 + random.nextInt(5);
    String method = operation.method().toUpperCase(Locale.ROOT);
    if (broken == 5 && random.nextInt(4) == 0) {
      method = pick("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "BREW");
    }
    String target = path(operation, broken == 1) + query(operation, broken == 2);
    Content content = content(operation, broken >= 4);
    List<String> headers = headers(operation, broken == 3);
    if (content.type != null && random.nextInt(20) > 0) {
      headers.add("Content-Type: " + content.type);
    }
    return new Made(operation, method, target, headers, content.bytes, broken > 0);
  }

  private String path(Operation operation, boolean broken) {
    String path = operation.path();
    for (Map<String, Object> parameter : operation.parameters("path")) {
      String value =
          broken && random.nextInt(3) > 0
              ? pick(BROKEN_KEYS)
              : RawUri.encode(plain(Document.map(parameter, "schema")));
      path = path.replace("{" + parameter.get("name") + "}", value);
    }
    return broken && random.nextInt(10) == 0
        ? path.replaceFirst("datasets/.[^/]*", "datasets/x")
        : path;
  }

  /** A key's component, or the value of a parameter. */
  private String plain(Map<String, Object> schema) {
    if (schema.get("enum") instanceof List<?> values) {
      return String.valueOf(values.get(random.nextInt(values.size())));
    }
    if (schema.get("examples") instanceof List<?> examples) {
      return String.valueOf(examples.get(random.nextInt(examples.size())));
    }
    return switch (Document.types(schema).get(0)) {
      case "integer" -> Integer.toString(1 + random.nextInt(5));
      case "boolean" -> Boolean.toString(random.nextBoolean());
      default -> schema.containsKey("pattern") ? pick("0s", "1ms", "0.002", "2ms") : pick(KEYS);
    };
  }

  private String query(Operation operation, boolean broken) {
    List<String> pairs = new ArrayList<>();
    for (Map<String, Object> parameter : operation.parameters("query")) {
      Map<String, Object> schema = Document.map(parameter, "schema");
      boolean several = Document.types(schema).contains("array");
      if (several) {
        for (int i = random.nextInt(5); i >= 0; i--) {
          pairs.add(parameter.get("name") + "=" + RawUri.encode(keyText(operation)));
        }
      } else if (parameter.get("required").equals(true) || random.nextInt(4) == 0) {
        pairs.add(parameter.get("name") + "=" + RawUri.encode(plain(schema)));
      }
    }
    if (broken) {
      pairs.add(random.nextInt(pairs.size() + 1), pick(BROKEN_QUERIES));
    }
    return pairs.isEmpty() ? "" : "?" + String.join("&", pairs);
  }

  private String keyText(Operation operation) {
    return operation.path().contains("/items")
        ? (1 + random.nextInt(5)) + "," + pick(KEYS).replace("%", "%25").replace(",", "%2C")
        : operation.path().contains("/tickets") ? "" + (1 + random.nextInt(5)) : pick(KEYS);
  }

  private List<String> headers(Operation operation, boolean broken) {
    List<String> headers = new ArrayList<>();
    for (Map<String, Object> parameter : operation.parameters("header")) {
      if (random.nextInt(6) == 0) {
        String name = (String) parameter.get("name");
        headers.add(
            name
                + ": "
                + switch (name) {
                  case "If-None-Match" -> operation.method().equals("get") ? pick(VERSIONS) : "*";
                  case "If-Match" -> pick(VERSIONS);
                  default -> "\"id-" + random.nextInt(50) + "\"";
                });
      }
    }
    if (broken) {
      headers.add(pick(BROKEN_HEADERS));
    }
    return headers;
  }

  private record Content(@Nullable String type, byte[] bytes) {}

  private Content content(Operation operation, boolean broken) {
    Map<String, Object> content =
        Document.map(Document.map(operation.body(), "requestBody"), "content");
    if (content.isEmpty()) {
      return new Content(
          null, broken ? pick(BROKEN_VALUES).getBytes(StandardCharsets.UTF_8) : new byte[0]);
    }
    String type = pick(content.keySet().toArray(String[]::new));
    Map<String, Object> schema = Document.map(Document.cast(content.get(type)), "schema");
    StringBuilder text = new StringBuilder();
    if (type.contains("ndjson")) {
      for (int i = random.nextInt(20); i >= 0; i--) {
        String line = line(operation);
        text.append(broken && random.nextInt(3) == 0 ? breakText(line) : line).append('\n');
      }
    } else {
      String value = json(value(schema, 0));
      text.append(broken ? breakText(value) : value);
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    if (broken && bytes.length > 0 && random.nextInt(5) == 0) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    return new Content(type, bytes);
  }

  /** A line of a batch, with the value that its op takes. */
  private String line(Operation operation) {
    String dataset = operation.id().replaceAll(".*-", "");
    String op = pick("put", "remove", "patch", "increment", "create");
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("op", op);
    if (!op.equals("create")) {
      line.put("key", keyText(operation));
    }
    if (!op.equals("remove")) {
      String shape = op.equals("patch") ? "Patch" : op.equals("increment") ? "Increment" : "Row";
      line.put("value", value(Map.of("$ref", "#/components/schemas/" + dataset + "." + shape), 0));
    }
    if (random.nextInt(8) == 0) {
      line.put("durability", pick("memory", "journal", "disk", "database"));
    }
    if (random.nextInt(8) == 0) {
      line.put(pick("ifMatch", "ifNoneMatch"), "*");
    }
    if (random.nextInt(8) == 0) {
      line.put("idempotencyKey", "line-" + random.nextInt(30));
    }
    if (random.nextInt(8) == 0) {
      line.put("create", random.nextBoolean());
    }
    return json(line);
  }

  /** A value of a schema. */
  private @Nullable Object value(Map<String, Object> unresolved, int depth) {
    Map<String, Object> schema = document.resolve(unresolved);
    if (schema.get("anyOf") instanceof List<?> some) {
      return value(Document.cast(some.get(random.nextInt(some.size()))), depth);
    }
    if (schema.get("enum") instanceof List<?> values) {
      return values.get(random.nextInt(values.size()));
    }
    if (!schema.containsKey("type")) {
      return anything(depth);
    }
    List<String> types = Document.types(schema);
    String type = types.get(random.nextInt(types.size()));
    return switch (type) {
      case "object" -> object(schema, depth);
      case "string" -> string(schema);
      case "integer", "number" -> number(schema, type);
      case "boolean" -> random.nextBoolean();
      case "null" -> null;
      default -> List.of();
    };
  }

  private Map<String, Object> object(Map<String, Object> schema, int depth) {
    Map<String, Object> object = new LinkedHashMap<>();
    List<Object> required = Document.list(schema, "required");
    Document.map(schema, "properties")
        .forEach(
            (name, of) -> {
              if (required.contains(name) || random.nextBoolean()) {
                object.put(name, value(Document.cast(of), depth + 1));
              }
            });
    return object;
  }

  private String string(Map<String, Object> schema) {
    return switch (String.valueOf(schema.getOrDefault("format", schema.get("contentEncoding")))) {
      case "date" -> "2026-0" + (1 + random.nextInt(9)) + "-11";
      case "date-time" -> "2026-11-20T08:39:5" + random.nextInt(10) + ".12+01:00";
      case "uuid" -> new java.util.UUID(random.nextLong(), random.nextLong()).toString();
      case "base64" -> "AAEC";
      default -> pick("", "x", "text", "\u20ac\"\\", "a b");
    };
  }

  private BigDecimal number(Map<String, Object> schema, String type) {
    BigDecimal number =
        BigDecimal.valueOf(random.nextInt(2_000) - 1_000L, type.equals("integer") ? 0 : 1);
    if (schema.get("multipleOf") instanceof BigDecimal step) {
      number = number.setScale(step.scale(), RoundingMode.DOWN);
    }
    return random.nextInt(20) == 0 && schema.get("maximum") instanceof BigDecimal max
        ? max
        : number;
  }

  private @Nullable Object anything(int depth) {
    return switch (random.nextInt(depth > 3 ? 3 : 5)) {
      case 0 -> BigDecimal.valueOf(random.nextInt(), random.nextInt(5));
      case 1 -> pick("", "x");
      case 2 -> random.nextBoolean();
      case 3 -> {
        List<@Nullable Object> list = new ArrayList<>();
        for (int i = random.nextInt(3); i > 0; i--) {
          list.add(anything(depth + 1));
        }
        yield list;
      }
      default -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        for (int i = random.nextInt(3); i > 0; i--) {
          object.put(pick("a", "b", "c"), random.nextInt(4) == 0 ? null : anything(depth + 1));
        }
        yield object;
      }
    };
  }

  /** JSON with one thing wrong. */
  private String breakText(String json) {
    UnaryOperator<String> change =
        switch (random.nextInt(6)) {
          // Another value of a member.
          case 0, 1 -> text -> replaceAfter(text, ":", pick(BROKEN_VALUES));
          case 2 -> text -> text.substring(0, random.nextInt(text.length() + 1));
          case 3 -> text -> text.replaceFirst("\\{", "{\"unknown\":1,");
          case 4 -> text -> text + pick(" {}", "x", "]", ",");
          default -> text -> pick(BROKEN_VALUES);
        };
    return change.apply(json);
  }

  private String replaceAfter(String text, String separator, String value) {
    int at = text.indexOf(separator, random.nextInt(text.length()));
    if (at < 0) {
      return text;
    }
    int end = at + 1;
    while (end < text.length() && ",}".indexOf(text.charAt(end)) < 0) {
      end++;
    }
    return text.substring(0, at + 1) + value + text.substring(end);
  }

  static String json(@Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      List<String> members = new ArrayList<>();
      map.forEach(
          (name, member) -> members.add(new Json().string((String) name) + ":" + json(member)));
      return "{" + String.join(",", members) + "}";
    }
    if (value instanceof List<?> list) {
      return "[" + String.join(",", list.stream().map(RequestMaker::json).toList()) + "]";
    }
    return value instanceof String text
        ? new Json().string(text).toString()
        : String.valueOf(value);
  }

  @SafeVarargs
  private <T> T pick(T... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
