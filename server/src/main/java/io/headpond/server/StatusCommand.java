package io.headpond.server;

import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headpond status}. */
@Command(
    name = "status",
    description = "Prints health, settings and what is pending of a running server, as JSON.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  @Mixin private final ApiClient client = new ApiClient();

  @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one. Default: all.")
  private @Nullable String dataset;

  @Override
  public Integer call() {
    for (String name : dataset == null ? client.datasets() : List.of(dataset)) {
      System.out.println(ApiClient.pretty(client.get("/v1/datasets/" + ApiClient.encode(name))));
    }
    return Cli.DONE;
  }
}
