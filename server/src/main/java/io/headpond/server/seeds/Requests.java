package io.headpond.server.seeds;

import io.headpond.server.http.ApiServlet;
import io.headpond.server.http.Problem;
import io.headpond.server.http.RawUri;
import io.headpond.server.http.Reply;
import jakarta.servlet.http.HttpServletRequest;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What all of the seeds' routes ask of a request, and how they write numbers. Stateless. */
final class Requests {
  /** As the routes under {@code /v1}: after this the outcome is said to be unknown. */
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private static final List<String> CONDITIONS =
      List.of("If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since", "If-Range");

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
    for (String condition : CONDITIONS) {
      String value = request.getHeader(condition);
      if (value != null) {
        throw Problem.of(
            Problem.Kind.BAD_REQUEST,
            condition,
            value,
            "this route keeps no conditions; those under /v1/datasets do");
      }
    }
    String name = request.getHeader("Idempotency-Key");
    if (name != null) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "Idempotency-Key",
          name,
          "this route remembers no requests; POST /v1/datasets/{dataset}/entries does");
    }
  }

  static Map<String, String> parameters(HttpServletRequest request, String... known) {
    return RawUri.query(request.getQueryString(), Set.of(known));
  }

  private static void noParameters(HttpServletRequest request) {
    parameters(request);
  }

  static String seconds(Duration duration) {
    return BigDecimal.valueOf(duration.toMillis(), 3).stripTrailingZeros().toPlainString();
  }

  /** With one decimal. */
  static String rate(double perSecond) {
    return BigDecimal.valueOf(perSecond).setScale(1, RoundingMode.HALF_UP).toPlainString();
  }
}
