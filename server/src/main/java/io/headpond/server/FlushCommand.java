package io.headpond.server;

import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headpond flush}. */
@Command(
    name = "flush",
    description =
        "Brings what is pending in a running server to the database now; prints a report.",
    mixinStandardHelpOptions = true)
final class FlushCommand implements Callable<Integer> {
  @Mixin private final ApiClient client = new ApiClient();

  @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one. Default: all.")
  private @Nullable String dataset;

  @Option(
      names = "--max-entries",
      paramLabel = "N",
      description = "At most so many of each dataset.")
  private @Nullable Integer maxEntries;

  @Override
  public Integer call() {
    for (String name : dataset == null ? client.datasets() : List.of(dataset)) {
      System.out.println(
          ApiClient.pretty(
              client.post(
                  "/v1/datasets/"
                      + ApiClient.encode(name)
                      + "/flush"
                      + (maxEntries == null ? "" : "?maxEntries=" + maxEntries))));
    }
    return Cli.DONE;
  }
}
