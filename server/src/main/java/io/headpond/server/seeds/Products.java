package io.headpond.server.seeds;

import io.headpond.CacheSettings;
import io.headpond.CacheStatus;
import io.headpond.Column;
import io.headpond.ColumnType.Kind;
import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterPage;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.ApiServlet;
import io.headpond.server.http.Body;
import io.headpond.server.http.Dataset;
import io.headpond.server.http.Json;
import io.headpond.server.http.Problem;
import io.headpond.server.http.Reply;
import io.headpond.server.http.Reply.Answer;
import io.headpond.server.http.RouteSet;
import jakarta.servlet.http.HttpServletRequest;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The product API of seed 002: {@code /products}, {@code GET /admin/queue}, {@code GET /admin/dlq}, {@code GET /admin/config}. Thread-safe.
 */
final class Products implements RouteSet {
  static final String DATASET = "products";

  private static final String ID = "id";
  private static final String NAME = "name";
  private static final String PRICE = "price";
  private static final String QUANTITY = "quantity";
  private static final Map<String, Kind> COLUMNS =
      Map.of(NAME, Kind.TEXT, PRICE, Kind.NUMERIC, QUANTITY, Kind.INTEGER);

  private static final Set<String> ADMIN = Set.of("queue", "dlq", "config");

  /** Of one answer; all of them are under /v1. */
  private static final int MAX_LETTERS = 1_000;

  private static final int OK = 200;
  private static final int CREATED = 201;

  private final Dataset dataset;
  private final WriteBehindCache<Key, Row> cache;

  Products(Dataset dataset) {
    this.dataset = dataset;
    this.cache = dataset.cache();
  }

  /** Whether it has the columns of a product, and no others. */
  static boolean fits(Dataset dataset) {
    RowType type = dataset.cache().rowType();
    List<Column> key = type.keyColumns();
    return dataset.name().equals(DATASET)
        && key.size() == 1
        && key.get(0).name().equals(ID)
        && key.get(0).type().kind() == Kind.TEXT
        && COLUMNS.equals(
            type.valueColumns().stream()
                .collect(Collectors.toMap(Column::name, column -> column.type().kind())));
  }

  @Override
  public @Nullable TokenRole role(List<String> path, String method) {
    boolean ours =
        path.get(0).equals(DATASET)
            ? path.size() <= 2
            : path.size() == 2 && path.get(0).equals("admin") && ADMIN.contains(path.get(1));
    return ours ? Requests.role(method) : null;
  }

  @Override
  public void serve(List<String> path, HttpServletRequest request, Reply reply, boolean stopping) {
    if (!path.get(0).equals(DATASET)) {
      look(path.get(1), request, reply);
    } else if (path.size() == 1) {
      create(request, reply, stopping);
    } else {
      product(dataset.key(path.get(1)), request, reply, stopping);
    }
  }

  private void look(String what, HttpServletRequest request, Reply reply) {
    if (!Requests.isRead(request, reply)) {
      return;
    }
    switch (what) {
      case "queue" -> reply.send(queue());
      case "dlq" ->
          reply.when(
              cache
                  .deadLetters()
                  .list(DeadLetterFilter.all(), null, MAX_LETTERS)
                  .thenApply(this::letters),
              Requests.TIMEOUT);
      default -> reply.send(config());
    }
  }

  private void create(HttpServletRequest request, Reply reply, boolean stopping) {
    if (!request.getMethod().equals("POST")) {
      ApiServlet.otherMethod(request, reply, "POST, OPTIONS");
      return;
    }
    Row row = row(request, stopping);
    reply.when(
        cache
            .newKeyAsync()
            .thenCompose(
                key ->
                    cache
                        .putAsync(key, row)
                        .thenApply(
                            receipt ->
                                new Answer(
                                    CREATED,
                                    product(key, row, source(receipt), receipt.version()),
                                    null,
                                    "/products/" + id(key)))),
        Requests.TIMEOUT);
  }

