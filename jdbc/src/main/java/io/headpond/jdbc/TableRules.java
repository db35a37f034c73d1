package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.Column;
import io.headpond.RowType;
import io.headpond.jdbc.PostgresCatalogue.Found;
import io.headpond.jdbc.PostgresCatalogue.Relation;
import io.headpond.jdbc.PostgresCatalogue.UniqueIndex;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Which tables keep what is written to them, and find it by its key. Not thread-safe. */
final class TableRules {
  private final RowType declared;
  private final Mapping mapping;
  private final Problems problems;

  TableRules(RowType declared, Mapping mapping, Problems problems) {
    this.declared = declared;
    this.mapping = mapping;
    this.problems = problems;
  }

  void check(String place, Relation found) {
    String kind = found.kind();
    if (!kind.equals("r") && !kind.equals("p")) {
      problems.add(place, "is a " + kindName(kind), "an ordinary or partitioned table");
    }
    if (!found.persistence().equals("p")) {
      problems.add(
          place,
          found.persistence().equals("u")
              ? "is unlogged: a crash of the server empties it"
              : "is temporary",
          "ALTER TABLE ... SET LOGGED");
    }
    if (found.oddPartitions()) {
      problems.add(place, "has a partition that is foreign or unlogged", "ordinary logged tables");
    }
    if (found.hasRules() && !kind.equals("v") && !kind.equals("m")) {
      problems.add(place, "has rules, which rewrite what is sent", "triggers instead, or none");
    }
    if (found.hasChildren()) {
      problems.add(place, "has tables that inherit from it, whose rows no index covers", "none");
    }
    if (found.rowSecurity()) {
      problems.add(
          place, "hides rows from this user (row level security)", "ALTER ROLE ... BYPASSRLS");
    }
    if (!found.canUse()) {
      problems.add(
          "schema " + found.schema(),
          "cannot be used by this user",
          "GRANT USAGE ON SCHEMA " + quote(found.schema()));
    }
    if (!found.canDelete()) {
      problems.add(place, "this user has no DELETE", "GRANT DELETE ON " + mapping.table());
    }
  }

  /** A unique index on exactly the key: what two writes of one key meet on. */
  void checkKey(
      String place, Relation relation, Map<String, Found> columns, List<UniqueIndex> indexes) {
    List<Integer> key = new ArrayList<>();
    for (Column column : declared.keyColumns()) {
      Found found = columns.get(column.name());
      if (found == null) {
        return;
      }
      key.add(found.number());
    }
    key.sort(null);
    List<String> unfit = new ArrayList<>();
    boolean fits = false;
    for (UniqueIndex index : indexes) {
      if (!index.keys().equals(key)) {
        continue;
      }
      if (index.partial()) {
        unfit.add(index.name() + " is partial");
      } else if (!index.valid()) {
        unfit.add(index.name() + " is invalid; REINDEX it");
      } else if (!index.immediate()) {
        unfit.add(index.name() + " is deferrable");
      } else {
        fits = true;
        if (index.merges()) {
          problems.add(
              place + ", index " + index.name(),
              "has a collation for which different texts can be equal: two keys would be one row",
              "a deterministic collation");
        }
      }
    }
    if (!fits) {
      String keys = PostgresDdl.key(declared);
      problems.add(
          place,
          "has no unique index on exactly the key ("
              + keys
              + ")"
              + (unfit.isEmpty() ? "" : ": " + String.join(", ", unfit)),
          "CREATE UNIQUE INDEX ON "
              + quote(relation.schema())
              + "."
              + quote(mapping.table().table())
              + " ("
              + keys
              + ");");
    }
  }

  private static String kindName(String relkind) {
    return switch (relkind) {
      case "v" -> "view";
      case "m" -> "materialized view";
      case "f" -> "foreign table";
      case "S" -> "sequence";
      default -> "relation of kind " + relkind;
    };
  }
}
