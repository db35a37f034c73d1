package io.headpond.server.config;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.server.lab.LabSettings;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What stands on the command line. {@link #over} joins it with the environment and the file: flag over environment over
 * file over default. Immutable; null is what was not given.
 */
public record Overrides(
    ServeFlags serve,
    @Nullable Path dataDir,
    @Nullable String databaseUrl,
    @Nullable String redisUrl) {
  private static final String HEADPOND_DATABASE_URL = "HEADPOND_DATABASE_URL";
  private static final String DATABASE_URL = "DATABASE_URL";
  static final String DEFAULT_HOST = "127.0.0.1";
  static final int DEFAULT_PORT = 8_080;
  static final Duration DEFAULT_DRAIN_TIMEOUT = Duration.ofSeconds(30);

  /** Nothing given. */
  public static Overrides none() {
    return new Overrides(ServeFlags.NONE, null, null, null);
  }

  /**
   * The configuration.
   *
   * @param home the folder of the launcher; null if it was not started by one
   * @throws ConfigurationException if a value is none, or others would reach the address without a token
   */
  public ServerConfig over(
      ConfigFile file, Map<String, String> environment, @Nullable String home) {
    Path dataDir =
        first(
            this.dataDir,
            read(environment, "HEADPOND_DATA_DIR", Overrides::path),
            file.server().dataDir(),
            home == null ? Path.of("data") : Path.of(home, "data"));
    Duration drainTimeout =
        first(
            serve.drainTimeout(),
            read(environment, "HEADPOND_DRAIN_TIMEOUT", Values::duration),
            file.server().drainTimeout(),
            DEFAULT_DRAIN_TIMEOUT);
    return new ServerConfig(
        listen(file, environment),
        dataDir.toAbsolutePath().normalize(),
        drainTimeout,
        database(file.database(), environment),
        file.database().leaseTtl(),
        store(file, environment),
        file.lab() == null ? LabSettings.OFF : file.lab(),
        file.datasets());
  }

  private ListenConfig listen(ConfigFile file, Map<String, String> environment) {
    String host =
        first(serve.host(), text(environment, "HEADPOND_HOST"), file.server().host(), DEFAULT_HOST);
    Integer port =
        first(
            serve.port(),
            read(environment, "HEADPOND_PORT", Values.integer(0, 65_535)),
            file.server().port(),
            DEFAULT_PORT);
    if (port < 0 || port > 65_535) {
      throw new ConfigurationException("--port: " + port + ": must be from 0 to 65535");
    }
    boolean anonymous =
        serve.allowAnonymous() || Boolean.TRUE.equals(file.server().allowAnonymous());
    if (anonymous && !file.tokens().isEmpty()) {
      throw new ConfigurationException(
          (serve.allowAnonymous() ? "--allow-anonymous" : "server.allowAnonymous")
              + ": there are tokens, so nobody is anonymous; leave one of the two out");
    }
    if (!anonymous && file.tokens().isEmpty()) {
      requireLoopback(host);
    }
    return new ListenConfig(host, port, file.server().tls(), file.tokens(), anonymous);
  }

  private StoreConfig store(ConfigFile file, Map<String, String> environment) {
    String url = redisUrl != null ? redisUrl : text(environment, "HEADPOND_REDIS_URL");
    url = url != null ? url : file.redis().url();
    String prefix = file.redis().prefix() == null ? RedisConfig.PREFIX : file.redis().prefix();
    Set<ServerRole> both = EnumSet.allOf(ServerRole.class);
    Set<ServerRole> roles =
        first(
            serve.roles(),
            read(environment, "HEADPOND_ROLE", ServerRole::parse),
            file.server().role(),
            both);
    String ofEnvironment = read(environment, "HEADPOND_INSTANCE", ConfigFile::instance);
    String instance =
        serve.instance() != null
            ? serve.instance()
            : ofEnvironment != null ? ofEnvironment : file.server().instance();
    if (url == null || url.isEmpty()) {
      if (!roles.equals(both)) {
        throw new ConfigurationException(
            "role "
                + roles.iterator().next().text()
                + ": with the embedded journal one server does all of it; leave --role out, or name a"
                + " store that servers share with --redis-url");
      }
      file.datasets().forEach(Overrides::requireEmbedded);
      return new StoreConfig(null, roles, instance);
    }
    file.datasets().forEach(Overrides::requireShareable);
    return new StoreConfig(new RedisConfig(url, prefix), roles, instance);
  }

  private static void requireEmbedded(DatasetConfig dataset) {
    if (dataset.settings().durability() == Durability.REPLICAS) {
      throw new ConfigurationException(
          "datasets."
              + dataset.name()
              + ".durability: replicas: the embedded store has none; use memory, journal, disk or"
              + " database, or name a shared store with --redis-url");
    }
    if (dataset.settings().staleReads()) {
      throw new ConfigurationException(
          "datasets."
              + dataset.name()
              + ".staleReads: true: the embedded store is always there; leave it out, or name a"
              + " shared store with --redis-url");
    }
  }

  private static void requireShareable(DatasetConfig dataset) {
    if (dataset.maxRequestBytes() != null) {
      throw new ConfigurationException(
          "datasets."
              + dataset.name()
              + ".maxRequestBytes: is of the embedded store; a shared one keeps requests in its own"
              + " memory, so leave it out");
    }
  }

  private @Nullable DatabaseConfig database(
      ConfigFile.DatabaseSettings file, Map<String, String> environment) {
    String url = databaseUrl != null ? databaseUrl : text(environment, HEADPOND_DATABASE_URL);
    if (url == null) {
      url = file.url();
    } else if (databaseUrl == null) {
      refuseTwoDatabases(url, file.url(), text(environment, DATABASE_URL));
    }
    if (url == null) {
      return null;
    }
    String user = text(environment, "HEADPOND_DATABASE_USER");
    String password = text(environment, "HEADPOND_DATABASE_PASSWORD");
    try {
      return DatabaseConfig.of(
          url, user != null ? user : file.user(), password != null ? password : file.password());
    } catch (ConfigurationException e) {
      throw new ConfigurationException(origin(environment) + ": " + e.getMessage(), e);
    }
  }

  /** Where the URL of the database stands; the URL itself is not shown, it may hold a password. */
  private String origin(Map<String, String> environment) {
    if (databaseUrl != null) {
      return "--database-url";
    }
    return text(environment, HEADPOND_DATABASE_URL) != null
        ? "environment variable " + HEADPOND_DATABASE_URL
        : "database.url in the configuration"
            + (text(environment, DATABASE_URL) == null ? "" : " or " + DATABASE_URL);
  }

  /**
   * A file may take its URL from {@code DATABASE_URL}, as the shipped one does. If that variable and our own name different
   * databases, nobody can know which is meant.
   */
  private static void refuseTwoDatabases(
      String ours, @Nullable String ofFile, @Nullable String common) {
    if (common != null
        && common.equals(ofFile)
        && !DatabaseConfig.of(ours, null, null).equals(DatabaseConfig.of(common, null, null))) {
      throw new ConfigurationException(
          "environment variables "
              + HEADPOND_DATABASE_URL
              + " and "
              + DATABASE_URL
              + " name different databases; unset one of them, or say --database-url");
    }
  }

  private static void requireLoopback(String host) {
    boolean loopback;
    try {
      loopback = InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new ConfigurationException("host " + host + ": no such address; use 127.0.0.1", e);
    }
    if (!loopback) {
      throw new ConfigurationException(
          "host "
              + host
              + ": whoever reaches this address could read and write everything; declare tokens"
              + " (`headpond token new`), or say --allow-anonymous");
    }
  }

  private static Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("must be a path", e);
    }
  }

  private static @Nullable String text(Map<String, String> environment, String name) {
    String value = environment.get(name);
    return value == null || value.isEmpty() ? null : value;
  }

  private static <T> @Nullable T read(
      Map<String, String> environment, String name, Function<String, T> parser) {
    String value = text(environment, name);
    if (value == null) {
      return null;
    }
    try {
      return parser.apply(value);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(
          "environment variable " + name + ": " + value + ": " + e.getMessage(), e);
    }
  }

  private static <T> T first(
      @Nullable T flag, @Nullable T environment, @Nullable T file, T otherwise) {
    return flag != null
        ? flag
        : environment != null ? environment : file != null ? file : otherwise;
  }
}
