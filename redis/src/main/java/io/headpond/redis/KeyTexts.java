package io.headpond.redis;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Key;
import io.headpond.RowType;
import java.util.List;

/** The text of keys, as it stands in the store and as {@link RowType#keyText} makes it, and back. Immutable. */
final class KeyTexts {
  private final RowType type;

  KeyTexts(RowType type) {
    this.type = type;
  }

  String text(Key key) {
    return type.keyText(key);
  }

  /**
   * The key of a text.
   *
   * @throws io.headpond.InvalidValueException if it is none of this type
   */
  Key key(String text) {
    List<Column> columns = type.keyColumns();
    String[] parts = columns.size() == 1 ? new String[] {text} : text.split(",", -1);
    Object[] components = new Object[parts.length];
    for (int i = 0; i < parts.length; i++) {
      // In this order: a percent sign of the component itself comes last.
      String part =
          columns.size() == 1 ? parts[i] : parts[i].replace("%2C", ",").replace("%25", "%");
      components[i] = i < columns.size() ? component(columns.get(i), part) : part;
    }
    return type.key(components);
  }

  private static Object component(Column column, String text) {
    // The text of an infinite number is none that a person may write.
    return column.type().kind() == ColumnType.Kind.DOUBLE
        ? Double.valueOf(text)
        : column.type().parse(text, column.name());
  }
}
