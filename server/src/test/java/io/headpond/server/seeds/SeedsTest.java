package io.headpond.server.seeds;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.RowType;
import io.headpond.server.http.ApiServlet;
import io.headpond.server.http.Dataset;
import io.headpond.server.http.HttpServer;
import io.headpond.server.http.TestDataset;
import io.headpond.server.lab.Lab;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The seeds' routes in the cases that a healthy server does not show; the others are in the tests of the packaged server. */
class SeedsTest {
  private static final RowType KV =
      RowType.builder().key("key", ColumnType.TEXT).column("value", ColumnType.TEXT).build();
  private static final RowType PRODUCTS =
      RowType.builder()
          .key("id", ColumnType.TEXT)
          .column(new Column("name", ColumnType.TEXT, false))
          .column(new Column("price", ColumnType.NUMERIC, false))
          .column(new Column("quantity", ColumnType.INTEGER, false))
          .build();
  private static final String LAMP = "{\"name\": \"Lamp\", \"price\": 29.99, \"quantity\": 7}";

  private static final HttpClient client = HttpClient.newHttpClient();
  private static final ApiServlet api = new ApiServlet(new Lab());
  private static final HttpServer server = listen(api);

  private TestDataset kv = new TestDataset("kv", KV);
  private TestDataset products = new TestDataset("products", PRODUCTS);

  private static HttpServer listen(ApiServlet api) {
    return HttpServer.start(InetAddress.getLoopbackAddress(), 0, null, api);
  }

  @AfterAll
  static void stopListening() {
    server.close();
  }

  @AfterEach
  void close() {
    kv.close();
    products.close();
  }

  private void open() {
    open(api);
  }

