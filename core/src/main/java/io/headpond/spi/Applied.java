package io.headpond.spi;

import io.headpond.DatabaseError;
import java.util.List;

/**
 * What became of a {@link Batch}: which of its mutations are committed, and why the others are not.
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
   * The database refuses this mutation and would again; nothing of it is there. Counts against the entry.
   *
   * @param error what the database said
   */
  public record Rejected(DatabaseError error) implements Outcome {}

  /**
   * Not applied, through no fault of its own known to be; nothing of it is there, and the others go on without it. It may go through when tried
   * again after a while: the row was locked, or what it refers to is still on its way.
   *
   * @param error why
   */
  public record Retry(DatabaseError error) implements Outcome {}

  /**
   * Not applied, since there was no time left to find out whether it is at fault; nothing of it is there. It is tried again at once: a batch whose mutations are not all skipped makes progress.
   *
   * @param because why its part of the batch did not go through
   */
  public record Skipped(DatabaseError because) implements Outcome {}
}
