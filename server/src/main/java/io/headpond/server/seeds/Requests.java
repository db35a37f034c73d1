package io.headpond.server.seeds;

import io.headpond.server.config.TokenRole;
import io.headpond.server.http.ApiServlet;
import io.headpond.server.http.Problem;
import io.headpond.server.http.RawUri;
import io.headpond.server.http.Reply;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/** What all of the seeds' routes ask of a request. Stateless. */
final class Requests {
  /** As the routes under {@code /v1}: after this the outcome is said to be unknown. */
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private static final String IDEMPOTENCY_KEY = "Idempotency-Key";

  private Requests() {}

  /** Whether it is a GET or HEAD without parameters. If it is another method, it is answered. */
  static boolean isRead(HttpServletRequest request, Reply reply) {
    if (!isGet(request)) {
      ApiServlet.otherMethod(request, reply, "GET, HEAD, OPTIONS");
      return false;
    }
    noParameters(request);
    return true;
  }

  static boolean isGet(HttpServletRequest request) {
    return request.getMethod().equals("GET") || request.getMethod().equals("HEAD");
  }

  /**
   * Refuses a write while the server stops, and one with parameters, conditions or a request's name, which these routes do not know: a
   * condition that is ignored would be a lost update, a name that is ignored a write done twice.
   */
  static void plainWrite(HttpServletRequest request, boolean stopping) {
    if (stopping) {
      throw Problem.stopping();
    }
    noParameters(request);
    for (String header : ApiServlet.promises()) {
      String value = request.getHeader(header);
      if (value != null) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            header,
            value,
            header.equals(IDEMPOTENCY_KEY)
                ? "this route remembers no requests; POST /v1/datasets/{dataset}/entries does"
                : "this route keeps no conditions; those under /v1/datasets do");
      }
    }
  }

  /** The role that a request of this method needs: to look, or to write. */
  static TokenRole role(String method) {
    return method.equals("GET") || method.equals("OPTIONS") ? TokenRole.READ : TokenRole.WRITE;
  }

  static Map<String, String> parameters(HttpServletRequest request, String... known) {
    return RawUri.query(request.getQueryString(), Set.of(known));
  }

  private static void noParameters(HttpServletRequest request) {
    parameters(request);
  }
}
