package io.headpond.spi;

import java.util.List;

/**
 * What became of a {@link Batch}.
 *
 * @param outcomes one for each mutation, in the order of the batch
 * @param statements how many statements were sent for it
 */
public record Applied(List<Outcome> outcomes, int statements) {
  public Applied {
    outcomes = List.copyOf(outcomes);
  }

  /** What became of one mutation. */
  public sealed interface Outcome {}

  /** The database has exactly this, proven by what the statement or a read in the same transaction returned. */
  public record Done() implements Outcome {
    /** The one value. */
    public static final Done INSTANCE = new Done();
  }

  /**
   * The row holds a newer version and was left alone.
   *
   * @param version the version that stands there
   */
  public record Stale(long version) implements Outcome {}

  /**
   * The database refuses this mutation and would again; nothing of it is there.
   *
   * @param message in the database's own words
   */
  public record Rejected(String message) implements Outcome {}

  /**
   * Not applied, through no fault of its own known to be; nothing of it is there. It may go through when tried again.
   *
   * @param message why
   */
  public record Retry(String message) implements Outcome {}
}
