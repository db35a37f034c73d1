package io.headpond;

import io.headpond.spi.RowCodec;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The columns of a dataset: which of them are the key, and what each holds. From this one definition
 * come validation, the journal's encoding, the SQL binding and the JSON form. Immutable.
 */
public final class RowType {
  /** The most bytes of a canonical key. */
  public static final int MAX_KEY_BYTES = 1_024;

  private static final String KEY = "key ";
  private static final String VALUE = "value:";

  private final List<Column> keyColumns;
  private final List<Column> valueColumns;
  private final Map<String, Integer> valueIndexes = new HashMap<>();

  private RowType(List<Column> keyColumns, List<Column> valueColumns) {
    if (keyColumns.isEmpty()) {
      throw new ConfigurationException("columns: at least one must be the key");
    }
    this.keyColumns = List.copyOf(keyColumns);
    this.valueColumns = List.copyOf(valueColumns);
    Map<String, Column> seen = new HashMap<>();
    for (Column column : columns()) {
      if (seen.put(column.name(), column) != null) {
        throw new ConfigurationException("columns: " + column.name() + " stands twice");
      }
      // An encoding has a line for each column.
      if (column.name().indexOf('\n') >= 0 || column.name().indexOf('\r') >= 0) {
        throw new ConfigurationException(
            "columns: the name \"" + column.name() + "\" must not have a line break");
      }
    }
    keyColumns.forEach(RowType::checkKeyColumn);
    for (int i = 0; i < valueColumns.size(); i++) {
      valueIndexes.put(valueColumns.get(i).name(), i);
    }
  }

  /** A key has one canonical form for all that the database takes for equal, and is found by it again. */
  private static void checkKeyColumn(Column column) {
    String reason =
        switch (column.type().kind()) {
          case JSON, JSONB -> "use text or a number";
          case ARRAY -> "use a column for each part of the key";
          case INTERVAL -> "different intervals are equal to a database; use a number";
          case REAL -> "other programs would not find it by its decimal digits; use numeric";
          default -> null;
        };
    if (reason != null) {
      throw new ConfigurationException(
          "columns."
              + column.name()
              + ": "
              + column.type()
              + " cannot be part of a key; "
              + reason);
    }
  }

  /** Starts a definition; columns keep the order in which they are given. */
  public static Builder builder() {
    return new Builder();
  }

  /** The columns of the key, in their order; at least one. */
  public List<Column> keyColumns() {
    return keyColumns;
  }

  /** The other columns, in their order; may be empty. */
  public List<Column> valueColumns() {
    return valueColumns;
  }

  /** The key columns and then the value columns. */
  public List<Column> columns() {
    List<Column> all = new ArrayList<>(keyColumns);
    all.addAll(valueColumns);
    return Collections.unmodifiableList(all);
  }

  /**
   * Where the value column of that name stands in {@link #valueColumns()}.
   *
   * @throws InvalidValueException if there is none
   */
  public int valueIndex(String name) {
    Integer index = valueIndexes.get(name);
    if (index == null) {
      throw new InvalidValueException(
          "columns",
          name,
          "no such column; there are " + valueIndexes.keySet().stream().sorted().toList());
    }
    return index;
  }

  /**
   * The canonical key of these components, one for each key column.
   *
   * @throws InvalidValueException if one of them is not a value of its column, or the key is longer
   *     than {@link #MAX_KEY_BYTES}
   */
  public Key key(Object... components) {
    if (components.length != keyColumns.size()) {
      throw new InvalidValueException(
          "key",
          components.length + " components",
          "must have " + keyColumns.size() + " components");
    }
    byte[][] parts = new byte[components.length][];
    for (int i = 0; i < parts.length; i++) {
      Column column = keyColumns.get(i);
      if (components[i] == null) {
        throw new InvalidValueException(column.name(), "null", "a key column must not be null");
      }
      parts[i] = keyPart(column, column.type().canonical(components[i], column.name()));
    }
    return checked(RowCodec.joinKey(parts));
  }

