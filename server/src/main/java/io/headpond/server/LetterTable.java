package io.headpond.server;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Dead letters as a table: a line for each with its key, whole however long it is since commands need it, and below it the error, in lines
 * of at most 100 columns. Stateless.
 */
final class LetterTable {
  private static final String ROW = "%5s  %-19s  %-11s  %-8s  %s";
  private static final String INDENT = "       ";
  private static final int WIDTH = 100;

  private LetterTable() {}

  static String of(String dataset, List<Map<String, String>> letters) {
    StringBuilder table = new StringBuilder(dataset);
    if (letters.isEmpty()) {
      return table.append(": no dead letters\n").toString();
    }
    table.append('\n');
    line(table, "TRIES", "LAST (UTC)", "CLASS", "SQLSTATE", "KEY, and below it the error");
    for (Map<String, String> letter : letters) {
      line(
          table,
          text(letter, "attempts"),
          text(letter, "last").replaceAll("[.][0-9]*Z|Z", "").replace('T', ' '),
          text(letter, "class"),
          text(letter, "sqlstate"),
          text(letter, "key"));
      wrap(table, text(letter, "error").replaceAll("\\s+", " ").strip());
    }
    return table.toString();
  }

  private static void line(StringBuilder table, Object... cells) {
    table.append(String.format(ROW, cells).stripTrailing()).append('\n');
  }

  private static void wrap(StringBuilder table, String text) {
    int room = WIDTH - INDENT.length();
    String left = text;
    while (left.length() > room) {
      int space = left.lastIndexOf(' ', room);
      int end = space > 0 ? space : room;
      table.append(INDENT).append(left, 0, end).append('\n');
      left = left.substring(end).stripLeading();
    }
    table.append(INDENT).append(left).append('\n');
  }

  private static String text(Map<String, String> letter, String name) {
    return Objects.requireNonNullElse(letter.get(name), "-");
  }
}
