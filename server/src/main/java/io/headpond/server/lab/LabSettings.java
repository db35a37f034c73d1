package io.headpond.server.lab;

/**
 * What the lab simulates. Immutable.
 *
 * @param simulateFailures whether rows are refused that the database would take
 * @param failureRate how likely each attempt of each row is refused then, from 0 to 1
 * @param outage whether every request to the database fails
 */
public record LabSettings(boolean simulateFailures, double failureRate, boolean outage) {
  /** The rate where none is given. */
  public static final double DEFAULT_RATE = 0.5;

  /** What a rate must be, for messages. */
  public static final String RATE_RULE = "must be a number from 0 to 1";

  /** Nothing is simulated. */
  public static final LabSettings OFF = new LabSettings(false, DEFAULT_RATE, false);

  public LabSettings {
    if (!isRate(failureRate)) {
      throw new IllegalArgumentException(RATE_RULE);
    }
  }

  /** Whether a number can be a rate. */
  public static boolean isRate(double number) {
    return number >= 0 && number <= 1;
  }
}
