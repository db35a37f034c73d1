package io.headpond.spi;

import io.headpond.Key;
import io.headpond.Row;
import org.jspecify.annotations.Nullable;

/**
 * A row as the database has it.
 *
 * @param key the key that was asked for
 * @param row its value; null if there is no such row
 * @param version the version that stands in it; 0 if there is no row or the table has no version column
 */
public record Loaded(Key key, @Nullable Row row, long version) {}