  private void open(ApiServlet api) {
    List<Dataset> datasets = Stream.of(kv, products).map(TestDataset::dataset).toList();
    api.open(datasets, Seeds.over(datasets));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          POST | /products      | {"price": 1, "quantity": 1}                             | 422 | "field":"name"
          POST | /products      | {"name": null, "price": 1, "quantity": 1}               | 422 | "field":"name"
          POST | /products      | {"name": "x", "price": "1", "quantity": 1}              | 422 | "field":"price"
          POST | /products      | {"name": "x", "price": 1, "quantity": 1.5}              | 422 | "field":"quantity"
          POST | /products      | {"name": "x", "price": 1, "quantity": 3000000000}       | 422 | "field":"quantity"
          POST | /products      | {"name": "x", "price": 1, "quantity": 1, "colour": "r"} | 422 | "field":"colour"
          POST | /products      | {"id": "a", "name": "x", "price": 1, "quantity": 1}     | 422 | "rule":"is part of the key; leave it out of the body"
          PUT  | /products/x    | {"name": "x", "price": 1}                               | 422 | "field":"quantity"
          PUT  | /products/     | {"name": "x", "price": 1, "quantity": 1}                | 422 | "field":"
          PUT  | /products/x    | [1]                                                     | 400 | invalid-json
          PUT  | /products/x?durability=database | {"name": "x", "price": 1, "quantity": 1} | 400 | this route has no parameters
          PUT  | /products      | {}                                                      | 405 | POST
          POST | /products/x    | {}                                                      | 405 | PUT
          POST | /admin/queue   | {}                                                      | 405 | GET
          POST | /admin/config  | {}                                                      | 405 | GET
          POST | /stats         | {}                                                      | 405 | GET
          POST | /health        | {}                                                      | 405 | GET
          POST | /write         | {"key": "a"}                                            | 422 | "field":"value"
          POST | /write         | {"value": "a"}                                          | 422 | "field":"key"
          POST | /write         | {"key": "", "value": "a"}                               | 422 | "field":"key"
          GET  | /read/a,b      | ``                                                      | 422 | %2C
          GET  | /read/a?source=disk | ``                                                 | 400 | must be cache or database
          GET  | /read          | ``                                                      | 404 | unknown-route
          GET  | /admin         | ``                                                      | 404 | unknown-route
          GET  | /products/a/b  | ``                                                      | 404 | unknown-route
          """)
  void whatIsWrongIsNamed(String method, String path, String body, int status, String contains)
      throws Exception {
    open();
    HttpResponse<String> answer = send(method, path, body.equals("``") ? "" : body);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
    assertThat(answer.body()).contains(contains);
    assertThat(products.cache().status().counters().writes()).isZero();
    assertThat(kv.cache().status().counters().writes()).isZero();
  }

  @Test
  void aConditionOrANameThatIsNotKeptIsRefused() throws Exception {
    open();
    for (String[] request :
        new String[][] {{"PUT", "/products/a"}, {"DELETE", "/products/a"}, {"POST", "/write"}}) {
      HttpResponse<String> answer = send(request[0], request[1], LAMP, "If-Match", "\"1\"");
      assertThat(answer.statusCode()).isEqualTo(400);
      assertThat(answer.body()).contains("If-Match", "those under /v1/datasets do");
      answer = send(request[0], request[1], LAMP, "Idempotency-Key", "once");
      assertThat(answer.statusCode()).isEqualTo(400);
      assertThat(answer.body()).contains("Idempotency-Key", "remembers no requests");
    }
  }

  @Test
  void aPutCreatesAndReplacesAndWhatTheTableHoldsIsValid() throws Exception {
    open();
    assertThat(send("GET", "/products/a", "").statusCode()).isEqualTo(404);
    assertThat(send("PUT", "/products/a", LAMP).body())
        .startsWith(
            "{\"id\":\"a\",\"name\":\"Lamp\",\"price\":29.99,\"quantity\":7,\"source\":\"cache\"");
    String owed = "{\"name\": \"\", \"price\": -0.125, \"quantity\": -1}";
    assertThat(send("PUT", "/products/a", owed).statusCode()).isEqualTo(200);
    assertThat(send("GET", "/products/a", "").body())
        .startsWith(
            "{\"id\":\"a\",\"name\":\"\",\"price\":-0.125,\"quantity\":-1,\"source\":\"cache\"");
    assertThat(send("GET", "/admin/queue", "").body())
        .contains("\"queue_size\":1,", "\"coalesced_total\":1,");
    assertThat(send("DELETE", "/products/a", "").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/products/a", "").statusCode()).isEqualTo(404);
  }

  @Test
  void whileTheDatabaseIsAwayWritesAreTaken() throws Exception {
    open();
    products.database(database -> database.setAway(true));
    kv.database(database -> database.setAway(true));
    HttpResponse<String> created = send("POST", "/products", LAMP);
    assertThat(created.statusCode()).isEqualTo(201);
    String location = created.headers().firstValue("Location").orElseThrow();
    assertThat(send("GET", location, "").body()).contains("\"source\":\"cache\"");
    assertThat(send("GET", "/products/other", "").statusCode()).isEqualTo(503);
    assertThat(send("POST", "/write", "{\"key\": \"k\", \"value\": \"v\"}").statusCode())
        .isEqualTo(202);
    assertThat(send("GET", "/read/k", "").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/read/k?source=database", "").statusCode()).isEqualTo(503);
    kv.cache().flush();
    HttpResponse<String> health = send("GET", "/health", "");
    assertThat(health.statusCode()).isEqualTo(200);
    assertThat(health.body())
        .isEqualTo("{\"status\":\"degraded\",\"queue_depth\":2,\"worker_active\":true}");
  }

  @Test
  void aTableThatNoLongerFitsIsUnavailable() throws Exception {
    open();
    var gone = new ConfigurationException("relation \"x\" does not exist (SQLSTATE 42P01)");
    products.database(database -> database.failLoads(gone));
    kv.database(database -> database.failLoads(gone));
    for (String path : List.of("/products/a", "/read/a", "/read/a?source=database")) {
      HttpResponse<String> answer = send("GET", path, "");
      assertThat(answer.statusCode()).as(path).isEqualTo(503);
      assertThat(answer.body()).contains("unavailable", "does not exist (SQLSTATE 42P01)");
    }
  }

  @Test
  void aStoreThatFailedIsUnhealthy() throws Exception {
    open();
    products.disk().failForces(true);
    assertThat(send("PUT", "/products/a", LAMP).statusCode()).isGreaterThanOrEqualTo(503);
    HttpResponse<String> health = send("GET", "/health", "");
    assertThat(health.statusCode()).isEqualTo(503);
    assertThat(health.body())
        .startsWith("{\"status\":\"unhealthy\",\"queue_depth\":")
        .endsWith(",\"worker_active\":false}");
  }

  @Test
  void aServerThatStopsIsUnhealthyAndTakesNoWrites() throws Exception {
    ApiServlet stopping = new ApiServlet(new Lab());
    open(stopping);
    try (HttpServer other = listen(stopping)) {
      int port = other.port();
      send(port, "POST", "/write", "{\"key\": \"k\", \"value\": \"v\"}");
      stopping.stopWrites();
      HttpResponse<String> health = send(port, "GET", "/health", "");
      assertThat(health.statusCode()).isEqualTo(503);
      assertThat(health.body())
          .isEqualTo("{\"status\":\"unhealthy\",\"queue_depth\":1,\"worker_active\":false}");
      for (String[] write :
          new String[][] {
            {"POST", "/write", "{\"key\": \"k\", \"value\": \"w\"}"},
            {"POST", "/products", LAMP},
            {"PUT", "/products/a", LAMP},
            {"DELETE", "/products/a", ""}
          }) {
        HttpResponse<String> refused = send(port, write[0], write[1], write[2]);
        assertThat(refused.statusCode()).as(write[0] + write[1]).isEqualTo(503);
        assertThat(refused.body()).contains("is stopping");
        assertThat(refused.headers().firstValue("Retry-After")).hasValue("1");
      }
      assertThat(send(port, "GET", "/read/k", "").body()).contains("\"value\":\"v\"");
    }
  }

  @Test
  void withDurabilityDatabaseNothingIsQueuedAndARefusalIsTheAnswer() throws Exception {
    kv.close();
    kv = new TestDataset("kv", KV, settings -> settings.durability(Durability.DATABASE));
    products.close();
    products =
        new TestDataset("products", PRODUCTS, settings -> settings.durability(Durability.DATABASE));
    open();
    HttpResponse<String> written = send("POST", "/write", "{\"key\": \"k\", \"value\": \"v\"}");
    assertThat(written.statusCode()).isEqualTo(200);
    assertThat(written.body())
        .isEqualTo(
            "{\"success\":true,\"key\":\"k\",\"queued\":false,\"queue_depth\":0,"
                + "\"message\":\"Write stored in the database\"}");
    assertThat(send("GET", "/stats", "").body())
        .contains("\"writes_queued\":1,\"writes_processed\":1,\"writes_failed\":0,");
    assertThat(send("GET", "/admin/config", "").body())
        .startsWith("{\"mode\":\"write-through\",\"write_behind_enabled\":false,");
    assertThat(send("PUT", "/products/a", LAMP).body()).contains("\"source\":\"database\"");
    products.database(database -> database.refuse(mutation -> true));
    HttpResponse<String> refused = send("PUT", "/products/a", LAMP.replace('7', '8'));
    assertThat(refused.statusCode()).isEqualTo(409);
    assertThat(send("GET", "/products/a", "").body()).contains("\"quantity\":7");
  }

  @Test
  void datasetsOfOtherColumnsHaveNoSuchRoutes() throws Exception {
    kv.close();
    kv = new TestDataset("kv", PRODUCTS);
    products.close();
    products = new TestDataset("products", KV);
    open();
    for (String path :
        List.of("/stats", "/read/a", "/products/a", "/admin/queue", "/admin/config")) {
      HttpResponse<String> answer = send("GET", path, "");
      assertThat(answer.statusCode()).as(path).isEqualTo(404);
      assertThat(answer.body()).contains("unknown-route");
    }
    assertThat(send("GET", "/health", "").body())
        .isEqualTo("{\"status\":\"healthy\",\"queue_depth\":0,\"worker_active\":true}");
    assertThat(send("GET", "/v1/health", "").body()).startsWith("{\"status\":\"UP\"");
  }

  private static HttpResponse<String> send(
      String method, String path, String body, String... headers) throws Exception {
    return send(server.port(), method, path, body, headers);
  }

  private static HttpResponse<String> send(
      int port, String method, String path, String body, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
            .method(
                method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
            .header("Content-Type", "application/json");
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }
}
