package io.headpond;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An entry that the database does not have yet.
 *
 * @param key the key's text
 * @param version the version of its newest write
 * @param remove whether that write removes the entry
 * @param state {@link EntryState#PENDING} or {@link EntryState#PARKED}
 * @param age how long the oldest write that it carries has been waiting
 * @param attempts how often the database has refused this entry; failures that were not its own do not count
 * @param due when it is tried again, if it is deferred; else null
 * @param error the database's error at the last attempt; null if there has been none
 */
public record PendingEntry(
    String key,
    long version,
    boolean remove,
    EntryState state,
    Duration age,
    int attempts,
    @Nullable Instant due,
    @Nullable DatabaseError error) {}
