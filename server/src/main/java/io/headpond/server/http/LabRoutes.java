package io.headpond.server.http;

import io.headpond.server.http.Reply.Answer;
import io.headpond.server.lab.Lab;
import io.headpond.server.lab.LabSettings;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;

/** {@code /admin/lab}: what the lab simulates. Thread-safe. */
final class LabRoutes {
  private static final String FAILURES = "simulateFailures";
  private static final String RATE = "failureRate";
  private static final String OUTAGE = "outage";
  private static final Set<String> MEMBERS = Set.of(FAILURES, RATE, OUTAGE);
  private static final int OK = 200;

  private final Lab lab;

  LabRoutes(Lab lab) {
    this.lab = lab;
  }

  void get(Call call) {
    call.reply().send(answer());
  }

  /** What the body does not name stays as it is. */
  synchronized void put(Call call) {
    byte[] body = Body.json(call.request());
    JsonTree tree = tree(JsonRows.utf8(body, body.length));
    if (!tree.isObject()) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON, "body", tree.shown(), "must be a JSON object with " + known());
    }
    for (String name : tree.members().keySet()) {
      if (!MEMBERS.contains(name)) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            Problem.shown(name),
            "a member of the body",
            "unknown; known here are " + known());
      }
    }
    LabSettings now = lab.settings();
    lab.change(
        new LabSettings(
            flag(FAILURES, tree.member(FAILURES), now.simulateFailures()),
            rate(tree.member(RATE), now.failureRate()),
            flag(OUTAGE, tree.member(OUTAGE), now.outage())));
    call.reply().send(answer());
  }

  /** No row comes of this body: what else would be an invalid value is a bad request. */
  private static JsonTree tree(String body) {
    try {
      return JsonTree.read(body);
    } catch (Problem e) {
      throw e.kind() == Problem.Kind.INVALID_VALUE ? e.as(Problem.Kind.BAD_REQUEST) : e;
    }
  }

  private Answer answer() {
    LabSettings now = lab.settings();
    Json json =
        new Json()
            .beginObject()
            .member(FAILURES, now.simulateFailures())
            .name(RATE)
            .raw(Double.toString(now.failureRate()))
            .member(OUTAGE, now.outage());
    DatasetRoutes.strings(json.name("reasons"), lab.reasons());
    return new Answer(OK, json.endObject());
  }

  private static boolean flag(String name, @Nullable JsonTree value, boolean otherwise) {
    if (value == null) {
      return otherwise;
    }
    if (value.token() != JsonToken.VALUE_TRUE && value.token() != JsonToken.VALUE_FALSE) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, name, value.shown(), "must be true or false");
    }
    return value.token() == JsonToken.VALUE_TRUE;
  }

  private static double rate(@Nullable JsonTree value, double otherwise) {
    if (value == null) {
      return otherwise;
    }
    double rate = value.isNumber() ? Double.parseDouble(value.json()) : Double.NaN;
    if (!LabSettings.isRate(rate)) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, RATE, value.shown(), LabSettings.RATE_RULE);
    }
    return rate;
  }

  private static String known() {
    return String.join(", ", new TreeSet<>(MEMBERS));
  }
}