  private void product(Key key, HttpServletRequest request, Reply reply, boolean stopping) {
    switch (request.getMethod()) {
      case "GET", "HEAD" -> {
        Requests.parameters(request);
        reply.when(cache.entryAsync(key).thenApply(entry -> found(key, entry)), Requests.TIMEOUT);
      }
      case "PUT" -> {
        Row row = row(request, stopping);
        reply.when(
            cache
                .putAsync(key, row)
                .thenApply(
                    receipt ->
                        new Answer(OK, product(key, row, source(receipt), receipt.version()))),
            Requests.TIMEOUT);
      }
      case "DELETE" -> {
        Requests.plainWrite(request, stopping);
        reply.when(
            cache.removeAsync(key).thenApply(receipt -> removed(key, receipt)), Requests.TIMEOUT);
      }
      default -> ApiServlet.otherMethod(request, reply, "GET, HEAD, PUT, DELETE, OPTIONS");
    }
  }

  private Row row(HttpServletRequest request, boolean stopping) {
    Requests.plainWrite(request, stopping);
    byte[] body = Body.json(request);
    return dataset.rows().read(body, body.length);
  }

  private Answer found(Key key, Entry<Row> entry) {
    Row row = entry.value();
    if (row == null) {
      throw Problem.of(Problem.Kind.NO_SUCH_ENTRY, ID, id(key), "there is no product with this id");
    }
    return new Answer(
        OK, product(key, row, entry.loaded() ? "database" : "cache", entry.version()));
  }

  private Answer removed(Key key, Receipt receipt) {
    return new Answer(
        OK,
        new Json()
            .beginObject()
            .member(ID, id(key))
            .member("source", source(receipt))
            .member("version", receipt.version())
            .endObject());
  }

  private Json product(Key key, Row row, String source, long version) {
    return new Json()
        .beginObject()
        .member(ID, id(key))
        .member(NAME, (String) row.get(NAME))
        .name(PRICE)
        .raw(number(row.get(PRICE)))
        .name(QUANTITY)
        .raw(number(row.get(QUANTITY)))
        .member("source", source)
        .member("version", version)
        .endObject();
  }

  private static String number(@Nullable Object cell) {
    return cell instanceof BigDecimal decimal ? decimal.toPlainString() : String.valueOf(cell);
  }

  private String id(Key key) {
    return cache.rowType().keyText(key);
  }

  private static String source(Receipt receipt) {
    return receipt.durability() == Durability.DATABASE ? "database" : "cache";
  }

  private Answer queue() {
    CacheStatus status = cache.status();
    return new Answer(
        OK,
        new Json()
            .beginObject()
            .member("queue_size", status.pendingEntries())
            .name("oldest_age_seconds")
            .seconds(status.lag())
            .member("in_flight", status.inFlight())
            .member("coalesced_total", status.counters().coalesced())
            .member("dead_letters", status.parked())
            .endObject());
  }

  private Answer letters(DeadLetterPage<Key, Row> page) {
    Json json =
        new Json()
            .beginObject()
            .member("dead_letters", cache.status().parked())
            .name("items")
            .beginArray();
    for (DeadLetter<Key, Row> letter : page.letters()) {
      Row row = letter.value();
      json.beginObject()
          .member(ID, letter.keyText())
          .member("operation", row == null ? "delete" : "put")
          .member(NAME, row == null ? null : (String) row.get(NAME))
          .name(PRICE)
          .raw(number(row == null ? null : row.get(PRICE)))
          .name(QUANTITY)
          .raw(number(row == null ? null : row.get(QUANTITY)))
          .member("version", letter.version())
          .member("attempts", letter.attempts())
          .member("first_failed_at", letter.first().toString())
          .member("last_failed_at", letter.last().toString())
          .member("error_class", letter.error().errorClass().text())
          .member("error", letter.error().toString())
          .endObject();
    }
    return new Answer(OK, json.endArray().endObject());
  }

  private Answer config() {
    CacheSettings settings = dataset.config().settings();
    boolean behind = cache.durability() != Durability.DATABASE;
    return new Answer(
        OK,
        new Json()
            .beginObject()
            .member("mode", behind ? "write-behind" : "write-through")
            .member("write_behind_enabled", behind)
            .member("batch_size", settings.maxBatchSize())
            .name("batch_timeout")
            .seconds(settings.linger())
            .member("max_retries", settings.maxRetries())
            .endObject());
  }
}
