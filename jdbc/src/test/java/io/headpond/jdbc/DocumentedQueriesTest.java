package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.RowType;
import io.headpond.spi.Batch;
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

  @Test
  void howCurrentAndWhoWrites() throws IOException {
    TestDatabase db = TestDatabase.create();
    RowType type = RowType.builder().key("id", ColumnType.BIGINT).build();
    String document = Files.readString(Path.of("../docs/database.md"));
    Matcher queries = QUERY.matcher(document);
    assertThat(queries.find()).isTrue();
    String current = queries.group(1);
    assertThat(queries.find()).isTrue();
    String writers = queries.group(1);
    try (SystemOfRecord database = db.table("t").createTable(true).connect("d", type)) {
      get(database.bind(new StoreId(new UUID(1, 1), "journal /a"), 2, false));
      for (int partition = 0; partition < 2; partition++) {
        assertThat(column(db, current, "current_up_to")).isEqualTo("null");
        var lease = get(database.acquire(new StoreId(new UUID(1, 1), "journal /a"), partition));
        get(database.apply(new Batch(1, List.of(), 2_000_001L + partition), lease));
      }
      assertThat(column(db, current, "current_up_to")).isEqualTo("1970-01-01 00:00:02.000001+00");
      assertThat(column(db, writers, "store_description || ' ' || held || ' ' || partitions"))
          .isEqualTo("journal /a 2 2");
    }
  }

  private static String column(TestDatabase db, String query, String column) {
    return String.valueOf(
        db.query("SELECT (" + column + ")::text FROM (" + query.replace(";", "") + ") AS q")
            .get(0));
  }
}
