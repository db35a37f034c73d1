package io.headpond.journal;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.spi.RowCodec;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads what was written with other columns as the columns of now have it, if that is exactly the same; else says what is in the way.
 *
 * <p>Columns are told apart by name. One that is new is null; one that is gone must have been null; one of another type takes the value that is written alike. Since lengths, precisions and
 * nullability are not part of what a journal knows of its columns, each value is checked against those of now even if the encoding has not changed.
 *
 * <p>A key stands for a row by its bytes, and nobody can tell a renamed key column from another one of the same kind. So the key columns must be the same, by name, kind and
 * order. Immutable.
 */
final class ColumnChange {
  private final RowType before;
  private final RowType now;
  private final boolean sameEncoding;

  /** For each value column of now: where it stood; -1 if it is new. */
  private final int[] sources;

  /** For each value column of now: whether it takes every value that it had. */
  private final boolean[] asIs;

  /** Whether a key of before may be none now, or another one. */
  private final boolean limitedKeys;

  /** Value columns that are no more. */
  private final List<Integer> gone = new ArrayList<>();

  /** What cannot be carried over. Its message names no value. */
  static final class Inexact extends Exception {
    private static final long serialVersionUID = 1L;

    Inexact(String column, String rule) {
      super(column + ": " + rule);
    }

    /** Column and rule: the same for all entries that fail for the same reason. */
    String reason() {
      return String.valueOf(getMessage());
    }
  }

  /**
   * @param encoding what the rows were written with, see {@link RowType#encoding()}
   * @throws io.headpond.ConfigurationException if it cannot be read
   */
  ColumnChange(String encoding, RowType now) {
    this.now = now;
    this.sameEncoding = encoding.equals(now.encoding());
    this.before = sameEncoding ? now : RowType.parse(encoding);
    Map<String, Integer> left = new HashMap<>();
    for (int i = 0; i < before.valueColumns().size(); i++) {
      left.put(before.valueColumns().get(i).name(), i);
    }
    this.sources = new int[now.valueColumns().size()];
    for (int i = 0; i < sources.length; i++) {
      Integer source = left.remove(now.valueColumns().get(i).name());
      sources[i] = source == null ? -1 : source;
    }
    gone.addAll(left.values());
    this.asIs = new boolean[sources.length];
    for (int i = 0; i < sources.length; i++) {
      ColumnType type = now.valueColumns().get(i).type();
      asIs[i] =
          sources[i] >= 0
              && unlimited(type)
              && sameKind(before.valueColumns().get(sources[i]).type(), type);
    }
    this.limitedKeys =
        now.keyColumns().stream()
            .map(Column::type)
            .anyMatch(type -> !unlimited(type) || type.kind() == ColumnType.Kind.NUMERIC);
  }

  private static boolean unlimited(ColumnType type) {
    ColumnType element = type.element();
    return type.length() == 0
        && type.precision() == 0
        && type.labels().isEmpty()
        && (element == null || unlimited(element));
  }

  private static boolean sameKind(ColumnType a, ColumnType b) {
    ColumnType element = a.element();
    ColumnType other = b.element();
    return a.kind() == b.kind()
        && (element == null || other == null || element.kind() == other.kind());
  }

  /** The columns of before. */
  RowType before() {
    return before;
  }

  /** Whether the bytes of a row mean the same now. */
  boolean sameEncoding() {
    return sameEncoding;
  }

  /** Whether the bytes of a key stand for the same row as before. */
  boolean sameKeys() {
    List<Column> old = before.keyColumns();
    List<Column> columns = now.keyColumns();
    if (old.size() != columns.size()) {
      return false;
    }
    for (int i = 0; i < old.size(); i++) {
      if (!old.get(i).name().equals(columns.get(i).name())
          || old.get(i).type().kind() != columns.get(i).type().kind()) {
        return false;
      }
    }
    return true;
  }

