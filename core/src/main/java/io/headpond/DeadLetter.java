package io.headpond;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An entry that the database refused as often as it may: parked, kept, and not tried again by itself. A later write of its key takes
 * its place.
 *
 * @param key the entry
 * @param keyText the key as text, as lists are ordered by it
 * @param value what was to be written; null if the entry was to be removed
 * @param version of that write; names the letter
 * @param attempts how often the database has refused it
 * @param first when it did for the first time
 * @param last when it did for the last time
 * @param error what it said then
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public record DeadLetter<K, V>(
    K key,
    String keyText,
    @Nullable V value,
    long version,
    int attempts,
    Instant first,
    Instant last,
    DatabaseError error) {}
