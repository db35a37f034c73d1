package io.headpond.bench;

import java.util.ArrayList;
import java.util.List;

/** Rows of text, aligned in columns, as Markdown. Not thread-safe. */
final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... headings) {
    rows.add(List.of(headings));
  }

  /** Two lists of headings, one after the other. */
  Table(List<String> first, List<String> then) {
    rows.add(joined(first, then));
  }

  void row(String... cells) {
    rows.add(List.of(cells));
  }

  void row(List<String> first, List<String> then) {
    rows.add(joined(first, then));
  }

  @Override
  public String toString() {
    List<String> headings = rows.get(0);
    int[] widths = new int[headings.size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (int r = 0; r < rows.size(); r++) {
      line(text, rows.get(r), widths);
      if (r == 0) {
        for (int width : widths) {
          text.append('|').append("-".repeat(width + 2));
        }
        text.append("|\n");
      }
    }
    return text.toString();
  }

  private static void line(StringBuilder text, List<String> row, int[] widths) {
    for (int i = 0; i < widths.length; i++) {
      String cell = row.get(i);
      String pad = " ".repeat(widths[i] - cell.length());
      boolean number = !cell.isEmpty() && Character.isDigit(cell.charAt(0));
      text.append("| ").append(number ? pad + cell : cell + pad).append(' ');
    }
    text.append("|\n");
  }

  private static List<String> joined(List<String> first, List<String> then) {
    List<String> all = new ArrayList<>(first);
    all.addAll(then);
    return all;
  }
}
