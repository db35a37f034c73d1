package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.ColumnType.Kind;
import io.headpond.Row;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A JSON merge patch (RFC 7396) of an entry: columns that are not named stay as they are, null makes a column null, a JSON column is
 * merged with what it holds, any other takes the new value. Immutable.
 */
final class RowPatch implements Function<@Nullable Row, @Nullable Row> {
  private final JsonTree patch;
  private final JsonRows rows;
  private final boolean create;

  private RowPatch(JsonTree patch, JsonRows rows, boolean create) {
    this.patch = patch;
    this.rows = rows;
    this.create = create;
  }

  /**
   * The patch in a body.
   *
   * @param create whether it makes an entry that is absent; all columns are null before
   * @throws Problem if it is no object
   */
  static RowPatch of(JsonTree body, JsonRows rows, boolean create) {
    if (!body.isObject()) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON,
          "body",
          body.shown(),
          "must be a JSON object with the columns to change");
    }
    body.members().keySet().forEach(rows::requireColumn);
    return new RowPatch(body, rows, create);
  }

  /**
   * The entry after the patch.
   *
   * @throws Problem if there is none, or its columns would not become a row
   * @throws io.headpond.InvalidValueException likewise
   */
  @Override
  public Row apply(@Nullable Row before) {
    if (before == null && !create) {
      throw Problem.of(
          Problem.Kind.NO_SUCH_ENTRY, "there is nothing to patch; ?create=true would make it");
    }
    StringBuilder changed = new StringBuilder("{");
    patch
        .members()
        .forEach(
            (column, value) -> {
              if (changed.length() > 1) {
                changed.append(',');
              }
              changed.append(new Json().string(column)).append(':');
              changed.append(value.isObject() ? merged(before, column, value) : value.json());
            });
    return rows.readOver(before, changed.append('}').toString());
  }

  private static String merged(@Nullable Row before, String column, JsonTree value) {
    String document = before == null ? null : document(before, column);
    return JsonTree.readStored(document == null ? "{}" : document).merge(value);
  }

  /** What a JSON column holds; null if it is null or another column. */
  private static @Nullable String document(Row row, String name) {
    for (Column column : row.type().valueColumns()) {
      Kind kind = column.type().kind();
      if (column.name().equals(name) && (kind == Kind.JSONB || kind == Kind.JSON)) {
        return (String) row.get(name);
      }
    }
    return null;
  }
}
