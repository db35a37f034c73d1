package io.headpond;

import io.headpond.spi.RowCodec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The value of an entry: the cells of the columns that are not part of the key, each in the
 * canonical form of its {@link ColumnType}. Made by {@link RowType#row}; immutable and safe to share.
 */
public final class Row {
  private final RowType type;
  private final @Nullable Object[] cells;

  /** Computed once; the race is harmless. 0 is not computed yet. */
  private int encodedSize;

  Row(RowType type, @Nullable Object[] cells) {
    this.type = type;
    this.cells = cells;
  }

  /** What kind of row this is. */
  public RowType type() {
    return type;
  }

  /** The cell of the value column at {@code index} (as in {@link RowType#valueColumns()}). */
  public @Nullable Object cell(int index) {
    Object cell = cells[index];
    return cell instanceof byte[] bytes ? bytes.clone() : cell;
  }

  /**
   * The cell of the column named {@code name}.
   *
   * @throws InvalidValueException if there is no such value column
   */
  public @Nullable Object get(String name) {
    return cell(type.valueIndex(name));
  }

  /** How many bytes {@link RowCodec#encode} makes of this row. */
  public int encodedSize() {
    int size = encodedSize;
    if (size == 0) {
      size = RowCodec.sizeOf(this);
      encodedSize = size;
    }
    return size;
  }

  /** The cells by column name, in the order of the columns; a new map for each call. */
  public Map<String, @Nullable Object> toMap() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (int i = 0; i < cells.length; i++) {
      map.put(type.valueColumns().get(i).name(), cell(i));
    }
    return map;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other || (other instanceof Row row && Arrays.deepEquals(cells, row.cells));
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(cells);
  }

  /** Names the columns, never the values: a row may end in a log. */
  @Override
  public String toString() {
    return "Row" + type.valueColumns().stream().map(Column::name).toList();
  }
}
