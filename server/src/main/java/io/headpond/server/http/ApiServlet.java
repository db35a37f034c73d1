package io.headpond.server.http;

import io.headpond.server.http.Reply.Answer;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
  private static final List<String> PING = List.of("v1", "ping");
  private static final List<String> HEALTH = List.of("v1", "health");
  private static final List<String> PROBE = List.of("health");
  private static final int OK = 200;
  private static final int NO_CONTENT = 204;

  /** Null while they are being opened. */
  private transient volatile @Nullable Map<String, Dataset> opened;

  private transient volatile List<RouteSet> moreRoutes = List.of();
  private volatile boolean draining;

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

  /** Refuses writes from now on; what has been taken is answered. */
  public void stopWrites() {
    draining = true;
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) {
    Reply reply = new Reply(request, response);
    try {
      route(request, reply);
    } catch (RuntimeException e) {
      reply.fail(e);
    }
  }

  private void route(HttpServletRequest request, Reply reply) {
    List<String> path = RawUri.segments(request.getRequestURI());
    if (path.equals(PING)) {
      ping(request, reply);
      return;
    }
    Map<String, Dataset> datasets = opened;
    boolean health = path.equals(HEALTH) || path.equals(PROBE);
    if (datasets == null && health) {
      HealthRoute.starting(request, reply);
      return;
    }
    if (datasets == null) {
      throw Problem.of(Problem.Kind.UNAVAILABLE, "the server is starting; try again soon");
    }
    if (!path.get(0).equals("v1")) {
      for (RouteSet routes : moreRoutes) {
        if (routes.serve(path, request, reply, draining)) {
          return;
        }
      }
    }
    if (path.size() >= 2 && path.get(0).equals("v1") && path.get(1).equals("datasets")) {
      datasets(datasets, path, request, reply);
    } else if (health) {
      HealthRoute.serve(datasets.values(), draining, request, reply);
    } else {
      throw unknownRoute(request);
    }
  }

  private void datasets(
      Map<String, Dataset> datasets, List<String> path, HttpServletRequest request, Reply reply) {
    if (path.size() == 2) {
      DatasetRoutes.list(datasets.values(), request, reply);
      return;
    }
    String name = RawUri.decode(path.get(2), "dataset");
    Dataset dataset = datasets.get(name);
    if (dataset == null) {
      throw Problem.of(
          Problem.Kind.UNKNOWN_DATASET,
          "dataset",
          name,
          "there are " + String.join(", ", datasets.keySet()));
    }
    if (path.size() == 3) {
      DatasetRoutes.status(dataset, request, reply);
    } else if (path.size() == 5 && path.get(3).equals("entries")) {
      if (draining && !request.getMethod().equals("GET")) {
        throw Problem.of(
            Problem.Kind.UNAVAILABLE, "the server is stopping and takes no more writes");
      }
      EntryRoutes.serve(dataset, path.get(4), request, reply);
    } else if (path.size() == 4 && path.get(3).equals("pending")) {
      DatasetRoutes.pending(dataset, request, reply);
    } else if (path.size() == 4 && path.get(3).equals("flush")) {
      DatasetRoutes.flush(dataset, request, reply);
    } else {
      throw unknownRoute(request);
    }
  }

  /** Does nothing, for benchmarks and probes; takes a body and forgets it. */
  private static void ping(HttpServletRequest request, Reply reply) {
    switch (request.getMethod()) {
      case "PUT" -> {
        Body.read(request);
        reply.send(pong());
      }
      case "GET", "HEAD" -> reply.send(pong());
      default -> otherMethod(request, reply, "GET, HEAD, PUT, OPTIONS");
    }
  }

  private static Answer pong() {
    return new Answer(OK, new Json().beginObject().member("pong", true).endObject());
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
        "routes are /v1/datasets, /v1/datasets/{dataset}, .../entries/{key}, .../pending,"
            + " .../flush and /v1/health; a slash in a key is written %2F");
  }
}
