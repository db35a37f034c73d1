package io.headpond.server.http;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.server.http.Reply.Answer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What is answered to a write that was acknowledged. Stateless. */
final class WriteAnswer {
  static final int OK = 200;
  static final int CREATED = 201;
  static final int ACCEPTED = 202;

  private WriteAnswer() {}

  /** To a write that was given its value. */
  static Answer written(Dataset dataset, Key key, Receipt receipt) {
    return new Answer(
        status(receipt),
        begin(dataset, key, receipt).endObject(),
        EntityTags.of(receipt.version()));
  }

  /**
   * To a write that made its value of what was there.
   *
   * @param value null if the write had been carried out before
   * @param named whether the client has given the request a name
   */
  static Answer changed(
      Dataset dataset, Key key, Receipt receipt, @Nullable Row value, boolean named) {
    Json json = begin(dataset, key, receipt);
    end(json, dataset, value, named ? receipt.repeated() : null);
    return new Answer(status(receipt), json, EntityTags.of(receipt.version()));
  }

  /** To a write that has made a new entry. */
  static Answer created(Dataset dataset, Creation.Created created, Row value, boolean named) {
    Json json = begin(dataset, created.key(), created.version(), created.durability());
    end(json, dataset, value, named ? created.repeated() : null);
    return new Answer(
        CREATED,
        json,
        EntityTags.of(created.version()),
        "/v1/datasets/"
            + RawUri.encode(dataset.name())
            + "/entries/"
            + dataset.segment(created.key()));
  }

  /** 200 if the database has it, 202 if that is still to come. */
  static int status(Receipt receipt) {
    return receipt.durability() == Durability.DATABASE ? OK : ACCEPTED;
  }

  static String durability(Durability durability) {
    return durability.name().toLowerCase(Locale.ROOT);
  }

  private static Json begin(Dataset dataset, Key key, Receipt receipt) {
    return begin(dataset, key, receipt.version(), receipt.durability());
  }

  private static Json begin(Dataset dataset, Key key, long version, Durability durability) {
    return new Json()
        .beginObject()
        .member("dataset", dataset.name())
        .member("key", dataset.cache().rowType().keyText(key))
        .member("version", version)
        .member("durability", durability(durability))
        .member("source", durability == Durability.DATABASE ? "database" : "cache")
        .member("pending", dataset.cache().pendingEntries());
  }

  private static void end(
      Json json, Dataset dataset, @Nullable Row value, @Nullable Boolean repeated) {
    json.name("value");
    if (value == null) {
      json.raw("null");
    } else {
      dataset.rows().write(json, value);
    }
    if (repeated != null) {
      json.member("repeated", repeated);
    }
    json.endObject();
  }
}
