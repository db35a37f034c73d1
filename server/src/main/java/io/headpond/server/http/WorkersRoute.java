package io.headpond.server.http;

import io.headpond.Worker;
import io.headpond.Workers;
import io.headpond.server.http.Reply.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code GET /v1/workers}: who brings which partitions to the database. Stateless. */
final class WorkersRoute {
  private static final int OK = 200;

  /** For the database to say who they are. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private WorkersRoute() {}

  static void serve(Call call) {
    List<Dataset> datasets = List.copyOf(Objects.requireNonNull(call.datasets()));
    List<CompletableFuture<Json>> all = new ArrayList<>();
    for (Dataset dataset : datasets) {
      all.add(
          dataset
              .cache()
              .workersAsync()
              .orTimeout(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
              .handle((workers, failure) -> json(dataset, workers, failure)));
    }
    call.answer(
        CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
            .thenApply(
                done -> {
                  Json json = new Json().beginObject().name("datasets").beginArray();
                  all.forEach(each -> json.raw(each.join().toString()));
                  return new Answer(OK, json.endArray().endObject());
                }));
  }

  private static Json json(
      Dataset dataset, @Nullable Workers workers, @Nullable Throwable failure) {
    Json json = new Json().beginObject().member("dataset", dataset.name()).name("workers");
    if (workers == null) {
      String why =
          failure == null || Problem.of(failure).kind() == Problem.Kind.INTERNAL
              ? "the database does not say who they are"
              : String.valueOf(Problem.of(failure).getMessage());
      return json.raw("null").member("error", why).endObject();
    }
    json.beginArray();
    workers.workers().forEach(worker -> worker(json, worker));
    json.endArray().name("unowned").beginArray();
    workers.unowned().forEach(partition -> json.raw(Integer.toString(partition)));
    return json.endArray().name("unownedLagSeconds").seconds(workers.lag()).endObject();
  }

  private static void worker(Json json, Worker worker) {
    Duration lag = Duration.ZERO;
    json.beginObject()
        .member("name", worker.name())
        .member("id", worker.id().toString())
        .member("self", worker.self())
        .member("since", worker.since().toString())
        .name("partitions")
        .beginArray();
    for (Worker.OwnedPartition owned : worker.partitions()) {
      lag = owned.lag().compareTo(lag) > 0 ? owned.lag() : lag;
      json.beginObject()
          .member("partition", owned.partition())
          .member("since", owned.since().toString())
          .name("lagSeconds")
          .seconds(owned.lag())
          .endObject();
    }
    json.endArray().name("lagSeconds").seconds(lag).endObject();
  }
}
