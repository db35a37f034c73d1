package io.headpond.server.config;

import io.headpond.ConfigurationException;
import io.headpond.server.lab.LabSettings;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Node;

/**
 * A configuration file, read and checked as a whole. What it does not say is null. Immutable.
 *
 * <p>Errors are {@link ConfigurationException}s of one line: file and line, path, value, rule.
 */
public record ConfigFile(
    ServerSettings server,
    List<AccessToken> tokens,
    DatabaseSettings database,
    RedisSettings redis,
    @Nullable LabSettings lab,
    List<DatasetConfig> datasets) {

  /** What stands under {@code server}. */
  public record ServerSettings(
      @Nullable String host,
      @Nullable Integer port,
      @Nullable TlsConfig tls,
      @Nullable Boolean allowAnonymous,
      @Nullable Path dataDir,
      @Nullable Duration drainTimeout,
      @Nullable Set<ServerRole> role,
      @Nullable String instance) {}

  /** What stands under {@code database}. */
  public record DatabaseSettings(
      @Nullable String url,
      @Nullable String user,
      @Nullable String password,
      @Nullable Duration leaseTtl) {}

  /** What stands under {@code redis}. */
  public record RedisSettings(@Nullable String url, @Nullable String prefix) {}

  /** The name under which the shipped file appears in messages. */
  static final String SHIPPED = "headpond.yaml (shipped)";

  static final Set<String> ROOT =
      Set.of("datasets", "server", "database", "redis", "lab", "tokens");
  static final Set<String> SERVER =
      Set.of(
          "host", "port", "dataDir", "drainTimeout", "tls", "allowAnonymous", "role", "instance");
  static final Set<String> TLS = Set.of("certificate", "key");
  static final Set<String> TOKEN = Set.of("name", "role", "hash");
  static final Set<String> DATABASE = Set.of("url", "user", "password", "leaseTtl");
  static final Set<String> REDIS = Set.of("url", "prefix");
  static final Set<String> LAB = Set.of("simulateFailures", "failureRate");
  static final Set<String> DATASET =
      Set.of(
          "table",
          "key",
          "columns",
          "versionColumn",
          "updatedAtColumn",
          "keySequence",
          "onCreate",
          "durability",
          "writeBehind",
          "linger",
          "maxBatchSize",
          "maxRetries",
          "retryDelay",
          "pollInterval",
          "tenant",
          "maxPendingEntries",
          "maxPendingBytes",
          "maxRequestBytes",
          "overload",
          "targetLag",
          "staleReads",
          "ttl",
          "cacheSize",
          "partitions");

  private static final Duration MIN_LEASE_TTL = Duration.ofSeconds(3);
  private static final Duration MAX_LEASE_TTL = Duration.ofHours(1);

  public ConfigFile {
    tokens = List.copyOf(tokens);
    datasets = List.copyOf(datasets);
  }

  /** Reads a file. */
  public static ConfigFile read(Path file, Map<String, String> environment) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new ConfigurationException(
          "config " + file + ": there is no such file; give one with --config, or leave it out", e);
    } catch (IOException e) {
      throw new ConfigurationException(
          "config " + file + ": cannot be read: " + e.getMessage() + "; check its permissions", e);
    }
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new ConfigurationException(
          "config " + file + ": is no UTF-8 text; save it as UTF-8", e);
    }
    return parse(file.toString(), text, environment);
  }

  /** The file that the jar brings: the datasets {@code kv} and {@code products}. */
  public static ConfigFile shipped(Map<String, String> environment) {
    try (InputStream in = ConfigFile.class.getResourceAsStream("/headpond.yaml")) {
      if (in == null) {
        throw new IllegalStateException("headpond.yaml is not on the class path");
      }
      return parse(SHIPPED, new String(in.readAllBytes(), StandardCharsets.UTF_8), environment);
    } catch (IOException e) {
      throw new ConfigurationException(SHIPPED + ": cannot be read: " + e.getMessage(), e);
    }
  }

  static ConfigFile parse(String file, String text, Map<String, String> environment) {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(1 << 20);
    options.setNestingDepthLimit(20);
    Node node;
    try {
      node = new Yaml(new SafeConstructor(options)).compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
      throw new ConfigurationException(
          file + ":" + line + ": not valid YAML: " + e.getProblem(), e);
    } catch (YAMLException e) {
      throw new ConfigurationException(file + ": not valid YAML: " + firstLine(e), e);
    }
    if (node == null) {
      throw new ConfigurationException(file + ": is empty; it must have `datasets:`");
    }
    return root(new Setting(file, "", node, new Placeholders(environment)));
  }

  private static ConfigFile root(Setting root) {
    Map<String, Setting> settings = root.children(ROOT);
    Map<String, Setting> server = children(settings.get("server"), SERVER);
    Map<String, Setting> database = children(settings.get("database"), DATABASE);
    Map<String, Setting> redis = children(settings.get("redis"), REDIS);
    Setting datasets = settings.get("datasets");
    if (datasets == null || datasets.children().isEmpty()) {
      throw root.error("datasets: missing; declare at least one dataset");
    }
    List<DatasetConfig> declared = new ArrayList<>();
    datasets
        .children()
        .forEach((name, dataset) -> declared.add(DatasetReader.dataset(name, dataset)));
    return new ConfigFile(
        new ServerSettings(
            Setting.text(server.get("host")),
            Setting.value(server.get("port"), Values.integer(0, 65_535)),
            tls(server.get("tls")),
            Setting.value(server.get("allowAnonymous"), Values::bool),
            Setting.value(server.get("dataDir"), Path::of),
            Setting.value(server.get("drainTimeout"), Values::duration),
            Setting.value(server.get("role"), ServerRole::parse),
            Setting.value(server.get("instance"), ConfigFile::instance)),
        tokens(settings.get("tokens")),
        new DatabaseSettings(
            Setting.text(database.get("url")),
            Setting.text(database.get("user")),
            Setting.text(database.get("password")),
            Setting.value(database.get("leaseTtl"), ConfigFile::leaseTtl)),
        new RedisSettings(Setting.text(redis.get("url")), Setting.text(redis.get("prefix"))),
        lab(children(settings.get("lab"), LAB)),
        declared);
  }

  /** Names are shown in tables, and in the database. */
  static String instance(String text) {
    if (!AccessToken.isName(text)) {
      throw new IllegalArgumentException(AccessToken.NAME_RULE);
    }
    return text;
  }

  private static @Nullable TlsConfig tls(@Nullable Setting tls) {
    if (tls == null || tls.isEmpty()) {
      return null;
    }
    Map<String, Setting> files = tls.children(TLS);
    Path certificate = Setting.value(files.get("certificate"), Path::of);
    Path key = Setting.value(files.get("key"), Path::of);
    if (certificate == null || key == null) {
      throw tls.error("must have both files: {certificate: server.crt, key: server.key}");
    }
    return new TlsConfig(certificate, key);
  }

  private static List<AccessToken> tokens(@Nullable Setting tokens) {
    List<AccessToken> all = new ArrayList<>();
    if (tokens != null && !tokens.isEmpty()) {
      for (Setting token : tokens.items()) {
        all.add(token(token, all));
      }
    }
    return all;
  }

  /** Shows no hash: somebody may have put the token itself there. */
  private static AccessToken token(Setting token, List<AccessToken> before) {
    Map<String, Setting> settings = token.children(TOKEN);
    Setting name = settings.get("name");
    Setting role = settings.get("role");
    Setting hash = settings.get("hash");
    if (name == null || role == null || hash == null) {
      throw token.error(
          "must have name, role and hash; `headpond token new` prints a line that has them");
    }
    AccessToken made =
        new AccessToken(
            name.value(
                text -> {
                  if (!AccessToken.isName(text)) {
                    throw new IllegalArgumentException(AccessToken.NAME_RULE);
                  }
                  return text;
                }),
            role.value(TokenRole::of),
            hash(hash));
    for (AccessToken other : before) {
      if (other.name().equals(made.name())) {
        throw name.invalid("another token has this name");
      }
      if (other.hash().equals(made.hash())) {
        throw hash.error("is that of " + other.name() + " already");
      }
    }
    return made;
  }

  private static String hash(Setting hash) {
    String text = hash.text();
    if (!AccessToken.isHash(text)) {
      throw hash.error(AccessToken.HASH_RULE);
    }
    return text;
  }

  private static Duration leaseTtl(String text) {
    Duration ttl = Values.duration(text);
    if (ttl.compareTo(MIN_LEASE_TTL) < 0 || ttl.compareTo(MAX_LEASE_TTL) > 0) {
      throw new IllegalArgumentException("must be from 3s to 1h");
    }
    return ttl;
  }

  private static @Nullable LabSettings lab(Map<String, Setting> lab) {
    Boolean failures = Setting.value(lab.get("simulateFailures"), Values::bool);
    Double rate = Setting.value(lab.get("failureRate"), Values::rate);
    return failures == null && rate == null
        ? null
        : new LabSettings(
            failures != null && failures, rate == null ? LabSettings.DEFAULT_RATE : rate, false);
  }

  private static Map<String, Setting> children(@Nullable Setting setting, Set<String> known) {
    return setting == null || setting.isEmpty() ? Map.of() : setting.children(known);
  }

  /** Null also for a placeholder whose variable is not set and whose default is empty. */
  private static @Nullable String text(@Nullable Setting setting) {
    if (setting == null || setting.isEmpty()) {
      return null;
    }
    String text = setting.text();
    return text.isEmpty() ? null : text;
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("").toLowerCase(Locale.ROOT);
  }
}
