package io.headpond.server.http;

import io.headpond.Key;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.server.config.DatasetConfig;
import java.util.List;

/** A dataset that is served: its cache, and its rows as JSON. Immutable. */
public final class Dataset {
  private final DatasetConfig config;
  private final WriteBehindCache<Key, Row> cache;
  private final JsonRows rows;

  public Dataset(DatasetConfig config, WriteBehindCache<Key, Row> cache) {
    this.config = config;
    this.cache = cache;
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

  /** The key of a path segment. */
  public Key key(String segment) {
    List<String> components = RawUri.key(segment);
    int expected = cache.rowType().keyColumns().size();
    if (components.size() != expected) {
      throw Problem.invalidValue(
          "key",
          segment,
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
