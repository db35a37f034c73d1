package io.headpond.server.seeds;

import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.Dataset;
import io.headpond.server.http.Json;
import io.headpond.server.http.Reply;
import io.headpond.server.http.Reply.Answer;
import io.headpond.server.http.RouteSet;
import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /health} of seed 003: the worst health of all datasets in one word, and how much of them is pending. The reasons are under
 * {@code /v1/health}. Thread-safe.
 */
final class ShortHealth implements RouteSet {
  private static final List<String> PATH = List.of("health");
  private static final int OK = 200;
  private static final int UNAVAILABLE = 503;

  private final List<Dataset> datasets;

  ShortHealth(List<Dataset> datasets) {
    this.datasets = List.copyOf(datasets);
  }

  @Override
  public @Nullable TokenRole role(List<String> path, String method) {
    return path.equals(PATH) ? Requests.role(method) : null;
  }

  @Override
  public boolean ofEntries() {
    return false;
  }

  @Override
  public void serve(List<String> path, HttpServletRequest request, Reply reply, boolean stopping) {
    if (Requests.isRead(request, reply)) {
      reply.send(health(stopping));
    }
  }

  private Answer health(boolean stopping) {
    Health worst = stopping ? Health.DOWN : Health.UP;
    boolean active = true;
    long pending = 0;
    for (Dataset dataset : datasets) {
      CacheStatus status = dataset.cache().status();
      pending += status.pendingEntries();
      Integer workers = status.workers();
      active &= workers == null || workers > 0;
      if (dataset.health(status).compareTo(worst) > 0) {
        worst = dataset.health(status);
      }
    }
    boolean down = worst == Health.DOWN;
    return new Answer(
        down ? UNAVAILABLE : OK,
        new Json()
            .beginObject()
            .member("status", word(worst))
            .member("queue_depth", pending)
            .member("worker_active", active && !down)
            .endObject());
  }

  private static String word(Health health) {
    return switch (health) {
      case UP -> "healthy";
      case DEGRADED -> "degraded";
      case DOWN -> "unhealthy";
    };
  }
}
