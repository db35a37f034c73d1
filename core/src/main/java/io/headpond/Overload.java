package io.headpond;

import java.time.Duration;

/**
 * What happens to a write when as much is pending as may be.
 *
 * @param deadline how long it waits for room before it fails with {@link OverloadedException}; zero to
 *     fail at once
 */
public record Overload(Duration deadline) {
  public Overload {
    if (deadline.isNegative()) {
      throw new ConfigurationException("overload: " + deadline + ": must not be negative");
    }
  }

  /** Fail at once. */
  public static Overload reject() {
    return new Overload(Duration.ZERO);
  }

  /** Wait for room, at most so long. */
  public static Overload waitFor(Duration deadline) {
    return new Overload(deadline);
  }
}
