package io.headpond.server.http;

import io.headpond.Increment;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.Updated;
import io.headpond.WriteOptions;
import io.headpond.server.http.Reply.Answer;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/** The routes that write one entry. Stateless. */
final class EntryWrites {
  private EntryWrites() {}

  static void put(Call call) {
    WriteOptions options = call.options();
    Key key = call.key();
    byte[] body = Body.json(call.request());
    Row row = call.dataset().rows().read(body, body.length);
    Dataset dataset = call.dataset();
    call.answer(
        call.cache()
            .putAsync(key, row, options)
            .thenApply(receipt -> WriteAnswer.written(dataset, key, receipt)));
  }

  static void remove(Call call) {
    WriteOptions options = call.options();
    Key key = call.key();
    Dataset dataset = call.dataset();
    call.answer(
        call.cache()
            .removeAsync(key, options)
            .thenApply(receipt -> WriteAnswer.written(dataset, key, receipt)));
  }

  static void patch(Call call) {
    boolean create = call.flag(Parameter.CREATE);
    Key key = call.key();
    byte[] body = Body.mergePatch(call.request());
    WriteOptions options = call.options(body);
    JsonTree patch = JsonTree.read(JsonRows.utf8(body, body.length));
    changed(
        call,
        key,
        options,
        call.cache().updateAsync(key, RowPatch.of(patch, call.dataset().rows(), create), options));
  }

  static void increment(Call call) {
    boolean create = call.flag(Parameter.CREATE);
    Key key = call.key();
    byte[] body = Body.json(call.request());
    WriteOptions options = call.options(body);
    JsonTree steps = JsonTree.read(JsonRows.utf8(body, body.length));
    Increment increment = IncrementBody.read(steps, call.dataset().rows(), create);
    changed(call, key, options, call.cache().incrementAsync(key, increment, options));
  }

  private static void changed(
      Call call, Key key, WriteOptions options, CompletableFuture<Updated<Row>> updated) {
    Dataset dataset = call.dataset();
    call.answer(
        updated.thenApply(
            done ->
                WriteAnswer.changed(
                    dataset, key, done.receipt(), done.value(), options.request() != null)));
  }

  static void create(Call call) {
    byte[] body = Body.json(call.request());
    WriteOptions options = call.options(body);
    Row row = call.dataset().rows().read(body, body.length);
    Dataset dataset = call.dataset();
    call.answer(
        Creation.create(call.cache(), row, options)
            .thenApply(
                created -> WriteAnswer.created(dataset, created, row, options.request() != null)));
  }

  static void invalidate(Call call) {
    Key key = call.key();
    Body.none(call.request());
    Dataset dataset = call.dataset();
    call.answer(
        call.cache()
            .invalidateAsync(key)
            .thenApply(
                state ->
                    new Answer(
                        WriteAnswer.OK,
                        new Json()
                            .beginObject()
                            .member("dataset", dataset.name())
                            .member("key", dataset.cache().rowType().keyText(key))
                            .member(
                                "state",
                                state == null ? null : state.name().toLowerCase(Locale.ROOT))
                            .endObject())));
  }
}
