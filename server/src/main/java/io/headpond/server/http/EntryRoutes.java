package io.headpond.server.http;

import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.server.http.Reply.Answer;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** {@code /v1/datasets/{dataset}/entries/{key}}: the routes that carry the load. Stateless. */
final class EntryRoutes {
  private static final String ALLOW = "GET, HEAD, PUT, DELETE, OPTIONS";
  private static final Duration TIMEOUT = Duration.ofSeconds(60);
  private static final Set<String> WRITE_PARAMETERS = Set.of("durability");
  private static final String[] CONDITIONS = {
    "If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since", "If-Range"
  };
  private static final int ACCEPTED = 202;
  private static final int OK = 200;
  private static final int NOT_MODIFIED = 304;

  private EntryRoutes() {}

  static void serve(Dataset dataset, String segment, HttpServletRequest request, Reply reply) {
    switch (request.getMethod()) {
      case "PUT" -> {
        Durability durability = durability(request);
        Key key = dataset.key(segment);
        refuseConditions(request);
        byte[] body = Body.json(request);
        Row row = dataset.rows().read(body, body.length);
        answerWrite(
            dataset,
            key,
            durability == null
                ? dataset.cache().putAsync(key, row)
                : dataset.cache().putAsync(key, row, durability),
            reply);
      }
      case "DELETE" -> {
        Durability durability = durability(request);
        Key key = dataset.key(segment);
        refuseConditions(request);
        answerWrite(
            dataset,
            key,
            durability == null
                ? dataset.cache().removeAsync(key)
                : dataset.cache().removeAsync(key, durability),
            reply);
      }
      case "GET", "HEAD" -> {
        RawUri.query(request.getQueryString(), Set.of());
        Key key = dataset.key(segment);
        String known = request.getHeader("If-None-Match");
        reply.when(
            dataset.cache().entryAsync(key).thenApply(entry -> read(dataset, key, entry, known)),
            TIMEOUT);
      }
      default -> ApiServlet.otherMethod(request, reply, ALLOW);
    }
  }

  private static void answerWrite(
      Dataset dataset, Key key, CompletableFuture<Receipt> receipt, Reply reply) {
    reply.when(receipt.thenApply(r -> written(dataset, key, r)), TIMEOUT);
  }

  private static Answer written(Dataset dataset, Key key, Receipt receipt) {
    boolean committed = receipt.durability() == Durability.DATABASE;
    Json json =
        new Json()
            .beginObject()
            .member("dataset", dataset.name())
            .member("key", dataset.cache().rowType().keyText(key))
            .member("version", receipt.version())
            .member("durability", receipt.durability().name().toLowerCase(Locale.ROOT))
            .member("source", committed ? "database" : "cache")
            .member("pending", dataset.cache().status().pendingEntries())
            .endObject();
    return new Answer(committed ? OK : ACCEPTED, json, etag(receipt.version()));
  }

  private static Answer read(Dataset dataset, Key key, Entry<Row> entry, @Nullable String known) {
    Row row = entry.value();
    String text = dataset.cache().rowType().keyText(key);
    if (row == null) {
      throw Problem.of(
          Problem.Kind.NO_SUCH_ENTRY,
          "key",
          text,
          entry.state() == EntryState.CLEAN
              ? "neither the cache nor the database has it"
              : "it was removed; the database does not know yet");
    }
    String etag = etag(entry.version());
    if (etag.equals(known)) {
      return new Answer(NOT_MODIFIED, new Json(), etag);
    }
    Json json =
        new Json()
            .beginObject()
            .member("dataset", dataset.name())
            .member("key", text)
            .member("version", entry.version())
            .member("source", entry.loaded() ? "database" : "cache")
            .member("state", entry.state().name().toLowerCase(Locale.ROOT))
            .name("value");
    dataset.rows().write(json, row);
    return new Answer(OK, json.endObject(), etag);
  }

  private static String etag(long version) {
    return "\"" + version + "\"";
  }

  private static @Nullable Durability durability(HttpServletRequest request) {
    String query = request.getQueryString();
    if (query == null) {
      return null;
    }
    Map<String, String> parameters = RawUri.query(query, WRITE_PARAMETERS);
    String name = parameters.get("durability");
    if (name == null) {
      return null;
    }
    return switch (name) {
      case "memory" -> Durability.MEMORY;
      case "journal" -> Durability.JOURNAL;
      case "disk" -> Durability.DISK;
      case "replicas" -> Durability.REPLICAS;
      case "database" -> Durability.DATABASE;
      default ->
          throw Problem.of(
              Problem.Kind.BAD_REQUEST,
              "durability",
              name,
              "must be memory, journal, disk or database");
    };
  }

  /** A condition that is ignored would be a lost update; so it is refused until it is kept. */
  private static void refuseConditions(HttpServletRequest request) {
    for (String condition : CONDITIONS) {
      String value = request.getHeader(condition);
      if (value != null) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            condition,
            value,
            "conditional writes are not known in this version; leave the header out");
      }
    }
  }
}
