package io.headpond.server.config;

import io.headpond.CacheSettings;
import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Overload;
import io.headpond.RowType;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the declaration of a dataset. Stateless. */
final class DatasetReader {
  private static final Pattern NOT_NULL =
      Pattern.compile("(.*?)\\s+not\\s+null\\s*", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  private static final int MIN_REQUEST_BYTES = 4_096;
  private static final Function<String, Integer> COUNT = Values.integer(0, Integer.MAX_VALUE);

  private DatasetReader() {}

  static DatasetConfig dataset(String name, Setting dataset) {
    Map<String, Setting> settings = dataset.children(ConfigFile.DATASET);
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
    String version = Setting.text(settings.get("versionColumn"));
    String updatedAt = Setting.text(settings.get("updatedAtColumn"));
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
        Setting.text(settings.get("keySequence")),
        Setting.text(settings.get("onCreate")),
        Setting.value(settings.get("maxRequestBytes"), DatasetReader::requestBytes));
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
    given(settings.get("staleReads"), Values::bool, builder::staleReads);
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
    Durability level = Setting.value(settings.get("durability"), Values::durability);
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
    String tenant = Setting.text(setting);
    List<String> key = rowType.keyColumns().stream().map(Column::name).toList();
    if (setting != null && tenant != null && !key.contains(tenant)) {
      throw setting.invalid("must be a column of the key: " + String.join(", ", key));
    }
    return tenant;
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

  private static <T> void given(
      @Nullable Setting setting, Function<String, T> parser, Consumer<? super T> use) {
    if (setting != null) {
      use.accept(setting.value(parser));
    }
  }
}
