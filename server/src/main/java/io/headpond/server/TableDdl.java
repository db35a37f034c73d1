package io.headpond.server;

import io.headpond.Column;
import io.headpond.server.config.DatasetConfig;
import java.util.ArrayList;
import java.util.List;

/** The statement that creates a dataset's table as PostgreSQL wants it. */
final class TableDdl {
  private TableDdl() {}

  static String of(DatasetConfig dataset) {
    List<String> lines = new ArrayList<>();
    for (Column column : dataset.rowType().columns()) {
      lines.add(quote(column.name()) + " " + type(column) + (column.nullable() ? "" : " NOT NULL"));
    }
    if (dataset.versionColumn() != null) {
      lines.add(quote(dataset.versionColumn()) + " bigint NOT NULL");
    }
    if (dataset.updatedAtColumn() != null) {
      lines.add(quote(dataset.updatedAtColumn()) + " timestamptz NOT NULL");
    }
    lines.add(
        "PRIMARY KEY ("
            + String.join(
                ", ", dataset.rowType().keyColumns().stream().map(c -> quote(c.name())).toList())
            + ")");
    return "CREATE TABLE "
        + table(dataset.table())
        + " (\n  "
        + String.join(",\n  ", lines)
        + "\n);";
  }

  /** In which text keys compare byte by byte: elsewhere two keys could be one row. */
  private static String type(Column column) {
    return switch (column.type().kind()) {
      case TEXT -> column.type().length() == 0 ? "text" : "varchar(" + column.type().length() + ")";
      case DOUBLE -> "double precision";
      default -> column.type().toString();
    };
  }

  private static String table(String name) {
    if (name.indexOf('"') >= 0) {
      return name;
    }
    return String.join(
        ".", java.util.Arrays.stream(name.split("\\.")).map(TableDdl::quote).toList());
  }

  private static String quote(String identifier) {
    return '"' + identifier.replace("\"", "\"\"") + '"';
  }
}
