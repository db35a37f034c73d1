package io.headpond.engine;

/**
 * Why a partition does not get its entries into the database.
 *
 * @param kind what it means for further tries
 * @param message in the database's own words
 * @param attempts how many tries have failed in a row
 */
record Trouble(Kind kind, String message, int attempts) {
  enum Kind {
    /** The database is away, or said to try again. */
    OUTAGE,
    /** A person has to decide; nothing is tried any more. */
    STOPPED
  }
}
