package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.Overload;
import io.headpond.RowType;
import io.headpond.UnreadableRowException;
import io.headpond.server.http.Document.Operation;
import io.headpond.server.http.RequestMaker.Made;
import io.headpond.server.http.RunningApi.Response;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Thousands of requests that are made of the OpenAPI document, from a seed: half of them as it says, half broken in some way. None
 * gives a 500; every answer is one that the document has, and of the shape it says; entries that no request names stay as they are. Together
 * with some requests to a server that is ill, every status of the document occurs. {@code -Dheadpond.fuzz.seed} and {@code
 * -Dheadpond.fuzz.requests} choose others.
 */
@Timeout(300)
class OpenApiFuzzTest {
  private static final String JSON = "Content-Type: application/json";
  private static final int WITNESSES = 5;
  private static final RowType TICKET =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("title", ColumnType.TEXT)
          .column("votes", ColumnType.INTEGER)
          .column("tags", ColumnType.JSONB)
          .build();

  /** Statuses that were seen, by the name of the route. */
  private final Map<String, TreeSet<Integer>> seen = new TreeMap<>();

  @Test
  void everyAnswerIsOneOfTheDocument() throws IOException {
    long seed = Long.getLong("headpond.fuzz.seed", 20_260_131);
    int requests = Integer.getInteger("headpond.fuzz.requests", 4_000);
    int[] carriedOut = new int[2];
    int[] made = new int[2];
    Document document;
    try (RunningApi api =
        new RunningApi(
                new TestDataset("kv", RunningApi.KV),
                new TestDataset("items", RunningApi.ITEMS),
                new TestDataset("tickets", TICKET))
            .opened()) {
      document = new Document(api.send("GET", "/openapi.json", "").text());
      RequestMaker maker = new RequestMaker(document, new Random(seed));
      Map<String, String> witnesses = witnesses(api);
      for (int i = 0; i < requests; i++) {
        Made request = maker.next();
        String[] headers = request.headers().toArray(String[]::new);
        Response response = api.send(request.method(), request.target(), request.body(), headers);
        String about = "seed " + seed + ", request " + i + ": " + request + "\n" + response;
        check(document, request.operation(), request.method(), response, about);
        int kind = request.broken() ? 1 : 0;
        made[kind]++;
        // Nothing is parked there, so that is what these routes do.
        boolean noLetter = response.body().contains("no-such-dead-letter");
        carriedOut[kind] += response.status() < 400 || noLetter ? 1 : 0;
      }
      witnesses.forEach(
          (target, before) -> assertThat(state(api, target)).as(target).isEqualTo(before));
      rest(document, api);
      queue(document, api);
    }
    // The net is wide enough only if most of what is right is carried out, and most of what is
    // broken is not.
    assertThat(carriedOut[0]).isGreaterThan(made[0] * 6 / 10);
    assertThat(carriedOut[1]).isBetween(made[1] / 50, made[1] / 2);
    ill(document);
    letters(document);
    everyStatusWasSeen(document);
  }

  /** Entries that are written now, in several states, with what a read of each gives. */
  private static Map<String, String> witnesses(RunningApi api) throws IOException {
    Map<String, String> witnesses = new LinkedHashMap<>();
    for (int i = 0; i < WITNESSES; i++) {
      for (String[] one :
          new String[][] {
            {"/v1/datasets/kv/entries/witness" + i, "{\"value\": \"unharmed " + i + "\"}"},
            {
              "/v1/datasets/items/entries/77" + i + ",w",
              "{\"name\": \"w\", \"doc\": {\"i\": " + i + "}}"
            },
            {"/v1/datasets/tickets/entries/-77" + i, "{\"votes\": " + i + "}"}
          }) {
        String durability = i % 2 == 0 ? "?durability=database" : "";
        assertThat(api.send("PUT", one[0] + durability, one[1], JSON).status()).isLessThan(300);
        witnesses.put(one[0], state(api, one[0]));
      }
    }
    return witnesses;
  }

