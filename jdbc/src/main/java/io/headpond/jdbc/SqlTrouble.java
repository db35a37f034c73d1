package io.headpond.jdbc;

/**
 * An error of the database, sorted.
 *
 * @param kind what it says about what was tried
 * @param message the database's primary message and the SQLSTATE, without the detail, which holds values
 */
record SqlTrouble(Kind kind, String message) {

  enum Kind {
    /** Nothing is wrong with the rows as far as is known: connection, lock, load, shutdown. Try again later. */
    OUTAGE,
    /** Table or privileges are no longer what was checked: nothing goes through until somebody acts. */
    MAPPING,
    /** A row is refused, or a statement because of one. */
    DATA
  }
}
