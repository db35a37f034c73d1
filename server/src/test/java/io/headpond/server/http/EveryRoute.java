package io.headpond.server.http;

import io.headpond.server.config.TokenRole;
import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Further routes that answer whatever is asked, but {@code /health}. */
record EveryRoute(BiConsumer<List<String>, Reply> answer) implements RouteSet {
  @Override
  public @Nullable TokenRole role(List<String> path, String method) {
    return path.get(0).equals("health") ? null : TokenRole.READ;
  }

  @Override
  public void serve(List<String> path, HttpServletRequest request, Reply reply, boolean stopping) {
    answer.accept(path, reply);
  }
}
