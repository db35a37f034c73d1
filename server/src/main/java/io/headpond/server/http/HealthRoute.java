package io.headpond.server.http;

import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.server.http.Reply.Answer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /v1/health}, and {@code /health} unless a {@link RouteSet} has it: the worst health of all datasets, with the reasons. Below it the probes, which
 * say what to do with the process: whether to start it anew, and whether to send it requests. Stateless.
 */
final class HealthRoute {
  private static final int OK = 200;
  private static final int DOWN = 503;

  private HealthRoute() {}

  /**
   * The server at one moment.
   *
   * @param status STARTING, or the worst of all
   * @param ready whether it takes requests
   * @param workerActive whether anybody brings the entries of all datasets to the database; null if that is not known
   */
  private record Seen(
      String status,
      boolean ready,
      @Nullable Boolean workerActive,
      List<String> reasons,
      Map<String, Health> datasets) {}

  static void serve(Call call) {
    Seen seen = look(call);
    Json json = new Json().beginObject().member("status", seen.status);
    DatasetRoutes.strings(json.name("reasons"), seen.reasons);
    json.name("datasets").beginObject();
    seen.datasets.forEach((name, each) -> json.member(name, each.name()));
    json.endObject().name("workerActive").raw(String.valueOf(seen.workerActive));
    call.reply().send(new Answer(seen.ready ? OK : DOWN, json.endObject()));
  }

  /** The process answers, and that is all that is asked: to start it anew would help against nothing that the health can say. */
  static void live(Call call) {
    call.reply().send(new Answer(OK, new Json().beginObject().member("live", true).endObject()));
  }

  static void ready(Call call) {
    Seen seen = look(call);
    Json json = new Json().beginObject().member("ready", seen.ready);
    // The reasons name tables and quote the database: they are for those who may look.
    boolean tell = call.access().mayLook(call.request());
    DatasetRoutes.strings(json.name("reasons"), tell ? seen.reasons : List.of());
    call.reply().send(new Answer(seen.ready ? OK : DOWN, json.endObject()));
  }

  private static Seen look(Call call) {
    Collection<Dataset> datasets = call.datasets();
    if (datasets == null) {
      return new Seen("STARTING", false, null, List.of("the datasets are being opened"), Map.of());
    }
    Health worst = Health.UP;
    boolean unknown = false;
    boolean nobody = false;
    List<String> reasons = new ArrayList<>();
    Map<String, Health> each = new LinkedHashMap<>();
    datasets.stream().findFirst().ifPresent(any -> reasons.addAll(any.simulated()));
    for (Dataset dataset : datasets) {
      CacheStatus status = dataset.cache().status();
      Health health = dataset.health(status);
      each.put(dataset.name(), health);
      Integer workers = status.workers();
      unknown |= workers == null;
      nobody |= workers != null && workers == 0;
      if (health.compareTo(worst) > 0) {
        worst = health;
      }
      status.reasons().forEach(reason -> reasons.add(dataset.name() + ": " + reason));
    }
    if (call.stopping()) {
      worst = Health.DOWN;
      reasons.add("the server is stopping");
    }
    Boolean active = nobody ? Boolean.FALSE : unknown ? null : Boolean.TRUE;
    return new Seen(worst.name(), worst != Health.DOWN, active, reasons, each);
  }
}
