package io.headpond.server.http;

import io.headpond.Condition;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.server.config.AccessToken;
import io.headpond.server.http.Reply.Answer;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A request for a route: what of it the routes need, checked. Used by one thread. */
final class Call {
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final HttpServletRequest request;
  private final Reply reply;
  private final State state;
  private final @Nullable AccessToken caller;
  private final Map<String, List<String>> query;
  private final @Nullable Dataset dataset;
  private final String keySegment;

  /**
   * The server as it is now.
   *
   * @param datasets null while they are being opened
   * @param patience how long a client waits for an answer to begin, unless a route says otherwise
   */
  record State(
      @Nullable Map<String, Dataset> datasets,
      boolean stopping,
      List<Route> routes,
      Duration patience,
      Access access) {}

  /**
   * @param caller who asks; null where nobody has to say
   * @param query the parameters, all of which the route knows
   * @param dataset the one in the path; null if the route has none
   * @param keySegment the key in the path, still percent-encoded; empty if the route has none
   */
  Call(
      HttpServletRequest request,
      Reply reply,
      State state,
      @Nullable AccessToken caller,
      Map<String, List<String>> query,
      @Nullable Dataset dataset,
      String keySegment) {
    this.request = request;
    this.reply = reply;
    this.state = state;
    this.caller = caller;
    this.query = query;
    this.dataset = dataset;
    this.keySegment = keySegment;
  }

  HttpServletRequest request() {
    return request;
  }

  Reply reply() {
    return reply;
  }

  /** Null while they are being opened. */
  @Nullable Collection<Dataset> datasets() {
    Map<String, Dataset> datasets = state.datasets;
    return datasets == null ? null : datasets.values();
  }

  boolean stopping() {
    return state.stopping;
  }

  Duration patience() {
    return state.patience;
  }

  List<Route> routes() {
    return state.routes;
  }

  Access access() {
    return state.access;
  }

  /** The name of the token that the client has; null where nobody has to say. */
  @Nullable String caller() {
    return caller == null ? null : caller.name();
  }

  Dataset dataset() {
    return Objects.requireNonNull(dataset, "the route has no dataset");
  }

  WriteBehindCache<Key, Row> cache() {
    return dataset().cache();
  }

  /** The key in the path. */
  Key key() {
    return dataset().key(keySegment);
  }

  /** The value of a parameter; null if it is not there. */
  @Nullable String parameter(Parameter parameter) {
    List<String> values = query.get(parameter.name());
    return values == null ? null : values.get(0);
  }

  /** All values of a parameter. */
  List<String> parameters(Parameter parameter) {
    return query.getOrDefault(parameter.name(), List.of());
  }

  /** Whether a parameter is true. */
  boolean flag(Parameter parameter) {
    String value = parameter(parameter);
    if (value != null && !value.equals("true") && !value.equals("false")) {
      throw Problem.of(Problem.Kind.BAD_REQUEST, parameter.name(), value, "must be true or false");
    }
    return "true".equals(value);
  }

  /** A whole number from 1 to {@code max}. */
  int number(Parameter parameter, int otherwise, int max) {
    String text = parameter(parameter);
    if (text == null) {
      return otherwise;
    }
    try {
      int number = Integer.parseInt(text);
      if (number >= 1 && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // The rule below says it.
    }
    throw Problem.of(
        Problem.Kind.BAD_REQUEST,
        parameter.name(),
        text,
        "must be a whole number from 1 to " + max);
  }

  /** The durability that the client asks for; null if it asks for none. */
  @Nullable Durability durability() {
    String name = parameter(Parameter.DURABILITY);
    return name == null ? null : durability(name);
  }

  static Durability durability(String name) {
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

  /** How a write is to be carried out, as parameters and headers say it. */
  WriteOptions options() {
    Durability durability = durability();
    Condition condition = Preconditions.of(request);
    return durability == null && condition == null
        ? WriteOptions.defaults()
        : new WriteOptions(durability, condition, null);
  }

  /** As {@link #options()}, remembered if the client has given the request a name. */
  WriteOptions options(byte[] body) {
    RequestId id = IdempotencyKey.of(request, body);
    return id == null ? options() : options().request(id);
  }

  /** Answers when the future completes. */
  void answer(CompletableFuture<Answer> answer) {
    reply.when(answer, state.patience);
  }

  /**
   * Answers with a document in pieces when the future completes.
   *
   * @return as {@link Reply#whenPieces}
   */
  CompletableFuture<Void> answerInPieces(
      String type, CompletableFuture<? extends Iterator<String>> pieces) {
    return reply.whenPieces(type, pieces, state.patience);
  }

  /** Answers when the future completes, for which the client waits so long. */
  void answer(CompletableFuture<Answer> answer, Duration patience) {
    reply.when(answer, patience);
  }
}
