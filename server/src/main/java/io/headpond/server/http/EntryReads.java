package io.headpond.server.http;

import io.headpond.Entry;
import io.headpond.EntryState;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.server.config.Values;
import io.headpond.server.http.Reply.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The routes that read entries. Stateless. */
final class EntryReads {
  /** The most keys of one request. */
  static final int MAX_KEYS = 1_000;

  static final Duration MAX_WAIT = Duration.ofSeconds(60);

  private static final Duration AFTER_WAIT = Duration.ofSeconds(10);
  private static final int OK = 200;
  private static final int ACCEPTED = 202;
  private static final int NOT_MODIFIED = 304;

  private EntryReads() {}

  /** One entry, or whether the database has a version of it. */
  static void get(Call call) {
    String settled = call.parameter(Parameter.SETTLED);
    String wait = call.parameter(Parameter.WAIT);
    Key key = call.key();
    if (settled != null) {
      refuseTag(call);
      settled(call, key, Preconditions.version("settled", settled), wait(wait));
      return;
    }
    if (wait != null) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "wait",
          wait,
          "must stand beside settled: it waits for a version");
    }
    EntityTags known = EntityTags.of(call.request(), "If-None-Match");
    Dataset dataset = call.dataset();
    call.answer(call.cache().entryAsync(key).thenApply(entry -> read(dataset, key, entry, known)));
  }

  private static void refuseTag(Call call) {
    String tag = call.request().getHeader("If-None-Match");
    if (tag != null) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "If-None-Match",
          tag,
          "has no meaning beside settled: a receipt has no ETag");
    }
  }

  private static Answer read(
      Dataset dataset, Key key, Entry<Row> entry, @Nullable EntityTags known) {
    Row row = entry.value();
    String text = dataset.cache().rowType().keyText(key);
    if (row == null) {
      throw Problem.of(
          Problem.Kind.NO_SUCH_ENTRY,
          "key",
          text,
          entry.possiblyStale()
              ? "the database has none; the hot store does not answer, so it may have been written"
              : entry.state() == EntryState.CLEAN
                  ? "neither the cache nor the database has it"
                  : "it was removed; the database does not know yet");
    }
    if (entry.possiblyStale()) {
      // No tag: it names no version that a condition could hold for.
      Json json = new Json().beginObject().member("dataset", dataset.name());
      members(json, dataset, text, entry);
      return new Answer(OK, json.endObject(), null, null, true);
    }
    String etag = EntityTags.of(entry.version());
    if (known != null && known.match(entry.version())) {
      return new Answer(NOT_MODIFIED, new Json(), etag);
    }
    Json json = new Json().beginObject().member("dataset", dataset.name());
    members(json, dataset, text, entry);
    return new Answer(OK, json.endObject(), etag);
  }

  private static void members(Json json, Dataset dataset, String key, Entry<Row> entry) {
    Row row = entry.value();
    json.member("key", key)
        .name("version")
        .raw(row == null ? "null" : Long.toString(entry.version()))
        .member("source", entry.loaded() ? "database" : "cache")
        .member("state", entry.state().name().toLowerCase(Locale.ROOT))
        .name("value");
    value(json, dataset, row);
    if (entry.possiblyStale()) {
      json.member("possiblyStale", true);
    }
  }

  private static void value(Json json, Dataset dataset, @Nullable Row row) {
    if (row == null) {
      json.raw("null");
    } else {
      dataset.rows().write(json, row);
    }
  }

  /** Several entries, also those that are not there, in the order of the keys. */
  static void getAll(Call call) {
    List<String> texts = call.parameters(Parameter.KEYS);
    if (texts.isEmpty() || texts.size() > MAX_KEYS) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "key",
          texts.size() + " of them",
          "must stand 1 to " + MAX_KEYS + " times");
    }
    Dataset dataset = call.dataset();
    List<Key> keys = new ArrayList<>(texts.size());
    texts.forEach(text -> keys.add(dataset.keyOfText(text)));
    var unused =
        call.answerInPieces(
            Reply.JSON,
            call.cache().entriesAsync(keys).thenApply(entries -> pieces(dataset, keys, entries)));
  }

  /** One entry after the other, so that no more than one of them is in memory as text. */
  private static Iterator<String> pieces(
      Dataset dataset, List<Key> keys, Map<Key, Entry<Row>> entries) {
    return new Iterator<>() {
      private int next = 0;

      @Override
      public boolean hasNext() {
        return next <= keys.size();
      }

      @Override
      public String next() {
        if (next == keys.size()) {
          next++;
          return "]}";
        }
        Key key = keys.get(next);
        Json json = new Json().beginObject();
        members(
            json,
            dataset,
            dataset.cache().rowType().keyText(key),
            Objects.requireNonNull(entries.get(key)));
        String before =
            next == 0
                ? "{\"dataset\":" + new Json().string(dataset.name()) + ",\"entries\":["
                : ",";
        next++;
        return before + json.endObject();
      }
    };
  }

  private static void settled(Call call, Key key, long version, Duration wait) {
    Dataset dataset = call.dataset();
    CompletableFuture<Void> settled = call.cache().settledAsync(key, version);
    if (!settled.isDone()) {
      // This future is nobody else's; completing it also ends the wait in the engine.
      settled = settled.orTimeout(wait.toNanos(), TimeUnit.NANOSECONDS);
    }
    call.answer(
        settled
            .handle((nothing, failure) -> answer(dataset, key, version, failure))
            .thenCompose(answer -> answer),
        wait.plus(AFTER_WAIT));
  }

  private static CompletableFuture<Answer> answer(
      Dataset dataset, Key key, long version, @Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause instanceof RejectedException rejected) {
      return whyParked(dataset, key, rejected);
    }
    if (cause instanceof InvalidValueException invalid) {
      return CompletableFuture.failedFuture(
          Problem.invalidValue("settled", invalid.value(), invalid.rule()));
    }
    if (cause != null && !(cause instanceof TimeoutException)) {
      return CompletableFuture.failedFuture(cause);
    }
    Json json =
        new Json()
            .beginObject()
            .member("dataset", dataset.name())
            .member("key", dataset.cache().rowType().keyText(key))
            .member("version", version)
            .member("settled", cause == null)
            .endObject();
    return CompletableFuture.completedFuture(new Answer(cause == null ? OK : ACCEPTED, json));
  }

  /** The database's own words, which stand with the entry. */
  private static CompletableFuture<Answer> whyParked(
      Dataset dataset, Key key, RejectedException rejected) {
    String text = dataset.cache().rowType().keyText(key);
    return dataset
        .cache()
        .pendingAsync(text, null, 1)
        .thenApply(
            page -> {
              String error = null;
              for (PendingEntry entry : page.entries()) {
                error = entry.key().equals(text) ? String.valueOf(entry.error()) : null;
              }
              throw error == null ? rejected : new RejectedException(error);
            });
  }

  private static Duration wait(@Nullable String text) {
    if (text == null) {
      return Duration.ZERO;
    }
    try {
      Duration wait = Values.duration(text);
      if (wait.compareTo(MAX_WAIT) <= 0) {
        return wait;
      }
    } catch (IllegalArgumentException e) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, "wait", text, String.valueOf(e.getMessage()));
    }
    throw Problem.of(
        Problem.Kind.BAD_REQUEST, "wait", text, "must be at most " + MAX_WAIT.toSeconds() + "s");
  }
}
