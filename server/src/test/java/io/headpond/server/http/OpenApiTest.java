package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.Document.Operation;
import io.headpond.server.http.RunningApi.Response;
import io.headpond.server.lab.Lab;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code GET /openapi.json} held against the routes, in both directions. */
class OpenApiTest {
  private static final Pattern EXPRESSION = Pattern.compile("\\{([^}]*)}");
  private static RunningApi api;
  private static Document document;

  @BeforeAll
  static void start() throws IOException {
    api = new RunningApi().opened();
    Response response = api.send("GET", "/openapi.json", "");
    assertThat(response.status()).isEqualTo(200);
    assertThat(response.header("Content-Type")).isEqualTo("application/json");
    document = new Document(response.text());
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  @Test
  void itHasThePathsOfEachDataset() {
    assertThat(document.root).containsEntry("openapi", "3.1.0").containsKeys("info", "components");
    assertThat(Document.map(document.root, "paths").keySet())
        .containsExactlyInAnyOrder(
            "/v1/datasets/kv/entries/{key}",
            "/v1/datasets/kv/entries/{key}:increment",
            "/v1/datasets/kv/entries/{key}:invalidate",
            "/v1/datasets/kv/entries",
            "/v1/datasets/kv/entries:batch",
            "/v1/datasets/kv/pending",
            "/v1/datasets/kv/flush",
            "/v1/datasets/kv",
            "/v1/datasets/items/entries/{shop},{sku}",
            "/v1/datasets/items/entries/{shop},{sku}:increment",
            "/v1/datasets/items/entries/{shop},{sku}:invalidate",
            "/v1/datasets/items/entries",
            "/v1/datasets/items/entries:batch",
            "/v1/datasets/items/pending",
            "/v1/datasets/items/flush",
            "/v1/datasets/items",
            "/v1/datasets/kv/dead-letters",
            "/v1/datasets/kv/queue:backup",
            "/v1/datasets/kv/queue:purge",
            "/v1/datasets/kv/queue:restore",
            "/v1/datasets/kv/dead-letters:export",
            "/v1/datasets/kv/dead-letters:retry",
            "/v1/datasets/kv/dead-letters/{key}",
            "/v1/datasets/kv/dead-letters/{key}:retry",
            "/v1/datasets/items/dead-letters",
            "/v1/datasets/items/queue:backup",
            "/v1/datasets/items/queue:purge",
            "/v1/datasets/items/queue:restore",
            "/v1/datasets/items/dead-letters:export",
            "/v1/datasets/items/dead-letters:retry",
            "/v1/datasets/items/dead-letters/{shop},{sku}",
            "/v1/datasets/items/dead-letters/{shop},{sku}:retry",
            "/v1/health/live",
            "/v1/workers",
            "/v1/health/ready",
            "/admin/lab",
            "/v1/datasets",
            "/v1/ping",
            "/v1/health",
            "/openapi.json");
  }

  @Test
  void everyRouteIsDocumentedAndEveryOperationIsARoute() {
    Set<String> routes = new TreeSet<>();
    for (Route route : Routes.all(new Lab(), new Exports())) {
      if (!route.documented) {
        assertThat(route.path).isEqualTo("/health");
      } else if (route.hasDataset()) {
        routes.add(route.name + "-kv");
        routes.add(route.name + "-items");
      } else {
        routes.add(route.name);
      }
    }
    assertThat(document.operations().stream().map(Operation::id))
        .doesNotHaveDuplicates()
        .containsExactlyInAnyOrderElementsOf(routes);
  }

  /** A request for each: neither unknown nor of another method. */
  @Test
  void everyOperationIsServed() throws IOException {
    for (Operation operation : document.operations()) {
      String path = operation.path().replace("{shop},{sku}", "1,a").replace("{key}", "a");
      Response response = api.send(operation.method().toUpperCase(java.util.Locale.ROOT), path, "");
      assertThat(response.status()).as(operation.id()).isNotIn(405, 500, 501);
      assertThat(response.body()).as(operation.id()).doesNotContain("unknown-route");
      String options = api.send("OPTIONS", path, "").header("Allow");
      assertThat(options).contains(operation.method().toUpperCase(java.util.Locale.ROOT));
    }
  }

  @Test
  void everyParameterOfThePathIsDeclared() {
    for (Operation operation : document.operations()) {
      List<String> expressions =
          EXPRESSION.matcher(operation.path()).results().map(m -> m.group(1)).toList();
      assertThat(operation.parameters("path").stream().map(p -> (String) p.get("name")))
          .as(operation.path())
          .containsExactlyElementsOf(expressions);
      assertThat(operation.responses()).as(operation.id()).containsKey("default");
    }
  }

  @Test
  void everyReferenceLeadsSomewhere() {
    assertThat(references(document.root)).isGreaterThan(100);
  }

  private static int references(Object value) {
    if (value instanceof List<?> list) {
      return list.stream().mapToInt(OpenApiTest::references).sum();
    }
    if (!(value instanceof Map<?, ?>)) {
      return 0;
    }
    Map<String, Object> map = Document.cast(value);
    int found = 0;
    if (map.containsKey("$ref")) {
      document.resolve(map);
      found++;
    }
    return found + map.values().stream().mapToInt(OpenApiTest::references).sum();
  }

  @Test
  void theSchemasAreTheColumns() {
    Map<String, Object> schemas =
        Document.map(Document.map(document.root, "components"), "schemas");
    assertThat(schemas.get("kv.Row"))
        .isEqualTo(
            Document.parse(
                """
                {"type":"object","required":[],"additionalProperties":false,
                 "properties":{"value":{"type":["string","null"]}}}"""));
    assertThat(schemas.get("items.Row"))
        .isEqualTo(
            Document.parse(
                """
                {"type":"object","required":["name"],"additionalProperties":false,"properties":{
                 "name":{"type":"string","maxLength":20},
                 "price":{"type":["number","null"],"exclusiveMinimum":-100000000,"exclusiveMaximum":100000000,"multipleOf":0.01},
                 "qty":{"type":["integer","null"],"minimum":-2147483648,"maximum":2147483647},
                 "ratio":{"anyOf":[{"type":"number"},{"enum":["NaN","Infinity","-Infinity"]},{"type":"null"}]},
                 "day":{"type":["string","null"],"format":"date"},
                 "at":{"type":["string","null"],"format":"date-time"},
                 "doc":{"description":"any JSON"},
                 "raw":{"type":["string","null"],"contentEncoding":"base64"},
                 "live":{"type":["boolean","null"]}}}"""));
    assertThat(Document.map(Document.cast(schemas.get("items.Increment")), "properties"))
        .containsOnlyKeys("price", "qty", "ratio");
    assertThat(Document.map(Document.cast(schemas.get("items.Patch")), "properties").get("doc"))
        .isEqualTo(Map.of());
  }

  @Test
  void beforeTheDatasetsAreOpenThereIsNone() throws IOException {
    try (RunningApi starting = new RunningApi()) {
      assertThat(starting.send("GET", "/openapi.json", "").status()).isEqualTo(503);
    }
  }
}
