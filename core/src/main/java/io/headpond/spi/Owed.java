package io.headpond.spi;

/**
 * What the database does not have of an entry.
 *
 * @param since the lowest version of which it is not known that the database has it or a newer one; 0 if nothing is owed
 * @param parked whether it is a dead letter, also where reads are given what the database has instead
 */
public record Owed(long since, boolean parked) {
  /** The database has all of it. */
  public static final Owed NOTHING = new Owed(0, false);

  /** Whether the database has this version or a newer one. */
  public boolean settled(long version) {
    return since == 0 || since > version;
  }
}
