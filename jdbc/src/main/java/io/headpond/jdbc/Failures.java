package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;

/** Turns what the database says into the exceptions that the port promises. */
final class Failures {
  private Failures() {}

  /** The exception for something that was certainly not carried out. */
  static HeadpondException of(SqlTrouble trouble, Throwable cause) {
    return trouble.kind() == SqlTrouble.Kind.MAPPING
        ? new ConfigurationException(trouble.message(), cause)
        : new UnavailableException(trouble.message(), cause);
  }
}
