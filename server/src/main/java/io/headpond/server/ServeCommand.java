package io.headpond.server;

import io.headpond.server.config.ServerConfig;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code headpond serve}: runs until a signal comes, then drains. */
@Command(
    name = "serve",
    description = {
      "Runs the server until Ctrl-C or SIGTERM, then writes what is pending to the database.",
      "A second Ctrl-C ends it at once; what is pending is written at the next start."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Cli.Version.class,
    sortOptions = false)
final class ServeCommand implements Callable<Integer> {
  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Port, 0 for any free one (HEADPOND_PORT). Default: 8080.")
  private @Nullable Integer port;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Address; only loopback in this version (HEADPOND_HOST). Default: 127.0.0.1.")
  private @Nullable String host;

  @Mixin private final ConfigOptions options = new ConfigOptions();

  @Option(
      names = "--drain-timeout",
      paramLabel = "DURATION",
      converter = ConfigOptions.DurationConverter.class,
      description =
          "How long a stop may take to write what is pending (HEADPOND_DRAIN_TIMEOUT). Default: 30s.")
  private @Nullable Duration drainTimeout;

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    StopSignals signals = StopSignals.install();
    ServerConfig config = options.resolve(host, port, drainTimeout);
    PrintWriter out = java.util.Objects.requireNonNull(spec).commandLine().getOut();
    Server server = Server.start(config);
    out.print(Welcome.text(server, Duration.ofMillis(uptimeMillis())));
    out.flush();
    signals.await();
    out.println("Stopping: no more writes are taken; what is pending is being written.");
    return report(server.stop(), config, out);
  }

  private static int report(Server.Stopped stopped, ServerConfig config, PrintWriter out) {
    String written =
        String.format(
            Locale.ROOT,
            "Stopped. Entries written to the database in this run: %,d; ",
            stopped.written());
    if (stopped.pending().isEmpty()) {
      out.println(written + "nothing is pending.");
      return Cli.DONE;
    }
    int pending = stopped.pending().values().stream().mapToInt(Integer::intValue).sum();
    out.println(
        written
            + "still pending: "
            + String.format(Locale.ROOT, "%,d", pending)
            + " "
            + byDataset(stopped.pending())
            + ". They are kept in "
            + config.journals()
            + " and are written at the next start.");
    return Cli.STOPPED_WITH_PENDING;
  }

  private static String byDataset(Map<String, Integer> pending) {
    return "("
        + String.join(
            ", ", pending.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList())
        + ")";
  }

  private static long uptimeMillis() {
    return System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
  }
}
