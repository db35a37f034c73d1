package io.headpond.server.config;

import io.headpond.CacheSettings;
import io.headpond.RowType;
import org.jspecify.annotations.Nullable;

/**
 * A dataset as it is declared. Immutable.
 *
 * @param settings its name and how it behaves
 * @param table its table, with a schema in front if it is not on the search path
 * @param rowType its columns, without the two below
 * @param versionColumn the column that holds an entry's version; null if there is none
 * @param updatedAtColumn the column that holds the time of the last change; null if there is none
 * @param keySequence the sequence that gives new keys; null if there is none
 * @param onCreate SQL that runs when the embedded database makes the table; null if there is none
 * @param maxRequestBytes how much memory the requests of the last day may take; null for the store's default
 */
public record DatasetConfig(
    CacheSettings settings,
    String table,
    RowType rowType,
    @Nullable String versionColumn,
    @Nullable String updatedAtColumn,
    @Nullable String keySequence,
    @Nullable String onCreate,
    @Nullable Long maxRequestBytes) {

  public String name() {
    return settings.name();
  }
}
