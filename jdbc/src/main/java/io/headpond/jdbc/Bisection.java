package io.headpond.jdbc;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.UnreadableRowException;
import io.headpond.jdbc.SqlStates.Answer;
import io.headpond.spi.Applied;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes what can be written of a batch that was refused, in one transaction: halves behind a savepoint, until the rows at fault are alone.
 *
 * <p><b>Cost.</b> Two round trips for each part that is tried: one that keeps or takes back what was done before (there is only ever one
 * savepoint), and the write. A half is not tried as a whole if its other half went through, since the fault must be in it.
 *
 * <p><b>Bounds.</b> {@link #MOST_STATEMENTS}, and a time. Each statement's own limit is cut to what is left of the time; where the batch ran into its limit,
 * to a share that goes by how many rows it has, so that one slow row leaves time for the others. What was not looked at is to be tried
 * again, and the rest is kept.
 *
 * <p><b>Order.</b> A row that is refused for the lack of another, or for one that is in its way, is tried again after that may have been written or removed.
 * If it may be owed by another dataset, it is not counted.
 *
 * <p>For one use; not thread-safe.
 */
final class Bisection {
  /**
   * Ten bad rows of a thousand take 300 at most, if each part is one statement. At 5 ms for each it is 2.5 s, a fourth of what the default time allows.
   */
  static final int MOST_STATEMENTS = 512;

  /** Missing or referring row, unique value, exclusion: may be cured by what is written after it. */
  private static final Set<String> CURABLE = Set.of("23503", "23505", "23P01");

  private static final long SMALLEST_SHARE = 32;

  private final Dialect dialect;
  private final Connection connection;
  private final RowWriter rows;
  private final Limits limits;
  private final Parents parents;
  private final Runnable check;

  /** How many parts had been written when the row at a place was refused. */
  private final int[] refusedAfter;

  private final long beganNanos = System.nanoTime();
  private boolean byTime;
  private boolean begun;
  private boolean failed;
  private boolean checked;
  private boolean timedOut;
  private int written;

  /**
   * @param check throws {@link io.headpond.ConfigurationException} if the table is no longer what was checked
   */
  Bisection(
      Dialect dialect,
      Connection connection,
      RowWriter rows,
      Limits limits,
      Parents parents,
      Runnable check) {
    this.dialect = dialect;
    this.connection = connection;
    this.rows = rows;
    this.limits = limits;
    this.parents = parents;
    this.check = check;
    this.refusedAfter = new int[rows.mutations().size()];
  }

  /**
   * Writes what can be written. Every mutation has an outcome afterwards.
   *
   * @param first why the batch was refused as a whole
   */
  void run(SqlTrouble first) throws SQLException {
    byTime = first.error().errorClass() == ErrorClass.TIMEOUT;
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < rows.mutations().size(); i++) {
      all.add(i);
    }
    // Who was in a deadlock may well go through the next time. Everything else would be refused
    // again.
    boolean mayPass = all.size() == 1 || String.valueOf(first.error().code()).startsWith("40");
    write(all, first, !mayPass);
    writeAgain(first);
    if (failed) {
      send("ROLLBACK TO SAVEPOINT s");
    }
  }

  /** Whether a statement ran into its time limit. */
  boolean timedOut() {
    return timedOut;
  }

  /**
   * Writes what can be written of a part.
   *
   * @param because of a part that it belongs to
   * @param surely whether it would be refused as a whole
   * @return whether all of it was written
   */
  private boolean write(List<Integer> part, SqlTrouble because, boolean surely)
      throws SQLException {
    SqlTrouble trouble = because;
    if (!surely) {
      if (exhausted()) {
        leave(part, because);
        return false;
      }
      SqlTrouble found = tryToWrite(part);
      if (found == null) {
        return true;
      }
      if (part.size() == 1) {
        rows.setOutcome(part.get(0), found.ofOneRow());
        refusedAfter[part.get(0)] = written;
        return false;
      }
      trouble = found;
    }
    int middle = part.size() / 2;
    boolean first = write(part.subList(0, middle), trouble, false);
    List<Integer> second = part.subList(middle, part.size());
    // A sum of times is no fault of the half that is left.
    boolean inSecond = first && second.size() > 1 && !byTime;
    write(second, trouble, inSecond);
    return false;
  }

  private @Nullable SqlTrouble tryToWrite(List<Integer> part) throws SQLException {
    prepare(part.size());
    SqlTrouble trouble;
    try {
      rows.write(part);
      written++;
      return null;
    } catch (SQLException e) {
      trouble = dialect.trouble(e);
      if (!trouble.ofRows()) {
        throw e;
      }
    } catch (UnreadableRowException e) {
      trouble = unreadable(e);
    }
    failed = true;
    timedOut |= trouble.error().errorClass() == ErrorClass.TIMEOUT;
    if (trouble.answer() == Answer.CHECKED && !checked) {
      checked = true;
      check.run();
    }
    return trouble;
  }

  /** The row that stands there is nothing that the mapping can take: so it cannot be proven what became of ours. */
  static SqlTrouble unreadable(UnreadableRowException e) {
    return new SqlTrouble(
        Answer.REJECTED, DatabaseError.of(ErrorClass.VALUE, String.valueOf(e.getMessage())));
  }

  /** Keeps what the part before has done, or takes it back, and limits what the next may take. */
  private void prepare(int size) throws SQLException {
    String before =
        !begun
            ? "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL lock_timeout = "
                + limits.searchLockMillis()
                + "; SAVEPOINT s"
            : failed ? "ROLLBACK TO SAVEPOINT s" : "RELEASE SAVEPOINT s; SAVEPOINT s";
    begun = true;
    failed = false;
    send(before + "; SET LOCAL statement_timeout = " + statementMillis(size));
  }

  private void send(String sql) throws SQLException {
    rows.count(1);
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private long statementMillis(int size) {
    long left = Math.max(1, limits.searchMillis() - spentMillis());
    long share =
        Math.max(
            limits.searchMillis() / SMALLEST_SHARE,
            limits.searchMillis() * size / 2 / rows.mutations().size());
    return byTime ? Math.min(left, share) : left;
  }

  private long spentMillis() {
    return (System.nanoTime() - beganNanos) / 1_000_000;
  }

  private boolean exhausted() {
    return rows.sent() >= MOST_STATEMENTS
        || limits.searchMillis() - spentMillis() < limits.searchMillis() / SMALLEST_SHARE;
  }

  private void leave(List<Integer> part, SqlTrouble because) {
    Applied.Outcome outcome =
        new Applied.Retry(
            new DatabaseError(
                because.error().errorClass(),
                because.error().code(),
                "not written: there was no time to find out whether this one is at fault for: "
                    + because.error().message()));
    for (int at : part) {
      if (rows.outcome(at) == null) {
        rows.setOutcome(at, outcome);
      }
    }
  }

  /** While it helps, what is curable. */
  private void writeAgain(SqlTrouble first) throws SQLException {
    // First how current the others are, then the rows once more: so none counts whose parent came
    // in
    // between.
    long current = refused(ErrorClass.FOREIGN_KEY).isEmpty() ? Long.MAX_VALUE : currentUpTo();
    boolean again = current < Long.MAX_VALUE;
    while (true) {
      List<Integer> curable = curable(again);
      int before = written;
      if (curable.isEmpty() || exhausted()) {
        break;
      }
      write(curable, first, false);
      again = false;
      if (written == before) {
        break;
      }
    }
    for (int at : refused(ErrorClass.FOREIGN_KEY)) {
      if (rows.mutations().get(at).version() > current
          && rows.outcome(at) instanceof Applied.Rejected refused) {
        rows.setOutcome(at, new Applied.Retry(refused.error()));
      }
    }
  }

  private long currentUpTo() throws SQLException {
    long current = Long.MAX_VALUE;
    for (String schema : parents.schemas()) {
      prepare(1);
      rows.count(1);
      try {
        current = Math.min(current, parents.currentUpTo(connection, schema));
      } catch (SQLException e) {
        Answer answer = dialect.trouble(e).answer();
        if (answer != Answer.CHECKED && answer != Answer.BLOCKED) {
          throw e;
        }
        // No table of ours there, or not for this user: none of a dataset of ours.
        failed = true;
      }
    }
    return current;
  }

  private List<Integer> refused(ErrorClass errorClass) {
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < rows.mutations().size(); i++) {
      if (rows.outcome(i) instanceof Applied.Rejected refused
          && refused.error().errorClass() == errorClass) {
        found.add(i);
      }
    }
    return found;
  }

  /**
   * Rows that something was written after.
   *
   * @param orphans all that lack a row too
   */
  private List<Integer> curable(boolean orphans) {
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < rows.mutations().size(); i++) {
      if (rows.outcome(i) instanceof Applied.Rejected refused
          && CURABLE.contains(String.valueOf(refused.error().code()))
          && (refusedAfter[i] < written
              || (orphans && refused.error().errorClass() == ErrorClass.FOREIGN_KEY))) {
        found.add(i);
      }
    }
    return found;
  }
}
