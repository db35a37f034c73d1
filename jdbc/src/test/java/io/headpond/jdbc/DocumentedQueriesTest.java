package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.RowType;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The queries that docs/database.md shows do what it says. */
class DocumentedQueriesTest {
  private static final Pattern QUERY = Pattern.compile("```sql\n(SELECT.*?;)\n```", Pattern.DOTALL);

  private static final StoreId EMBEDDED = new StoreId(new UUID(1, 1), "journal /a");
  private static final StoreId SHARED = new StoreId(new UUID(1, 2), "redis a", true);
  private static final RowType TYPE = RowType.builder().key("id", ColumnType.BIGINT).build();

  @Test
  void howCurrentAndWhoWrites() throws IOException {
    TestDatabase db = TestDatabase.create();
    String current = query(0);
    String writers = query(1);
    try (SystemOfRecord database = db.table("t").createTable(true).connect("d", TYPE)) {
      get(database.bind(EMBEDDED, 2, false));
      for (int partition = 0; partition < 2; partition++) {
        assertThat(column(db, current, "current_up_to")).isEqualTo("null");
        Lease lease = get(database.acquire(EMBEDDED, partition));
        get(database.apply(new Batch(1, List.of(), 2_000_001L + partition), lease));
      }
      assertThat(column(db, current, "current_up_to")).isEqualTo("1970-01-01 00:00:02.000001+00");
      assertThat(column(db, writers, "store_description || ' ' || held || ' ' || partitions"))
          .isEqualTo("journal /a 2 2");
    }
  }

  @Test
  void whoHasWhichPartitionsOfASharedStoreAndWhichWorkersLive() throws IOException {
    TestDatabase db = TestDatabase.create();
    String owners = query(2);
    String workers = query(3);
    JdbcTable mapped = db.table("t").versionColumn("version").createTable(true);
    try (SystemOfRecord one = mapped.connect("d", TYPE);
        SystemOfRecord two = mapped.connect("d", TYPE)) {
      get(one.bind(SHARED, 3, false));
      get(one.crew(SHARED, "one"));
      get(two.crew(SHARED, "two"));
      for (int partition = 0; partition < 2; partition++) {
        Lease lease = get(one.acquire(SHARED, partition));
        get(one.apply(new Batch(1, List.of(), 2_000_001L), lease));
      }
      assertThat(db.query(shown(owners, "concat_ws(' ', partition, worker, epoch, expired)")))
          .containsExactly("0 one 1 f", "1 one 1 f", "2 0 t");
      assertThat(
              db.query(shown(owners, "concat_ws(' ', partition, since IS NULL, behind > '1 day')")))
          .containsExactly("0 f t", "1 f t", "2 t");
      assertThat(
              db.query(shown(workers, "concat_ws(' ', name, partitions, most_behind > '1 day')")))
          .containsExactly("one 2 t", "two 0");
      get(two.leave(SHARED));
      assertThat(db.query(shown(workers, "name"))).containsExactly("one");
    }
  }

  private static String query(int number) throws IOException {
    Matcher queries = QUERY.matcher(Files.readString(Path.of("../docs/database.md")));
    return queries.results().skip(number).findFirst().orElseThrow().group(1);
  }

  private static String shown(String query, String columns) {
    return "SELECT (" + columns + ")::text FROM (" + query.replace(";", "") + ") AS q";
  }

  private static String column(TestDatabase db, String query, String column) {
    return String.valueOf(db.query(shown(query, column)).get(0));
  }
}
