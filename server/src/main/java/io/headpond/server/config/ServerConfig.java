package io.headpond.server.config;

import io.headpond.server.lab.LabSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that a server is told. Immutable.
 *
 * @param listen where it listens, and to whom
 * @param dataDir where the journals are, and the database if it is the embedded one. Default: {@code data} beside the
 *     launcher, or in the working directory
 * @param drainTimeout how long a stop may take to write what is pending. Default 30 s
 * @param database the user's own database; null, the default, for the embedded one
 * @param leaseTtl how long a lease is good without being renewed; null for the adapter's default
 * @param store where the hot store is, and what of the work this server does. Default: the embedded one, all
 * @param lab what the lab simulates from the start on. Default: nothing
 * @param datasets in the order of the file. Default: {@code kv} and {@code products}
 */
public record ServerConfig(
    ListenConfig listen,
    Path dataDir,
    Duration drainTimeout,
    @Nullable DatabaseConfig database,
    @Nullable Duration leaseTtl,
    StoreConfig store,
    LabSettings lab,
    List<DatasetConfig> datasets) {
  public ServerConfig {
    datasets = List.copyOf(datasets);
  }

  /** The same with another lab. */
  public ServerConfig withLab(LabSettings changed) {
    return new ServerConfig(
        listen, dataDir, drainTimeout, database, leaseTtl, store, changed, datasets);
  }

  /** The folder of all journals. */
  public Path journals() {
    return dataDir.resolve("journal");
  }

  /** The folder of a dataset's journal. */
  public Path journal(DatasetConfig dataset) {
    return journals().resolve(dataset.name());
  }

  /** The folder of the embedded database. */
  public Path postgres() {
    return dataDir.resolve("postgres");
  }
}