  private static String state(RunningApi api, String target) {
    try {
      Response response = api.send("GET", target, "");
      assertThat(response.status()).as(target).isEqualTo(200);
      return response.header("ETag")
          + response.body().replaceAll("\"(state|source)\":\"[a-z]*\",", "");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void check(
      Document document, Operation operation, String method, Response response, String about) {
    int status = response.status();
    assertThat(status).as(about).isNotIn(0, 500, 501, 504);
    boolean same = method.equalsIgnoreCase(operation.method());
    Map<String, Object> responses = operation.responses();
    Object documented = same ? responses.get(Integer.toString(status)) : null;
    if (documented == null) {
      assertThat(status).as(about).isGreaterThanOrEqualTo(same ? 400 : 200);
      documented = responses.get("default");
    }
    if (same) {
      seen.computeIfAbsent(route(operation), r -> new TreeSet<>()).add(status);
    } else if (status < 400) {
      return;
    }
    if (!method.equals("HEAD")) {
      shape(document, Document.map(Document.cast(documented), "content"), response, about);
    }
  }

  private static void shape(
      Document document, Map<String, Object> content, Response response, String about) {
    if (content.isEmpty()) {
      assertThat(response.body()).as(about).isEmpty();
      return;
    }
    String type = response.header("Content-Type").replaceAll(";.*", "");
    // What is no HTTP is refused before any route.
    if (response.body().contains("\"about:blank\"")) {
      return;
    }
    assertThat(content.keySet()).as(about).contains(type);
    Map<String, Object> schema = Document.map(Document.cast(content.get(type)), "schema");
    List<String> documents =
        type.equals("application/x-ndjson")
            ? response.text().lines().toList()
            : List.of(response.text());
    for (String each : documents) {
      assertThat(document.violation(schema, Document.parse(each), "$")).as(about).isNull();
      assertThat(each).as(about).doesNotContain("\"status\":500");
    }
  }

  /** The queue of a dataset, which chance must not touch. */
  private void queue(Document document, RunningApi api) throws IOException {
    String queue = "/v1/datasets/kv/queue:";
    Response backup = api.send("GET", queue + "backup", "");
    for (String type : List.of("application/x-ndjson", "text/plain")) {
      for (String body : List.of(backup.text().lines().findFirst().orElseThrow(), "{}")) {
        Response restored =
            api.send("POST", queue + "restore", body + "\n", "Content-Type: " + type);
        check(document, operation(document, "restoreQueue-kv"), "POST", restored, body);
      }
    }
    for (String dataset : List.of("kv", "items", "tickets")) {
      String batch = "/v1/datasets/" + dataset + "/entries:batch";
      Response other = api.send("POST", batch, "{}", "Content-Type: text/plain");
      check(document, operation(document, "writeBatch-" + dataset), "POST", other, batch);
    }
    one(document, api, "purgeQueue-kv", "POST", queue + "purge", "");
    String said = "?reason=a%20test&operator=me";
    one(document, api, "purgeQueue-kv", "POST", queue + "purge" + said, "");
  }

  /** What chance does not reach. */
  private void rest(Document document, RunningApi api) throws IOException {
    String big = "{\"value\": \"" + "v".repeat(Body.MAX_BYTES) + "\"}";
    one(document, api, "putEntry-kv", "PUT", "/v1/datasets/kv/entries/a", big);
    one(document, api, "patchEntry-kv", "PATCH", "/v1/datasets/kv/entries/a", big);
    one(document, api, "incrementEntry-kv", "POST", "/v1/datasets/kv/entries/a:increment", big);
    one(document, api, "createEntry-kv", "POST", "/v1/datasets/kv/entries", big);
    one(document, api, "pingWithBody", "PUT", "/v1/ping", big);
    one(document, api, "changeLab", "PUT", "/admin/lab", big);
    one(document, api, "editDeadLetter-kv", "PUT", "/v1/datasets/kv/dead-letters/a", big);
    String increment = "/v1/datasets/tickets/entries/9:increment?create=true&durability=database";
    one(document, api, "incrementEntry-tickets", "POST", increment, "{\"votes\": 1}");
    String patch = "/v1/datasets/tickets/entries/9?create=true&durability=database";
    one(document, api, "patchEntry-tickets", "PATCH", patch, "{\"votes\": 1}");
    one(document, api, "getEntries-kv", "GET", "/v1/datasets/kv/entries?key=", "");
    String etag = api.send("GET", "/v1/datasets/kv/entries/witness0", "").header("ETag");
    check(
        document,
        operation(document, "getEntry-kv"),
        "GET",
        api.send("GET", "/v1/datasets/kv/entries/witness0", "", "If-None-Match: " + etag),
        "the version that is there");
    one(
        document,
        api,
        "getEntry-kv",
        "GET",
        "/v1/datasets/kv/entries/witness0?settled=" + etag.replace("\"", ""),
        "");
  }

  /** A database that refuses, then one that is away, and no room; and a server that starts. */
  private void ill(Document document) throws IOException {
    try (RunningApi starting = new RunningApi()) {
      one(document, starting, "health", "GET", "/v1/health", "");
      one(document, starting, "ready", "GET", "/v1/health/ready", "");
    }
    TestDataset refusing = dataset("kv", 100);
    try (RunningApi api = new RunningApi(refusing, dataset("items", 1)).opened()) {
      RowType type = RunningApi.KV;
      refusing.database(
          db -> {
            db.writeRow(type.key("there"), type.rowOf("stored"), 5);
            db.refuse(mutation -> true);
          });
      String entry = "/v1/datasets/kv/entries/there";
      for (String durability : List.of("?durability=database")) {
        one(document, api, "putEntry-kv", "PUT", entry + durability, "{}");
        one(document, api, "removeEntry-kv", "DELETE", entry + durability, "");
        one(document, api, "patchEntry-kv", "PATCH", entry + durability, "{}");
        one(document, api, "createEntry-kv", "POST", "/v1/datasets/kv/entries" + durability, "{}");
      }
      Response put = api.send("PUT", entry, "{}", JSON);
      api.send("POST", "/v1/datasets/kv/flush", "");
      String settled = "?wait=20s&settled=" + put.header("ETag").replace("\"", "");
      one(document, api, "getEntry-kv", "GET", entry + settled, "");
      refusing.database(db -> db.setAway(true));
      String away = "/v1/datasets/kv/entries/not-cached";
      one(document, api, "getEntry-kv", "GET", away, "");
      one(document, api, "getEntries-kv", "GET", "/v1/datasets/kv/entries?key=not-cached", "");
      one(document, api, "patchEntry-kv", "PATCH", away, "{}");
      Response owed = api.send("PUT", "/v1/datasets/kv/entries/owed", "{}", JSON);
      String receipt = "?settled=" + owed.header("ETag").replace("\"", "");
      one(document, api, "getEntry-kv", "GET", "/v1/datasets/kv/entries/owed" + receipt, "");
      String name = "{\"name\": \"n\", \"qty\": 1}";
      one(document, api, "putEntry-items", "PUT", "/v1/datasets/items/entries/1,fits", name);
      one(document, api, "putEntry-items", "PUT", "/v1/datasets/items/entries/1,full", name);
      one(document, api, "removeEntry-items", "DELETE", "/v1/datasets/items/entries/1,full", "");
      String increment = "/v1/datasets/items/entries/1,fits:increment";
      api.items.database(db -> db.refuse(mutation -> true));
      one(
          document,
          api,
          "incrementEntry-items",
          "POST",
          increment + "?durability=database",
          "{\"qty\": 1}");
      api.items.database(db -> db.setAway(true));
      one(
          document,
          api,
          "incrementEntry-items",
          "POST",
          "/v1/datasets/items/entries/1,away:increment",
          "{\"qty\": 1}");
      refusing.database(
          db -> {
            db.setAway(false);
            db.failLoads(new UnreadableRowException("as on Mars", "value", "must be text"));
          });
      one(document, api, "getEntries-kv", "GET", "/v1/datasets/kv/entries?key=not-cached", "");
    }
    TestDataset full = dataset("kv", 1);
    try (RunningApi api = new RunningApi(full, dataset("items", 1)).opened()) {
      full.database(db -> db.setAway(true));
      one(document, api, "createEntry-kv", "POST", "/v1/datasets/kv/entries", "{}");
      one(document, api, "createEntry-kv", "POST", "/v1/datasets/kv/entries", "{}");
    }
  }

  /** What there is to be had only where something is parked. */
  private void letters(Document document) throws IOException {
    String letters = "/v1/datasets/kv/dead-letters";
    TestDataset refusing = dataset("kv", 100);
    try (RunningApi api = new RunningApi(refusing, dataset("items", 1)).opened()) {
      park(api, "a", "b", "c", "d", "e");
      one(document, api, "listDeadLetters-kv", "GET", letters + "?limit=1&class=constraint", "");
      one(document, api, "exportDeadLetters-kv", "GET", letters + ":export", "");
      one(document, api, "getDeadLetter-kv", "GET", letters + "/a", "");
      refusing.database(db -> db.setAway(true));
      String retry = letters + "/a:retry";
      one(document, api, "retryDeadLetter-kv", "POST", retry, "");
      one(document, api, "retryDeadLetter-kv", "POST", retry, "");
      String edit = letters + "/a";
      one(document, api, "editDeadLetter-kv", "PUT", edit, "{}");
      one(document, api, "editDeadLetter-kv", "PUT", letters + "/b", "{}");
      String gone = "?reason=a%20test&operator=me";
      one(document, api, "discardDeadLetter-kv", "DELETE", letters + "/a" + gone, "");
      one(document, api, "discardDeadLetter-kv", "DELETE", letters + "/c" + gone, "");
      one(document, api, "retryDeadLetters-kv", "POST", letters + ":retry?all=true", "");
      api.api.stopWrites();
      one(document, api, "retryDeadLetter-kv", "POST", retry, "");
      one(document, api, "editDeadLetter-kv", "PUT", edit, "{}");
      one(document, api, "discardDeadLetter-kv", "DELETE", letters + "/a" + gone, "");
    }
    TestDataset through =
        new TestDataset(
            "kv",
            RunningApi.KV,
            settings -> settings.maxRetries(0).durability(Durability.DATABASE));
    try (RunningApi api = new RunningApi(through, dataset("items", 1)).opened()) {
      park(api, "a");
      through.database(db -> db.refuse(mutation -> false));
      one(document, api, "editDeadLetter-kv", "PUT", letters + "/a", "{\"value\": \"good\"}");
    }
  }

  private static void park(RunningApi api, String... keys) throws IOException {
    api.kv.database(db -> db.refuse(mutation -> true));
    for (String key : keys) {
      String target = "/v1/datasets/kv/entries/" + key + "?durability=disk";
      assertThat(api.send("PUT", target, "{\"value\": \"bad\"}", JSON).status()).isEqualTo(202);
    }
    api.send("POST", "/v1/datasets/kv/flush", "");
  }

  private static TestDataset dataset(String name, int maxPendingEntries) {
    return new TestDataset(
        name,
        name.equals("kv") ? RunningApi.KV : RunningApi.ITEMS,
        settings ->
            settings
                .maxRetries(0)
                .partitions(1)
                .maxPendingEntries(maxPendingEntries)
                .overload(Overload.reject()));
  }

  private void one(
      Document document,
      RunningApi api,
      String operation,
      String method,
      String target,
      String body)
      throws IOException {
    Response response = api.send(method, target, body, JSON);
    String about = method + " " + target + "\n" + response;
    check(document, operation(document, operation), method, response, about);
  }

  private static Operation operation(Document document, String id) {
    return document.operations().stream().filter(o -> o.id().equals(id)).findFirst().orElseThrow();
  }

  private static String route(Operation operation) {
    return operation.id().replaceAll("-.*", "");
  }

  private void everyStatusWasSeen(Document document) {
    List<String> missing = new ArrayList<>();
    for (Operation operation : document.operations()) {
      for (String status : operation.responses().keySet()) {
        String route = route(operation);
        // BatchTest and SlowReaderTest have as many batches and exports under way as there may be.
        boolean elsewhere =
            (route.equals("writeBatch")
                    || route.equals("exportDeadLetters")
                    || route.endsWith("Queue"))
                && status.equals("503");
        if (!status.equals("default")
            && !elsewhere
            && !seen.get(route).contains(Integer.parseInt(status))) {
          missing.add(operation.id() + " " + status);
        }
      }
    }
    assertThat(missing).isEmpty();
  }
}
