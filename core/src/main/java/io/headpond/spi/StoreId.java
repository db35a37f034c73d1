package io.headpond.spi;

import java.util.UUID;

/**
 * Who a hot store is, as it stands in the database beside the table it owns.
 *
 * @param id never given twice
 * @param description for people: kind and place, for example {@code journal /var/lib/app/kv}
 */
public record StoreId(UUID id, String description) {}