  /** Checks that the columns of now make the same key of the values in this one. */
  void check(Key key) throws Inexact {
    if (!limitedKeys) {
      return;
    }
    try {
      Key again = now.key(now.components(key).toArray());
      if (!again.equals(key)) {
        throw new Inexact("the key", "its values are written in another form now");
      }
    } catch (InvalidValueException e) {
      throw new Inexact(e.path(), e.rule());
    }
  }

  /**
   * The row of these bytes.
   *
   * @throws IllegalArgumentException if they are no row of the columns of before
   */
  Row read(ByteBuffer bytes) throws Inexact {
    Row row = RowCodec.decode(before, bytes.duplicate());
    for (int i : gone) {
      if (row.cell(i) != null) {
        throw new Inexact(
            before.valueColumns().get(i).name(),
            "is not among the columns any more (dropped, or renamed) and is not null");
      }
    }
    @Nullable Object[] cells = new Object[sources.length];
    for (int i = 0; i < cells.length; i++) {
      cells[i] = sources[i] < 0 ? null : converted(row.cell(sources[i]), i);
      Column column = now.valueColumns().get(i);
      if (cells[i] == null && !column.nullable()) {
        throw new Inexact(
            column.name(),
            sources[i] < 0
                ? "is new and must not be null, and there is no value for it"
                : "must not be null");
      }
    }
    return now.rowOfCanonical(cells);
  }

  private @Nullable Object converted(@Nullable Object value, int index) throws Inexact {
    if (value == null || asIs[index]) {
      return value;
    }
    ColumnType from = before.valueColumns().get(sources[index]).type();
    Column column = now.valueColumns().get(index);
    ColumnType to = column.type();
    Object converted;
    try {
      converted =
          byText(from, to, value)
              ? to.parse(from.format(value), column.name())
              : to.canonical(value, column.name());
    } catch (InvalidValueException e) {
      throw new Inexact(e.path(), e.rule());
    }
    if (!alike(value, converted) && !writtenAlike(from, value, to, converted)) {
      throw new Inexact(column.name(), "was " + from + " and is not exactly the same as " + to);
    }
    return converted;
  }

  /** Whether a value becomes text, or text a value, in the form that the database gives it too. */
  private static boolean byText(ColumnType from, ColumnType to, Object value) {
    if (from.kind() == to.kind()) {
      return false;
    }
    if (from.kind() == ColumnType.Kind.TEXT) {
      return to.kind() != ColumnType.Kind.BYTEA;
    }
    return to.kind() == ColumnType.Kind.TEXT
        && (value instanceof Integer
            || value instanceof Long
            || value instanceof Short
            || value instanceof BigDecimal
            || value instanceof Boolean
            || value instanceof UUID
            || value instanceof LocalDate);
  }

  /** Whether two values are the same, though one may be of a wider class or scale. */
  private static boolean alike(@Nullable Object value, @Nullable Object converted) {
    if (value instanceof Number number && converted instanceof Number other) {
      return sameNumber(number, other);
    }
    if (value instanceof List<?> list && converted instanceof List<?> others) {
      boolean same = list.size() == others.size();
      for (int i = 0; same && i < list.size(); i++) {
        same = alike(list.get(i), others.get(i));
      }
      return same;
    }
    return Objects.deepEquals(value, converted);
  }

  private static boolean sameNumber(Number value, Number converted) {
    if (value.toString().equals(converted.toString())) {
      return true;
    }
    if (floating(value) && floating(converted)) {
      return value.doubleValue() == converted.doubleValue();
    }
    // A decimal fraction has no exact double; its digits say which one is meant.
    return finite(value)
        && finite(converted)
        && new BigDecimal(value.toString()).compareTo(new BigDecimal(converted.toString())) == 0;
  }

  private static boolean floating(Number number) {
    return number instanceof Double || number instanceof Float;
  }

  private static boolean finite(Number number) {
    return !floating(number) || Double.isFinite(number.doubleValue());
  }

  private static boolean writtenAlike(
      ColumnType from, Object value, ColumnType to, Object converted) {
    return from.kind() != to.kind()
        && !(value instanceof List)
        && !(converted instanceof List)
        && from.format(value).equals(to.format(converted));
  }
}
