package io.headpond.server;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.server.config.DatasetConfig;
import io.headpond.server.config.ListenConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a server prints when it is ready: commands that work as they stand. */
final class Welcome {
  private Welcome() {}

  static String text(Server server, Duration took) {
    DatasetConfig dataset = server.config().datasets().get(0);
    ListenConfig listen = server.config().listen();
    String scheme = listen.tls() == null ? "http://" : "https://";
    String address = scheme + bracketed(listen.host()) + ":" + server.port();
    String curl =
        listen.tokens().isEmpty() ? "curl " : "curl -H \"Authorization: Bearer $HEADPOND_TOKEN\" ";
    String entries = address + "/v1/datasets/" + dataset.name();
    String entry = quote(entries + "/entries/" + key(dataset));
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "Headpond %s is ready at %s after %.1f s. Ctrl-C stops it.%n",
            Cli.version(),
            address,
            took.toMillis() / 1_000.0));
    if (server.config().store().api()) {
      line(
          text,
          "write",
          curl
              + "-X PUT -H 'Content-Type: application/json' -d "
              + quote(body(dataset))
              + " "
              + entry);
      line(text, "read", curl + entry);
      line(text, "pending", curl + quote(entries + "/pending"));
    } else {
      line(text, "role", "worker: health, status and workers; no entries");
      line(text, "workers", curl + address + "/v1/workers");
    }
    line(text, "JDBC", server.backend().jdbcUrl());
    line(
        text,
        "SQL",
        "psql "
            + quote(server.backend().psqlUrl())
            + " -c "
            + quote("select * from " + dataset.table()));
    server.reasons().forEach(reason -> line(text, "DEGRADED", reason));
    if (server.config().store().shared()) {
      line(text, "store", server.backend().store());
    }
    line(text, "data", server.config().dataDir().toString());
    return text.toString();
  }

  private static void line(StringBuilder text, String name, String value) {
    text.append(String.format(Locale.ROOT, "  %-8s %s%n", name, value));
  }

  private static String bracketed(String host) {
    return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
  }

  private static String key(DatasetConfig dataset) {
    List<String> components = new ArrayList<>();
    for (Column column : dataset.rowType().keyColumns()) {
      components.add(column.type().kind() == ColumnType.Kind.BYTEA ? "00" : bare(column.type()));
    }
    return String.join(",", components).replace(":", "%3A");
  }

  private static String body(DatasetConfig dataset) {
    List<String> members = new ArrayList<>();
    for (Column column : dataset.rowType().valueColumns()) {
      members.add("\"" + column.name() + "\": " + json(column.type()));
    }
    return "{" + String.join(", ", members) + "}";
  }

  private static String json(ColumnType type) {
    return switch (type.kind()) {
      case JSON, JSONB -> "{}";
      case ARRAY -> "[]";
      case SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, NUMERIC, BOOLEAN -> bare(type);
      default -> "\"" + bare(type) + "\"";
    };
  }

  private static String bare(ColumnType type) {
    return switch (type.kind()) {
      case TEXT -> type.length() == 0 || type.length() > 4 ? "hello" : "x";
      case SMALLINT, INTEGER, BIGINT, REAL, DOUBLE -> "1";
      case NUMERIC -> type.precision() > type.scale() || type.precision() == 0 ? "1" : "0";
      case BOOLEAN -> "true";
      case DATE -> "2026-01-31";
      case TIME -> "10:15:30";
      case TIMESTAMP -> "2026-01-31T10:15:30";
      case TIMESTAMPTZ -> "2026-01-31T10:15:30Z";
      case INTERVAL -> "P1D";
      case ENUM -> type.labels().isEmpty() ? "hello" : type.labels().get(0);
      case INET -> "192.0.2.1";
      case UUID -> "00000000-0000-0000-0000-000000000001";
      case JSON, JSONB -> "{}";
      case ARRAY -> "[]";
      case BYTEA -> "AAAA";
    };
  }

  /** As one word of a shell. */
  static String quote(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
