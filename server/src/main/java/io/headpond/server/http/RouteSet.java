package io.headpond.server.http;

import io.headpond.server.config.TokenRole;
import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Routes beside those under {@code /v1}. It is asked before the server's own routes, so that it may also take the place of {@code
 * /health}; never for a path under {@code /v1}, and not before the datasets are open. Thread-safe.
 */
public interface RouteSet {
  /**
   * Whether a request is for one of these routes, and who may ask.
   *
   * @param path the segments of the path, still percent-encoded; see {@link RawUri#decode}
   * @param method also one that the route does not know
   * @return the role that it needs; null if it is not one of these routes
   */
  @Nullable TokenRole role(List<String> path, String method);

  /** Whether it reads or writes entries: then a server that is only a worker refuses its requests. */
  default boolean ofEntries() {
    return true;
  }

  /**
   * Serves a request that is for one of these routes.
   *
   * @param path as above
   * @param request its query and headers are undecoded too; its body is read with {@link Body}
   * @param reply takes the answer, now or when a future completes; nothing may block
   * @param stopping whether the server takes no more writes
   * @throws Problem if it cannot be carried out; as does any other failure, which is answered as {@link
   *     Problem#of(Throwable)} says
   */
  void serve(List<String> path, HttpServletRequest request, Reply reply, boolean stopping);
}
