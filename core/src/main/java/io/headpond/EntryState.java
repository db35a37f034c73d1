package io.headpond;

/** The state of an entry that the hot store knows. */
public enum EntryState {
  /** The database has it. */
  CLEAN,
  /** The database does not have it yet. */
  PENDING,
  /** The database refused it: a dead letter. */
  PARKED
}
