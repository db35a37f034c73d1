package io.headpond.jdbc;

import io.headpond.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table as it is named in the configuration: {@code table} or {@code schema.table}, spelled as in
 * the catalogue (case matters). A part that itself contains a point stands in double quotes, as in SQL.
 *
 * @param schema null to take the first of the search path that has the table
 * @param table the table's own name
 */
record TableName(@Nullable String schema, String table) {

  static TableName parse(String text) {
    return parse("table", text);
  }

  /**
   * As {@link #parse(String)}, of something else that is named in the same way.
   *
   * @param setting where it stands, for the error
   */
  static TableName parse(String setting, String text) {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' && (quoted || part.length() == 0)) {
        if (quoted && i + 1 < text.length() && text.charAt(i + 1) == '"') {
          part.append('"');
          i++;
        } else {
          quoted = !quoted;
        }
      } else if (c == '.' && !quoted) {
        parts.add(part.toString());
        part.setLength(0);
      } else if (c == 0) {
        throw invalid(setting, text);
      } else {
        part.append(c);
      }
    }
    parts.add(part.toString());
    if (quoted || parts.size() > 2 || parts.stream().anyMatch(String::isBlank)) {
      throw invalid(setting, text);
    }
    return parts.size() == 1
        ? new TableName(null, parts.get(0))
        : new TableName(parts.get(0), parts.get(1));
  }

  /** An identifier in double quotes: whatever it contains, it is one name. */
  static String quote(String identifier) {
    return '"' + identifier.replace("\"", "\"\"") + '"';
  }

  /** For a statement. Without a schema it means the first of the search path. */
  String quoted() {
    return schema == null ? quote(table) : quote(schema) + "." + quote(table);
  }

  /** Both parts, for people. */
  @Override
  public String toString() {
    return schema == null ? table : schema + "." + table;
  }

  private static ConfigurationException invalid(String setting, String text) {
    return new ConfigurationException(
        setting
            + ": "
            + text.replace('\0', '?')
            + ": must be a name or schema.name; a name with a point in it stands in double"
            + " quotes");
  }
}
