package io.headpond.server.config;

import io.headpond.CacheSettings;
import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Overload;
import io.headpond.RowType;
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
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
    @Nullable String host,
    @Nullable Integer port,
    @Nullable Path dataDir,
    @Nullable Duration drainTimeout,
    @Nullable String databaseUrl,
    @Nullable String databaseUser,
    @Nullable String databasePassword,
    @Nullable Duration leaseTtl,
    @Nullable LabSettings lab,
    List<DatasetConfig> datasets) {

  /** The name under which the shipped file appears in messages. */
  static final String SHIPPED = "headpond.yaml (shipped)";

  private static final Pattern NOT_NULL =
      Pattern.compile("(.*?)\\s+not\\s+null\\s*", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  static final Set<String> ROOT = Set.of("datasets", "server", "database", "lab");
  static final Set<String> SERVER = Set.of("host", "port", "dataDir", "drainTimeout");
  static final Set<String> DATABASE = Set.of("url", "user", "password", "leaseTtl");
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
          "ttl",
          "cacheSize",
          "partitions");

  private static final Duration MIN_LEASE_TTL = Duration.ofSeconds(3);
  private static final Duration MAX_LEASE_TTL = Duration.ofHours(1);
  private static final int MIN_REQUEST_BYTES = 4_096;
  private static final Function<String, Integer> COUNT = Values.integer(0, Integer.MAX_VALUE);

  public ConfigFile {
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
    Setting datasets = settings.get("datasets");
    if (datasets == null || datasets.children().isEmpty()) {
      throw root.error("datasets: missing; declare at least one dataset");
    }
    List<DatasetConfig> declared = new ArrayList<>();
    datasets.children().forEach((name, dataset) -> declared.add(dataset(name, dataset)));
    return new ConfigFile(
        text(server.get("host")),
        value(server.get("port"), Values.integer(0, 65_535)),
        value(server.get("dataDir"), Path::of),
        value(server.get("drainTimeout"), Values::duration),
        text(database.get("url")),
        text(database.get("user")),
        text(database.get("password")),
        value(database.get("leaseTtl"), ConfigFile::leaseTtl),
        lab(children(settings.get("lab"), LAB)),
        declared);
  }

  private static Duration leaseTtl(String text) {
    Duration ttl = Values.duration(text);
    if (ttl.compareTo(MIN_LEASE_TTL) < 0 || ttl.compareTo(MAX_LEASE_TTL) > 0) {
      throw new IllegalArgumentException("must be from 3s to 1h");
    }
    return ttl;
  }

  private static @Nullable LabSettings lab(Map<String, Setting> lab) {
    Boolean failures = value(lab.get("simulateFailures"), Values::bool);
    Double rate = value(lab.get("failureRate"), Values::rate);
    return failures == null && rate == null
        ? null
        : new LabSettings(
            failures != null && failures, rate == null ? LabSettings.DEFAULT_RATE : rate, false);
  }

  private static DatasetConfig dataset(String name, Setting dataset) {
    Map<String, Setting> settings = dataset.children(DATASET);
    Setting key = settings.get("key");
    if (key == null || key.isEmpty() || key.children().isEmpty()) {
      throw dataset.error("key: missing; name the key columns as `key: {column: type}`");
    }
    RowType.Builder columns = RowType.builder();
    key.children().forEach((column, type) -> columns.key(column, type.value(Values::columnType)));
    Setting values = settings.get("columns");
    if (values != null) {
      values.children().forEach((column, type) -> columns.column(column(column, type)));
    }
    RowType rowType;
    try {
      rowType = columns.build();
    } catch (ConfigurationException e) {
      throw dataset.error(String.valueOf(e.getMessage()));
    }
    String version = text(settings.get("versionColumn"));
    String updatedAt = text(settings.get("updatedAtColumn"));
    for (String own : new String[] {version, updatedAt}) {
      if (own != null && rowType.columns().stream().anyMatch(c -> c.name().equals(own))) {
        throw dataset.error(
            "columns." + own + ": Headpond writes this column itself; leave it out of the columns");
      }
    }
    if (version != null && version.equals(updatedAt)) {
      throw dataset.error("versionColumn and updatedAtColumn must not be the same column");
    }
    Setting table = settings.get("table");
    return new DatasetConfig(
        settings(name, dataset, settings, rowType),
        table == null ? name : table.text(),
        rowType,
        version,
        updatedAt,
        text(settings.get("keySequence")),
        text(settings.get("onCreate")),
        value(settings.get("maxRequestBytes"), ConfigFile::requestBytes));
  }

  private static Column column(String name, Setting declared) {
    Matcher notNull = NOT_NULL.matcher(declared.text());
    boolean nullable = !notNull.matches();
    ColumnType type = declared.value(text -> Values.columnType(nullable ? text : notNull.group(1)));
    return new Column(name, type, nullable);
  }

  private static CacheSettings settings(
      String name, Setting dataset, Map<String, Setting> settings, RowType rowType) {
    CacheSettings.Builder builder = CacheSettings.builder(name);
    durability(settings, builder);
    given(settings.get("linger"), Values::duration, builder::linger);
    given(settings.get("maxBatchSize"), COUNT, builder::maxBatchSize);
    given(settings.get("maxRetries"), COUNT, builder::maxRetries);
    given(settings.get("retryDelay"), Values::duration, builder::retryDelay);
    // Of systems that poll. Nothing polls here: it is checked, so that a mistake is told, and has
    // no effect.
    given(settings.get("pollInterval"), Values::duration, interval -> {});
    builder.tenant(tenant(settings.get("tenant"), rowType));
    given(settings.get("maxPendingEntries"), COUNT, builder::maxPendingEntries);
    given(settings.get("maxPendingBytes"), Values::bytes, builder::maxPendingBytes);
    Overload overload = overload(settings.get("overload"));
    if (overload != null) {
      builder.overload(overload);
    }
    given(settings.get("targetLag"), Values::duration, builder::targetLag);
    given(settings.get("ttl"), Values::duration, builder::ttl);
    given(settings.get("cacheSize"), COUNT, size -> builder.cacheSize(size));
    given(settings.get("partitions"), COUNT, builder::partitions);
    try {
      return builder.build();
    } catch (ConfigurationException e) {
      // "setting: value: rule", without a place.
      String message = String.valueOf(e.getMessage());
      Setting culprit = settings.get(message.substring(0, Math.max(0, message.indexOf(':'))));
      throw culprit == null
          ? dataset.error(message)
          : culprit.invalid(message.substring(message.lastIndexOf(": ") + 2));
    }
  }

  /** Given as a level, or as the answer to the question whether the database may come later, or as both if they agree. */
  private static void durability(Map<String, Setting> settings, CacheSettings.Builder builder) {
    Durability level = value(settings.get("durability"), ConfigFile::durability);
    builder.durability(level);
    Setting writeBehind = settings.get("writeBehind");
    if (writeBehind == null) {
      return;
    }
    boolean behind = writeBehind.value(Values::bool);
    if (level == null) {
      builder.durability(behind ? null : Durability.DATABASE);
    } else if (behind == (level == Durability.DATABASE)) {
      throw writeBehind.invalid(
          "contradicts durability: "
              + level.name().toLowerCase(Locale.ROOT)
              + "; keep one of them");
    }
  }

  private static @Nullable String tenant(@Nullable Setting setting, RowType rowType) {
    String tenant = text(setting);
    List<String> key = rowType.keyColumns().stream().map(Column::name).toList();
    if (setting != null && tenant != null && !key.contains(tenant)) {
      throw setting.invalid("must be a column of the key: " + String.join(", ", key));
    }
    return tenant;
  }

  private static Durability durability(String text) {
    Durability level = Values.durability(text);
    if (level == Durability.REPLICAS) {
      throw new IllegalArgumentException(
          "the embedded store has no replicas; use memory, journal, disk or database");
    }
    return level;
  }

  private static Long requestBytes(String text) {
    long bytes = Values.bytes(text);
    if (bytes < MIN_REQUEST_BYTES) {
      throw new IllegalArgumentException("must be at least " + MIN_REQUEST_BYTES);
    }
    return bytes;
  }

  private static @Nullable Overload overload(@Nullable Setting setting) {
    if (setting == null) {
      return null;
    }
    if (!setting.isMapping()) {
      if (setting.text().equals("reject")) {
        return Overload.reject();
      }
      throw setting.invalid("must be `reject` or `{wait: 5s}`");
    }
    Setting wait = setting.children(Set.of("wait")).get("wait");
    if (wait == null) {
      throw setting.invalid("must be `reject` or `{wait: 5s}`");
    }
    return Overload.waitFor(wait.value(Values::duration));
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

  private static <T> void given(
      @Nullable Setting setting, Function<String, T> parser, Consumer<? super T> use) {
    if (setting != null) {
      use.accept(setting.value(parser));
    }
  }

  private static <T> @Nullable T value(@Nullable Setting setting, Function<String, T> parser) {
    return setting == null ? null : setting.value(parser);
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("").toLowerCase(Locale.ROOT);
  }
}
