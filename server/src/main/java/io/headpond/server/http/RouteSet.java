package io.headpond.server.http;

import jakarta.servlet.http.HttpServletRequest;
import java.util.List;

/**
 * Routes beside those under {@code /v1}. It is asked before the server's own routes, so that it may also take the place of {@code
 * /health}; never for a path under {@code /v1}, and not before the datasets are open. Thread-safe.
 */
@FunctionalInterface
public interface RouteSet {
  /**
   * Serves a request, if it is for one of these routes.
   *
   * @param path the segments of the path, still percent-encoded; see {@link RawUri#decode}
   * @param request its query and headers are undecoded too; its body is read with {@link Body}
   * @param reply takes the answer, now or when a future completes; nothing may block
   * @param stopping whether the server takes no more writes
   * @return whether it is one of these routes
   * @throws Problem if it is one of these, but cannot be carried out; as does any other failure, which is
   *     answered as {@link Problem#of(Throwable)} says
   */
  boolean serve(List<String> path, HttpServletRequest request, Reply reply, boolean stopping);
}
