package io.headpond.server;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.postgres.EmbeddedPostgresException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The command line: its root command, and how failures are told. */
@Command(
    name = "headpond",
    description =
        "A write-behind cache: writes are acknowledged at once and reach the database in batches.",
    mixinStandardHelpOptions = true,
    versionProvider = Cli.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ServeCommand.class,
      StatusCommand.class,
      WorkersCommand.class,
      PendingCommand.class,
      FlushCommand.class,
      DeadLettersCommand.class,
      QueueCommand.class,
      LabCommand.class,
      JournalCommand.class,
      SchemaCommand.class,
      TokenCommand.class,
      StoreCommand.class
    },
    footer = {
      "",
      "Flags win over environment variables (HEADPOND_PORT, HEADPOND_DATA_DIR, ...), these over the file.",
      "Exit codes: 0 done, 1 error, 2 wrong usage, 4 stopped with entries still pending, 130 ended at once."
    })
final class Cli {
  static final int DONE = 0;
  static final int ERROR = 1;
  static final int USAGE = 2;
  static final int STOPPED_WITH_PENDING = 4;

  /** Runs a command. Returns its exit code. */
  static int run(String... args) {
    CommandLine commandLine = new CommandLine(new Cli());
    // A key or a value may begin with @.
    commandLine.setExpandAtFiles(false);
    commandLine.setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8));
    commandLine.setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8));
    commandLine.setParameterExceptionHandler(Cli::wrongUsage);
    commandLine.setExecutionExceptionHandler(Cli::failed);
    if (args.length == 0) {
      return wrongUsage(new ParameterException(commandLine, "a command is missing"), args);
    }
    return commandLine.execute(args);
  }

  private static int wrongUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    command
        .getErr()
        .println(
            "headpond: "
                + oneLine(String.valueOf(e.getMessage()))
                + (maybeKey(command.getCommandSpec(), args)
                    ? "; a key that begins with - stands behind --"
                    : "")
                + "; see `"
                + command.getCommandSpec().qualifiedName()
                + " --help`");
    return USAGE;
  }

  /** Whether something that is no option may have been meant as a key. */
  private static boolean maybeKey(CommandSpec command, String[] args) {
    return !command.positionalParameters().isEmpty()
        && Arrays.stream(args)
            .takeWhile(arg -> !arg.equals("--"))
            .anyMatch(
                arg ->
                    arg.startsWith("-") && command.findOption(arg.replaceAll("=.*", "")) == null);
  }

  private static int failed(Exception e, CommandLine command, ParseResult parsed) {
    List<Throwable> failures =
        e instanceof Opening.SeveralException several ? several.failures() : List.of(e);
    failures.stream()
        .flatMap(each -> explain(each).stream())
        .distinct()
        .forEach(line -> command.getErr().println("headpond: " + line));
    return ERROR;
  }

  /** A line for each problem; one that was not foreseen goes to the log as well. */
  private static List<String> explain(Throwable failure) {
    if (failure instanceof ConfigurationException) {
      // The one kind of failure that tells several problems at once, one a line.
      return String.valueOf(failure.getMessage())
          .lines()
          .map(String::strip)
          .filter(line -> !line.isEmpty())
          .toList();
    }
    if (failure instanceof HeadpondException || failure instanceof EmbeddedPostgresException) {
      return List.of(oneLine(String.valueOf(failure.getMessage())));
    }
    LoggerFactory.getLogger(Cli.class).error("not foreseen, please report this", failure);
    return List.of("failed unexpectedly: " + oneLine(failure.toString()));
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*[\\r\\n]+\\s*", " ");
  }

  /** The version that the build wrote down. */
  static String version() {
    try (InputStream in = Cli.class.getResourceAsStream("/headpond-version.txt")) {
      return in == null ? "unknown" : new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** For {@code --version}. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        "headpond " + version(),
        "Java " + Runtime.version() + " (" + System.getProperty("java.vendor", "") + ")"
      };
    }
  }
}
