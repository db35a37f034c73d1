package io.headpond.server;

import io.headpond.server.config.ServeFlags;
import io.headpond.server.config.ServerConfig;
import io.headpond.server.config.ServerRole;
import io.headpond.server.config.Values;
import io.headpond.server.lab.LabSettings;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code headpond serve}: runs until a signal comes, then drains. */
@Command(
    name = "serve",
    description = {
      "Runs the server until Ctrl-C or SIGTERM, then writes what is pending to the database.",
      "A second Ctrl-C ends it at once; what is pending is written at the next start.",
      "One that comes before it is ready ends the start; exit code 130."
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
      description =
          "Address; any but loopback needs tokens in the configuration (HEADPOND_HOST). Default: 127.0.0.1.")
  private @Nullable String host;

  @Option(
      names = "--allow-anonymous",
      description = "Listens on that address without tokens: whoever reaches it may do everything.")
  private boolean allowAnonymous;

  @Option(
      names = "--role",
      paramLabel = "ROLE",
      split = ",",
      converter = RoleConverter.class,
      description = {
        "api (reads and writes entries), worker (brings them to the database); several, or joined by a comma.",
        "Less than both needs --redis-url (HEADPOND_ROLE). Default: both."
      })
  private @Nullable List<ServerRole> roles;

  @Option(
      names = "--instance",
      paramLabel = "NAME",
      converter = TokenCommand.NameConverter.class,
      description =
          "What this server is called among the workers (HEADPOND_INSTANCE). Default: host and process id.")
  private @Nullable String instance;

  @Mixin private final ConfigOptions options = new ConfigOptions();

  @Option(
      names = "--drain-timeout",
      paramLabel = "DURATION",
      converter = ConfigOptions.DurationConverter.class,
      description =
          "How long a stop may take to write what is pending (HEADPOND_DRAIN_TIMEOUT). Default: 30s.")
  private @Nullable Duration drainTimeout;

  @Option(
      names = "--simulate-failures",
      paramLabel = "RATE",
      arity = "0..1",
      converter = RateConverter.class,
      description = {
        "The lab: refuses each attempt of each row with this probability; the configured one, else 0.5, if none",
        "is given (SIMULATE_DB_FAILURE and FAILURE_RATE without --config). Default: off."
      })
  private @Nullable Double simulateFailures;

  @Option(
      names = "--outage",
      description = "The lab: lets every request to the database fail. Default: off.")
  private boolean outage;

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    StopSignals signals = StopSignals.install();
    ServerConfig config = simulating(options.resolve(flags()));
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    Server server;
    try {
      server = signals.interrupting(() -> Server.start(config));
    } catch (StopSignals.Ended e) {
      out.println(
          "Stopped before it was ready. What was pending is kept in "
              + (config.store().redis() == null
                  ? config.journals()
                  : config.store().redis().shown())
              + " and is written at the next start.");
      return StopSignals.ENDED;
    }
    out.print(Welcome.text(server, Duration.ofMillis(uptimeMillis())));
    out.flush();
    signals.await();
    out.println("Stopping: no more writes are taken; what is pending is being written.");
    // Said before anything is closed: a database that hangs holds that up.
    int exit = report(server.drain(), server.backend().store(), out);
    signals.decided(exit);
    server.close();
    return exit;
  }

  private ServeFlags flags() {
    return new ServeFlags(
        host,
        port,
        drainTimeout,
        allowAnonymous,
        roles == null ? null : EnumSet.copyOf(roles),
        instance);
  }

  /** The configuration with what the flags say of the lab. */
  private ServerConfig simulating(ServerConfig config) {
    LabSettings lab = config.lab();
    Double rate = simulateFailures;
    return config.withLab(
        new LabSettings(
            rate != null || lab.simulateFailures(),
            rate != null && !rate.isNaN() ? rate : lab.failureRate(),
            outage));
  }

  private static int report(Server.Stopped stopped, String store, PrintWriter out) {
    String written =
        String.format(
            Locale.ROOT,
            "Stopped. Entries written to the database in this run: %,d; ",
            stopped.written());
    String letters =
        stopped.letters().isEmpty()
            ? ""
            : " Dead letters: " + byDataset(stopped.letters()) + ", kept there, too.";
    if (stopped.pending().isEmpty()) {
      out.println(written + "nothing is pending." + letters.replace("there, too", "in " + store));
      return Cli.DONE;
    }
    out.println(
        written
            + "still pending: "
            + byDataset(stopped.pending())
            + ". They are kept in "
            + store
            + (stopped.seenTo()
                ? "; other workers bring them to the database."
                : " and are written at the next start.")
            + letters);
    return stopped.seenTo() ? Cli.DONE : Cli.STOPPED_WITH_PENDING;
  }

  /** {@code 3 (kv 2, products 1)}. */
  private static String byDataset(Map<String, Integer> counts) {
    return String.format(
            Locale.ROOT, "%,d", counts.values().stream().mapToInt(Integer::intValue).sum())
        + " ("
        + String.join(
            ", ", counts.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList())
        + ")";
  }

  /** Roles on the command line, one at a time. */
  static final class RoleConverter implements ITypeConverter<ServerRole> {
    @Override
    public ServerRole convert(String text) {
      try {
        return ServerRole.parse(text).iterator().next();
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(text + ": " + e.getMessage());
      }
    }
  }

  /** Probabilities on the command line; NaN for an option without one. */
  static final class RateConverter implements ITypeConverter<Double> {
    @Override
    public Double convert(String text) {
      try {
        return text.isEmpty() ? Double.NaN : Values.rate(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(text + ": " + e.getMessage());
      }
    }
  }

  private static long uptimeMillis() {
    return System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
  }
}
