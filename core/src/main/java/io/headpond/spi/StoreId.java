package io.headpond.spi;

import java.util.UUID;

/**
 * Who a hot store is, as it stands in the database beside the table it owns.
 *
 * @param id never given twice
 * @param description for people: kind and place, for example {@code journal /var/lib/app/kv}
 * @param shared whether several processes use it at once, see {@link SharedStore}: then each partition is written by the one that holds its lease, which passes
 *     from one to another, and the table needs a version column
 */
public record StoreId(UUID id, String description, boolean shared) {
  /** Of a store that one process has to itself. */
  public StoreId(UUID id, String description) {
    this(id, description, false);
  }
}
