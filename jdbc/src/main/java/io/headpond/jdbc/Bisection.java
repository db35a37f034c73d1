package io.headpond.jdbc;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.UnreadableRowException;
import io.headpond.jdbc.SqlStates.Answer;
import io.headpond.spi.Applied;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what can be written of a batch that was refused, in one transaction: halves behind a savepoint, until the rows at fault are alone.
 *
 * <p><b>Cost.</b> Two round trips for each part that is tried: one that keeps or takes back what was done before (there is only ever one
 * savepoint), and the write. A half is not tried as a whole if its other half went through, since the fault must be in it.
 *
 * <p><b>Bounds.</b> {@link #MOST_STATEMENTS}, and a time. What was not looked at is to be tried again, and the rest is kept.
 *
 * <p><b>Slow rows.</b> Where the batch ran into its time limit, each part that has such a row costs its own limit. So it begins with many small parts instead of halves, and
 * gives each a share of the time that goes by its size: ten slow rows of a thousand take two thirds of the time. While no part at all goes through the shares are doubled, and then
 * they go by what the last one took: a table that is slow for every row gets its time. From the first statement that takes too long on the same holds for a search that began for another reason.
 * No statement gets more than a third of what is left.
 *
 * <p><b>Order.</b> A row that is refused for the lack of another, or for one that is in its way, is tried again after that may have been written or removed.
 * If it may be owed by another dataset, it is not counted.
 *
 * <p>For one use; not thread-safe.
 */
final class Bisection {
  private static final Logger log = LoggerFactory.getLogger(Bisection.class);

  /**
   * Ten bad rows of a thousand take 300 at most, if each part is one statement; of a thousand bad rows a hundred are found. At 5 ms for each it is 4 s, less than
   * half of the time that the default allows. More subtransactions would slow the server's snapshots down.
   */
  static final int MOST_STATEMENTS = 768;

  /** Missing or referring row, unique value, exclusion: may be cured by what is written after it. */
  private static final Set<String> CURABLE = Set.of("23503", "23505", "23P01");

  /** Into how many parts a batch that took too long is divided at once. */
  private static final int PARTS = 32;

  /** Such a part gets one of so many shares of the time. */
  private static final long SHARES = 80;

  /** What every statement gets at least, also a single row's: twice what a lock is waited for. */
  private static final long SMALLEST_SHARES = 100;

  /** A statement gets at most one of so many parts of what is left. */
  private static final long PARTS_OF_WHAT_IS_LEFT = 3;

  private final Dialect dialect;
  private final Connection connection;
  private final RowWriter rows;
  private final Limits limits;
  private final Parents parents;
  private final int partition;
  private final TableCheck check;

  /** How many parts had been written when the row at a place was refused. */
  private final int[] refusedAfter;

  private final long beganNanos = System.nanoTime();

  /** What a part gets by the number of its rows, once it goes by time. */
  private double millisPerRow;

  private boolean byTime;
  private boolean begun;
  private boolean failed;
  private boolean checked;
  private int written;

  /**
   * @param partition whose rows they are
   */
  Bisection(
      Dialect dialect,
      Connection connection,
      RowWriter rows,
      Limits limits,
      Parents parents,
      int partition,
      TableCheck check) {
    this.dialect = dialect;
    this.connection = connection;
    this.rows = rows;
    this.limits = limits;
    this.parents = parents;
    this.partition = partition;
    this.check = check;
    this.refusedAfter = new int[rows.mutations().size()];
    this.millisPerRow = leastMillisPerRow();
  }

  /**
   * Writes what can be written. Every mutation has an outcome afterwards.
   *
   * @param first why the batch was refused as a whole
   */
  void run(SqlTrouble first) throws SQLException {
    byTime = first.error().errorClass() == ErrorClass.TIMEOUT;
    checked = first.answer() == Answer.CHECKED;
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < rows.mutations().size(); i++) {
      all.add(i);
    }
    // Who was in a deadlock may well go through the next time. Everything else would be refused
    // again.
    boolean mayPass = all.size() == 1 || String.valueOf(first.error().code()).startsWith("40");
    int step = byTime ? Math.max(1, all.size() / PARTS) : all.size();
    Deque<Part> parts = new ArrayDeque<>();
    for (int from = 0; from < all.size(); from += step) {
      parts.add(new Part(all.subList(from, Math.min(from + step, all.size())), first));
    }
    if (!mayPass && !byTime) {
      halve(parts.remove(), first, parts);
    }
    write(parts);
    writeAgain(first);
    if (begun) {
      // What follows in this transaction is no part of the search.
      send((failed ? "ROLLBACK TO SAVEPOINT s; " : "") + timeout(limits.statementMillis()));
    }
  }

  /** Some mutations of the batch. */
  private static final class Part {
    final List<Integer> places;

    /** Why they were not written together with others. */
    final SqlTrouble because;

    @Nullable Part other;
    boolean written;

    Part(List<Integer> places, SqlTrouble because) {
      this.places = places;
      this.because = because;
    }

    /** Whether the fault must be here. */
    boolean surely() {
      return other != null && other.written && places.size() > 1;
    }
  }

  /**
   * Writes what can be written of these parts. The largest first, so that most is written when a bound is reached; then the last first, so that in any case
   * some that are at fault are found.
   */
  private void write(Deque<Part> parts) throws SQLException {
    while (!parts.isEmpty()) {
      boolean wide = rows.sent() < MOST_STATEMENTS / 3 && spentMillis() < limits.searchMillis() / 2;
      Part part = wide ? parts.removeFirst() : parts.removeLast();
      // A sum of times is no fault of either half.
      if (part.surely() && !byTime) {
        halve(part, part.because, parts);
        continue;
      }
      if (exhausted()) {
        leave(part);
        continue;
      }
      SqlTrouble trouble = tryToWrite(part.places);
      if (trouble == null) {
        part.written = true;
      } else if (part.places.size() > 1) {
        halve(part, trouble, parts);
      } else {
        int at = part.places.get(0);
        rows.setOutcome(at, trouble.ofOneRow());
        refusedAfter[at] = written;
      }
    }
  }

  private static void halve(Part part, SqlTrouble because, Deque<Part> parts) {
    int middle = part.places.size() / 2;
    Part one = new Part(part.places.subList(0, middle), because);
    Part two = new Part(part.places.subList(middle, part.places.size()), because);
    one.other = two;
    two.other = one;
    parts.addLast(one);
    parts.addLast(two);
  }

  private @Nullable SqlTrouble tryToWrite(List<Integer> part) throws SQLException {
    prepare(statementMillis(part.size()));
    long before = System.nanoTime();
    SqlTrouble trouble;
    try {
      rows.write(part);
      written++;
      double took = (System.nanoTime() - before) / 1e6;
      millisPerRow = Math.max(leastMillisPerRow(), 2 * took / part.size());
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
    if (trouble.error().errorClass() == ErrorClass.TIMEOUT) {
      if (byTime && written == 0 && part.size() > 1) {
        millisPerRow *= 2;
      }
      byTime = true;
    }
    if (trouble.answer() == Answer.CHECKED && !checked) {
      checked = true;
      checkTable();
    }
    return trouble;
  }

  /** If the check cannot be made, nothing is known against the table. */
  private void checkTable() throws SQLException {
    prepare(limits.statementMillis());
    failed = true;
    try {
      check.run(connection);
    } catch (SQLException e) {
      log.warn("the table could not be checked: {}", dialect.trouble(e).message());
    }
  }

  /** The row that stands there is nothing that the mapping can take: so it cannot be proven what became of ours. */
  static SqlTrouble unreadable(UnreadableRowException e) {
    return new SqlTrouble(
        Answer.REJECTED, DatabaseError.of(ErrorClass.VALUE, String.valueOf(e.getMessage())));
  }

  /** Keeps what the part before has done, or takes it back, and limits what the next may take. */
  private void prepare(long millis) throws SQLException {
    String before =
        !begun
            ? "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL lock_timeout = "
                + limits.searchLockMillis()
                + "; SAVEPOINT s"
            : failed ? "ROLLBACK TO SAVEPOINT s" : "RELEASE SAVEPOINT s; SAVEPOINT s";
    begun = true;
    failed = false;
    send(before + "; " + timeout(millis));
  }

  private static String timeout(long millis) {
    return "SET LOCAL statement_timeout = " + millis;
  }

  private void send(String sql) throws SQLException {
    rows.count(1);
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private long statementMillis(int size) {
    long most = mostMillis();
    long share = byTime ? (long) Math.min(most, millisPerRow * size) : most;
    return Math.max(smallestMillis(), share);
  }

  private long mostMillis() {
    return (limits.searchMillis() - spentMillis()) / PARTS_OF_WHAT_IS_LEFT;
  }

  private double leastMillisPerRow() {
    return (double) (limits.searchMillis() * PARTS) / (SHARES * rows.mutations().size());
  }

  private long smallestMillis() {
    return Math.max(2 * limits.searchLockMillis(), limits.searchMillis() / SMALLEST_SHARES);
  }

  private long spentMillis() {
    return (System.nanoTime() - beganNanos) / 1_000_000;
  }

  private boolean exhausted() {
    long most = mostMillis();
    return rows.sent() >= MOST_STATEMENTS
        || most < smallestMillis()
        || (byTime && written > 0 && most < millisPerRow);
  }

  private void leave(Part part) {
    Applied.Outcome outcome = new Applied.Skipped(part.because.error());
    for (int at : part.places) {
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
      write(new ArrayDeque<>(List.of(new Part(curable, first))));
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
      prepare(limits.statementMillis());
      rows.count(1);
      try {
        current = Math.min(current, parents.currentUpTo(connection, schema, partition));
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