  /**
   * The canonical key of components written as text.
   *
   * @throws InvalidValueException as {@link #key}
   */
  public Key parseKey(List<String> components) {
    Object[] values = new Object[components.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          i < keyColumns.size()
              ? keyColumns.get(i).type().parse(components.get(i), keyColumns.get(i).name())
              : components.get(i);
    }
    return key(values);
  }

  /** The components of a key of this type, in their canonical form. */
  public List<Object> components(Key key) {
    List<byte[]> parts = RowCodec.splitKey(key, keyColumns.size());
    List<Object> components = new ArrayList<>(parts.size());
    for (int i = 0; i < parts.size(); i++) {
      components.add(RowCodec.decodeCell(keyColumns.get(i).type(), parts.get(i)));
    }
    return components;
  }

  /**
   * A key as a person reads it and as it stands in a path before percent-encoding: its components
   * as text, percent-encoded where they contain {@code ,} or {@code %}, joined by {@code ,}.
   */
  public String keyText(Key key) {
    List<Object> components = components(key);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < components.size(); i++) {
      String part = keyColumns.get(i).type().format(components.get(i));
      text.append(i == 0 ? "" : ",");
      text.append(components.size() == 1 ? part : part.replace("%", "%25").replace(",", "%2C"));
    }
    return text.toString();
  }

  /**
   * A row of these cells by column name. A nullable column that is not named is null.
   *
   * @throws InvalidValueException if a name is no value column, a cell is not a value of its column,
   *     or a column that must not be null is missing
   */
  public Row row(Map<String, ? extends @Nullable Object> cells) {
    @Nullable Object[] values = new Object[valueColumns.size()];
    cells.forEach((name, cell) -> values[valueIndex(name)] = cell);
    return rowOf(values);
  }

  /**
   * A row of these cells, in the order of {@link #valueColumns()}.
   *
   * @throws InvalidValueException as {@link #row}
   */
  public Row rowOf(@Nullable Object... cells) {
    if (cells.length != valueColumns.size()) {
      throw new InvalidValueException(
          "columns", cells.length + " cells", "must be " + valueColumns.size());
    }
    @Nullable Object[] canonical = new Object[cells.length];
    for (int i = 0; i < cells.length; i++) {
      Column column = valueColumns.get(i);
      Object cell = cells[i];
      if (cell == null && !column.nullable()) {
        throw new InvalidValueException(column.name(), "null", "must not be null");
      }
      canonical[i] = cell == null ? null : column.type().canonical(cell, column.name());
    }
    Row row = new Row(this, canonical);
    // Now, while the cells are at hand; a write counts them.
    row.encodedSize();
    return row;
  }

  /** For codecs: a row of cells that are canonical already; the array is not copied. */
  public Row rowOfCanonical(@Nullable Object[] cells) {
    return new Row(this, cells);
  }

  /**
   * What the encoding of keys and rows depends on, as text: equal for two types whose rows can read
   * each other's bytes. Lengths, precisions, labels and nullability are not part of it. A line for each column ends with a space
   * and its kind; an array's is that of its elements with {@code []} behind it. That of a key column begins with {@code key} and a space; if the name of a value column
   * begins so, its kind has {@code value:} before it.
   */
  public String encoding() {
    StringBuilder text = new StringBuilder();
    keyColumns.forEach(c -> text.append(KEY).append(encoding(c, "")));
    valueColumns.forEach(c -> text.append(encoding(c, c.name().startsWith(KEY) ? VALUE : "")));
    return text.toString();
  }

  private static String encoding(Column column, String mark) {
    ColumnType element = column.type().element();
    return column.name()
        + " "
        + mark
        + (element == null ? column.type().kind().name() : element.kind().name() + "[]")
        + "\n";
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof RowType type
        && keyColumns.equals(type.keyColumns)
        && valueColumns.equals(type.valueColumns);
  }

  @Override
  public int hashCode() {
    return 31 * keyColumns.hashCode() + valueColumns.hashCode();
  }

  @Override
  public String toString() {
    Map<String, String> columns = new LinkedHashMap<>();
    keyColumns.forEach(c -> columns.put(c.name(), c.type() + " key"));
    valueColumns.forEach(c -> columns.put(c.name(), c.type() + (c.nullable() ? "" : " not null")));
    return "RowType" + columns;
  }

  /**
   * For codecs: columns that read what was encoded with these. What an encoding does not depend on is as wide as can be: value columns may be null,
   * nothing is limited.
   *
   * @param encoding as {@link #encoding()} gave it, in this release or one before
   * @throws ConfigurationException if it is no such text, or names a kind of column that this release does not know
   */
  public static RowType parse(String encoding) {
    Builder columns = builder();
    for (String line : encoding.lines().toList()) {
      int kindAt = line.lastIndexOf(' ') + 1;
      // A value column may be called key, or marked.
      boolean marked = line.startsWith(KEY) && line.startsWith(VALUE, kindAt);
      boolean key = line.startsWith(KEY) && kindAt > KEY.length() && !marked;
      int nameAt = key ? KEY.length() : 0;
      if (kindAt - 1 <= nameAt) {
        throw new ConfigurationException("columns: \"" + line + "\" is not a name and a kind");
      }
      String name = line.substring(nameAt, kindAt - 1);
      String kind = line.substring(marked ? kindAt + VALUE.length() : kindAt);
      ColumnType type = typeOf(kind, name);
      if (key) {
        columns.key(name, type);
      } else {
        columns.column(name, type);
      }
    }
    return columns.build();
  }

  private static ColumnType typeOf(String kind, String column) {
    try {
      return kind.endsWith("[]")
          ? ColumnType.array(typeOf(kind.substring(0, kind.length() - 2), column))
          : new ColumnType(ColumnType.Kind.valueOf(kind), 0, 0, 0);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(
          "columns." + column + ": kind " + kind + " is not known to this release", e);
    }
  }

  private static byte[] keyPart(Column column, Object canonical) {
    if (canonical instanceof String text && text.isEmpty()) {
      throw new InvalidValueException(column.name(), "\"\"", "a key must not be empty");
    }
    if (canonical instanceof String text) {
      text.codePoints()
          .filter(Character::isISOControl)
          .findFirst()
          .ifPresent(
              c -> {
                throw new InvalidValueException(
                    column.name(), text, "a key must not contain control characters");
              });
    }
    if (canonical instanceof Double number && number.isNaN()) {
      throw new InvalidValueException(column.name(), "NaN", "a key must be a number");
    }
    Object form = canonical;
    if (canonical instanceof BigDecimal number && column.type().precision() == 0) {
      BigDecimal stripped = number.stripTrailingZeros();
      form = stripped.scale() < 0 ? stripped.setScale(0) : stripped;
    }
    return RowCodec.encodeCell(column.type(), form);
  }

  private static Key checked(byte[] bytes) {
    if (bytes.length > MAX_KEY_BYTES) {
      throw new InvalidValueException(
          "key",
          new String(bytes, StandardCharsets.UTF_8),
          "must have at most " + MAX_KEY_BYTES + " bytes, has " + bytes.length);
    }
    return Key.ofCanonical(bytes);
  }

  /** Collects the columns of a {@link RowType}. Not thread-safe. */
  public static final class Builder {
    private final List<Column> keys = new ArrayList<>();
    private final List<Column> values = new ArrayList<>();

    private Builder() {}

    /** Adds a column to the key; it is never null. */
    public Builder key(String name, ColumnType type) {
      keys.add(new Column(name, type, false));
      return this;
    }

    /** Adds a column that may be null. */
    public Builder column(String name, ColumnType type) {
      return column(new Column(name, type, true));
    }

    /** Adds a value column. */
    public Builder column(Column column) {
      values.add(column);
      return this;
    }

    /**
     * The finished type.
     *
     * @throws ConfigurationException if there is no key column, a name stands twice or has a line break, or a key column
     *     has a type that cannot be one
     */
    public RowType build() {
      return new RowType(keys, values);
    }
  }
}
