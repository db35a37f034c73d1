package io.headpond.server.http;

import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.server.http.Reply.Answer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code GET /v1/health}, and {@code /health} unless a {@link RouteSet} has it: the worst health of all datasets, with the reasons. Stateless. */
final class HealthRoute {
  private static final int OK = 200;
  private static final int DOWN = 503;

  private HealthRoute() {}

  static void serve(Call call) {
    Collection<Dataset> datasets = call.datasets();
    if (datasets == null) {
      call.reply()
          .send(answer(DOWN, "STARTING", List.of("the datasets are being opened"), Map.of()));
      return;
    }
    Health worst = Health.UP;
    List<String> reasons = new ArrayList<>();
    Map<String, Health> each = new LinkedHashMap<>();
    for (Dataset dataset : datasets) {
      CacheStatus status = dataset.cache().status();
      each.put(dataset.name(), status.health());
      if (status.health().compareTo(worst) > 0) {
        worst = status.health();
      }
      status.reasons().forEach(reason -> reasons.add(dataset.name() + ": " + reason));
    }
    if (call.stopping()) {
      worst = Health.DOWN;
      reasons.add("the server is stopping");
    }
    call.reply().send(answer(worst == Health.DOWN ? DOWN : OK, worst.name(), reasons, each));
  }

  private static Answer answer(
      int status, String health, List<String> reasons, Map<String, Health> datasets) {
    Json json = new Json().beginObject().member("status", health);
    DatasetRoutes.strings(json.name("reasons"), reasons);
    json.name("datasets").beginObject();
    datasets.forEach((name, each) -> json.member(name, each.name()));
    return new Answer(status, json.endObject().endObject());
  }
}
