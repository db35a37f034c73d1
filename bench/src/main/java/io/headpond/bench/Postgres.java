package io.headpond.bench;

import io.headpond.jdbc.JdbcDatabase;
import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.spi.SystemOfRecordFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import org.postgresql.PGConnection;

/** A durable PostgreSQL in a temporary folder with two tables alike: one for the subject, one for the limit. */
final class Postgres implements AutoCloseable {
  static final String SUBJECT = "kv";
  static final String LIMIT = "kv_limit";

  private final EmbeddedPostgres server;
  private final Connection connection;

  private Postgres(EmbeddedPostgres server, Connection connection) {
    this.server = server;
    this.connection = connection;
  }

  static Postgres start(Run run) throws SQLException {
    EmbeddedPostgres server = EmbeddedPostgres.builder().directory(run.folder("postgres")).start();
    run.endWith(server);
    try {
      Postgres postgres = new Postgres(server, DriverManager.getConnection(server.jdbcUrl()));
      for (String table : new String[] {SUBJECT, LIMIT}) {
        postgres.execute(
            "create table "
                + table
                + " (key text primary key, value text, version bigint not null, updated_at timestamptz not null)");
      }
      return postgres;
    } catch (SQLException | RuntimeException | Error e) {
      server.stop();
      throw e;
    }
  }

  /** The subject's table, as the server maps its default dataset. */
  SystemOfRecordFactory table() {
    return JdbcDatabase.postgres(server.jdbcUrl())
        .table(SUBJECT)
        .versionColumn("version")
        .updatedAtColumn("updated_at");
  }

  /** One more connection. */
  Connection connect() throws SQLException {
    return DriverManager.getConnection(server.jdbcUrl());
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  long count(String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  /** So that no measurement pays for what an earlier one left to do. */
  void settle() throws SQLException {
    execute("vacuum " + SUBJECT);
    execute("vacuum " + LIMIT);
    execute("checkpoint");
  }

  /** The rows as COPY wants them, sorted by key. */
  static byte[] copyText(Kv entries, long version) throws IOException {
    Integer[] order = new Integer[entries.size()];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparing((Integer i) -> entries.key(i)));
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    String tail = "\t" + version + "\t" + Instant.ofEpochMilli(version / 1_000) + "\n";
    for (int i : order) {
      text.write(entries.key(i).toBytes());
      text.write(("\t" + entries.row(i).cell(0) + tail).getBytes(StandardCharsets.UTF_8));
    }
    return text.toByteArray();
  }

  /** COPY into a temporary table and one INSERT ... ON CONFLICT of all rows, one transaction. Seconds. */
  double merge(byte[] rows) throws SQLException, IOException {
    long began = System.nanoTime();
    connection.setAutoCommit(false);
    execute("create temp table incoming (like " + LIMIT + ") on commit drop");
    connection
        .unwrap(PGConnection.class)
        .getCopyAPI()
        .copyIn("copy incoming from stdin", new java.io.ByteArrayInputStream(rows));
    execute(
        "insert into "
            + LIMIT
            + " select * from incoming on conflict (key) do update set value = excluded.value,"
            + " version = excluded.version, updated_at = excluded.updated_at where excluded.version > "
            + LIMIT
            + ".version");
    connection.commit();
    double seconds = (System.nanoTime() - began) / 1e9;
    connection.setAutoCommit(true);
    return seconds;
  }

  @Override
  public void close() throws SQLException {
    try {
      connection.close();
    } finally {
      server.stop();
    }
  }
}
