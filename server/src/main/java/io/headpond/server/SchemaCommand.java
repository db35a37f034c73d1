package io.headpond.server;

import io.headpond.jdbc.JdbcDatabase;
import io.headpond.jdbc.JdbcTable;
import io.headpond.server.config.DatasetConfig;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headpond schema}. */
@Command(
    name = "schema",
    description = {
      "Prints the SQL of Headpond's own tables and of the datasets' tables.",
      "For a database in which the server's user may not create tables."
    },
    mixinStandardHelpOptions = true)
final class SchemaCommand implements Callable<Integer> {
  @Mixin private final ConfigOptions options = new ConfigOptions();

  @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one. Default: all.")
  private @Nullable String dataset;

  @Option(
      names = "--schema",
      paramLabel = "NAME",
      description = "Where Headpond's own tables go. Default: public.")
  private String schema = "public";

  @Override
  public Integer call() {
    System.out.println(JdbcDatabase.schema(schema));
    // Which one does not matter: nothing connects.
    JdbcDatabase.Builder database = JdbcDatabase.postgres("jdbc:postgresql:");
    for (DatasetConfig declared : options.file().datasets()) {
      if (dataset == null || dataset.equals(declared.name())) {
        JdbcTable table = Backend.mapped(database.table(declared.table()), declared);
        System.out.println(table.createStatement(declared.rowType()));
        System.out.println(
            "\n-- If the table is there without a column for the versions, which a hot store that servers share"
                + " needs:\n-- "
                + table.versionColumnStatement().strip().replace("\n", "\n-- ")
                + "\n");
      }
    }
    return Cli.DONE;
  }
}
