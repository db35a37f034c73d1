package io.headpond.bench;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/**
 * Whether a batch should go through COPY and a temporary table instead of {@code unnest}: the same transaction in both ways, a
 * batch of one and then a batch of the other, by the size of the batch. No cache is involved.
 */
final class MergeBenchmark implements Benchmark {
  /** COPY would have to be 1.3 times as fast to be worth a second way of writing. */
  private static final double GOAL = 1 / 1.3;

  private static final String TIME = "timestamptz 'epoch' + u.version * interval '1 microsecond'";

  @Override
  public String name() {
    return "merge";
  }

  @Override
  public String title() {
    return "unnest beside COPY and merge, by the size of a batch";
  }

  @Override
  public boolean needsPostgres() {
    return true;
  }

  @Override
  public void run(Run run) throws Exception {
    run.out()
        .printf(
            "Keys of %d bytes, values of %d, sorted, with version and time columns; one connection, one transaction for each batch: an"
                + " update of a lease row, the rows, the commit.%n"
                + "Subject: INSERT ... SELECT FROM unnest(arrays) ON CONFLICT DO UPDATE, the statement of the adapter. Limit: COPY into a"
                + " temporary table that a commit empties, INSERT ... SELECT FROM it ON CONFLICT DO UPDATE. Making arrays or text of"
                + " the rows is measured too. Rows in a second; below a ratio of %s COPY is 1.3 times as fast.%n%n",
            Kv.KEY_BYTES, Kv.VALUE_BYTES, Samples.ratio(GOAL));
    Table table = new Table(List.of("rows", "batch", "batches"), Comparison.HEADINGS);
    try (Postgres postgres = Postgres.start(run);
        Connection connection = postgres.connect()) {
      postgres.execute("create table lease (id integer primary key, batch bigint not null)");
      postgres.execute("insert into lease values (1, 0)");
      try (Ways ways = new Ways(connection)) {
        for (int size : new int[] {10, 100, 1_000, 10_000}) {
          int batches = run.scale(Math.max(10, Math.min(500, 30_000 / size)), 2);
          measure(run, postgres, ways, table, size, batches);
        }
      }
    }
    run.out().print(table);
  }

  private static void measure(
      Run run, Postgres postgres, Ways ways, Table table, int size, int batches) throws Exception {
    run.progress("batches of " + size);
    Comparison inserts = new Comparison();
    Comparison updates = new Comparison();
    int count = size * batches;
    for (int round = run.firstRound(); round <= run.rounds(); round++) {
      postgres.execute("truncate " + Postgres.SUBJECT + ", " + Postgres.LIMIT);
      for (Comparison kind : List.of(inserts, updates)) {
        long version = 1_700_000_000_000_000L + round * 2L + (kind == inserts ? 0 : 1);
        Entries entries = Entries.of(count, version);
        postgres.settle();
        double subject = 0;
        double limit = 0;
        for (int from = 0; from < count; from += size) {
          long began = System.nanoTime();
          ways.unnest(entries, from, from + size);
          long between = System.nanoTime();
          ways.merge(entries, from, from + size);
          subject += (between - began) / 1e9;
          limit += (System.nanoTime() - between) / 1e9;
        }
        check(postgres, Postgres.SUBJECT, version, count);
        check(postgres, Postgres.LIMIT, version, count);
        if (round > 0) {
          kind.add(count / subject, count / limit);
        }
      }
    }
    for (Comparison kind : List.of(inserts, updates)) {
      table.row(
          List.of(
              kind == inserts ? "new" : "existing", Samples.whole(size), Samples.whole(batches)),
          kind.cells(GOAL));
    }
  }

  private static void check(Postgres postgres, String table, long version, int count)
      throws SQLException {
    long found = postgres.count("select count(*) from " + table + " where version = " + version);
    if (found != count) {
      throw new IllegalStateException(table + " has " + found + " rows of this round");
    }
  }

  /** Entries in the order in which they are written: each batch has keys from all over the table. */
  private record Entries(String[] keys, String[] values, long version) {
    static Entries of(int count, long version) {
      Kv kv = Kv.of(Kv.TYPE, 0, count, version);
      String[] keys = new String[count];
      String[] values = new String[count];
      for (int i = 0; i < count; i++) {
        keys[i] = Kv.keyText(i);
        values[i] = String.valueOf(kv.row(i).cell(0));
      }
      return new Entries(keys, values, version);
    }
  }

  /** Both ways of writing, on one connection. */
  private static final class Ways implements AutoCloseable {
    private final Connection connection;
    private final CopyManager copy;
    private final PreparedStatement lease;
    private final PreparedStatement unnest;
    private final PreparedStatement merge;

    Ways(Connection connection) throws SQLException {
      this.connection = connection;
      PGConnection postgres = connection.unwrap(PGConnection.class);
      postgres.setPrepareThreshold(1);
      this.copy = postgres.getCopyAPI();
      try (var statement = connection.createStatement()) {
        statement.execute(
            "create temp table incoming (c0 text, c1 text, version bigint) on commit delete rows");
      }
      connection.setAutoCommit(false);
      this.lease = connection.prepareStatement("update lease set batch = batch + 1 where id = ?");
      this.unnest =
          connection.prepareStatement(
              upsert(
                  Postgres.SUBJECT,
                  "unnest(?::text[], ?::text[], ?::int8[]) as u (c0, c1, version)"));
      this.merge = connection.prepareStatement(upsert(Postgres.LIMIT, "incoming as u"));
    }

    private static String upsert(String table, String rows) {
      return "insert into "
          + table
          + " as t (key, value, version, updated_at) select u.c0, u.c1, u.version, "
          + TIME
          + " from "
          + rows
          + " on conflict (key) do update set value = excluded.value, version = excluded.version,"
          + " updated_at = excluded.updated_at where coalesce(t.version, 0) < excluded.version";
    }

    void unnest(Entries entries, int from, int to) throws SQLException {
      begin();
      Integer[] order = order(entries, from, to);
      String[] keys = new String[order.length];
      String[] values = new String[order.length];
      Long[] versions = new Long[order.length];
      for (int i = 0; i < order.length; i++) {
        keys[i] = entries.keys[order[i]];
        values[i] = entries.values[order[i]];
        versions[i] = entries.version;
      }
      unnest.setArray(1, array("text", keys));
      unnest.setArray(2, array("text", values));
      unnest.setArray(3, array("int8", versions));
      unnest.executeUpdate();
      connection.commit();
    }

    void merge(Entries entries, int from, int to) throws Exception {
      begin();
      StringBuilder text = new StringBuilder();
      for (int i : order(entries, from, to)) {
        text.append(entries.keys[i]).append('\t').append(entries.values[i]).append('\t');
        text.append(entries.version).append('\n');
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      copy.copyIn("copy incoming from stdin", new ByteArrayInputStream(bytes));
      merge.executeUpdate();
      connection.commit();
    }

    private void begin() throws SQLException {
      lease.setInt(1, 1);
      lease.executeUpdate();
    }

    private Array array(String type, Object[] elements) throws SQLException {
      return connection.createArrayOf(type, elements);
    }

    private static Integer[] order(Entries entries, int from, int to) {
      Integer[] order = new Integer[to - from];
      Arrays.setAll(order, i -> from + i);
      Arrays.sort(order, Comparator.comparing(i -> entries.keys[i]));
      return order;
    }

    @Override
    public void close() throws SQLException {
      lease.close();
      unnest.close();
      merge.close();
    }
  }
}
