package io.headpond.server.http;

import io.headpond.CacheStatus;
import io.headpond.CacheStatus.Health;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.lab.Lab;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A dataset that is served: its cache, and its rows as JSON. Immutable. */
public final class Dataset {
  private final DatasetConfig config;
  private final WriteBehindCache<Key, Row> cache;
  private final JsonRows rows;
  private final Lab lab;
  private final Discarded discarded;

  public Dataset(
      DatasetConfig config, WriteBehindCache<Key, Row> cache, Lab lab, Discarded discarded) {
    this.config = config;
    this.cache = cache;
    this.lab = lab;
    this.discarded = discarded;
    this.rows = new JsonRows(cache.rowType());
  }

  public String name() {
    return config.name();
  }

  public DatasetConfig config() {
    return config;
  }

  public WriteBehindCache<Key, Row> cache() {
    return cache;
  }

  /** Its values as JSON. */
  public JsonRows rows() {
    return rows;
  }

  /** The health of the cache; not UP while the lab simulates anything, so that nobody forgets that. */
  public Health health(CacheStatus status) {
    return status.health() == Health.UP && !lab.reasons().isEmpty()
        ? Health.DEGRADED
        : status.health();
  }

  /** What the lab simulates for all datasets. */
  List<String> simulated() {
    return lab.reasons();
  }

  /** The reasons for it. */
  List<String> reasons(CacheStatus status) {
    List<String> reasons = new ArrayList<>(lab.reasons());
    reasons.addAll(status.reasons());
    return reasons;
  }

  /** Keeps a letter that is going to be discarded. */
  void discard(Json line) {
    discarded.keep(line);
  }

  /** The data folder. */
  Path folder() {
    return java.util.Objects.requireNonNull(discarded.file().toAbsolutePath().getParent());
  }

  /** Where that is. */
  Path discarded() {
    return discarded.file();
  }

  /** A key as a path segment. */
  String segment(Key key) {
    RowType type = cache.rowType();
    List<Object> components = type.components(key);
    List<String> parts = new ArrayList<>(components.size());
    for (int i = 0; i < components.size(); i++) {
      parts.add(RawUri.encode(type.keyColumns().get(i).type().format(components.get(i))));
    }
    return String.join(",", parts);
  }

  /** The key of a text as {@link RowType#keyText} gives it. */
  Key keyOfText(String text) {
    int columns = cache.rowType().keyColumns().size();
    if (columns == 1) {
      return cache.rowType().parseKey(List.of(text));
    }
    List<String> components = new ArrayList<>(columns);
    for (String part : text.split(",", -1)) {
      if (!isEncoded(part)) {
        throw Problem.invalidValue(
            "key", text, "must have commas within its components as %2C and percent signs as %25");
      }
      components.add(part.replace("%2C", ",").replace("%25", "%"));
    }
    return key(text, components);
  }

  /** Whether it is a component in a key's text. */
  private static boolean isEncoded(String part) {
    int percent = part.indexOf('%');
    while (percent >= 0) {
      if (!part.startsWith("2C", percent + 1) && !part.startsWith("25", percent + 1)) {
        return false;
      }
      percent = part.indexOf('%', percent + 1);
    }
    return true;
  }

  /** The key of a path segment. */
  public Key key(String segment) {
    return key(segment, RawUri.key(segment));
  }

  private Key key(String text, List<String> components) {
    int expected = cache.rowType().keyColumns().size();
    if (components.size() != expected) {
      throw Problem.invalidValue(
          "key",
          text,
          "must have "
              + expected
              + (expected == 1 ? " component" : " components joined by commas")
              + ", has "
              + components.size()
              + "; a comma in a component is written %2C");
    }
    return cache.rowType().parseKey(components);
  }
}
