package io.headpond.server.http;

import io.headpond.server.config.TokenRole;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One method of one path: what carries it out, and what the OpenAPI document says of it. Immutable.
 *
 * <p>A path is written as in OpenAPI. {@code {key}} is a segment; with a literal behind it, as in {@code {key}:increment}, it is the
 * part of a segment before that literal, which must not be percent-encoded.
 */
final class Route {
  /** What carries a route out. */
  @FunctionalInterface
  interface Handler {
    /**
     * Answers, now or when a future completes.
     *
     * @throws Problem or any other failure that {@link Problem#of(Throwable)} knows, if it cannot be carried out
     */
    void serve(Call call);
  }

  /** When a route is served. */
  enum Served {
    /** Also before the datasets are open. */
    EARLY,
    /** From then on. */
    ALWAYS,
    /** Not while the server stops: it takes writes. */
    UNTIL_STOP
  }

  private static final String KEY = "{key}";
  private static final String DATASET = "{dataset}";
  private static final int ENTRIES_AT = 3;

  final String method;
  final String path;
  final String name;
  final String summary;
  final boolean documented;
  final Served served;

  /** The role that it needs; null if it needs no token. */
  final @Nullable TokenRole role;

  final Handler handler;
  final List<Parameter> parameters;
  final @Nullable Shape body;
  final boolean bodyRequired;

  /** What is answered when it was carried out, by status. */
  final Map<Integer, List<Shape>> answers;

  /** The problems that are its own. */
  final List<Problem.Kind> problems;

  private final List<String> segments;
  private final Set<String> queryNames;
  private final Set<String> repeatable;

  private Route(Builder builder, Handler handler) {
    this.method = builder.method;
    this.path = builder.path;
    this.name = builder.name;
    this.summary = builder.summary;
    this.documented = builder.documented;
    this.served = builder.served;
    this.role = builder.role;
    this.handler = handler;
    this.parameters = List.copyOf(builder.parameters);
    this.body = builder.body;
    this.bodyRequired = builder.bodyRequired;
    this.answers = new TreeMap<>(builder.answers);
    this.problems = List.copyOf(builder.problems);
    this.segments = RawUri.segments(path);
    this.queryNames =
        parameters.stream()
            .filter(p -> !p.header())
            .map(Parameter::name)
            .collect(Collectors.toUnmodifiableSet());
    this.repeatable =
        parameters.stream()
            .filter(Parameter::repeatable)
            .map(Parameter::name)
            .collect(Collectors.toUnmodifiableSet());
  }

  /** Whether this is the path of a request, given as its undecoded segments. */
  boolean matches(List<String> path) {
    if (path.size() != segments.size()) {
      return false;
    }
    for (int i = 0; i < segments.size(); i++) {
      String segment = segments.get(i);
      boolean same =
          segment.startsWith(KEY)
              ? path.get(i).endsWith(segment.substring(KEY.length()))
              : segment.equals(DATASET) || segment.equals(path.get(i));
      if (!same) {
        return false;
      }
    }
    return true;
  }

  /** The name of the dataset in a path that matches, undecoded; null if the route has none. */
  @Nullable String dataset(List<String> path) {
    int at = segments.indexOf(DATASET);
    return at < 0 ? null : path.get(at);
  }

  /** The key in a path that matches, undecoded; empty if the route has none. */
  String key(List<String> path) {
    String last = segments.get(segments.size() - 1);
    if (!last.startsWith(KEY)) {
      return "";
    }
    String segment = path.get(path.size() - 1);
    return segment.substring(0, segment.length() - (last.length() - KEY.length()));
  }

  /** The parameters of a request's query. */
  Map<String, List<String>> query(@Nullable String query) {
    return RawUri.query(query, queryNames, repeatable);
  }

  /** Whether it keeps what a header asks for. */
  boolean knows(String header) {
    return parameters.stream().anyMatch(p -> p.header() && p.name().equals(header));
  }

  boolean hasKey() {
    return segments.get(segments.size() - 1).startsWith(KEY);
  }

  /** Whether it reads or writes entries. */
  boolean ofEntries() {
    return segments.size() > ENTRIES_AT && segments.get(ENTRIES_AT).startsWith("entries");
  }

  boolean hasDataset() {
    return segments.contains(DATASET);
  }

  /** Starts a route. */
  static Builder of(String method, String path, String name, String summary) {
    return new Builder(method, path, name, summary);
  }

  /** Collects what is said of a route. Not thread-safe. */
  static final class Builder {
    private final String method;
    private final String path;
    private final String name;
    private final String summary;
    private boolean documented = true;
    private Served served = Served.ALWAYS;
    private @Nullable TokenRole role;
    private boolean open;
    private final List<Parameter> parameters = new ArrayList<>();
    private @Nullable Shape body;
    private boolean bodyRequired = true;
    private final Map<Integer, List<Shape>> answers = new TreeMap<>();
    private final List<Problem.Kind> problems = new ArrayList<>();

    private Builder(String method, String path, String name, String summary) {
      this.method = method;
      this.path = path;
      this.name = name;
      this.summary = summary;
    }

    /** It does not stand in the OpenAPI document. */
    Builder undocumented() {
      documented = false;
      return this;
    }

    Builder served(Served served) {
      this.served = served;
      return this;
    }

    /** Who may ask. */
    Builder role(TokenRole role) {
      this.role = role;
      return this;
    }

    /** Anybody may ask, with or without a token: it tells nothing of any dataset. */
    Builder open() {
      open = true;
      return this;
    }

    Builder parameters(Parameter... parameters) {
      this.parameters.addAll(List.of(parameters));
      return this;
    }

    Builder body(Shape body) {
      this.body = body;
      return this;
    }

    /** A body that some of its requests have. */
    Builder optionalBody(Shape body) {
      bodyRequired = false;
      return body(body);
    }

    Builder answer(int status, Shape... shapes) {
      answers.put(status, List.of(shapes));
      return this;
    }

    Builder problems(Problem.Kind... problems) {
      this.problems.addAll(List.of(problems));
      return this;
    }

    Route serve(Handler handler) {
      if (open == (role != null)) {
        throw new IllegalStateException(method + " " + path + ": must say who may ask, once");
      }
      return new Route(this, handler);
    }
  }
}
