package io.headpond.server.http;

import io.headpond.CacheSettings;
import io.headpond.CacheStatus;
import io.headpond.Column;
import io.headpond.Durability;
import io.headpond.FlushReport;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.server.http.Reply.Answer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** What a dataset is, what of it is pending, and flushing it. Stateless. */
final class DatasetRoutes {
  private static final int OK = 200;
  private static final int DEFAULT_LIMIT = 100;
  private static final int MAX_LIMIT = 1_000;
  private static final Duration FLUSH_TIMEOUT = Duration.ofMinutes(10);

  private DatasetRoutes() {}

  /** {@code GET /v1/datasets}. */
  static void list(Call call) {
    Json json = new Json().beginObject().name("datasets").beginArray();
    for (Dataset dataset : Objects.requireNonNull(call.datasets())) {
      CacheStatus status = dataset.cache().status();
      json.beginObject()
          .member("name", dataset.name())
          .member("table", dataset.config().table())
          .member("health", dataset.health(status).name())
          .member("pendingEntries", status.pendingEntries())
          .name("lagSeconds")
          .seconds(status.lag())
          .endObject();
    }
    call.reply().send(new Answer(OK, json.endArray().endObject()));
  }

  /** {@code GET /v1/datasets/{dataset}}. */
  static void status(Call call) {
    Dataset dataset = call.dataset();
    CacheStatus status = dataset.cache().status();
    Json json =
        new Json()
            .beginObject()
            .member("name", dataset.name())
            .member("table", dataset.config().table())
            .member("health", dataset.health(status).name());
    strings(json.name("reasons"), dataset.reasons(status));
    json.member("pendingEntries", status.pendingEntries())
        .member("pendingBytes", status.pendingBytes())
        .member("maxPendingEntries", status.maxPendingEntries())
        .member("maxPendingBytes", status.maxPendingBytes())
        .member("deferred", status.deferred())
        .member("parked", status.parked())
        .member("parkedBytes", status.parkedBytes())
        .member("inFlight", status.inFlight())
        .name("lagSeconds")
        .seconds(status.lag())
        .name("flushRate")
        .rate(status.flushRate())
        .member("waitingWriters", status.waitingWriters());
    counters(json.name("counters"), status.counters());
    columns(json.name("key"), dataset.cache().rowType().keyColumns());
    columns(json.name("columns"), dataset.cache().rowType().valueColumns());
    json.member("versionColumn", dataset.config().versionColumn())
        .member("updatedAtColumn", dataset.config().updatedAtColumn())
        .member("keySequence", dataset.config().keySequence());
    settings(json.name("settings"), dataset.config().settings(), dataset.cache().durability());
    call.reply().send(new Answer(OK, json.endObject()));
  }

  /** {@code GET /v1/datasets/{dataset}/pending}. */
  static void pending(Call call) {
    int limit = call.number(Parameter.LIMIT, DEFAULT_LIMIT, MAX_LIMIT);
    String prefix = call.parameter(Parameter.PREFIX);
    Dataset dataset = call.dataset();
    call.answer(
        call.cache()
            .pendingAsync(prefix == null ? "" : prefix, call.parameter(Parameter.AFTER), limit)
            .thenApply(page -> page(dataset, page)));
  }

  /** {@code POST /v1/datasets/{dataset}/flush}. */
  static void flush(Call call) {
    int maxEntries = call.number(Parameter.MAX_ENTRIES, 0, Integer.MAX_VALUE);
    Body.none(call.request());
    Dataset dataset = call.dataset();
    call.answer(
        (maxEntries == 0 ? call.cache().flushAsync() : call.cache().flushAsync(maxEntries))
            .thenApply(report -> report(dataset, report)),
        FLUSH_TIMEOUT);
  }

  private static Answer page(Dataset dataset, PendingPage page) {
    Json json =
        new Json().beginObject().member("dataset", dataset.name()).name("entries").beginArray();
    for (PendingEntry entry : page.entries()) {
      json.beginObject()
          .member("key", entry.key())
          .member("version", entry.version())
          .member("operation", entry.remove() ? "remove" : "put")
          .member("state", entry.state().name().toLowerCase(Locale.ROOT))
          .name("ageSeconds")
          .seconds(entry.age())
          .member("attempts", entry.attempts())
          .member("due", entry.due() == null ? null : entry.due().toString())
          .member("error", entry.error() == null ? null : entry.error().toString())
          .endObject();
    }
    return new Answer(OK, json.endArray().member("next", page.next()).endObject());
  }

  private static Answer report(Dataset dataset, FlushReport report) {
    return new Answer(
        OK,
        new Json()
            .beginObject()
            .member("dataset", dataset.name())
            .member("applied", report.applied())
            .member("stale", report.stale())
            .member("retried", report.retried())
            .member("rejected", report.rejected())
            .member("statements", report.statements())
            .member("remaining", report.remaining())
            .member("error", report.error())
            .endObject());
  }

  private static void counters(Json json, CacheStatus.Counters counters) {
    json.beginObject()
        .member("writes", counters.writes())
        .member("coalesced", counters.coalesced())
        .member("refused", counters.refused())
        .member("applied", counters.applied())
        .member("stale", counters.stale())
        .member("rejected", counters.rejected())
        .member("batches", counters.batches())
        .member("failedBatches", counters.failedBatches())
        .member("hits", counters.hits())
        .member("misses", counters.misses())
        .member("loads", counters.loads())
        .member("pauses", counters.pauses())
        .member("flusherRestarts", counters.flusherRestarts())
        .endObject();
  }

  private static void columns(Json json, List<Column> columns) {
    json.beginArray();
    for (Column column : columns) {
      json.beginObject()
          .member("name", column.name())
          .member("type", column.type().toString())
          .member("nullable", column.nullable())
          .endObject();
    }
    json.endArray();
  }

  private static void settings(Json json, CacheSettings settings, Durability durability) {
    json.beginObject()
        .member("durability", durability.name().toLowerCase(Locale.ROOT))
        .name("lingerSeconds")
        .seconds(settings.linger())
        .member("maxBatchSize", settings.maxBatchSize())
        .member("maxRetries", settings.maxRetries())
        .name("retryDelaySeconds")
        .seconds(settings.retryDelay())
        .member("maxPendingEntries", settings.maxPendingEntries())
        .member("maxPendingBytes", settings.maxPendingBytes())
        .name("overloadWaitSeconds")
        .seconds(settings.overload().deadline())
        .name("targetLagSeconds")
        .seconds(settings.targetLag())
        .name("ttlSeconds")
        .seconds(settings.ttl())
        .member("cacheSize", settings.cacheSize())
        .member("partitions", settings.partitions())
        .member("tenant", settings.tenant())
        .endObject();
  }

  static void strings(Json json, List<String> strings) {
    json.beginArray();
    strings.forEach(json::string);
    json.endArray();
  }
}
