package io.headpond.server.http;

import static io.headpond.server.http.Problem.Kind.BAD_REQUEST;
import static io.headpond.server.http.Problem.Kind.BODY_TOO_LARGE;
import static io.headpond.server.http.Problem.Kind.DEAD_LETTER_RETRIED;
import static io.headpond.server.http.Problem.Kind.DEAD_LETTER_SUPERSEDED;
import static io.headpond.server.http.Problem.Kind.INVALID_JSON;
import static io.headpond.server.http.Problem.Kind.INVALID_VALUE;
import static io.headpond.server.http.Problem.Kind.NO_SUCH_DEAD_LETTER;
import static io.headpond.server.http.Problem.Kind.OVERLOADED;
import static io.headpond.server.http.Problem.Kind.REJECTED;
import static io.headpond.server.http.Problem.Kind.UNAVAILABLE;
import static io.headpond.server.http.Problem.Kind.UNSUPPORTED_MEDIA_TYPE;

import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterPage;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.Reply.Answer;
import io.headpond.server.http.Route.Served;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The routes of dead letters: looked at, tried again, put right, given up. Stateless. */
final class DeadLetterRoutes {
  private static final String LETTERS = "/v1/datasets/{dataset}/dead-letters";
  private static final String LETTER = LETTERS + "/{key}";
  private static final int OK = 200;
  private static final int DEFAULT_LIMIT = 100;
  private static final int MAX_LIMIT = 1_000;
  private static final int MAX_TEXT = 1_000;
  private static final Duration RETRY_TIMEOUT = Duration.ofMinutes(10);

  private DeadLetterRoutes() {}

