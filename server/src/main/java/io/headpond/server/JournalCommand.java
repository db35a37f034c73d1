package io.headpond.server;

import io.headpond.journal.CheckReport;
import io.headpond.journal.JournalTool;
import io.headpond.journal.SalvageReport;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code headpond journal check | salvage}. */
@Command(
    name = "journal",
    description = "Looks after the journal of a dataset whose server is stopped.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {JournalCommand.Check.class, JournalCommand.Salvage.class})
final class JournalCommand {

  /** {@code headpond journal check}. */
  @Command(
      name = "check",
      description = {
        "Reads a journal and says what is in it and what is wrong with it. Changes nothing.",
        "Exit code 1 if anything is."
      },
      mixinStandardHelpOptions = true)
  static final class Check implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "The folder, for example data/journal/kv.")
    private Path folder = Path.of("");

    @Override
    public Integer call() {
      CheckReport report = JournalTool.check(folder);
      System.out.printf(
          "%s: %s%n  segments %d, records %d, pending %d, dead letters %d, remembered requests %d, %s%n",
          folder,
          report.sound() ? "sound" : "damaged, a server does not start with it",
          report.segments(),
          report.records(),
          report.pending(),
          report.parked(),
          report.requests(),
          report.closed() ? "closed properly" : "not closed (the process died)");
      report.refused().forEach(refused -> System.out.println("  " + refused));
      report.damage().forEach(damage -> System.out.println("  " + damage));
      if (!report.sound()) {
        System.out.println(
            "Restore the folder from a copy, or save what can be read: headpond journal salvage "
                + folder
                + " NEW_DIR");
      }
      return report.sound() ? Cli.DONE : Cli.ERROR;
    }
  }

  /** {@code headpond journal salvage}. */
  @Command(
      name = "salvage",
      description = {
        "Writes what can be read of a damaged journal to a new one and lists what cannot be read.",
        "The new journal is another store: its first start needs `headpond store adopt`."
      },
      mixinStandardHelpOptions = true)
  static final class Salvage implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "DIR", description = "The damaged journal; not changed.")
    private Path from = Path.of("");

    @Parameters(index = "1", paramLabel = "NEW_DIR", description = "An empty or new folder.")
    private Path to = Path.of("");

    @Override
    public Integer call() {
      SalvageReport report = JournalTool.salvage(from, to);
      System.out.printf(
          "%s: pending %d, dead letters %d, remembered requests %d%n",
          to, report.pending(), report.parked(), report.requests());
      report.damage().forEach(damage -> System.out.println("  not readable: " + damage));
      report
          .doubtful()
          .forEach(key -> System.out.println("  dead letter, compare it with its row: " + key));
      if (report.writesMayBeMissing()) {
        System.out.println("Acknowledged writes may have stood in what cannot be read.");
      }
      System.out.printf(
          "To go on with it: put %s in the place of %s, then run headpond store adopt --dataset %s%n",
          to, from, from.toAbsolutePath().getFileName());
      return Cli.DONE;
    }
  }
}
