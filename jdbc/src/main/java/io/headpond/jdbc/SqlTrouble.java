package io.headpond.jdbc;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.jdbc.SqlStates.Answer;
import io.headpond.spi.Applied;

/**
 * An error of the database, sorted.
 *
 * @param answer what is done about it
 * @param error the database's primary message and the SQLSTATE, without the detail, which holds values
 */
record SqlTrouble(Answer answer, DatabaseError error) {
  private static final String STATEMENT_COMPLETION_UNKNOWN = "40003";

  /** Whether rows can be at fault, so that others may go through without them. */
  boolean ofRows() {
    return answer != Answer.RETRY && answer != Answer.BLOCKED;
  }

  /** What it means for a row that is alone with it. */
  Applied.Outcome ofOneRow() {
    return answer == Answer.REJECTED ? new Applied.Rejected(error) : new Applied.Retry(error);
  }

  /** Whether a COMMIT that was answered with it surely committed nothing. */
  boolean decidesCommit() {
    return ofRows()
        && !STATEMENT_COMPLETION_UNKNOWN.equals(error.code())
        && (answer != Answer.SUSPECT || error.errorClass() != ErrorClass.UNKNOWN);
  }

  /** For people, with the SQLSTATE. */
  String message() {
    return error.toString();
  }
}
