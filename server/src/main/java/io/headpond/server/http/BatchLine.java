package io.headpond.server.http;

import io.headpond.Condition;
import io.headpond.Durability;
import io.headpond.Increment;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.Updated;
import io.headpond.WriteOptions;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One write of a batch: {@code {"op": "put", "key": "a", "value": {...}}}. Immutable.
 *
 * @param key null if the server makes it
 * @param plain whether its place among the writes of its key is given when it is begun: it depends on nothing and is acknowledged
 *     before the database has it
 * @param start carries it out
 */
record BatchLine(@Nullable Key key, boolean plain, Start start) {
  /** Carries a write out. */
  @FunctionalInterface
  interface Start {
    CompletableFuture<Done> run();
  }

  /** What became of a write. */
  record Done(int status, Key key, long version, Durability durability, boolean repeated) {
    private static Done of(Key key, Receipt receipt) {
      return new Done(
          WriteAnswer.status(receipt),
          key,
          receipt.version(),
          receipt.durability(),
          receipt.repeated());
    }

    private static Done of(Creation.Created created) {
      return new Done(
          WriteAnswer.CREATED,
          created.key(),
          created.version(),
          created.durability(),
          created.repeated());
    }
  }

  private static final Set<String> MEMBERS =
      Set.of(
          "op", "key", "value", "ifMatch", "ifNoneMatch", "create", "durability", "idempotencyKey");

  /**
   * The write that a line stands for.
   *
   * @param durability of the batch; null for the dataset's
   * @throws Problem if it stands for none
   * @throws io.headpond.InvalidValueException likewise
   */
  static BatchLine read(byte[] line, Dataset dataset, @Nullable Durability durability) {
    JsonTree tree = JsonTree.read(JsonRows.utf8(line, line.length));
    if (!tree.isObject()) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON, "line", tree.shown(), "must be a JSON object with op and key");
    }
    for (String name : tree.members().keySet()) {
      if (!MEMBERS.contains(name)) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            Problem.shown(name),
            "a member of the line",
            "no such member");
      }
    }
    WriteOptions options = options(tree, durability, line);
    return new Reader(tree, dataset, options).read();
  }

  private static WriteOptions options(JsonTree tree, @Nullable Durability otherwise, byte[] line) {
    String durability = string(tree, "durability");
    String id = string(tree, "idempotencyKey");
    RequestId request = id == null ? null : IdempotencyKey.ofLine(id, line);
    return new WriteOptions(
        durability == null ? otherwise : Call.durability(durability), condition(tree), request);
  }

  private static @Nullable Condition condition(JsonTree tree) {
    JsonTree match = tree.member("ifMatch");
    JsonTree noneMatch = tree.member("ifNoneMatch");
    if (noneMatch != null && (match != null || !noneMatch.string().equals("*"))) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "ifNoneMatch",
          noneMatch.shown(),
          "must be \"*\", without ifMatch beside it: there must be no such entry");
    }
    if (noneMatch != null) {
      return Condition.absent();
    }
    if (match == null) {
      return null;
    }
    return match.string().equals("*")
        ? Condition.present()
        : Condition.version(Preconditions.version("ifMatch", match.json()));
  }

  private static @Nullable String string(JsonTree tree, String name) {
    JsonTree member = tree.member(name);
    if (member == null) {
      return null;
    }
    if (!member.isString()) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, name, member.shown(), "must be a string");
    }
    return member.string();
  }

  /** Makes the write of the members of a line. */
  private record Reader(JsonTree tree, Dataset dataset, WriteOptions options) {
    BatchLine read() {
      String op = string(tree, "op");
      return switch (op == null ? "nothing" : op) {
        case "put" -> put();
        case "remove" -> remove();
        case "patch" -> patch();
        case "increment" -> increment();
        case "create" -> create();
        default ->
            throw Problem.of(
                Problem.Kind.BAD_REQUEST,
                "op",
                op == null ? "nothing" : op,
                "must be put, remove, patch, increment or create");
      };
    }

    private BatchLine put() {
      Key key = key();
      refuse("create");
      Row row = row();
      return line(
          key,
          plain(),
          () -> dataset.cache().putAsync(key, row, options).thenApply(r -> Done.of(key, r)));
    }

    private BatchLine remove() {
      Key key = key();
      refuse("create");
      refuse("value");
      return line(
          key,
          plain(),
          () -> dataset.cache().removeAsync(key, options).thenApply(r -> Done.of(key, r)));
    }

    private BatchLine patch() {
      Key key = key();
      RowPatch patch = RowPatch.of(value(), dataset.rows(), makes());
      return line(key, false, () -> done(key, dataset.cache().updateAsync(key, patch, options)));
    }

    private BatchLine increment() {
      Key key = key();
      Increment increment = IncrementBody.read(value(), dataset.rows(), makes());
      return line(
          key, false, () -> done(key, dataset.cache().incrementAsync(key, increment, options)));
    }

    private BatchLine create() {
      refuse("create");
      refuse("key");
      refuse("ifMatch");
      refuse("ifNoneMatch");
      Row row = row();
      return line(
          null, false, () -> Creation.create(dataset.cache(), row, options).thenApply(Done::of));
    }

    private static BatchLine line(@Nullable Key key, boolean plain, Start start) {
      return new BatchLine(key, plain, start);
    }

    /** The new value is not kept for the answer: a window of them could be large. */
    private static CompletableFuture<Done> done(Key key, CompletableFuture<Updated<Row>> updated) {
      return updated.thenApply(u -> Done.of(key, u.receipt()));
    }

    private Key key() {
      String key = string(tree, "key");
      if (key == null) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST, "key", "nothing", "must be the key's text, as in answers");
      }
      return dataset.keyOfText(key);
    }

    private JsonTree value() {
      JsonTree value = tree.member("value");
      if (value == null) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            "value",
            "nothing",
            "must be what the body is of the route that does the same");
      }
      return value;
    }

    private Row row() {
      byte[] value = value().json().getBytes(StandardCharsets.UTF_8);
      return dataset.rows().read(value, value.length);
    }

    private boolean makes() {
      JsonTree create = tree.member("create");
      if (create != null && !create.json().equals("true") && !create.json().equals("false")) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST, "create", create.shown(), "must be true or false");
      }
      return create != null && create.json().equals("true");
    }

    private boolean plain() {
      return options.condition() == null
          && options.request() == null
          && options.durabilityOr(dataset.cache().durability()) != Durability.DATABASE;
    }

    private void refuse(String name) {
      JsonTree member = tree.member(name);
      if (member != null) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST, name, member.shown(), "has no meaning with this op");
      }
    }
  }
}
