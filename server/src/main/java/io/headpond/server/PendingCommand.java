package io.headpond.server;

import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headpond pending}. */
@Command(
    name = "pending",
    description =
        "Prints entries of a running server that the database does not have yet, as JSON.",
    mixinStandardHelpOptions = true)
final class PendingCommand implements Callable<Integer> {
  @Mixin private final ApiClient client = new ApiClient();

  @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one. Default: all.")
  private @Nullable String dataset;

  @Option(names = "--prefix", paramLabel = "TEXT", description = "What the keys begin with.")
  private @Nullable String prefix;

  @Option(names = "--after", paramLabel = "KEY", description = "`next` of the page before.")
  private @Nullable String after;

  @Option(names = "--limit", paramLabel = "N", description = "Entries of a page. Default: 100.")
  private int limit = 100;

  @Override
  public Integer call() {
    for (String name : dataset == null ? client.datasets() : List.of(dataset)) {
      String query =
          "?limit="
              + limit
              + (prefix == null ? "" : "&prefix=" + ApiClient.encode(prefix))
              + (after == null ? "" : "&after=" + ApiClient.encode(after));
      System.out.println(
          ApiClient.pretty(
              client.get("/v1/datasets/" + ApiClient.encode(name) + "/pending" + query)));
    }
    return Cli.DONE;
  }
}
