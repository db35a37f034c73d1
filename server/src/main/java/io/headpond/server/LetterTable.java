package io.headpond.server;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Dead letters as a table of at most 100 columns. Stateless. */
final class LetterTable {
  private static final String ROW = "%-20s %5s  %-19s  %-11s  %-8s  %s";
  private static final int KEY = 20;
  private static final int ERROR = 26;

  private LetterTable() {}

  static String of(String dataset, List<Map<String, String>> letters) {
    StringBuilder table = new StringBuilder(dataset);
    if (letters.isEmpty()) {
      return table.append(": no dead letters\n").toString();
    }
    table.append('\n');
    line(table, "KEY", "TRIES", "LAST (UTC)", "CLASS", "SQLSTATE", "ERROR");
    for (Map<String, String> letter : letters) {
      line(
          table,
          cut(text(letter, "key"), KEY),
          text(letter, "attempts"),
          text(letter, "last").replaceAll("[.][0-9]*Z|Z", "").replace('T', ' '),
          text(letter, "class"),
          text(letter, "sqlstate"),
          cut(text(letter, "error"), ERROR));
    }
    return table.toString();
  }

  private static void line(StringBuilder table, Object... cells) {
    table.append(String.format(ROW, cells).stripTrailing()).append('\n');
  }

  private static String text(Map<String, String> letter, String name) {
    return Objects.requireNonNullElse(letter.get(name), "-");
  }

  private static String cut(String text, int length) {
    return text.length() <= length ? text : text.substring(0, length - 3) + "...";
  }
}
