package io.headpond.server.http;

import io.headpond.server.config.AccessToken;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.Route.Served;
import io.headpond.server.lab.Lab;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * All routes, on the undecoded path. A request becomes calls of a {@link Dataset}'s cache; whatever goes wrong
 * becomes a {@link Problem}.
 *
 * <p>It is a plain servlet because a key may hold any character: frameworks decode, normalise and split paths before a
 * controller sees them. Thread-safe.
 */
public final class ApiServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;
  private static final int NO_CONTENT = 204;

  /** Headers that a client relies on, with what to do where they cannot be kept. */
  private static final SortedMap<String, String> PROMISES =
      new TreeMap<>(
          Map.of(
              "If-Match",
              "is not known here; leave it out",
              "If-None-Match",
              "is not known here; leave it out",
              "If-Modified-Since",
              "entries have versions, not dates; use If-None-Match",
              "If-Unmodified-Since",
              "entries have versions, not dates; use If-Match",
              "If-Range",
              "there are no ranges; leave it out",
              IdempotencyKey.HEADER,
              "is kept by PATCH, :increment and POST of a new entry. PUT and DELETE can be sent again"
                  + " as they are; a line of a batch has its own idempotencyKey"));

  /** Those that forbid a read, too. Without the others it only answers more than it had to. */
  private static final Set<String> OF_READS = Set.of("If-Match", "If-Unmodified-Since");

  private final transient Access access;
  private final transient Exports exports = new Exports();
  private final transient List<Route> routes;
  private final Duration patience;

  /** Null while they are being opened. */
  private transient volatile @Nullable Map<String, Dataset> opened;

  private transient volatile List<RouteSet> moreRoutes = List.of();
  private volatile boolean draining;
  private volatile boolean entries = true;

  /** For everybody. */
  public ApiServlet(Lab lab) {
    this(lab, Access.ANONYMOUS);
  }

  public ApiServlet(Lab lab, Access access) {
    this(lab, access, Call.TIMEOUT);
  }

  /** With another time that a client waits for an answer to begin. */
  ApiServlet(Lab lab, Access access, Duration patience) {
    this.access = access;
    routes = Routes.all(lab, exports);
    this.patience = patience;
  }

  /** Serves these from now on; until then every request but the ping is answered with 503, and the health is STARTING. */
  public void open(List<Dataset> datasets) {
    open(datasets, List.of());
  }

  /** As {@link #open(List)}, with further routes. */
  public void open(List<Dataset> datasets, List<RouteSet> routes) {
    moreRoutes = List.copyOf(routes);
    Map<String, Dataset> byName = new LinkedHashMap<>();
    datasets.forEach(dataset -> byName.put(dataset.name(), dataset));
    opened = byName;
  }

  /** Serves no entries: it is only a worker. Before it opens. */
  public void workOnly() {
    entries = false;
  }

  private static Problem onlyWorker() {
    return Problem.of(
        Problem.Kind.UNAVAILABLE,
        "this server is a worker (--role worker), which serves no entries; ask one with the role api");
  }

  /** Refuses writes from now on; what has been taken is answered. */
  public void stopWrites() {
    draining = true;
  }

  /** Ends the answers that go on for as long as their client reads; the container is about to stop. */
  void cutExports() {
    exports.close();
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) {
    Reply reply = new Reply(request, response);
    try {
      route(request, reply);
    } catch (RuntimeException | StackOverflowError e) {
      reply.fail(e);
    }
  }

  private void route(HttpServletRequest request, Reply reply) {
    List<String> path = RawUri.segments(request.getRequestURI());
    String method = request.getMethod().equals("HEAD") ? "GET" : request.getMethod();
    Map<String, Dataset> datasets = opened;
    if (datasets != null && !path.get(0).equals("v1") && moreRoutes(path, method, request, reply)) {
      return;
    }
    List<Route> there = new ArrayList<>(6);
    Route chosen = null;
    for (Route route : routes) {
      if (route.matches(path)) {
        there.add(route);
        chosen = chosen == null && route.method.equals(method) ? route : chosen;
      }
    }
    AccessToken caller = admit(request, there, chosen);
    if (datasets == null && there.stream().noneMatch(route -> route.served == Served.EARLY)) {
      throw Problem.later(Problem.Kind.UNAVAILABLE, "the server is starting; try again soon", 1);
    }
    if (there.isEmpty()) {
      throw unknownRoute(request);
    }
    if (chosen == null) {
      otherMethod(request, reply, allow(there));
    } else {
      serve(chosen, path, datasets, caller, request, reply);
    }
  }

  /** Who asks; null where nobody has to say. What is not there is told to those only who may look at what is. */
  private @Nullable AccessToken admit(
      HttpServletRequest request, List<Route> there, @Nullable Route chosen) {
    if (chosen != null) {
      return chosen.role == null ? null : access.require(request, chosen.role);
    }
    boolean open = !there.isEmpty() && there.stream().allMatch(route -> route.role == null);
    return open ? null : access.require(request, TokenRole.READ);
  }

  private void serve(
      Route route,
      List<String> path,
      @Nullable Map<String, Dataset> datasets,
      @Nullable AccessToken caller,
      HttpServletRequest request,
      Reply reply) {
    if (!entries && route.ofEntries()) {
      throw onlyWorker();
    }
    String name = route.dataset(path);
    Dataset dataset =
        name == null || datasets == null ? null : dataset(datasets, RawUri.decode(name, "dataset"));
    if (draining && route.served == Served.UNTIL_STOP) {
      throw Problem.stopping();
    }
    Map<String, List<String>> query = route.query(request.getQueryString());
    refuseUnknown(route, request);
    Call.State state = new Call.State(datasets, draining, routes, patience, access);
    route.handler.serve(new Call(request, reply, state, caller, query, dataset, route.key(path)));
  }

  private boolean moreRoutes(
      List<String> path, String method, HttpServletRequest request, Reply reply) {
    for (RouteSet set : moreRoutes) {
      TokenRole role = set.role(path, method);
      if (role != null) {
        var unused = access.require(request, role);
        if (!entries && set.ofEntries()) {
          throw onlyWorker();
        }
        set.serve(path, request, reply, draining);
        return true;
      }
    }
    return false;
  }

  private static Dataset dataset(Map<String, Dataset> datasets, String name) {
    Dataset dataset = datasets.get(name);
    if (dataset == null) {
      throw Problem.of(
          Problem.Kind.UNKNOWN_DATASET,
          "dataset",
          name,
          "there are " + String.join(", ", datasets.keySet()));
    }
    return dataset;
  }

  /** A condition that is ignored would be a lost update, a request that is not remembered would be carried out twice. */
  private static void refuseUnknown(Route route, HttpServletRequest request) {
    boolean read = route.method.equals("GET");
    for (Map.Entry<String, String> header : PROMISES.entrySet()) {
      String value = request.getHeader(header.getKey());
      boolean promised = !read || OF_READS.contains(header.getKey());
      if (value != null && promised && !route.knows(header.getKey())) {
        throw Problem.of(Problem.Kind.BAD_REQUEST, header.getKey(), value, header.getValue());
      }
    }
  }

  /** The headers that must not be ignored in a write: a route that does not keep one refuses it. */
  public static Set<String> promises() {
    return Collections.unmodifiableSet(PROMISES.keySet());
  }

  private static String allow(List<Route> routes) {
    Set<String> methods = new LinkedHashSet<>();
    for (Route route : routes) {
      methods.add(route.method);
      if (route.method.equals("GET")) {
        methods.add("HEAD");
      }
    }
    methods.add("OPTIONS");
    return String.join(", ", methods);
  }

  /** Answers OPTIONS; any other method is a problem. */
  public static void otherMethod(HttpServletRequest request, Reply reply, String allow) {
    if (!request.getMethod().equals("OPTIONS")) {
      throw Problem.methodNotAllowed(request.getMethod(), allow);
    }
    RawUri.query(request.getQueryString(), Set.of());
    reply.sendAllowed(NO_CONTENT, allow);
  }

  private static Problem unknownRoute(HttpServletRequest request) {
    return Problem.of(
        Problem.Kind.UNKNOWN_ROUTE,
        "path",
        request.getRequestURI(),
        "GET /openapi.json lists the routes; a slash in a key is written %2F");
  }
}
