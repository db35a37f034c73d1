package io.headpond.server;

import io.headpond.server.config.ConfigFile;
import io.headpond.server.config.Overrides;
import io.headpond.server.config.ServeFlags;
import io.headpond.server.config.ServerConfig;
import io.headpond.server.config.Values;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options that say which datasets, which folder and which database are meant. */
final class ConfigOptions {
  @Option(
      names = "--config",
      paramLabel = "FILE.yaml",
      description =
          "Datasets and settings (HEADPOND_CONFIG). Default: the datasets kv and products.")
  private @Nullable Path config;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description =
          "Journals and the embedded database (HEADPOND_DATA_DIR). Default: data beside the launcher.")
  private @Nullable Path dataDir;

  @Option(
      names = "--database-url",
      paramLabel = "URL",
      description = {
        "jdbc:postgresql://host:port/db or postgres://user:password@host:port/db",
        "(HEADPOND_DATABASE_URL, HEADPOND_DATABASE_USER, HEADPOND_DATABASE_PASSWORD; without --config also",
        "DATABASE_URL).",
        "Default: an embedded PostgreSQL with its data in the data folder."
      })
  private @Nullable String databaseUrl;

  @Option(
      names = "--redis-url",
      paramLabel = "URL",
      description = {
        "redis://[[user]:password@]host[:port], for a hot store that many servers share (HEADPOND_REDIS_URL;",
        "without --config also REDIS_URL). Default: the embedded one, with its journal in the data folder."
      })
  private @Nullable String redisUrl;

  /** What the file says. */
  ConfigFile file() {
    Map<String, String> environment = System.getenv();
    String named = environment.get("HEADPOND_CONFIG");
    Path path = config != null ? config : named == null || named.isEmpty() ? null : Path.of(named);
    return path == null ? ConfigFile.shipped(environment) : ConfigFile.read(path, environment);
  }

  /** The configuration, with flags that only {@code serve} has. */
  ServerConfig resolve(ServeFlags serve) {
    return new Overrides(serve, dataDir, databaseUrl, redisUrl)
        .over(file(), System.getenv(), System.getProperty("headpond.home"));
  }

  /** Durations on the command line. */
  static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      try {
        return Values.duration(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(text + ": " + e.getMessage());
      }
    }
  }
}
