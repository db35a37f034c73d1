package io.headpond.server;

import java.io.PrintWriter;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code headpond workers}. */
@Command(
    name = "workers",
    description = {
      "Prints who brings the entries of a running server's datasets to the database.",
      "Which partitions, since when, and how old the oldest entry is there. A * marks the server that was asked."
    },
    mixinStandardHelpOptions = true)
final class WorkersCommand implements Callable<Integer> {
  @Mixin private final ApiClient client = new ApiClient();

  @Option(names = "--json", description = "Prints JSON.")
  private boolean json;

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    String answer = client.get("/v1/workers");
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    if (json) {
      out.println(ApiClient.pretty(answer));
    } else {
      out.print(WorkerTable.of(answer));
      out.flush();
    }
    return Cli.DONE;
  }
}
