package io.headpond.jdbc;

import static io.headpond.jdbc.TableName.quote;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ColumnType.Kind;
import io.headpond.RowType;
import io.headpond.jdbc.PostgresCatalogue.Found;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which columns fit which declarations. Not thread-safe. */
final class ColumnRules {
  /** The kinds and the types of the catalogue that hold exactly their values. */
  private static final Map<Kind, Set<String>> HOLDERS =
      Map.ofEntries(
          Map.entry(Kind.TEXT, Set.of("text", "varchar")),
          Map.entry(Kind.INTEGER, Set.of("int4")),
          Map.entry(Kind.BIGINT, Set.of("int8")),
          Map.entry(Kind.NUMERIC, Set.of("numeric")),
          Map.entry(Kind.BOOLEAN, Set.of("bool")),
          Map.entry(Kind.DOUBLE, Set.of("float8")),
          Map.entry(Kind.DATE, Set.of("date")),
          Map.entry(Kind.TIMESTAMPTZ, Set.of("timestamptz")),
          Map.entry(Kind.UUID, Set.of("uuid")),
          Map.entry(Kind.JSONB, Set.of("jsonb")),
          Map.entry(Kind.BYTEA, Set.of("bytea")),
          Map.entry(Kind.SMALLINT, Set.of("int2")),
          Map.entry(Kind.REAL, Set.of("float4")),
          Map.entry(Kind.TIME, Set.of("time")),
          Map.entry(Kind.TIMESTAMP, Set.of("timestamp")),
          Map.entry(Kind.INTERVAL, Set.of("interval")),
          Map.entry(Kind.JSON, Set.of("json")),
          Map.entry(Kind.INET, Set.of("inet")));

  /** Why a type of the catalogue holds none of ours. */
  private static final Map<String, String> REASONS =
      Map.of(
          "bpchar", "pads what is written with spaces and does not tell them apart",
          "timetz", "keeps an offset that no date belongs to",
          "cidr", "refuses some addresses that inet takes",
          "money", "reads and writes in the locale of the session");

  /** The type modifier of {@code interval(6)}, which restricts nothing. */
  private static final int FULL_INTERVAL = 0x7fff << 16 | 6;

  private final RowType declared;
  private final Mapping mapping;
  private final Problems problems;

  ColumnRules(RowType declared, Mapping mapping, Problems problems) {
    this.declared = declared;
    this.mapping = mapping;
    this.problems = problems;
  }

  /** The column with what the catalogue knows of it; as declared if it does not fit. */
  Column refine(String table, Column column, @Nullable Found found, boolean key) {
    String place = table + ", column " + column.name();
    ColumnType type = column.type();
    if (found == null) {
      problems.add(place, "is not there", PostgresDdl.sqlType(type));
      return column;
    }
    checkWritable(place, found);
    ColumnType element = type.element();
    ColumnType scalar = element == null ? type : element;
    if (found.array() != (element != null) || !holds(scalar, found)) {
      String reason =
          found.enumType() == null
              ? REASONS.get(found.type())
              : "is an enum type and can be declared as enum";
      problems.add(
          place, "is " + found.shown() + (reason == null ? "" : ", which " + reason), needed(type));
      return column;
    }
    if (key && !found.deterministic()) {
      problems.add(
          place,
          "has the collation "
              + found.collation()
              + ", for which different texts can be equal: two keys would be one row",
          "a deterministic collation, such as COLLATE \"C\"");
    }
    boolean nullable = column.nullable() && !found.notNull();
    ColumnType refined = refine(place, scalar, found);
    return new Column(
        column.name(), element == null ? refined : ColumnType.array(refined), nullable);
  }

  private static boolean holds(ColumnType type, Found found) {
    if (type.kind() == Kind.ENUM && found.enumType() != null) {
      return true;
    }
    boolean asText = type.kind() == Kind.ENUM && !type.labels().isEmpty();
    Kind kind = asText ? Kind.TEXT : type.kind();
    return HOLDERS.getOrDefault(kind, Set.of()).contains(found.type());
  }

  private static String needed(ColumnType type) {
    ColumnType element = type.element();
    if (element != null) {
      return element.kind() == Kind.ENUM
          ? "an array of " + needed(element)
          : needed(element) + "[]";
    }
    if (type.kind() != Kind.ENUM) {
      return PostgresDdl.sqlType(type);
    }
    return type.labels().isEmpty() ? "an enum type" : "text or an enum type";
  }

