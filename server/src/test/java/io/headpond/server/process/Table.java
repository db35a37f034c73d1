package io.headpond.server.process;

import io.headpond.postgres.EmbeddedPostgres;
import io.headpond.testkit.HistoryChecker;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Tables of text by key, each change of which a trigger writes down. */
final class Table {
  private Table() {}

  static Connection connect(String jdbcUrl) throws SQLException {
    return new org.postgresql.Driver().connect(jdbcUrl, new Properties());
  }

  /** The URL as {@code --database-url} takes it. */
  static String url(EmbeddedPostgres postgres) {
    return "postgres://postgres:"
        + postgres.password()
        + "@127.0.0.1:"
        + postgres.port()
        + "/headpond";
  }

  /** The same for a URL of JDBC with user and password in it. */
  static String url(String jdbcUrl) {
    Matcher matcher =
        Pattern.compile("jdbc:postgresql://([^?]*)\\?user=([^&]*)&password=(.*)").matcher(jdbcUrl);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(jdbcUrl);
    }
    return "postgres://" + matcher.group(2) + ":" + matcher.group(3) + "@" + matcher.group(1);
  }

  static void create(String jdbcUrl, String... names) throws SQLException {
    try (Connection connection = connect(jdbcUrl);
        Statement statement = connection.createStatement()) {
      statement.execute(
          "create table change (n bigserial primary key, dataset text, key text, version bigint)");
      statement.execute(
          """
          create function note() returns trigger language plpgsql as $$
          begin
            insert into change (dataset, key, version) values (tg_table_name, new.key, new.version);
            return null;
          end $$
          """);
      for (String name : names) {
        statement.execute(
            "create table "
                + name
                + " (key text collate \"C\" primary key, value text, version bigint not null,"
                + " updated_at timestamptz not null)");
        statement.execute(
            "create trigger note after insert or update on "
                + name
                + " for each row execute function note()");
      }
    }
  }

  /** The table of products that the shipped configuration declares beside kv. */
  static void createProducts(String jdbcUrl) throws SQLException {
    execute(
        jdbcUrl,
        "create table products (id text primary key, name text not null, price numeric not null,"
            + " quantity integer not null, version bigint not null, updated_at timestamptz not"
            + " null)");
  }

  /** What stands in the tables, by {@code table/key}. */
  static Map<String, HistoryChecker.Held<String>> rows(String jdbcUrl, String... names)
      throws SQLException {
    Map<String, HistoryChecker.Held<String>> rows = new HashMap<>();
    try (Connection connection = connect(jdbcUrl);
        Statement statement = connection.createStatement()) {
      for (String name : names) {
        try (ResultSet row = statement.executeQuery("select key, value, version from " + name)) {
          while (row.next()) {
            rows.put(
                name + "/" + row.getString(1),
                new HistoryChecker.Held<>(row.getString(2), row.getLong(3)));
          }
        }
      }
    }
    return rows;
  }

  /** Tells the checker every change of a row, in the order in which it was made. */
  static int observe(String jdbcUrl, HistoryChecker<String, String> history) throws SQLException {
    int changes = 0;
    try (Connection connection = connect(jdbcUrl);
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("select dataset, key, version from change order by n")) {
      while (row.next()) {
        history.observed(row.getString(1) + "/" + row.getString(2), row.getLong(3));
        changes++;
      }
    }
    return changes;
  }

  /** Lets nobody write a table until it is closed; reads go on. */
  static Connection lock(String jdbcUrl, String table) throws SQLException {
    Connection connection = connect(jdbcUrl);
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("lock table " + table + " in exclusive mode");
    }
    return connection;
  }

  static void execute(String jdbcUrl, String sql) throws SQLException {
    try (Connection connection = connect(jdbcUrl);
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  static List<List<Object>> query(String jdbcUrl, String sql) throws SQLException {
    List<List<Object>> rows = new ArrayList<>();
    try (Connection connection = connect(jdbcUrl);
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      while (row.next()) {
        List<Object> cells = new ArrayList<>();
        for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
          cells.add(row.getObject(i));
        }
        rows.add(cells);
      }
    }
    return rows;
  }

  /** A configuration of such tables. */
  static String yaml(String settings, String... names) {
    StringBuilder yaml = new StringBuilder("datasets:\n");
    for (String name : names) {
      yaml.append("  ")
          .append(name)
          .append(":\n    key: {key: text}\n    columns: {value: text}\n")
          .append("    versionColumn: version\n    updatedAtColumn: updated_at\n");
      settings.lines().forEach(line -> yaml.append("    ").append(line).append('\n'));
    }
    return yaml.toString();
  }
}
