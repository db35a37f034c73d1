package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import org.junit.jupiter.api.Test;

/** SQL that runs with the creation of a table: once, and all or nothing with it. */
class OnCreateTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.TEXT).column("qty", ColumnType.INTEGER).build();

  @Test
  void itRunsWhenTheTableIsMadeAndNeverAgain() {
    JdbcTable table =
        DB.table("a")
            .createTable(true)
            .onCreate("INSERT INTO a VALUES ('x', 1), ('y', 2); CREATE INDEX a_qty ON a (qty)");
    table.connect("a", TYPE).close();
    assertThat(DB.query("SELECT id FROM a ORDER BY id")).containsExactly("x", "y");
    assertThat(DB.query("SELECT 1 FROM pg_indexes WHERE indexname = 'a_qty'")).hasSize(1);
    DB.execute("DELETE FROM a");
    table.connect("a", TYPE).close();
    assertThat(DB.query("SELECT id FROM a")).isEmpty();
  }

  @Test
  void aTableThatIsThereIsLeftAlone() {
    DB.execute("CREATE TABLE b (id text PRIMARY KEY, qty integer)");
    DB.table("b")
        .createTable(true)
        .onCreate("INSERT INTO b VALUES ('x', 1)")
        .connect("b", TYPE)
        .close();
    DB.table("b").onCreate("INSERT INTO b VALUES ('x', 1)").connect("b", TYPE).close();
    assertThat(DB.query("SELECT id FROM b")).isEmpty();
  }

  @Test
  void withAnErrorInItThereIsNoTable() {
    JdbcTable table = DB.table("c").createTable(true);
    // A duplicate key looks like the lost race of two servers, and is none.
    for (String sql :
        new String[] {"INSERT INTO c VALUES ('x', 1), ('x', 2)", "INSERT INTO nope VALUES (1)"}) {
      assertThatThrownBy(() -> table.onCreate(sql).connect("c", TYPE))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageStartingWith("table c: onCreate: ERROR: ")
          .hasMessageEndingWith("; the table was not made");
    }
    assertThat(DB.query("SELECT to_regclass('c')::text")).containsExactly((String) null);
  }
}
