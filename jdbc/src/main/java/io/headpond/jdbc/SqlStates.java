package io.headpond.jdbc;

import static io.headpond.jdbc.SqlStates.Answer.BLOCKED;
import static io.headpond.jdbc.SqlStates.Answer.CHECKED;
import static io.headpond.jdbc.SqlStates.Answer.REJECTED;
import static io.headpond.jdbc.SqlStates.Answer.RETRY;
import static io.headpond.jdbc.SqlStates.Answer.SUSPECT;

import io.headpond.ErrorClass;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is done about an error, by its SQLSTATE: the one table. It stands in {@code docs/operating.md} too, and a test compares the two.
 *
 * <p>The guiding question: may the same row be refused again for ever, or is the database not itself? What may be an outage counts against no row.
 */
final class SqlStates {
  private SqlStates() {}

  /** What is done. */
  enum Answer {
    /**
     * Nothing is known against the rows: of a lease the whole batch later; of the rows smaller batches, and nothing is counted but what costs the connection
     * alone.
     */
    RETRY,
    /** The rows are found and deferred, and not counted: they are never parked for it. */
    SUSPECT,
    /** The rows are found, deferred and counted: they are parked after the last retry. */
    REJECTED,
    /** The table is checked as at the start: if it no longer fits as BLOCKED, else as SUSPECT. */
    CHECKED,
    /** Nothing goes through until somebody acts; nothing is parked. */
    BLOCKED
  }

  /**
   * A row of the table.
   *
   * @param state a SQLSTATE, or how those of a class begin; empty for all others
   * @param errorClass what a row's error is called
   * @param meaning for people
   * @param cure what an operator does
   */
  record Rule(String state, Answer answer, ErrorClass errorClass, String meaning, String cure) {}

