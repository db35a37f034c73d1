package io.headpond;

import java.util.Locale;

/** What kind of error kept an entry from the database; which SQLSTATE is which stands in {@code docs/operating.md}. */
public enum ErrorClass {
  /** A unique, check, exclusion or not-null constraint. */
  CONSTRAINT,
  /** The row that this one refers to is not there, or another one still refers to it. */
  FOREIGN_KEY,
  /** The value does not fit the column: type, length, range, encoding. */
  VALUE,
  /** A trigger or function raised an error of its own. */
  RAISED,
  /** The statement changed nothing: a trigger or rule swallowed the row. */
  SWALLOWED,
  /** The database holds a newer version that is none of ours. */
  CONFLICT,
  /** Another transaction held the row, or had to go first: lock timeout, deadlock, serialization failure. Never counts against the row. */
  LOCKED,
  /** The statement took longer than it may. Never counts against the row. */
  TIMEOUT,
  /** The row alone cost the connection. */
  CONNECTION,
  /** Made up by the lab, see {@code docs/operating.md}. */
  SIMULATED,
  /** None that we know. */
  UNKNOWN;

  /** As it is written in JSON and on the command line: {@code foreign-key}. */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
