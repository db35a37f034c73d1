package io.headpond.server.seeds;

import io.headpond.CacheStatus;
import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.ApiServlet;
import io.headpond.server.http.Body;
import io.headpond.server.http.Dataset;
import io.headpond.server.http.Json;
import io.headpond.server.http.JsonRows;
import io.headpond.server.http.Problem;
import io.headpond.server.http.Reply;
import io.headpond.server.http.Reply.Answer;
import io.headpond.server.http.RouteSet;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The write buffer of seed 003: {@code POST /write}, {@code GET /read/{key}}, {@code GET /stats}. Thread-safe. */
final class WriteBuffer implements RouteSet {
  static final String DATASET = "kv";

  private static final String KEY = "key";
  private static final String VALUE = "value";
  private static final int OK = 200;
  private static final int ACCEPTED = 202;
  private static final int NOT_FOUND = 404;

  /** The body of a write. The key is checked as a key when it is made one. */
  private static final JsonRows BODY =
      new JsonRows(
          RowType.builder()
              .key("body", ColumnType.TEXT)
              .column(new Column(KEY, ColumnType.TEXT, false))
              .column(new Column(VALUE, ColumnType.TEXT, false))
              .build());

  private final Dataset dataset;
  private final Instant since = Instant.now().truncatedTo(ChronoUnit.MILLIS);

  /** What recovery found and the database did not have yet. */
  private final long foundPending;

  WriteBuffer(Dataset dataset) {
    this.dataset = dataset;
    CacheStatus status = dataset.cache().status();
    this.foundPending = (long) status.pendingEntries() + status.parked();
  }

  /** Whether it is text by key. */
  static boolean fits(Dataset dataset) {
    RowType type = dataset.cache().rowType();
    return dataset.name().equals(DATASET)
        && type.keyColumns().size() == 1
        && isText(type.keyColumns().get(0), KEY)
        && type.valueColumns().size() == 1
        && isText(type.valueColumns().get(0), VALUE);
  }

  private static boolean isText(Column column, String name) {
    return column.name().equals(name) && column.type().kind() == ColumnType.Kind.TEXT;
  }

  @Override
  public @Nullable TokenRole role(List<String> path, String method) {
    boolean ours =
        switch (path.get(0)) {
          case "write", "stats" -> path.size() == 1;
          case "read" -> path.size() == 2;
          default -> false;
        };
    return ours ? Requests.role(method) : null;
  }

  @Override
  public void serve(List<String> path, HttpServletRequest request, Reply reply, boolean stopping) {
    switch (path.get(0)) {
      case "write" -> write(request, reply, stopping);
      case "read" -> read(dataset.key(path.get(1)), request, reply);
      default -> {
        if (Requests.isRead(request, reply)) {
          reply.send(stats());
        }
      }
    }
  }

  private void write(HttpServletRequest request, Reply reply, boolean stopping) {
    if (!request.getMethod().equals("POST")) {
      ApiServlet.otherMethod(request, reply, "POST, OPTIONS");
      return;
    }
    Requests.plainWrite(request, stopping);
    byte[] body = Body.json(request);
    Row fields = BODY.read(body, body.length);
    RowType type = dataset.cache().rowType();
    String key = String.valueOf(fields.get(KEY));
    Row row = type.rowOf(fields.get(VALUE));
    reply.when(
        dataset.cache().putAsync(type.key(key), row).thenApply(receipt -> written(key, receipt)),
        Requests.TIMEOUT);
  }

  private Answer written(String key, Receipt receipt) {
    boolean queued = receipt.durability() != Durability.DATABASE;
    return new Answer(
        queued ? ACCEPTED : OK,
        new Json()
            .beginObject()
            .member("success", true)
            .member("key", key)
            .member("queued", queued)
            .member("queue_depth", dataset.cache().pendingEntries())
            .member(
                "message", queued ? "Write queued successfully" : "Write stored in the database")
            .endObject());
  }

  private void read(Key key, HttpServletRequest request, Reply reply) {
    if (!Requests.isGet(request)) {
      ApiServlet.otherMethod(request, reply, "GET, HEAD, OPTIONS");
      return;
    }
    String source = Requests.parameters(request, "source").getOrDefault("source", "cache");
    CompletableFuture<@Nullable Row> row =
        switch (source) {
          case "cache" -> dataset.cache().getAsync(key);
          case "database" -> dataset.cache().loadAsync(key);
          default ->
              throw Problem.of(
                  Problem.Kind.BAD_REQUEST, "source", source, "must be cache or database");
        };
    String name = dataset.cache().rowType().keyText(key);
    reply.when(row.thenApply(found -> answer(name, source, found)), Requests.TIMEOUT);
  }

  private static Answer answer(String key, String source, @Nullable Row row) {
    Json json = new Json().beginObject().member("success", row != null).member("key", key);
    if (row == null) {
      String where = source.equals("database") ? "The database has no such key" : "Key not found";
      return new Answer(NOT_FOUND, json.member("message", where).endObject());
    }
    return new Answer(OK, json.member(VALUE, (String) row.get(VALUE)).endObject());
  }

  /**
   * What is pending or parked is counted as written before it is counted as owed, so that {@code queued = processed + depth +
   * failed} holds in every answer and none of them is ever negative.
   */
  private Answer stats() {
    CacheStatus status = dataset.cache().status();
    long pending = status.pendingEntries();
    long failed = status.parked();
    long acknowledged = status.counters().writes() + foundPending;
    long queued = Math.max(acknowledged, pending + failed);
    return new Answer(
        OK,
        new Json()
            .beginObject()
            .member("queue_depth", pending)
            .member("writes_queued", queued)
            .member("writes_processed", queued - pending - failed)
            .member("writes_failed", failed)
            .name("processing_rate")
            .rate(status.flushRate())
            .member("since", since.toString())
            .endObject());
  }
}
