package io.headpond.server;

import io.headpond.ConfigurationException;
import io.headpond.journal.JournalTool;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.config.ServerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Journals of datasets that are no longer configured: what is pending in them would be forgotten. */
final class AbandonedJournals {
  private AbandonedJournals() {}

  /**
   * Refuses to start while one of them has pending entries.
   *
   * @throws ConfigurationException that names the dataset, how much is pending, and what to do
   */
  static void refuse(ServerConfig config) {
    boolean shared = config.store().shared();
    Set<String> configured =
        config.datasets().stream().map(DatasetConfig::name).collect(Collectors.toSet());
    for (Path folder : folders(config.journals())) {
      String dataset = folder.getFileName().toString();
      boolean declared = configured.contains(dataset);
      if (declared && !shared) {
        continue;
      }
      long pending = JournalTool.pending(folder);
      if (pending > 0) {
        throw new ConfigurationException(
            "dataset "
                + dataset
                + (declared
                    ? " is to be kept in Redis, but "
                    : " is not in the configuration, but ")
                + pending
                + " of its entries are still pending in "
                + folder
                + (declared
                    ? "; start once without Redis and let it drain, or move that folder away to give"
                        + " them up"
                    : "; put it back and let it drain, or move that folder away to give them up"));
      }
    }
  }

  private static List<Path> folders(Path journals) {
    if (!Files.isDirectory(journals)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(journals)) {
      return entries.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      throw new ConfigurationException(
          "data folder " + journals + ": cannot be read: " + DataFolder.reason(e), e);
    }
  }
}
