package io.headpond.engine;

/**
 * Why a partition does not get its entries into the database.
 *
 * @param kind what it means for further tries
 * @param message in the database's own words
 * @param attempts how many tries have failed in a row
 * @param sinceMicros since when, by the wall clock
 */
record Trouble(Kind kind, String message, int attempts, long sinceMicros) {
  enum Kind {
    /** The database is away, or said to try again. */
    OUTAGE,
    /** A shared hot store does not answer. */
    STORE,
    /** Table or privileges are not what was checked: nothing goes through until somebody acts. It is tried again by itself. */
    BLOCKED,
    /** An error of the program, or of what is plugged into it. It is tried again by itself. */
    FAILED,
    /** A person has to decide; nothing is tried any more. */
    STOPPED
  }
}