  private ColumnType refine(String place, ColumnType type, Found found) {
    switch (type.kind()) {
      case TEXT -> {
        int length = found.typmod() < 0 ? 0 : found.typmod() - 4;
        if (length == 0 || (type.length() > 0 && type.length() <= length)) {
          return type;
        }
        if (type.length() > 0) {
          problems.add(
              place, "is " + found.shown(), "at least the declared " + PostgresDdl.sqlType(type));
          return type;
        }
        return ColumnType.text(length);
      }
      case NUMERIC -> {
        if (found.typmod() < 0) {
          return type;
        }
        int precision = (found.typmod() - 4) >> 16 & 0xffff;
        int scale = ((found.typmod() - 4 & 0x7ff) ^ 0x400) - 0x400;
        if (scale < 0 || scale > precision) {
          problems.add(
              place,
              "is " + found.shown() + ", which rounds or cannot hold an ordinary number",
              "a scale from 0 to the precision");
          return type;
        }
        if (type.precision() > 0 && (type.precision() != precision || type.scale() != scale)) {
          problems.add(place, "is " + found.shown(), "the declared " + PostgresDdl.sqlType(type));
          return type;
        }
        return ColumnType.numeric(precision, scale);
      }
      case TIME, TIMESTAMP, TIMESTAMPTZ -> {
        if (found.typmod() >= 0 && found.typmod() != 6) {
          problems.add(place, "is " + found.shown() + ", which rounds", type + "(6)");
        }
        return type;
      }
      case INTERVAL -> {
        if (found.typmod() >= 0 && found.typmod() != FULL_INTERVAL) {
          problems.add(place, "is " + found.shown() + ", which drops or rounds parts", "interval");
        }
        return type;
      }
      case ENUM -> {
        return labels(place, type, found);
      }
      default -> {
        return type;
      }
    }
  }

  /** The declared labels, all of which the column must hold; those of the catalogue if none were declared. */
  private ColumnType labels(String place, ColumnType type, Found found) {
    int length = found.typmod() < 0 ? Integer.MAX_VALUE : found.typmod() - 4;
    for (String label : type.labels()) {
      if (found.enumType() != null && !found.labels().contains(label)) {
        problems.add(
            place,
            "is " + found.shown() + " without the label " + label,
            "ALTER TYPE "
                + found.enumType()
                + " ADD VALUE '"
                + label.replace("'", "''")
                + "', or not to use it");
      } else if (found.enumType() == null && label.codePointCount(0, label.length()) > length) {
        problems.add(place, "is " + found.shown() + ", too short for the label " + label, "text");
      }
    }
    return type.labels().isEmpty() ? ColumnType.enumOf(found.labels()) : type;
  }

  private void checkWritable(String place, Found found) {
    if (!found.generated().isEmpty()) {
      problems.add(place, "is generated from other columns", "a column that can be written");
    }
    if (found.identity().equals("a")) {
      problems.add(place, "is GENERATED ALWAYS AS IDENTITY", "GENERATED BY DEFAULT, or not mapped");
    }
    if (!found.missingPrivileges().isEmpty()) {
      String privileges = String.join(", ", found.missingPrivileges());
      problems.add(
          place,
          "this user has no " + privileges,
          "GRANT " + privileges + " ON " + mapping.table());
    }
  }

  /** The column of the versions; does nothing without one. */
  void checkVersion(String table, Map<String, Found> columns) {
    String name = mapping.versionColumn();
    Found found = name == null ? null : columns.get(name);
    if (found != null && !found.array() && Set.of("int2", "int4").contains(found.type())) {
      problems.add(
          table + ", column " + name,
          "is "
              + found.shown()
              + ", too small for a version, which is a time in microseconds; a counter of another program, such as JPA's"
              + " @Version, cannot serve",
          "a bigint column of Headpond's own");
      return;
    }
    checkOwn(table, name, "int8", "bigint", columns);
  }

  /** The column of the times; does nothing without one. */
  void checkUpdatedAt(String table, Map<String, Found> columns) {
    checkOwn(table, mapping.updatedAtColumn(), "timestamptz", "timestamptz", columns);
  }

  private void checkOwn(
      String table, @Nullable String name, String type, String needed, Map<String, Found> columns) {
    if (name == null) {
      return;
    }
    String place = table + ", column " + name;
    Found found = columns.get(name);
    if (found == null) {
      problems.add(
          place,
          "is not there",
          "ALTER TABLE " + mapping.table() + " ADD COLUMN " + quote(name) + " " + needed);
      return;
    }
    checkWritable(place, found);
    if (found.array()
        || !found.type().equals(type)
        || (type.equals("timestamptz") && found.typmod() >= 0 && found.typmod() != 6)) {
      problems.add(place, "is " + found.shown(), needed);
    }
  }

  /** Columns that are not mapped: a new row must not need them. */
  void checkOthers(String table, Map<String, Found> columns) {
    Set<String> mapped =
        declared.columns().stream()
            .map(Column::name)
            .collect(Collectors.toCollection(TreeSet::new));
    columns.forEach(
        (name, found) -> {
          boolean ours =
              mapped.contains(name)
                  || name.equals(mapping.versionColumn())
                  || name.equals(mapping.updatedAtColumn());
          boolean filled =
              found.hasDefault() || !found.identity().isEmpty() || !found.generated().isEmpty();
          if (!ours && found.notNull() && !filled) {
            problems.add(
                table + ", column " + name,
                "is NOT NULL without a default and is not mapped",
                "a default, or to be mapped");
          }
        });
  }
}
