package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.Column;
import io.headpond.RowType;
import io.headpond.jdbc.PostgresCatalogue.Sequence;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sequence that gives new keys of a table: what must hold of it, and taking numbers. Not thread-safe.
 *
 * <p>A number that was taken is never given again: PostgreSQL logs the sequence before the commit that the answer
 * waits for. So an unlogged sequence, which a crash sets back, and one that cycles are refused.
 */
final class KeySequence {
  private KeySequence() {}

  /** Creates it if there is none, beginning behind the keys that the table has. */
  static void create(Connection connection, TableName name, TableName table, RowType declared)
      throws SQLException {
    String key = quote(declared.keyColumns().get(0).name());
    try (Statement statement = connection.createStatement()) {
      long first;
      try (ResultSet row =
          statement.executeQuery(
              "SELECT greatest(coalesce(max(" + key + "), 0) + 1, 1) FROM " + table.quoted())) {
        row.next();
        first = row.getLong(1);
      }
      statement.execute("CREATE SEQUENCE IF NOT EXISTS " + name.quoted() + " START WITH " + first);
    }
  }

  /** Whether the declared key can be numbers of a sequence. */
  static boolean fits(RowType declared) {
    List<Column> key = declared.keyColumns();
    return key.size() == 1 && key.get(0).type().isWholeNumber();
  }

  /** Notes what is wrong with it. Returns its name for a statement, with the schema. */
  static String check(TableName name, @Nullable Sequence found, Problems problems) {
    String place = "keySequence " + name;
    if (found == null) {
      problems.add(place, "is not there", "CREATE SEQUENCE " + name.quoted() + ";");
      return name.quoted();
    }
    String quoted = quote(found.schema()) + "." + quote(name.table());
    if (!found.isSequence()) {
      problems.add(place, "is no sequence", "the name of a sequence");
      return quoted;
    }
    if (!found.logged()) {
      problems.add(
          place,
          "is unlogged: a crash of the server sets it back",
          "ALTER SEQUENCE ... SET LOGGED");
    }
    if (found.cycles()) {
      problems.add(
          place,
          "begins again at its end: keys would come twice",
          "ALTER SEQUENCE " + quoted + " NO CYCLE;");
    }
    if (!found.canUse()) {
      problems.add(
          place, "this user may not take numbers of it", "GRANT USAGE ON SEQUENCE " + quoted);
    }
    return quoted;
  }

  /** Takes so many numbers, for good. */
  static List<Long> next(Connection connection, String quoted, int count) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement("SELECT nextval(?::regclass) FROM generate_series(1, ?)")) {
      statement.setString(1, quoted);
      statement.setInt(2, count);
      try (ResultSet row = statement.executeQuery()) {
        List<Long> numbers = new ArrayList<>(count);
        while (row.next()) {
          numbers.add(row.getLong(1));
        }
        return numbers;
      }
    }
  }
}
