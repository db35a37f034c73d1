package io.headpond.testkit.simulation;

/** What can go wrong in a run. Which of these do, and how often, is up to its {@link Scenario}. */
enum Fault {
  /** The process is killed between two steps. */
  KILL,
  /** The process is killed in the middle of a change of its disk. */
  KILL_IN_DISK_OPERATION,
  /** The power goes: of what was not forced, any part is lost. */
  POWER_LOSS,
  /** The process is stopped properly and started again. */
  RESTART,
  /** A clone of the process, disk and all, takes over while the process stands still and then goes on. */
  ZOMBIE,
  /** The wall clock jumps, forward or back. */
  CLOCK_JUMP,
  /** The database is away for a while. */
  OUTAGE,
  /** Loads fail for a while. */
  LOADS_FAIL,
  /** The disk is full for a while. */
  DISK_FULL,
  /** A write or force of the disk fails; it is the last one. */
  DISK_FAILS,
  /** Clients write rows that the database refuses for good. */
  BAD_ROWS,
  /** Clients write rows that cost the connection, and with it the batch. */
  KILLER_ROWS,
  /** The database refuses the rows of some keys for a while. */
  REFUSED_FOR_A_WHILE,
  /** The rows of some keys are locked for a while. */
  LOCKED,
  /** Another program writes rows, with versions ahead of ours. */
  FOREIGN_WRITE,
  /** The database loses what it has confirmed. */
  WENT_BACK,
  /** A transaction is turned away as a whole, as in a deadlock. */
  DEADLOCK,
  /** A request does not arrive, and the caller is told. */
  LOST_REQUEST,
  /** A request is carried out, and the caller does not learn it. */
  LOST_REPLY,
  /** A transaction is not committed, and the caller does not know. */
  LOST_COMMIT,
  /** The caller is told that the outcome is unknown, and the request is carried out later, after others. */
  LATE,
  /** A request is carried out twice in a row. */
  TWICE,
  /** A request whose reply is lost is carried out once more later, after others. */
  TWICE_AND_LATE,
  /** Requests and replies take their time, and overtake each other. */
  SLOW,
  /** The answers to loads come so late that what they say has changed meanwhile. */
  SLOW_LOADS,
  /** The steps of the hot store take their time. */
  SLOW_STORE,
  /** Limits and other settings are others after a restart. */
  OTHER_SETTINGS
}
