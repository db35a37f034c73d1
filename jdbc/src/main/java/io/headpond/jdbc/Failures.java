package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import io.headpond.jdbc.SqlStates.Answer;

/** Turns what the database says into the exceptions that the port promises. */
final class Failures {
  private Failures() {}

  /** The exception for something that was certainly not carried out, and that is not about rows of a batch. */
  static HeadpondException of(SqlTrouble trouble, Throwable cause) {
    return trouble.answer() == Answer.BLOCKED || trouble.answer() == Answer.CHECKED
        ? new ConfigurationException(trouble.message(), cause)
        : new UnavailableException(trouble.message(), cause);
  }
}