  static final List<Rule> RULES =
      List.of(
          new Rule(
              "08",
              RETRY,
              ErrorClass.CONNECTION,
              "no connection, or it was lost",
              "bring server or network back"),
          new Rule(
              "0A000",
              RETRY,
              ErrorClass.CONNECTION,
              "a prepared plan no longer fits the table; gone with a new connection",
              "nothing; if it stays, look for a trigger that does what the server does not support"),
          new Rule(
              "20",
              REJECTED,
              ErrorClass.RAISED,
              "a function of the table found no case for the row",
              "correct the value or the function"),
          new Rule(
              "21",
              REJECTED,
              ErrorClass.RAISED,
              "a function of the table found several rows where it expects one",
              "correct the value or the function"),
          new Rule(
              "22",
              REJECTED,
              ErrorClass.VALUE,
              "a value that the column cannot take: range, length, format, encoding",
              "correct the value, or the column and start again"),
          new Rule(
              "23",
              REJECTED,
              ErrorClass.CONSTRAINT,
              "a unique, check, exclusion or not-null constraint",
              "correct the value, or the constraint"),
          new Rule(
              "23503",
              REJECTED,
              ErrorClass.FOREIGN_KEY,
              "the row that this one refers to is not there, or another still refers to it; not counted"
                  + " while a dataset of that table has older entries pending",
              "write the missing row and retry the letter (if both go through one process of Headpond it is"
                  + " retried by itself); or correct the reference"),
          new Rule(
              "25",
              RETRY,
              ErrorClass.CONNECTION,
              "the transaction was ended or is in a state of its own",
              "nothing; it is begun anew"),
          new Rule(
              "25006",
              RETRY,
              ErrorClass.CONNECTION,
              "the server is read-only or a standby",
              "promote it, or point the URL at the primary"),
          new Rule(
              "25P04",
              RETRY,
              ErrorClass.TIMEOUT,
              "the transaction took longer than transaction_timeout; smaller batches are tried",
              "look for what slows the table down"),
          new Rule(
              "26000",
              RETRY,
              ErrorClass.CONNECTION,
              "a prepared statement is gone",
              "let no pooler share sessions between transactions"),
          new Rule(
              "27",
              REJECTED,
              ErrorClass.RAISED,
              "a trigger changed the very row that was being written",
              "correct the trigger"),
          new Rule(
              "28",
              BLOCKED,
              ErrorClass.UNKNOWN,
              "user or password are refused",
              "correct them, or pg_hba.conf"),
          new Rule(
              "2D",
              REJECTED,
              ErrorClass.RAISED,
              "a function of the table tried to end the transaction",
              "correct the function"),
          new Rule(
              "2F",
              REJECTED,
              ErrorClass.RAISED,
              "a function of the table failed",
              "correct the value or the function"),
          new Rule(
              "38",
              REJECTED,
              ErrorClass.RAISED,
              "a function of the table failed outside of the server",
              "correct the value or the function"),
          new Rule(
              "39",
              REJECTED,
              ErrorClass.RAISED,
              "a function of the table returned what it must not",
              "correct the value or the function"),
          new Rule(
              "3D",
              BLOCKED,
              ErrorClass.UNKNOWN,
              "there is no such database",
              "correct the URL, or restore it"),
          new Rule(
              "3F",
              CHECKED,
              ErrorClass.RAISED,
              "there is no such schema",
              "restore it; if the table itself fits, look into its triggers"),
          new Rule(
              "40",
              SUSPECT,
              ErrorClass.LOCKED,
              "a deadlock or a serialization failure",
              "nothing; if it is frequent, find the other transaction"),
          new Rule(
              "42",
              CHECKED,
              ErrorClass.RAISED,
              "a table, column, type, function or index is not there or another one",
              "restore it; if the table itself fits, look into its triggers"),
          new Rule(
              "42501",
              BLOCKED,
              ErrorClass.UNKNOWN,
              "a privilege is missing",
              "grant what is missing"),
          new Rule(
              "44",
              REJECTED,
              ErrorClass.CONSTRAINT,
              "the check option of a view",
              "correct the value"),
          new Rule(
              "53",
              RETRY,
              ErrorClass.UNKNOWN,
              "the server is out of disk, memory or connections",
              "free what is full"),
          new Rule(
              "54",
              REJECTED,
              ErrorClass.VALUE,
              "the value goes beyond a limit of the server, as that of an index row",
              "shorten the value, or drop the index"),
          new Rule(
              "55",
              SUSPECT,
              ErrorClass.UNKNOWN,
              "something of the table is not in the state that it needs, as a missing replica identity",
              "do what the message says"),
          new Rule(
              "55006",
              SUSPECT,
              ErrorClass.LOCKED,
              "the table is in use in another way",
              "nothing; it is tried again"),
          new Rule(
              "55P03",
              SUSPECT,
              ErrorClass.LOCKED,
              "somebody holds the row's lock for longer than lock_timeout",
              "find the session in pg_stat_activity, end it if it is forgotten"),
          new Rule(
              "57",
              RETRY,
              ErrorClass.CONNECTION,
              "the server starts, stops or ended the session",
              "nothing, or start it"),
          new Rule(
              "57014",
              SUSPECT,
              ErrorClass.TIMEOUT,
              "a statement took longer than statement_timeout, or was cancelled; the slow rows are searched for"
                  + " in small parts, then in smaller batches",
              "look for what slows the table down"),
          new Rule(
              "58",
              RETRY,
              ErrorClass.UNKNOWN,
              "the server cannot read or write its files",
              "look into the server's log"),
          new Rule(
              "F0",
              RETRY,
              ErrorClass.UNKNOWN,
              "the server's configuration cannot be read",
              "look into the server's log"),
          new Rule(
              "HV",
              SUSPECT,
              ErrorClass.UNKNOWN,
              "a foreign table that a trigger uses cannot be reached",
              "bring the foreign server back"),
          new Rule(
              "P0",
              REJECTED,
              ErrorClass.RAISED,
              "a trigger or function raised an error of its own",
              "correct the value, or what the trigger asks for"),
          new Rule(
              "XX",
              SUSPECT,
              ErrorClass.UNKNOWN,
              "an internal error of the server",
              "look into the server's log; check the disk"),
          new Rule(
              "",
              REJECTED,
              ErrorClass.UNKNOWN,
              "none that we know",
              "look it up in the database's manual"));

  /** Of errors that the server did not make: the driver's and the pool's. */
  private static final Rule NO_STATE = RULES.get(0);

  /** The most specific rule. */
  static Rule of(@Nullable String state) {
    if (state == null || state.length() != 5) {
      return NO_STATE;
    }
    Rule found = RULES.get(RULES.size() - 1);
    for (Rule rule : RULES) {
      if (state.startsWith(rule.state()) && rule.state().length() > found.state().length()) {
        found = rule;
      }
    }
    return found;
  }
}
