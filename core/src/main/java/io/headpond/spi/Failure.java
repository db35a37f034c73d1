package io.headpond.spi;

/**
 * Why an entry was deferred or parked.
 *
 * @param message in the database's own words
 * @param conflict whether it was parked because the database holds a newer version that is none of
 *     ours; the store then serves what the database has, not the parked value
 * @param micros when, in microseconds since the epoch
 */
public record Failure(String message, boolean conflict, long micros) {}
