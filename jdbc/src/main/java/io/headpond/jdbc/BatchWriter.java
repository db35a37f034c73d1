package io.headpond.jdbc;

import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnreadableRowException;
import io.headpond.jdbc.SqlStates.Answer;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.Lease;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies a batch. At first as a whole: the lease, the puts in one statement, the removes in another, the commit. If the database refuses that, once more
 * in a second transaction, from the lease on, without the rows that are at fault ({@link Bisection}).
 *
 * <p>The frontier moves only with a batch of which nothing is left out. Thread-safe.
 */
final class BatchWriter {
  private static final Logger log = LoggerFactory.getLogger(BatchWriter.class);

  private final Dialect dialect;
  private final MappedTable table;
  private final TableStatements statements;
  private final Sweep sweep;
  private final Leases leases;
  private final Limits limits;
  private final Parents parents;
  private final TableCheck check;

  BatchWriter(
      Dialect dialect,
      MappedTable table,
      TableStatements statements,
      Leases leases,
      Limits limits,
      Parents parents,
      TableCheck check) {
    this.dialect = dialect;
    this.table = table;
    this.statements = statements;
    this.sweep = new Sweep(statements.tombstones());
    this.leases = leases;
    this.limits = limits;
    this.parents = parents;
    this.check = check;
  }

  /** See {@link io.headpond.spi.SystemOfRecord#apply}. The connection is not in auto-commit mode. */
  Applied apply(Connection connection, Batch batch, Lease lease) throws SQLException {
    leases.renew(connection, batch, lease);
    Applied applied = applyRenewed(connection, batch, lease);
    if (leases.removals(lease).kept()) {
      sweep.now(connection);
    }
    return applied;
  }

  private Applied applyRenewed(Connection connection, Batch batch, Lease lease)
      throws SQLException {
    try {
      return applyRows(connection, batch, lease);
    } catch (SQLException e) {
      SqlTrouble trouble = dialect.trouble(e);
      if (trouble.answer() == Answer.BLOCKED) {
        throw e;
      }
      throw failed(errorClass(trouble, connection), trouble, e);
    }
  }

  /** The lease went through, so it is something about the rows; their class says that they cost the connection only if they did. */
  private ErrorClass errorClass(SqlTrouble trouble, Connection connection) throws SQLException {
    ErrorClass said = trouble.error().errorClass();
    if (trouble.answer() != Answer.RETRY || said == ErrorClass.TIMEOUT) {
      return said;
    }
    if (!connection.isValid(Math.max(1, limits.networkMillis() / 1_000))) {
      return ErrorClass.CONNECTION;
    }
    return said == ErrorClass.CONNECTION ? ErrorClass.UNKNOWN : said;
  }

  private Applied applyRows(Connection connection, Batch batch, Lease lease) throws SQLException {
    Removals removals = leases.removals(lease);
    RowWriter rows = new RowWriter(connection, table, statements, removals, batch.mutations());
    rows.count(1);
    SqlTrouble refusal;
    Exception cause;
    try {
      if (table.deferrable()) {
        checkConstraintsAtOnce(connection);
        rows.count(1);
      }
      rows.write(places(batch));
      return end(connection, batch, lease, rows, batch.frontier());
    } catch (SQLException e) {
      refusal = dialect.trouble(e);
      cause = e;
      if (!refusal.ofRows()) {
        throw e;
      }
    } catch (UnreadableRowException e) {
      refusal = Bisection.unreadable(e);
      cause = e;
    }
    connection.rollback();
    if (refusal.answer() == Answer.CHECKED) {
      checkTable(connection);
    }
    boolean alone = batch.mutations().size() == 1;
    boolean orphan =
        refusal.error().errorClass() == ErrorClass.FOREIGN_KEY && !parents.schemas().isEmpty();
    if (alone && !orphan) {
      return new Applied(List.of(refusal.ofOneRow()), rows.sent());
    }
    renewAgain(connection, batch, lease);
    RowWriter others = new RowWriter(connection, table, statements, removals, batch.mutations());
    others.count(rows.sent() + 1);
    Bisection bisection =
        new Bisection(dialect, connection, others, limits, parents, lease.partition(), check);
    bisection.run(refusal);
    List<Applied.Outcome> outcomes = others.outcomes();
    if (!alone && outcomes.stream().allMatch(BatchWriter::unknown)) {
      connection.rollback();
      throw failed(ErrorClass.TIMEOUT, refusal, cause);
    }
    return end(connection, batch, lease, others, 0);
  }

  /** If the check cannot be made, nothing is known against the table. */
  private void checkTable(Connection connection) throws SQLException {
    try {
      check.run(connection);
    } catch (SQLException e) {
      log.warn(
          "table {} could not be checked: {}", table.qualified(), dialect.trouble(e).message());
    }
    connection.rollback();
  }

  private void renewAgain(Connection connection, Batch batch, Lease lease) {
    try {
      leases.renew(connection, leavingOut(batch), lease);
    } catch (SQLException e) {
      throw Failures.of(dialect.trouble(e), e);
    }
  }

  private static BatchFailedException failed(
      ErrorClass errorClass, SqlTrouble trouble, Exception cause) {
    DatabaseError error = trouble.error();
    return new BatchFailedException(
        new DatabaseError(errorClass, error.code(), error.message()), cause);
  }

  /** Whether no more is known of a mutation than that there was too little time for it among others. */
  private static boolean unknown(Outcome outcome) {
    return outcome instanceof Applied.Skipped
        || (outcome instanceof Applied.Retry retry
            && retry.error().errorClass() == ErrorClass.TIMEOUT);
  }

  /**
   * Commits if anything went through.
   *
   * @param frontier what this transaction has set it to; 0 if it stands where it was
   */
  private Applied end(
      Connection connection, Batch batch, Lease lease, RowWriter rows, long frontier)
      throws SQLException {
    List<Outcome> outcomes = rows.outcomes();
    int good = good(outcomes);
    if (good == 0 && !outcomes.isEmpty()) {
      connection.rollback();
      return new Applied(outcomes, rows.sent());
    }
    Batch committed = good == outcomes.size() ? batch : leavingOut(batch);
    if (committed.frontier() != frontier) {
      leases.setFrontier(connection, committed, lease);
      rows.count(1);
    }
    commit(connection, committed, lease);
    return new Applied(outcomes, rows.sent());
  }

  /** A round trip of its own: only when it is sent is everything else known to have gone well. */
  private void commit(Connection connection, Batch batch, Lease lease) throws SQLException {
    try {
      connection.commit();
    } catch (SQLException e) {
      SqlTrouble trouble = dialect.trouble(e);
      if (trouble.decidesCommit()) {
        throw e;
      }
      leases.uncertain(lease);
      throw new OutcomeUnknownException(
          "whether the batch was committed is not known: " + trouble.message(), e);
    }
    leases.applied(batch, lease);
  }

  /** The frontier stays where it is while something of the batch is not there. */
  private static Batch leavingOut(Batch batch) {
    return new Batch(batch.id(), batch.mutations(), 0);
  }

  private static int good(List<Outcome> outcomes) {
    return (int)
        outcomes.stream()
            .filter(outcome -> outcome instanceof Applied.Done || outcome instanceof Applied.Stale)
            .count();
  }

  private static List<Integer> places(Batch batch) {
    List<Integer> places = new ArrayList<>(batch.mutations().size());
    for (int i = 0; i < batch.mutations().size(); i++) {
      places.add(i);
    }
    return places;
  }

  private static void checkConstraintsAtOnce(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET CONSTRAINTS ALL IMMEDIATE");
    }
  }
}
