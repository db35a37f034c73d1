package io.headpond.server;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.config.ServeFlags;
import io.headpond.server.config.ServerConfig;
import io.headpond.server.lab.Lab;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headpond store}: which store a table is tied to. */
@Command(
    name = "store",
    description = "Changes which store a table is tied to.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = StoreCommand.Adopt.class)
final class StoreCommand {

  /** {@code headpond store adopt}. */
  @Command(
      name = "adopt",
      description = {
        "Ties a dataset's table to the journal in this data folder, or to the shared hot store, away from the store that has it now.",
        "That store can no longer write to the table, and what is pending in it will not arrive.",
        "Also accepts a database that went back (a restored backup, a failover). Both servers must be stopped."
      },
      mixinStandardHelpOptions = true)
  static final class Adopt implements Callable<Integer> {
    @Option(names = "--dataset", required = true, paramLabel = "NAME", description = "Whose table.")
    private String dataset = "";

    @Option(names = "--yes", description = "Do it; without this it only says what it would do.")
    private boolean yes;

    @Mixin private final ConfigOptions options = new ConfigOptions();

    @Override
    @SuppressWarnings("try")
    public Integer call() {
      ServerConfig config = options.resolve(ServeFlags.NONE);
      DatasetConfig chosen =
          config.datasets().stream()
              .filter(d -> d.name().equals(dataset))
              .findFirst()
              .orElseThrow(
                  () ->
                      new ConfigurationException(
                          "dataset "
                              + dataset
                              + " is not in the configuration; there are "
                              + String.join(
                                  ", ",
                                  config.datasets().stream().map(DatasetConfig::name).toList())));
      String store =
          config.store().redis() == null
              ? "the journal in " + config.journal(chosen)
              : "the hot store at " + config.store().redis().shown();
      if (!yes) {
        System.out.println(
            "The table "
                + chosen.table()
                + " would be tied to "
                + store
                + ". The store that has it now could no longer write to it; what is pending there"
                + " would not arrive. Stop that server first, and let it drain if it can.");
        throw new ConfigurationException("nothing was done; say --yes to do it");
      }
      try (DataFolder folder = DataFolder.open(config.dataDir());
          Backend backend = Backend.open(config, new Lab());
          WriteBehindCache<Key, Row> cache = backend.cache(chosen, true)) {
        System.out.println(
            "The table "
                + chosen.table()
                + " is tied to "
                + store
                + ". Pending in it: "
                + cache.status().pendingEntries()
                + ".");
      }
      return Cli.DONE;
    }
  }
}
