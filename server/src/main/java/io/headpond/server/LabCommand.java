package io.headpond.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code headpond lab}. */
@Command(
    name = "lab",
    description = {
      "Lets a running server simulate failures of its database, or ends that; prints what it simulates.",
      "Without an option it only prints."
    },
    mixinStandardHelpOptions = true)
final class LabCommand implements Callable<Integer> {
  private static final String PATH = "/admin/lab";

  @Mixin private final ApiClient client = new ApiClient();

  @Option(
      names = "--failures",
      paramLabel = "RATE",
      arity = "0..1",
      converter = ServeCommand.RateConverter.class,
      description =
          "Refuses each attempt of each row with this probability; the rate that is set, at first 0.5, if none is given.")
  private @Nullable Double failures;

  @Option(names = "--outage", description = "Lets every request to the database fail.")
  private boolean outage;

  @Option(names = "--off", description = "Ends all of it.")
  private boolean off;

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    if (off && (outage || failures != null)) {
      throw new ParameterException(
          Objects.requireNonNull(spec).commandLine(), "--off stands alone: it ends all of it");
    }
    List<String> changes = new ArrayList<>();
    if (off) {
      changes.add("\"simulateFailures\":false");
    }
    if (failures != null) {
      changes.add("\"simulateFailures\":true");
    }
    if (failures != null && !failures.isNaN()) {
      changes.add("\"failureRate\":" + failures);
    }
    if (off || outage) {
      changes.add("\"outage\":" + outage);
    }
    System.out.println(
        ApiClient.pretty(
            changes.isEmpty()
                ? client.get(PATH)
                : client.put(PATH, "{" + String.join(",", changes) + "}")));
    return Cli.DONE;
  }
}