  /** All of them. */
  static List<Route> all(Exports exports) {
    return List.of(
        Route.of("GET", LETTERS, "listDeadLetters", "Dead letters, without their values")
            .parameters(LetterFilter.parameters())
            .parameters(Parameter.AFTER, Parameter.LIMIT)
            .answer(OK, Shape.DEAD_LETTERS)
            .problems(BAD_REQUEST)
            .role(TokenRole.READ)
            .serve(DeadLetterRoutes::list),
        Route.of("GET", LETTERS + ":export", "exportDeadLetters", "Dead letters as lines of JSON")
            .parameters(LetterFilter.parameters())
            .answer(OK, Shape.EXPORTED_LETTER)
            .problems(BAD_REQUEST, OVERLOADED)
            .role(TokenRole.READ)
            .serve(exports::serve),
        Route.of("GET", LETTER, "getDeadLetter", "A dead letter with its value")
            .answer(OK, Shape.DEAD_LETTER)
            .problems(BAD_REQUEST, NO_SUCH_DEAD_LETTER, INVALID_VALUE)
            .role(TokenRole.READ)
            .serve(DeadLetterRoutes::get),
        change(Route.of("POST", LETTER + ":retry", "retryDeadLetter", "Tries a dead letter again"))
            .parameters(Parameter.VERSION, Parameter.IF_MATCH_LETTER)
            .answer(OK, Shape.RETRIED)
            .problems(INVALID_VALUE)
            .role(TokenRole.ADMIN)
            .serve(DeadLetterRoutes::retry),
        Route.of("POST", LETTERS + ":retry", "retryDeadLetters", "Tries some or all again")
            .served(Served.UNTIL_STOP)
            .parameters(LetterFilter.parameters())
            .parameters(Parameter.ALL)
            .answer(OK, Shape.RETRIED)
            .problems(BAD_REQUEST)
            .role(TokenRole.ADMIN)
            .serve(DeadLetterRoutes::retryAll),
        change(
                Route.of(
                    "PUT",
                    LETTER,
                    "editDeadLetter",
                    "Writes another value in a dead letter's place, or removes the entry"))
            .parameters(Parameter.VERSION, Parameter.IF_MATCH_LETTER, Parameter.REMOVE)
            .optionalBody(Shape.ROW)
            .answer(OK, Shape.WRITTEN)
            .answer(WriteAnswer.ACCEPTED, Shape.WRITTEN)
            .problems(INVALID_JSON, INVALID_VALUE, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
            .problems(REJECTED, OVERLOADED)
            .role(TokenRole.ADMIN)
            .serve(DeadLetterRoutes::edit),
        change(
                Route.of(
                    "DELETE",
                    LETTER,
                    "discardDeadLetter",
                    "Gives a dead letter up, after it was written to a file"))
            .parameters(Parameter.REASON, Parameter.OPERATOR, Parameter.VERSION)
            .parameters(Parameter.IF_MATCH_LETTER)
            .answer(OK, Shape.DISCARDED)
            .problems(INVALID_VALUE)
            .role(TokenRole.ADMIN)
            .serve(DeadLetterRoutes::discard));
  }

  private static Route.Builder change(Route.Builder route) {
    return route
        .served(Served.UNTIL_STOP)
        .problems(BAD_REQUEST, NO_SUCH_DEAD_LETTER, DEAD_LETTER_RETRIED, DEAD_LETTER_SUPERSEDED)
        .problems(UNAVAILABLE);
  }

  private static void list(Call call) {
    DeadLetterFilter filter = LetterFilter.of(call);
    int limit = call.number(Parameter.LIMIT, DEFAULT_LIMIT, MAX_LIMIT);
    Dataset dataset = call.dataset();
    call.answer(
        call.cache()
            .deadLetters()
            .list(filter, call.parameter(Parameter.AFTER), limit)
            .thenApply(page -> page(dataset, page)));
  }

  private static Answer page(Dataset dataset, DeadLetterPage<Key, Row> page) {
    Json json =
        new Json().beginObject().member("dataset", dataset.name()).name("letters").beginArray();
    for (DeadLetter<Key, Row> letter : page.letters()) {
      members(json.beginObject(), letter).endObject();
    }
    return new Answer(OK, json.endArray().member("next", page.next()).endObject());
  }

  private static void get(Call call) {
    Key key = call.key();
    Dataset dataset = call.dataset();
    call.answer(
        call.cache()
            .deadLetters()
            .get(key)
            .thenApply(
                letter -> new Answer(OK, json(dataset, letter), EntityTags.of(letter.version()))));
  }

  private static void retry(Call call) {
    Key key = call.key();
    long version = version(call);
    Body.none(call.request());
    Dataset dataset = call.dataset();
    call.answer(
        call.cache().deadLetters().retry(key, version).thenApply(nothing -> retried(dataset, 1)));
  }

  private static void retryAll(Call call) {
    DeadLetterFilter filter = LetterFilter.of(call);
    boolean all = call.flag(Parameter.ALL);
    if (all != filter.equals(DeadLetterFilter.all())) {
      throw Problem.of(
          BAD_REQUEST,
          "all",
          all ? "true beside a filter" : "not true, and no filter",
          "all=true retries all dead letters; class, sqlstate, prefix, since and before some of them");
    }
    Body.none(call.request());
    Dataset dataset = call.dataset();
    call.answer(
        call.cache().deadLetters().retryAll(filter).thenApply(count -> retried(dataset, count)),
        RETRY_TIMEOUT);
  }

  private static Answer retried(Dataset dataset, int count) {
    return new Answer(
        OK,
        new Json()
            .beginObject()
            .member("dataset", dataset.name())
            .member("retried", count)
            .endObject());
  }

  private static void edit(Call call) {
    Key key = call.key();
    long version = version(call);
    Dataset dataset = call.dataset();
    Row row = null;
    if (call.flag(Parameter.REMOVE)) {
      Body.none(call.request());
    } else {
      byte[] body = Body.json(call.request());
      row = dataset.rows().read(body, body.length);
    }
    call.answer(
        call.cache()
            .deadLetters()
            .edit(key, version, row)
            .thenApply(receipt -> WriteAnswer.written(dataset, key, receipt)));
  }

  private static void discard(Call call) {
    Key key = call.key();
    String reason = said(call, Parameter.REASON, "must say why the value is given up");
    String operator = said(call, Parameter.OPERATOR, "must say who gives the value up");
    long version = version(call);
    Body.none(call.request());
    Dataset dataset = call.dataset();
    String token = call.caller();
    call.answer(
        call.cache()
            .deadLetters()
            .discard(
                key,
                version,
                letter -> dataset.discard(line(dataset, letter, reason, operator, token)))
            .thenApply(
                nothing ->
                    new Answer(
                        OK,
                        new Json()
                            .beginObject()
                            .member("dataset", dataset.name())
                            .member("key", dataset.cache().rowType().keyText(key))
                            .member("file", dataset.discarded().toString())
                            .endObject())));
  }

  /** What a person says, which must be something. */
  static String said(Call call, Parameter parameter, String rule) {
    String text = call.parameter(parameter);
    if (text == null || text.isBlank()) {
      throw Problem.of(BAD_REQUEST, parameter.name(), text == null ? "not given" : text, rule);
    }
    if (text.length() > MAX_TEXT) {
      throw Problem.of(
          BAD_REQUEST, parameter.name(), text, "must have at most " + MAX_TEXT + " characters");
    }
    return text;
  }

  /** The version that the client means; 0 for the one that is there. */
  private static long version(Call call) {
    String text = call.parameter(Parameter.VERSION);
    long version = text == null ? 0 : Preconditions.version("version", text);
    if (text != null && version == 0) {
      throw Problem.of(BAD_REQUEST, "version", text, "must be at least 1; no letter has this one");
    }
    EntityTags match = EntityTags.of(call.request(), "If-Match");
    if (match == null) {
      return version;
    }
    long matched = Preconditions.oneVersion(match);
    if (version != 0 && version != matched) {
      throw Problem.of(
          BAD_REQUEST, "If-Match", EntityTags.of(matched), "must be the same version as ?version=");
    }
    return matched;
  }

  private static Json line(
      Dataset dataset,
      DeadLetter<Key, Row> letter,
      String reason,
      String operator,
      @Nullable String token) {
    Json json =
        new Json()
            .beginObject()
            .member("time", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString())
            .member("operator", operator)
            .member("reason", reason)
            .member("dataset", dataset.name());
    if (token != null) {
      json.member("token", token);
    }
    value(members(json, letter), dataset, letter.value());
    return json.endObject();
  }

  /** A letter with its value. */
  static Json json(Dataset dataset, DeadLetter<Key, Row> letter) {
    Json json = new Json().beginObject().member("dataset", dataset.name());
    value(members(json, letter), dataset, letter.value());
    return json.endObject();
  }

  private static Json members(Json json, DeadLetter<Key, Row> letter) {
    return json.member("key", letter.keyText())
        .member("operation", letter.value() == null ? "remove" : "put")
        .member("version", letter.version())
        .member("attempts", letter.attempts())
        .member("first", letter.first().toString())
        .member("last", letter.last().toString())
        .member("class", letter.error().errorClass().text())
        .member("sqlstate", letter.error().code())
        .member("error", letter.error().message());
  }

  private static void value(Json json, Dataset dataset, @Nullable Row value) {
    json.name("value");
    if (value == null) {
      json.raw("null");
    } else {
      dataset.rows().write(json, value);
    }
  }
}
