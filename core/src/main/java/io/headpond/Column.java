package io.headpond;

import java.util.Objects;

/**
 * One column of a {@link RowType}.
 *
 * @param name the column's name in the database, as it is spelled there; not blank
 * @param type what it holds
 * @param nullable whether null is a value of it; always false for a key column
 */
public record Column(String name, ColumnType type, boolean nullable) {
  public Column {
    Objects.requireNonNull(type, "type");
    if (name.isBlank()) {
      throw new ConfigurationException(
          "column: the name is blank; give the name it has in the database");
    }
  }
}
