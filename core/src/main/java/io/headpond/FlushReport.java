package io.headpond;

import org.jspecify.annotations.Nullable;

/**
 * What a flush did.
 *
 * @param applied entries that the database has now
 * @param stale entries that the database had in a newer version already
 * @param retried entries that could not be written for a reason not their own (an outage, a lock); still pending
 * @param rejected entries that the database refused; deferred to a later try, or parked
 * @param statements how many statements were sent
 * @param remaining entries that are pending after it, deferred ones included
 * @param error the first failure, in the database's own words; null if there was none
 */
public record FlushReport(
    int applied,
    int stale,
    int retried,
    int rejected,
    int statements,
    int remaining,
    @Nullable String error) {}
